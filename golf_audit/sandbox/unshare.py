"""The sandbox made by util-linux's `unshare` and a script of ours, for machines without bubblewrap."""

import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

from golf_audit.sandbox.interface import COVERS, LACKS, Sandbox
from golf_audit.sandbox.job import LAUNCHER, job
from golf_audit.sandbox.layout import GROUP, HOSTNAME, USER, Step, kernel_files, layout
from golf_audit.sandbox.supervisor import Command
from golf_audit.sandbox.terms import RUN_FOLDER, Limits, Mount

_STAGE = Path(__file__).resolve().parent / "stage.py"
_NAMESPACES = ("--user", "--mount", "--pid", "--net", "--ipc", "--uts", "--cgroup")
_AS_USER = (f"--map-user={USER}", f"--map-group={GROUP}", "--keep-caps")


@dataclass(frozen=True, slots=True)
class Unshare(Sandbox):
    """`unshare` and `setpriv` of util-linux 2.38 or newer, on Linux 5.12 or newer."""

    unshare: str
    setpriv: str
    name: ClassVar[str] = "unshare"
    covers: ClassVar[tuple[str, ...]] = COVERS
    lacks: ClassVar[tuple[str, ...]] = ("pseudo-terminals", *LACKS)

    def home(self, folder: Path) -> str:  # noqa: ARG002 -- it is the same for every folder
        """Always RUN_FOLDER."""
        return RUN_FOLDER

    def command(
        self,
        argv: Sequence[str],
        folder: Path,
        mounts: Sequence[Mount],
        environment: Mapping[str, str],
        limits: Limits,
        stack: ExitStack,  # noqa: ARG002 -- nothing here has to outlive the call
    ) -> Command:
        """`unshare`, which dies with us by `setpriv`, the stage inside it, and the launcher in its place."""
        layers = (*kernel_files(), *layout(folder, mounts, limits))
        stage = {"layout": [_plain(step) for step in layers], "hostname": HOSTNAME, "scratch": limits.scratch_bytes}
        outer = (self.setpriv, "--pdeathsig", "KILL", self.unshare, *_NAMESPACES, *_AS_USER, "--fork", "--kill-child")
        return Command(
            argv=(*outer, "--", sys.executable, "-I", "-S", str(_STAGE), str(LAUNCHER)),
            job={**job(argv, RUN_FOLDER, environment, limits, isolated=True), **stage},
            folder=folder,
            isolated=True,
        )


def _plain(step: Step) -> dict[str, Any]:
    """A step of the layout as the stage reads it."""
    return {"kind": type(step).__name__, **asdict(step)}
