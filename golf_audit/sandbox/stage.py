"""
Runs inside, before the launcher, where `unshare` made the namespaces: puts together what a run sees, and gives up all power.

It is a script of its own (`python -I -S stage.py LAUNCHER`) that imports nothing of golf_audit. The job comes as JSON on
stdin and is left there for the launcher. What fails raises, and then nothing is run.
"""

import ctypes
import fcntl
import json
import os
import socket
import struct
import sys
from pathlib import Path
from typing import Any, NoReturn

_NOSUID, _NODEV, _NOEXEC, _BIND, _REC, _DETACH = 2, 4, 8, 4096, 16384, 2
_READ_ONLY_ATTRIBUTE = 1
_MOUNT_SETATTR, _RECURSIVE, _HERE = 442, 0x8000, -100
_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
_CAPABILITY_SETS = 0x20080522
_DROP_BOUND, _AMBIENT, _CLEAR_ALL, _CAPABILITIES = 24, 47, 4, 64
_GET_FLAGS, _SET_FLAGS, _UP = 0x8913, 0x8914, 1
_DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
_LINKS = {"fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2"}
_OLD, _NEW = Path("/old"), Path("/new")
_LIBRARY = ctypes.CDLL(None, use_errno=True)


def main() -> NoReturn:
    """Build the new root, move there, and become the launcher without any capability."""
    job = json.load(sys.stdin)
    socket.sethostname(job["hostname"])
    _raise_loopback()
    _step_aside()
    _mount("proc", _NEW / "proc", "proc", _NOSUID | _NODEV | _NOEXEC)
    Path(_NEW / "proc/sys/user/max_user_namespaces").write_text("0", encoding="utf-8")
    _devices(job["scratch"])
    for step in job["layout"]:
        _build(**step)
    _attributes(_NEW / "dev", read_only=True)
    _attributes(_NEW, read_only=True)
    _move_in()
    _renounce()
    os.lseek(0, 0, os.SEEK_SET)
    os.execv(sys.executable, [sys.executable, "-I", "-S", sys.argv[1]])  # noqa: S606 -- this package's launcher


def _raise_loopback() -> None:
    """Bring up the network interface that leads nowhere but here."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        request = struct.pack("16sh22x", b"lo", 0)
        flags = struct.unpack("16sh22x", fcntl.ioctl(control, _GET_FLAGS, request))[1]
        fcntl.ioctl(control, _SET_FLAGS, struct.pack("16sh22x", b"lo", flags | _UP))


def _step_aside() -> None:
    """Move to an empty root where the machine's files are below /old and the new root is /new."""
    _mount("tmpfs", Path("/tmp"), "tmpfs", _NOSUID | _NODEV, "mode=755")  # noqa: S108 -- any folder would do
    for name in ("old", "new"):
        Path("/tmp", name).mkdir()  # noqa: S108
    _pivot("/tmp", "/tmp/old")  # noqa: S108
    os.chdir("/")
    _mount("tmpfs", _NEW, "tmpfs", _NOSUID | _NODEV, "mode=755")


def _devices(scratch: int) -> None:
    """A /dev with what programs expect there, and no more."""
    _mount("tmpfs", _NEW / "dev", "tmpfs", _NOSUID, "mode=755")
    for name in _DEVICES:
        Path(_NEW, "dev", name).touch()
        _mount(str(_OLD / "dev" / name), _NEW / "dev" / name, "", _BIND)
    for name, target in _LINKS.items():
        Path(_NEW, "dev", name).symlink_to(target)
    _build("Memory", "/dev/shm", size=scratch)  # noqa: S108


def _build(kind: str, target: str, **step: Any) -> None:
    """One step of the layout."""
    place = Path(f"{_NEW}{target}")
    place.parent.mkdir(parents=True, exist_ok=True)
    match kind:
        case "Bind":
            _bind(_OLD / step["source"].lstrip("/"), place, writable=step["writable"])
        case "Link":
            place.symlink_to(step["to"])
        case "Text":
            place.write_text(step["text"], encoding="utf-8")
        case "Memory":
            _mount("tmpfs", place, "tmpfs", _NOSUID | _NODEV, f"mode=1777,size={step['size']}")
        case _:
            raise ValueError(kind)


def _bind(source: Path, place: Path, *, writable: bool) -> None:
    """Show a file or folder of the machine."""
    if source.is_dir():
        place.mkdir(exist_ok=True)
    elif not place.exists():
        place.touch()
    _mount(str(source), place, "", _BIND | _REC)
    _attributes(place, read_only=not writable, recursive=True)


def _move_in() -> None:
    """Make the new root the root, and let go of the machine's files."""
    os.chdir(_NEW)
    _pivot(".", ".")
    _check(_LIBRARY.umount2(b".", _DETACH), "umount")
    os.chdir("/")


def _renounce() -> None:
    """Give up every capability, for good."""
    for number in range(_CAPABILITIES):
        _LIBRARY.prctl(_DROP_BOUND, number, 0, 0, 0)
    _check(_LIBRARY.prctl(_AMBIENT, _CLEAR_ALL, 0, 0, 0), "prctl")
    _check(_LIBRARY.capset(struct.pack("=Ii", _CAPABILITY_SETS, 0), bytes(24)), "capset")


def _mount(source: str, target: Path, kind: str, flags: int, options: str = "") -> None:
    """The system call mount; a folder to mount on is made where it is missing."""
    if not target.exists():
        target.mkdir(parents=True)
    texts = (text.encode() for text in (source, str(target), kind))
    _check(_LIBRARY.mount(*texts, ctypes.c_ulong(flags), options.encode() or None), f"mount {target}")


def _attributes(place: Path, *, read_only: bool, recursive: bool = False) -> None:
    """Take from a mount setuid programs and devices, and writing."""
    wanted = _NOSUID | (0 if place == _NEW / "dev" else _NODEV) | (_READ_ONLY_ATTRIBUTE if read_only else 0)
    attributes = struct.pack("=4Q", wanted, 0, 0, 0)
    flags = _RECURSIVE if recursive else 0
    result = _LIBRARY.syscall(_MOUNT_SETATTR, _HERE, str(place).encode(), flags, attributes, len(attributes))
    _check(result, f"mount_setattr {place}")


def _pivot(root: str, old: str) -> None:
    """The system call pivot_root, which libraries do not offer."""
    _check(_LIBRARY.syscall(_PIVOT_ROOT[os.uname().machine], root.encode(), old.encode()), "pivot_root")


def _check(result: int, what: str) -> None:
    """Raises OSError where a call failed."""
    if result != 0:
        raise OSError(ctypes.get_errno(), f"{what}: {os.strerror(ctypes.get_errno())}")


if __name__ == "__main__":
    main()
