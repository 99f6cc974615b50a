"""
The commands of the reference model: describe, prepare, train, eval, pack.

    golf-audit reference describe --preset legal
    golf-audit reference prepare --text book.txt --vocab-size 512 --data data
    golf-audit reference train --preset legal --scale toy --data data --seed 42 --out run42
    golf-audit reference eval --out run42
    golf-audit reference pack --preset legal --scale toy --runs run42 --out submission

Training runs the very script that a submission ships, in a process of its own, and evaluation another.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from .presets import PRESETS, SCALES, preset

USAGE, FAILED = 64, 3
"""Exit codes: the request cannot be carried out; the run failed."""
RUN_FILE = "run.json"


class CommandError(Exception):
    """A request that cannot be carried out; the message says why."""


class RunError(Exception):
    """A run that failed; its own words are on the console."""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    """Add `reference` with its own commands to a command line; a parsed request has `run`, which takes it."""
    parser = subparsers.add_parser(
        "reference", help="the bundled reference model: describe, prepare, train, eval, pack"
    )
    add_commands(parser)
    return parser


def add_commands(parser: argparse.ArgumentParser) -> None:
    """Add the five commands to `parser`."""
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    one = commands.add_parser("describe", help="a recipe's parts, parameter count and settings")
    _add_preset(one)
    one.set_defaults(run=_guarded(describe))

    one = commands.add_parser("prepare", help="make shards of any text, or download the contest's export")
    one.add_argument("--data", type=Path, required=True, metavar="DIR", help="the folder to write to")
    source = one.add_mutually_exclusive_group(required=True)
    source.add_argument("--text", type=Path, nargs="+", metavar="FILE", help="text files; blank lines part documents")
    source.add_argument("--download", action="store_true", help="fetch the contest's published export")
    one.add_argument("--dataset", default="", help="the name of the data (toy, or fineweb10B_sp8192 to download)")
    one.add_argument("--tokenizer", type=Path, metavar="MODEL", help="a SentencePiece model; without it one is trained")
    one.add_argument("--vocab-size", type=int, default=512, help="pieces of the tokenizer that is trained (512)")
    one.add_argument("--val-documents", type=int, default=0, help="documents of the validation split (a tenth)")
    one.add_argument("--shard-tokens", type=int, default=100_000_000, help="tokens of a shard at most")
    one.add_argument("--train-shards", type=int, default=80, help="training shards to download (80)")
    one.set_defaults(run=_guarded(prepare))

    one = commands.add_parser("train", help="train one seed into a folder: script, log, artifact")
    _add_preset(one)
    one.add_argument("--data", type=Path, required=True, metavar="DIR", help="what `prepare` wrote")
    one.add_argument("--out", type=Path, required=True, metavar="RUN", help="the run's folder; it must not exist")
    one.add_argument("--seed", type=int, default=1337)
    _add_processes(one)
    one.set_defaults(run=_guarded(train))

    one = commands.add_parser("eval", help="evaluate a run's artifact in a process of its own")
    one.add_argument("--out", type=Path, required=True, metavar="RUN", help="the run's folder")
    _add_processes(one)
    one.set_defaults(run=_guarded(evaluate))

    one = commands.add_parser("pack", help="make a submission folder of finished runs, or only its script")
    _add_preset(one)
    one.add_argument("--runs", type=Path, nargs="*", default=[], metavar="RUN", help="runs, one of each seed")
    one.add_argument("--out", type=Path, required=True, metavar="PATH", help="the folder, or the script, to write")
    one.add_argument("--script", action="store_true", help="write the script alone")
    one.add_argument("--readable", action="store_true", help="with --script: before it is compressed")
    one.add_argument("--author", default="golf-audit")
    one.add_argument("--github-id", default="golf-audit")
    one.add_argument("--date", default="", help="YYYY-MM-DD (today)")
    one.set_defaults(run=_guarded(pack))


def _add_preset(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--preset", choices=tuple(PRESETS), required=True)
    parser.add_argument("--scale", choices=SCALES, default="full", help="toy runs on two CPU cores in a minute")


def _add_processes(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--processes", type=int, choices=(1, 2, 4, 8), default=1, help="ranks, one for each GPU")


def describe(options: argparse.Namespace) -> None:
    """Print what a recipe is made of."""
    from .describe import describe as description

    print(description(options.preset, options.scale))


def prepare(options: argparse.Namespace) -> None:
    """Write shards and a tokenizer, from text or from the published export."""
    from .data import open_tokenizer
    from .download import download
    from .prepare import documents_of, prepare_text, shards_folder, split_documents, train_tokenizer

    if options.download:
        files = download(options.data, options.dataset or "fineweb10B_sp8192", options.train_shards, print)
        print(f"{len(files)} files in {options.data}")
        return
    dataset = options.dataset or "toy"
    shards_folder(options.data, dataset)
    documents = documents_of(options.text)
    val_documents = options.val_documents or max(1, len(documents) // 10)
    split_documents(documents, val_documents)  # what cannot be done is refused before anything is written
    tokenizer = options.data / "tokenizers" / f"{dataset}.model"
    if options.tokenizer:
        open_tokenizer(options.tokenizer)
        tokenizer.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(options.tokenizer, tokenizer)
    else:
        train_tokenizer(documents, options.vocab_size, tokenizer)
    prepared = prepare_text(
        documents, options.data, dataset, tokenizer, val_documents=val_documents, shard_tokens=options.shard_tokens
    )
    val, trained = prepared["val"], prepared["train"]
    print(f"{val.tokens} validation tokens, {trained.tokens} training tokens, tokenizer {tokenizer}")
    if val.counted_bytes != val.text_bytes:
        print(
            f"the tokenizer changes the text: the validation split has {val.text_bytes} bytes, "
            f"and {val.counted_bytes} will be counted"
        )


def train(options: argparse.Namespace) -> None:
    """Write the recipe's script into a new folder and run its training phase there."""
    from .bundle import packed_script
    from .pack import SCRIPT

    if options.out.exists():
        raise CommandError(f"{options.out} exists already")
    options.out.mkdir(parents=True)
    (options.out / SCRIPT).write_bytes(packed_script(preset(options.preset, options.scale)))
    data = str(options.data.resolve())
    (options.out / RUN_FILE).write_text(json.dumps({"seed": options.seed, "data": data}), encoding="utf-8")
    try:
        _run_phase("train", options.out, options.processes)
    except BaseException:
        kept = options.out.with_name(f"{options.out.name}.failed.log")
        for log in options.out.glob("train_seed*.log"):
            log.replace(kept)
            print(f"the log of what failed is {kept}", file=sys.stderr)
        shutil.rmtree(options.out)
        raise


