"""What every sandbox offers, whatever it is made of."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path, PurePosixPath
from typing import ClassVar

from golf_audit.sandbox.supervisor import Command, Listeners, supervise
from golf_audit.sandbox.terms import RUN_FOLDER, Limits, Mount, Outcome

COVERS = (
    "network",
    "files outside its folder",
    "the environment",
    "other processes",
    "privileges",
    "outliving the run",
)
"""What namespaces and the filter of system calls hold off."""
LACKS = ("faults of the kernel", "side channels", "whatever a program does to its own process")


class Sandbox(ABC):
    """Runs programs that are not trusted."""

    name: ClassVar[str]
    covers: ClassVar[tuple[str, ...]]
    """What it holds off, for the report."""
    lacks: ClassVar[tuple[str, ...]]
    """What it does not."""

    @abstractmethod
    def home(self, folder: Path) -> str:
        """Where the private folder is, seen from inside."""

    @abstractmethod
    def command(
        self,
        argv: Sequence[str],
        folder: Path,
        mounts: Sequence[Mount],
        environment: Mapping[str, str],
        limits: Limits,
        stack: ExitStack,
    ) -> Command:
        """How the launcher is started for this run; what has to live as long as the run goes on `stack`."""

    def run(
        self,
        argv: Sequence[str],
        *,
        folder: Path,
        mounts: Sequence[Mount] = (),
        environment: Mapping[str, str],
        limits: Limits,
        on_output: Callable[[bytes], None] | None = None,
        on_report: Callable[[bytes], None] | None = None,
        stop: Callable[[], bool] | None = None,
    ) -> Outcome:
        """
        Run a program in its private `folder` until it ends or a limit ends it, with all that it started.

        What it prints and reports is handed on as it comes. Raises ValueError where a mount cannot be, and
        SandboxUnavailableError where the sandbox cannot be put together.
        """
        folder = folder.resolve()
        _check(folder, mounts)
        with ExitStack() as stack:
            command = self.command(argv, folder, mounts, environment, limits, stack)
            return supervise(command, limits, Listeners(on_output, on_report, stop))


def _check(folder: Path, mounts: Sequence[Mount]) -> None:
    """Raises ValueError where a mount's source is not there, or its target is no plain absolute path."""
    if not folder.is_dir():
        raise ValueError(f"{folder}: the private folder of a run must exist")
    for mount in mounts:
        target = PurePosixPath(mount.target)
        if not mount.source.exists():
            raise ValueError(f"{mount.source}: cannot be shown to a run, it is not there")
        if not target.is_absolute() or ".." in target.parts or len(target.parts) == 1:
            raise ValueError(f"{mount.target}: the place of a mount must be an absolute path")
        if target.is_relative_to(RUN_FOLDER) and _through_link(folder, target.relative_to(RUN_FOLDER)):
            raise ValueError(f"{mount.target}: an earlier run made a link there, which leads elsewhere")


def _through_link(folder: Path, path: PurePosixPath) -> bool:
    """Whether a path below the private folder is, or leads through, a symbolic link."""
    return any((folder / part).is_symlink() for part in (path, *path.parents))
