"""The little world a wrapper runs in: its folder, the files it writes, its environment, and what it runs."""

import io
import posixpath
from dataclasses import dataclass, field
from enum import Enum
from pathlib import PurePosixPath
from typing import TypeVar

from golf_audit.decoding.limits import Budget
from golf_audit.decoding.source import Layer, Setting
from golf_audit.decoding.values import Environ, Handle, Unknown
from golf_audit.finding import Location
from golf_audit.folder import Folder
from golf_audit.text import decode_text

CHECKOUT = PurePosixPath("/workspace/parameter-golf")
"""Where wrappers are told that the contest's repository lies."""
TEMPORARY = PurePosixPath("/tmp")  # noqa: S108 -- a name told to wrappers; nothing is ever written there
_T = TypeVar("_T")
_TRACED_ITEMS = 1_000
_WORTH_TRACING = 32
"""Characters below which it does not matter how a text came about."""


class RunKind(Enum):
    """How a text is run."""

    TEXT = "text"
    """By `exec` and its kin, or as a script in the same process."""
    MODULE = "module"
    """By loading it as a module, without an import statement."""
    PROCESS = "process"
    """In a process of its own."""


@dataclass(slots=True)
class Run:
    """A text that is run, by `exec` or as a script."""

    layer: Layer | None
    """The text; None where it is not known."""
    location: Location
    """What runs it."""
    why: str = ""
    """What the text depends on, where it is not known."""
    module: str = ""
    """The name of the module that the text is run as; empty where it is run as the program or a part of it."""
    kind: RunKind = RunKind.TEXT
    environment: dict[str, Setting] = field(default_factory=dict)
    """What had been set when it started."""
    constants: dict[str, object] = field(default_factory=dict)
    """Plain values among the global names when it started."""
    doubtful: bool = False
    """Whether it depends on something unknown that it is run at all."""
    runs: "list[Run]" = field(default_factory=list)
    """What the text runs in turn."""


class World:
    """Everything outside the wrapper's own names."""

    def __init__(self, folder: Folder, budget: Budget) -> None:
        self.folder = folder
        self.budget = budget
        self.directory = CHECKOUT / (folder.path if folder.path.startswith("records/") else f"records/x/{folder.name}")
        self.environ = Environ()
        self.written: dict[PurePosixPath, bytes | Handle] = {}
        self.temporary = 0
        self.interpreter: dict[str, object] = {}
        """What a wrapper sees as `sys.argv`, `sys.modules` and the like."""
        scripts = [self.script(name) for name in folder.files]
        self._places = {self.directory, *scripts, *(parent for script in scripts for parent in script.parents)}
        """Every file and directory of the folder, and the directories above it."""
        self._how: dict[int, tuple[object, tuple[str, ...]]] = {}

    def script(self, path: str) -> PurePosixPath:
        """The absolute path of a file of the folder."""
        return self.directory / path

    def resolve(self, path: PurePosixPath) -> PurePosixPath:
        """`path` made absolute and plain; scripts are taken to run in their own folder."""
        start = CHECKOUT if path.parts[:1] == ("records",) else self.directory
        return PurePosixPath(posixpath.normpath(start / path))

    def member(self, path: PurePosixPath) -> str | None:
        """The path inside the folder of one of its files, or None where `path` is no such file."""
        place = self.resolve(path)
        if not place.is_relative_to(self.directory):
            return None
        inside = place.relative_to(self.directory).as_posix()
        return inside if inside in self.folder.files else None

    def read(self, path: PurePosixPath) -> bytes | Unknown:
        """The bytes of a file that was written, or that is in the folder."""
        place = self.resolve(path)
        if (written := self.written.get(place)) is not None:
            return self.trace(contents(written), parent=written)
        if (member := self.member(place)) is not None:
            return self.trace(self.folder.files[member].data, f"the file {member}")
        if place.is_relative_to(self.directory):
            return Unknown(f"{place.relative_to(self.directory)}, which is not in the folder")
        return Unknown(f"{self.show(place)}, which lies outside the folder")

    def exists(self, path: PurePosixPath) -> "bool | Unknown":
        """Whether there is such a file or directory; temporary ones are taken not to be there yet."""
        place = self.resolve(path)
        if place in self._places or any(name.is_relative_to(place) for name in self.written):
            return True
        if place.is_relative_to(self.directory) or place.is_relative_to(TEMPORARY):
            return False
        return Unknown(f"whether {self.show(place)} exists")

    def write(self, path: PurePosixPath, data: bytes) -> None:
        """Keep what a wrapper writes."""
        self.budget.check_size(len(data))
        self.written[self.resolve(path)] = data

    def open(self, path: PurePosixPath, mode: str) -> "Handle | Unknown":
        """An open file in `mode`."""
        if not set("wax+") & set(mode):
            data = self.read(path)
            return data if isinstance(data, Unknown) else self.adopt(Handle(path, self.stream(data, mode)), data)
        place = self.resolve(path)
        before = self.read(place) if "a" in mode else b""
        handle = Handle(place, self.stream(b"" if isinstance(before, Unknown) else before, mode))
        handle.stream.seek(0, io.SEEK_END)
        self.written[place] = handle
        return handle

    def stream(self, data: bytes, mode: str) -> "io.BytesIO | io.StringIO":
        """`data` as a stream, of text unless `mode` is binary."""
        if "b" in mode:
            return io.BytesIO(data)
        return io.StringIO(decode_text(data), newline="")

    def make_temporary(self, prefix: str, suffix: str) -> PurePosixPath:
        """A new name in the temporary directory."""
        self.temporary += 1
        return TEMPORARY / f"{prefix}{self.temporary:08d}{suffix}"

    def show(self, path: PurePosixPath) -> str:
        """A path as a reader knows it: inside the checkout, else as it is."""
        return path.relative_to(CHECKOUT).as_posix() if path.is_relative_to(CHECKOUT) else path.as_posix()

    def trace(self, value: _T, step: str = "", parent: object = None) -> _T:
        """Remember that `value`, or each text directly in it, came from `parent` by `step`; gives `value`."""
        steps = (*self.how(parent), step) if step else self.how(parent)
        if steps and value is not parent:
            for text in _texts(value):
                self._how[id(text)] = (text, steps)
        return value

    def adopt(self, handle: Handle, source: object) -> Handle:
        """Remember that what is in `handle` came from `source`; gives `handle`."""
        if steps := self.how(source):
            self._how[id(handle)] = (handle, steps)
        return handle

    def how(self, value: object) -> tuple[str, ...]:
        """The steps by which `value` came about."""
        return self._how.get(id(value), (None, ()))[1]


def contents(written: "bytes | Handle") -> bytes:
    """The bytes written so far."""
    if isinstance(written, bytes):
        return written
    value = written.stream.getvalue()
    return value if isinstance(value, bytes) else value.encode("utf-8", "surrogatepass")


def _texts(value: object) -> list[object]:
    """Texts and bytes of some length: the value itself, or those directly in it."""
    items: list[object] = [value]
    if isinstance(value, list | tuple | dict) and len(value) <= _TRACED_ITEMS:
        items = list(value.values()) if isinstance(value, dict) else list(value)
    return [item for item in items if isinstance(item, str | bytes | bytearray) and len(item) >= _WORTH_TRACING]
