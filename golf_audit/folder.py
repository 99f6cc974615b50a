"""A submission's folder as frozen data: its files, and the script that is its entry."""

import os
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from types import MappingProxyType

from golf_audit.entry import Entry, choose_entry
from golf_audit.finding import Location
from golf_audit.text import decode_text, shorten

MAX_FILE_BYTES = 32 * 2**20
"""No more of a file than this is read; the largest text in any real submission is 2.2 MB."""


@dataclass(frozen=True)
class File:
    """One regular file of a folder; its bytes are read when first asked for, and only once."""

    path: str
    """Relative to the folder, with forward slashes."""
    size: int
    """Bytes on disk, also where fewer are read."""
    load: Callable[[], bytes] = field(repr=False, compare=False)
    """Gives the bytes, no more than `MAX_FILE_BYTES`; called once."""

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition("/")[2]

    @property
    def truncated(self) -> bool:
        """Whether the file is longer than what is read of it."""
        return self.size > MAX_FILE_BYTES

    @cached_property
    def data(self) -> bytes:
        """The bytes, the first `MAX_FILE_BYTES` of them; empty where they can no longer be read."""
        try:
            return self.load()
        except OSError:
            return b""

    @cached_property
    def text(self) -> str:
        """The bytes as text without byte order mark, every line ended by a newline alone."""
        return decode_text(self.data, python=self.path.endswith(".py"))

    @cached_property
    def lines(self) -> tuple[str, ...]:
        """The lines of `text`, without their newlines; line n is `lines[n - 1]`."""
        return split_lines(self.text)

    def location(self, line: int, column: int = 0) -> Location:
        """The place of one-based `line`, with that line's text."""
        return Location(self.path, line, column, text=line_text(self.lines, line))


@dataclass(frozen=True)
class Folder:
    """One submission: the files below one `records/<track>/<name>`."""

    name: str
    """The folder's own name."""
    track: str
    """`track_10min_16mb`, `track_non_record_16mb`, or empty where the folder lies under neither."""
    path: str
    """Where the folder was found: `records/<track>/<name>` inside a larger checkout, else as given."""
    files: Mapping[str, File]
    """Every regular file by its path, sorted."""
    notes: tuple[str, ...] = ()
    """What was left out, and other things about the folder's shape that a reviewer should know."""

    @classmethod
    def from_files(
        cls,
        files: Mapping[str, bytes | str],
        *,
        name: str = "2026-01-01_Example",
        track: str = "track_10min_16mb",
        notes: tuple[str, ...] = (),
    ) -> "Folder":
        """A folder held in memory; texts are taken as UTF-8."""
        held = [_in_memory(path, data.encode() if isinstance(data, str) else data) for path, data in files.items()]
        return cls.of(held, name=name, track=track, path=f"records/{track}/{name}" if track else name, notes=notes)

    @classmethod
    def of(cls, files: "list[File]", *, name: str, track: str, path: str, notes: tuple[str, ...] = ()) -> "Folder":
        """A folder of these files, sorted by path."""
        ordered = {file.path: file for file in sorted(files, key=lambda file: file.path)}
        return cls(name, track, path, MappingProxyType(ordered), notes)

    @cached_property
    def entry(self) -> Entry | None:
        """The script that is run, and why it is taken to be; None where the folder holds no Python."""
        return choose_entry(self.files, self.name)

    @property
    def scripts(self) -> tuple[File, ...]:
        """Every Python file."""
        return tuple(file for file in self.files.values() if file.path.endswith(".py"))


def split_lines(text: str) -> tuple[str, ...]:
    """The lines of `text` as Python's parser counts them: split at newlines and at nothing else."""
    lines = text.split("\n")
    return tuple(lines[:-1] if lines[-1] == "" else lines)


def line_text(lines: tuple[str, ...], line: int) -> str:
    """One-based `line` for showing, or nothing where there is no such line."""
    return shorten(lines[line - 1]) if 0 < line <= len(lines) else ""


def on_disk(path: str, place: Path, size: int) -> File:
    """A file that lies at `place`; a symbolic link put there later is not followed."""
    return File(path, size, partial(_read, place))


def _read(place: Path) -> bytes:
    handle = os.open(place, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    with os.fdopen(handle, "rb") as stream:
        if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
            return b""
        return stream.read(MAX_FILE_BYTES)


def _in_memory(path: str, data: bytes) -> File:
    return File(path, len(data), lambda: data[:MAX_FILE_BYTES])
