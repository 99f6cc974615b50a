"""A folder for one run, and its removal whatever the run made of it."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path


@contextmanager
def private_folder() -> Iterator[Path]:
    """A new folder that only its owner may enter, gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="golf-audit-"))
    try:
        yield folder
    finally:
        remove(folder)


def remove(folder: Path) -> None:
    """
    Remove a folder that a submission filled.

    What lies deep is moved up level by level first: no path gets too long, and no depth exhausts the stack.
    """
    names = count()
    while inner := [entry.path for entry in _entries(folder) if not _unlinked(entry)]:
        for path in inner:
            for entry in _entries(path):
                if not _unlinked(entry):
                    os.chmod(entry.path, 0o700)  # noqa: PTH101 -- a folder moves only where it may be written
                    os.rename(entry.path, _unused(folder, names))  # noqa: PTH104
            os.rmdir(path)  # noqa: PTH106
    os.rmdir(folder)  # noqa: PTH106


def _entries(folder: Path | str) -> list[os.DirEntry[str]]:
    """What is in a folder, made readable first."""
    os.chmod(folder, 0o700)  # noqa: PTH101
    with os.scandir(folder) as entries:
        return list(entries)


def _unlinked(entry: os.DirEntry[str]) -> bool:
    """Whether this was no folder and is gone now."""
    if entry.is_dir(follow_symlinks=False):
        return False
    with contextlib.suppress(FileNotFoundError):
        os.unlink(entry.path)  # noqa: PTH108
    return True


def _unused(folder: Path, names: Iterator[int]) -> Path:
    """A path in a folder where nothing is yet."""
    return next(path for number in names if not os.path.lexists(path := folder / str(number)))
