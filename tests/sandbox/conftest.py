"""The sandboxes that work on this machine, and a way to run a small script in one."""

import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from golf_audit.sandbox import Limits, Mount, Outcome, Sandbox, private_folder
from golf_audit.sandbox.find import candidates, trouble

QUICK = Limits(wall_seconds=30.0, cpu_seconds=30.0)


@dataclass(frozen=True, slots=True)
class Box:
    """A sandbox with a private folder, for scripts of a few lines."""

    sandbox: Sandbox
    folder: Path

    def run(
        self,
        script: str,
        *arguments: object,
        limits: Limits = QUICK,
        environment: Mapping[str, str] | None = None,
        mounts: Sequence[Mount] = (),
        on_output: Callable[[bytes], None] | None = None,
        on_report: Callable[[bytes], None] | None = None,
        stop: Callable[[], bool] | None = None,
    ) -> Outcome:
        """Run a script with arguments."""
        return self.sandbox.run(
            [sys.executable, "-S", "-c", script, *map(str, arguments)],
            folder=self.folder,
            mounts=mounts,
            environment=environment or {},
            limits=limits,
            on_output=on_output,
            on_report=on_report,
            stop=stop,
        )

    def said(self, script: str, *arguments: object, mounts: Sequence[Mount] = ()) -> list[str]:
        """The lines that a script prints that must end well."""
        outcome = self.run(script, *arguments, mounts=mounts)
        assert outcome.returncode == 0, outcome.output.decode()
        return outcome.output.decode().splitlines()


@pytest.fixture(scope="session")
def found() -> dict[str, tuple[Sandbox, str | None]]:
    """The sandboxes that are installed here, by name, with what is wrong with them."""
    return {sandbox.name: (sandbox, trouble(sandbox)) for sandbox in candidates()}


@pytest.fixture(params=["bubblewrap", "unshare"])
def box(request: pytest.FixtureRequest, found: dict[str, tuple[Sandbox, str | None]]) -> Iterator[Box]:
    """Each sandbox that can be had; where CI cannot have the first, or one does not isolate, that fails."""
    sandbox, wrong = found.get(request.param, (None, "not installed"))
    wanted = request.param == "bubblewrap" and os.environ.get("CI") == "true"
    if wrong is not None and (wanted or "does not isolate" in wrong):
        pytest.fail(f"{request.param}: {wrong}")
    if sandbox is None or wrong is not None:
        pytest.skip(f"{request.param}: {wrong}")
    with private_folder() as folder:
        yield Box(sandbox, folder)


def alive(marker: str) -> list[int]:
    """The processes of this machine whose command line holds a marker, zombies aside."""
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit() and _holds(path, marker)]


def _holds(process: Path, marker: str) -> bool:
    """Whether a process was started with a marker."""
    try:
        return marker.encode() in (process / "cmdline").read_bytes()
    except OSError:
        return False


@pytest.fixture
def marker() -> str:
    """A word that no other process on this machine was started with."""
    return f"marker-{os.getpid()}-{next(tempfile._get_candidate_names())}"  # type: ignore[attr-defined]
