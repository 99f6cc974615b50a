"""One toy run in the sandbox: what it did, what it printed, and what it left on disk."""

import hashlib
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import golf_audit
from golf_audit.sandbox import RUN_FOLDER, Limits, Mount, Outcome, Sandbox
from golf_audit.trace.ledger import Ledger, read_ledger
from golf_audit.trace.lines import Lines
from golf_audit.trace.plan import Plan
from golf_audit.trace.world import DATA, OURS, World

_PATH = "/usr/local/bin:/usr/bin:/bin"
_QUIET = {
    "PYTHONHASHSEED": "0",
    "PYTHONDONTWRITEBYTECODE": "1",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "HF_HUB_OFFLINE": "1",
    "WANDB_MODE": "disabled",
}
_TOOLS = f"{OURS}/programs"


@dataclass(frozen=True)
class Run:
    """What one run gave."""

    ledger: Ledger
    outcome: Outcome
    files: Mapping[str, str]
    """SHA-256 of every file that the run made or changed, by its path in the run's folder; without the toy data."""


def run(
    sandbox: Sandbox,
    world: World,
    plan: Plan,
    limits: Limits,
    *,
    stop: Callable[[], bool] | None = None,
    on_event: Callable[[bytes], None] | None = None,
) -> Run:
    """Run the program once; whatever stops it, what it did before is in the ledger."""
    before = _hashes(world.run)
    lines = Lines(on_event)
    outcome = sandbox.run(
        [sys.executable, "-m", "golf_audit.trace.inside", f"{DATA}/job.json"],
        folder=world.run,
        mounts=(
            Mount(world.data, f"{RUN_FOLDER}/{DATA}"),
            Mount(world.programs, f"{RUN_FOLDER}/{_TOOLS}"),
            *(world.elsewhere if sandbox.home(world.run) == RUN_FOLDER else ()),  # only a sandbox can show them
        ),
        environment={
            **_QUIET,
            **plan.environment,
            "PYTHONPATH": str(Path(golf_audit.__file__).resolve().parent.parent),
            "PATH": f"{sandbox.home(world.run)}/{_TOOLS}:{_PATH}",
        },
        limits=limits,
        on_report=lines.heard,
        stop=stop,
    )
    given = set(_hashes(world.data).values())
    after = _hashes(world.run)
    made = {path: value for path, value in after.items() if before.get(path) != value and value not in given}
    return Run(read_ledger(lines.end()), outcome, made)


def _hashes(folder: Path) -> dict[str, str]:
    """SHA-256 by path; links are not followed."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink() and OURS not in path.parts:
            with path.open("rb") as stream:
                found[str(path.relative_to(folder))] = hashlib.file_digest(stream, "sha256").hexdigest()
    return found
