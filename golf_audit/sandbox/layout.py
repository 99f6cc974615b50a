"""What a run sees of this machine: the system and Python, read-only, and nothing of anybody's."""

import os
import site
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import golf_audit
from golf_audit.sandbox.terms import RUN_FOLDER, Limits, Mount

USER, GROUP = 1000, 1000
HOSTNAME = "sandbox"
_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
_SETTINGS = ("ld.so.cache", "ld.so.conf", "ld.so.conf.d", "localtime", "alternatives")
_TEXTS = {
    "/etc/passwd": f"sandbox:x:{USER}:{GROUP}::{RUN_FOLDER}:/bin/sh\n",
    "/etc/group": f"sandbox:x:{GROUP}:\n",
    "/etc/hosts": f"127.0.0.1 localhost {HOSTNAME}\n",
    "/etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
}
_SECRETS = ("kallsyms", "key-users", "keys")
"""In /proc, what everybody may read and a submission need not."""
_PACKAGES = ("site-packages", "dist-packages")


@dataclass(frozen=True, slots=True)
class Bind:
    """A file or folder of this machine, shown at `target`."""

    source: str
    target: str
    writable: bool = False


@dataclass(frozen=True, slots=True)
class Link:
    """A symbolic link at `target`."""

    to: str
    target: str


@dataclass(frozen=True, slots=True)
class Text:
    """A small file at `target`."""

    text: str
    target: str


@dataclass(frozen=True, slots=True)
class Memory:
    """An empty file system in memory at `target`."""

    size: int
    target: str


Step = Bind | Link | Text | Memory


def layout(folder: Path, mounts: Sequence[Mount], limits: Limits) -> tuple[Step, ...]:
    """What a run sees, in the order in which it has to be put together; /proc and /dev are the sandbox's own."""
    shared = [Bind(path, path) for path in _without_nested(_python_folders())]
    return (
        *_system(),
        *(Text(text, target) for target, text in _TEXTS.items()),
        Memory(limits.scratch_bytes, "/tmp"),  # noqa: S108 -- the path inside, a file system of the run's own
        *shared,
        *_interpreter_links([step.target for step in shared]),
        Bind(str(folder), RUN_FOLDER, writable=True),
        *(Bind(str(mount.source.resolve()), mount.target, mount.writable) for mount in mounts),
    )


def kernel_files() -> Iterator[Bind]:
    """
    What /proc tells of the whole machine: read-only, or not at all.

    Whoever starts the sandbox as root is root to /proc/sys, too, whatever capabilities were dropped: a program there could
    name the command that the kernel runs, outside, when something crashes.
    """
    for path in sorted(Path("/proc").iterdir()):
        if path.name.isdigit() or path.is_symlink():
            continue
        mode = path.stat().st_mode
        if path.name in _SECRETS or not mode & 0o004:
            yield Bind(os.devnull, str(path))
        elif path.is_dir() or mode & 0o222:
            yield Bind(str(path), str(path))


def own_folders() -> tuple[Path, ...]:
    """This package, and in a checkout the folders that lie beside it."""
    package = Path(golf_audit.__file__).resolve().parent
    return (package, *(path for name in ("rules", "reference_model") if (path := package.parent / name).is_dir()))


def _system() -> Iterator[Step]:
    """The system's programs and libraries, and the few settings that they read."""
    for path in map(Path, _SYSTEM):
        if path.is_symlink():
            yield Link(str(path.readlink()), str(path))
        elif path.is_dir():
            yield Bind(str(path), str(path))
    for name in _SETTINGS:
        path = Path("/etc") / name
        if path.exists():
            yield Bind(str(path.resolve()), str(path))


def _python_folders() -> set[Path]:
    """Where this Python and its packages are, by the names it uses and by those that these resolve to."""
    prefixes = {sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix, *site.PREFIXES}
    packages = {path for path in sys.path if Path(path).name in _PACKAGES}
    named = {Path(path) for path in prefixes | packages if Path(path).is_dir()} | set(own_folders())
    return named | {path.resolve() for path in named}


def _without_nested(folders: set[Path]) -> list[str]:
    """The folders without those that others hold, and without the whole machine."""
    outer = {path for path in folders if path.parent != path and not path.is_relative_to("/usr")}
    return sorted(str(path) for path in outer if not any(parent in outer for parent in path.parents))


def _interpreter_links(shown: list[str]) -> Iterator[Link]:
    """The links by which this Python is reached, where they lie in no folder that is shown."""
    path = Path(sys.executable)
    while path.is_symlink():
        if not any(path.is_relative_to(folder) for folder in (*shown, *_SYSTEM)):
            yield Link(str(path.readlink()), str(path))
        path = Path(os.path.normpath(path.parent / path.readlink()))
