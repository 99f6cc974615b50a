"""No sandbox, for whoever said so: the same call, the same limits, nothing held off."""

import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path, PurePosixPath
from typing import ClassVar

from golf_audit.sandbox.interface import Sandbox
from golf_audit.sandbox.job import LAUNCHER, job
from golf_audit.sandbox.supervisor import Command
from golf_audit.sandbox.terms import RUN_FOLDER, Limits, Mount


class Unsandboxed(Sandbox):
    """Runs a program as whoever runs the auditor."""

    name: ClassVar[str] = "none"
    covers: ClassVar[tuple[str, ...]] = ()
    lacks: ClassVar[tuple[str, ...]] = (
        "everything: the program can do what the user can",
        "a limit can be escaped by whoever kills the launcher",
    )

    def home(self, folder: Path) -> str:
        """The folder itself."""
        return str(folder.resolve())

    def command(
        self,
        argv: Sequence[str],
        folder: Path,
        mounts: Sequence[Mount],
        environment: Mapping[str, str],
        limits: Limits,
        stack: ExitStack,
    ) -> Command:
        """
        The launcher alone; mounts below RUN_FOLDER are links in the folder, gone after the run.

        Raises ValueError for a mount elsewhere, which only a sandbox can show.
        """
        for mount in mounts:
            _link(mount, folder, stack)
        return Command(
            argv=(sys.executable, "-I", "-S", str(LAUNCHER)),
            job=job(argv, self.home(folder), environment, limits, isolated=False),
            folder=folder,
            isolated=False,
        )


def _link(mount: Mount, folder: Path, stack: ExitStack) -> None:
    """Show a mount by a symbolic link, and take it away later."""
    target = PurePosixPath(mount.target)
    if not target.is_relative_to(RUN_FOLDER) or str(target) == RUN_FOLDER:
        raise ValueError(f"{mount.target}: without a sandbox nothing can be shown outside {RUN_FOLDER}")
    link = folder / target.relative_to(RUN_FOLDER)
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(mount.source.resolve())
    stack.callback(link.unlink, missing_ok=True)
