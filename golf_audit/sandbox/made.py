"""Reading what a run made, whatever it is: a link out of the folder, a pipe that never ends, a file beyond size."""

import os
import stat
from contextlib import ExitStack
from pathlib import Path, PurePosixPath

_CHUNK = 2**20


def read_made(folder: Path, path: str, most: int) -> bytes | None:
    """
    The bytes of the file at `path`, relative to a folder that a submission wrote to.

    None where it is no plain file, is reached through a link, or holds more than `most` bytes.
    """
    try:
        with ExitStack() as stack:
            return _read(_open(folder, PurePosixPath(path), stack), most)
    except OSError:
        return None


def _open(folder: Path, path: PurePosixPath, stack: ExitStack) -> int:
    """A descriptor of what is at `path`; raises OSError where that is not below `folder` without following a link."""
    *folders, name = path.parts or ("..",)
    if path.is_absolute() or ".." in path.parts or name == "..":
        raise OSError(f"{path} is not a path inside")
    place = _kept(os.open(folder, os.O_PATH | os.O_DIRECTORY), stack)
    for part in folders:
        place = _kept(os.open(part, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=place), stack)
    return _kept(os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=place), stack)


def _kept(descriptor: int, stack: ExitStack) -> int:
    """The descriptor, closed with the stack."""
    stack.callback(os.close, descriptor)
    return descriptor


def _read(descriptor: int, most: int) -> bytes | None:
    """The bytes of a plain file of at most so many."""
    seen = os.fstat(descriptor)
    if not stat.S_ISREG(seen.st_mode) or seen.st_size > most:
        return None
    parts, room = [], most + 1
    while room and (part := os.read(descriptor, min(room, _CHUNK))):
        parts.append(part)
        room -= len(part)
    return b"".join(parts) if room else None