def evaluate(options: argparse.Namespace) -> None:
    """Run the evaluation phase of a trained run."""
    if not (options.out / RUN_FILE).is_file():
        raise CommandError(f"{options.out} is not the folder of a run: it has no {RUN_FILE}")
    _run_phase("eval", options.out, options.processes)


def _run_phase(phase: str, run: Path, processes: int) -> None:
    from .pack import SCRIPT

    told = json.loads((run / RUN_FILE).read_text(encoding="utf-8"))
    # One thread for each process, as torchrun has it: small tensors gain nothing from more.
    environment = {"OMP_NUM_THREADS": "1"} | os.environ
    environment |= {"PHASE": phase, "SEED": str(told["seed"]), "DATA_DIR": told["data"]}
    launcher = ["-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={processes}"] if processes > 1 else []
    done = subprocess.run([sys.executable, *launcher, SCRIPT], cwd=run, env=environment, check=False)
    if done.returncode:
        _explain(phase, run)
        raise RunError(f"the {phase} phase failed with exit code {done.returncode}")


def _explain(phase: str, run: Path) -> None:
    # A refusal is the log's last line; the exit code does not tell, for torchrun has its own.
    for log in run.glob("train_seed*.log"):
        last = log.read_text(encoding="utf-8").rstrip().rpartition("\n")[2]
        if last.startswith("refused: "):
            raise CommandError(f"the {phase} phase was {last}")


def pack(options: argparse.Namespace) -> None:
    """Write a submission folder, or only the script."""
    from .bundle import bundle, packed_script
    from .claims import Author
    from .pack import pack as pack_folder

    config = preset(options.preset, options.scale)
    if options.script:
        options.out.write_bytes(bundle(config).encode() if options.readable else packed_script(config))
        return
    date = options.date or datetime.now(UTC).date().isoformat()
    pack_folder(config, options.runs, options.out, Author(options.author, options.github_id, date))
    print(f"{options.out}: {len(options.runs)} run(s)")


def _guarded(command: Callable[[argparse.Namespace], None]) -> Callable[[argparse.Namespace], int]:
    def run(options: argparse.Namespace) -> int:
        try:
            command(options)
        except (CommandError, ValueError, OSError) as error:
            print(f"golf-audit: {error}", file=sys.stderr)
            return USAGE
        except RunError as error:
            print(f"golf-audit: {error}", file=sys.stderr)
            return FAILED
        except ImportError as error:
            print(
                f"golf-audit: {error}; `pip install 'golf-audit[trace]'` brings what the model needs", file=sys.stderr
            )
            return USAGE
        return 0

    return run


def main(arguments: Sequence[str] | None = None) -> int:
    """The commands on their own: `python -m golf_audit.reference_model.commands describe --preset legal`."""
    parser = argparse.ArgumentParser(prog="golf-audit reference", description=__doc__.splitlines()[1])
    add_commands(parser)
    options = parser.parse_args(arguments)
    return int(options.run(options))


if __name__ == "__main__":
    sys.exit(main())
