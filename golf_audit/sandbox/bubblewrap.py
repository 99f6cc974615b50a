"""The sandbox made by bubblewrap."""

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, assert_never

from golf_audit.sandbox.interface import COVERS, LACKS, Sandbox
from golf_audit.sandbox.job import LAUNCHER, job
from golf_audit.sandbox.layout import GROUP, HOSTNAME, USER, Bind, Link, Memory, Step, Text, kernel_files, layout
from golf_audit.sandbox.supervisor import Command
from golf_audit.sandbox.terms import RUN_FOLDER, Limits, Mount

_ISOLATION = (
    *("--unshare-user", "--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup"),
    *("--disable-userns", "--uid", str(USER), "--gid", str(GROUP), "--cap-drop", "ALL", "--hostname", HOSTNAME),
    *("--new-session", "--die-with-parent", "--as-pid-1", "--clearenv"),
)


@dataclass(frozen=True, slots=True)
class Bubblewrap(Sandbox):
    """`bwrap`, 0.8 or newer."""

    program: str
    name: ClassVar[str] = "bubblewrap"
    covers: ClassVar[tuple[str, ...]] = COVERS
    lacks: ClassVar[tuple[str, ...]] = LACKS

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
        stack: ExitStack,
    ) -> Command:
        """`bwrap` with all namespaces of its own, the layout as its options, and the launcher as its first process."""
        texts: list[int] = []
        devices = ["--proc", "/proc", "--dev", "/dev", *_memory(Memory(limits.scratch_bytes, "/dev/shm"))]  # noqa: S108
        layers = (*kernel_files(), *layout(folder, mounts, limits))
        steps = [option for step in layers for option in _options(step, stack, texts)]
        closing = ["--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/"]
        launcher = [sys.executable, "-I", "-S", str(LAUNCHER)]
        return Command(
            argv=(self.program, *_ISOLATION, *devices, *steps, *closing, "--", *launcher),
            job=job(argv, RUN_FOLDER, environment, limits, isolated=True),
            folder=folder,
            isolated=True,
            descriptors=texts,
        )


def _options(step: Step, stack: ExitStack, texts: list[int]) -> Iterator[str]:
    """A step of the layout as options; texts are left in memory files, whose descriptors are added to `texts`."""
    match step:
        case Bind(source, target, writable):
            yield from ("--bind" if writable else "--ro-bind", source, target)
        case Link(to, target):
            yield from ("--symlink", to, target)
        case Text(text, target):
            texts.append(_text_file(text, stack))
            yield from ("--ro-bind-data", str(texts[-1]), target)
        case Memory():
            yield from _memory(step)
        case _:
            assert_never(step)


def _memory(step: Memory) -> tuple[str, ...]:
    """A file system in memory as options."""
    return ("--perms", "1777", "--size", str(step.size), "--tmpfs", step.target)


def _text_file(text: str, stack: ExitStack) -> int:
    """The descriptor of a file in memory that holds `text`."""
    descriptor = os.memfd_create("text")
    stack.callback(os.close, descriptor)
    os.write(descriptor, text.encode())
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor
