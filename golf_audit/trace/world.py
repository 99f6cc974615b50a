"""What a toy run finds on its disk: the submission's files, toy shards in the contest's format, a tokenizer, programs."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from golf_audit.case import Case
from golf_audit.decoding.source import Source
from golf_audit.sandbox import Mount
from golf_audit.trace.elsewhere import places
from golf_audit.trace.plan import Plan
from golf_audit.trace.stream import Streams, Tokens
from golf_audit.trace.tokenizer import model_bytes, piece_bytes, pieces

OURS = ".golf-audit"
"""What the auditor puts into a run's folder lies below it."""
DATA = f"{OURS}/data"
"""Where the toy data are, relative to the run's folder."""
_MAGIC, _VERSION, _HEADER = 20240520, 1, 256
_LARGEST = 8 * 2**20
"""Files of a submission larger than this are weights and logs, which a run makes itself; tokenizers are served."""
_LEFT_OUT = (".log", ".model", ".vocab", ".ptz", ".pt", ".pth", ".png", ".jpg", ".mp4", ".zip")
_ELSEWHERE = ".elsewhere"
PROGRAMS = Path(__file__).resolve().parent / "programs"
"""Stand-ins for programs that submissions start."""


@dataclass(frozen=True)
class World:
    """One toy run's folders on this machine."""

    run: Path
    """Private and writable: the submission's files, and what it writes."""
    data: Path
    """Shown read-only at `DATA`."""
    programs: Path
    """Stand-ins for programs, put first where programs are looked for."""
    elsewhere: tuple[Mount, ...] = ()
    """Folders below `run` that are seen at absolute paths, too, which the script names."""


def make_world(place: Path, case: Case, plan: Plan, streams: Streams, val: Tokens) -> World:
    """Lay a toy run out below `place`, which must not exist; `val` is the validation stream that it gets."""
    source = case.source
    if not isinstance(source, Source):
        raise ValueError("the entry script could not be decoded, so there is nothing to run")  # noqa: TRY004 -- no matter of types
    world = World(place / "run", place / "data", place / "programs", tuple(_elsewhere(place / "run", plan)))
    world.data.mkdir()
    lay_programs(world.programs)
    _lay_files(world.run, case, source)
    for path, text in plan.modules.items():
        (world.run / path).write_text(text, encoding="utf-8")
    _lay_data(world.data, plan.vocab, streams, val)
    (world.data / "source.py").write_text(plan.text, encoding="utf-8")
    (world.data / "job.json").write_text(json.dumps(_job(source, plan)), encoding="utf-8")
    return world


def _lay_files(run: Path, case: Case, source: Source) -> None:
    held = {
        path: file for path, file in case.folder.files.items() if file.size <= _LARGEST and not path.endswith(_LEFT_OUT)
    }
    for path, file in {**held, **source.files}.items():
        target = run / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(file.data)


def lay_programs(folder: Path) -> None:
    """Copy the stand-ins for programs to a new folder, executable as an installed package's files are not."""
    folder.mkdir()
    for program in PROGRAMS.iterdir():
        copy = folder / program.name
        copy.write_bytes(program.read_bytes())
        copy.chmod(0o755)


def _elsewhere(run: Path, plan: Plan) -> Iterator[Mount]:
    """Writable folders for the absolute paths of the program; raises FileExistsError where the run's folder is there."""
    run.mkdir(parents=True)
    for target in places((plan.text, *plan.modules.values())):
        folder = run / _ELSEWHERE / target.strip("/")
        folder.mkdir(parents=True)
        yield Mount(folder, target, writable=True)


def _lay_data(data: Path, vocab: int, streams: Streams, val: Tokens) -> None:
    lengths = np.array(piece_bytes(vocab))
    for name, tokens in {"train": streams.train, "val": val}.items():
        write_shard(data / f"toy_{name}.bin", tokens)
        write_shard(data / f"toy_{name}_bytes.bin", lengths[tokens])
    (data / "toy.model").write_bytes(model_bytes(vocab))
    (data / "toy.vocab").write_text("".join(f"{text}\t0\n" for text, _ in pieces(vocab)), encoding="utf-8")
    np.save(data / "stream.npy", val)


def write_shard(path: Path, tokens: Tokens) -> None:
    """A shard as the contest's export has it: 256 int32 of header, then uint16 tokens."""
    header = np.zeros(_HEADER, dtype="<i4")
    header[:3] = _MAGIC, _VERSION, len(tokens)
    path.write_bytes(header.tobytes() + tokens.astype("<u2").tobytes())


def _job(source: Source, plan: Plan) -> Mapping[str, object]:
    plain = {name: value for name, value in source.constants.items() if isinstance(value, str | int | float | bool)}
    return {
        "data": DATA,
        "entry": source.file,
        "arguments": list(plan.arguments),
        "constants": plain,
        "threads": 1,
        "stream": f"{DATA}/stream.npy",
        "source": f"{DATA}/source.py",
    }
