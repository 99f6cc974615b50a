"""
A complete submission folder from finished runs: script, artifact, logs, README and submission.json.

Every check is made before the folder exists, and the folder does not depend on the order in which runs are named.
"""

import hashlib
import shutil
import tempfile
from dataclasses import dataclass, fields, replace
from pathlib import Path

from .bundle import packed_script
from .claims import Author, metadata, readme
from .config import Config
from .results import ResultsError, RunResults, read_results

SCRIPT = "train_gpt.py"
REQUIREMENTS = "brotli\nnumpy\nsentencepiece\ntorch\n"


class PackError(ValueError):
    """Runs that do not make up a submission, or a place that is taken."""


@dataclass(frozen=True, slots=True)
class Run:
    """A finished run: its folder, and what its log says."""

    folder: Path
    results: RunResults

    @property
    def log(self) -> Path:
        """Its log."""
        return self.folder / f"train_seed{self.results.seed}.log"


def pack(config: Config, folders: list[Path], out: Path, author: Author) -> Path:
    """
    Write the submission of the runs in `folders` (as the training command made them) to `out`, and return it.

    Raises `PackError` or `ResultsError` where a run is incomplete, was made by other code, is over the limit, or
    repeats a seed, and where `out` exists; nothing is left behind then. Without runs there are no results to claim.
    """
    if out.exists():
        raise PackError(f"{out} exists already")
    script = packed_script(config)
    runs = sorted((checked(folder, config, script) for folder in folders), key=lambda run: run.results.seed)
    ran = common_settings(runs, config)
    out.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=out.parent, prefix=".pack-"))
    try:
        (folder / SCRIPT).write_bytes(script)
        (folder / "requirements.txt").write_text(REQUIREMENTS, encoding="utf-8")
        results = [run.results for run in runs]
        (folder / "README.md").write_text(readme(config, ran, results), encoding="utf-8")
        (folder / "submission.json").write_text(metadata(ran, results, author, len(script)), encoding="utf-8")
        for file in [run.log for run in runs] + [artifact_of(run.folder, config) for run in runs[:1]]:
            shutil.copyfile(file, folder / file.name)
        folder.chmod(0o755)
        folder.rename(out)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return out


def artifact_of(folder: Path, config: Config) -> Path:
    """The artifact in a run's folder."""
    return folder / Path(config.artifact_path).name


def checked(folder: Path, config: Config, script: bytes) -> Run:
    """The run in `folder`, whose script and artifact are what its log is about."""
    logs, artifact = sorted(folder.glob("train_seed*.log")), artifact_of(folder, config)
    if len(logs) != 1 or not artifact.is_file() or not (folder / SCRIPT).is_file():
        raise ResultsError(f"{folder} must hold {SCRIPT}, one log and {artifact.name}, as training leaves it")
    size = (folder / SCRIPT).stat().st_size + artifact.stat().st_size
    if size > config.artifact_bytes:
        raise PackError(f"{folder} is {size} bytes of code and model, over the {config.artifact_bytes} allowed")
    if (folder / SCRIPT).read_bytes() != script:
        raise PackError(f"{folder} was made by another script than {config.preset}'s now: train it again")
    results = read_results(logs[0], config)
    if size != results.total_bytes:
        raise PackError(f"{folder} holds {size} bytes of code and model, but its log counts {results.total_bytes}")
    if hashlib.sha256(artifact.read_bytes()).hexdigest() != results.artifact_sha256:
        raise PackError(f"{folder} holds another artifact than the one that its log evaluates")
    return Run(folder, results)


def common_settings(runs: list[Run], config: Config) -> Config:
    """The settings that all runs were made with, apart from seeds; `config` where there are none."""
    seeds = [run.results.seed for run in runs]
    if len(set(seeds)) < len(seeds):
        raise PackError(f"seeds {seeds}: each run needs a seed of its own")
    ran = {replace(run.results.config, seed=config.seed) for run in runs} or {config}
    differing = [field.name for field in fields(Config) if len({getattr(made, field.name) for made in ran}) > 1]
    if differing:
        raise PackError(f"the runs differ in {', '.join(differing)}")
    return ran.pop()
