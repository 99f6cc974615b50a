"""What decoding gives: the layers of a script, from the file as shipped to the text that runs."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from types import MappingProxyType

from golf_audit.finding import Location
from golf_audit.folder import File, line_text, split_lines


@dataclass(frozen=True)
class Layer:
    """One text on the way from the file as shipped to what runs."""

    index: int
    """0 for the file as shipped, 1 for what it unpacks, and so on."""
    file: str
    """The file of the submission that this layer comes from, by its path in the folder."""
    text: str
    """The text, every line ended by a newline alone."""
    size: int
    """Bytes of the text as it was shipped or unpacked, before newlines were made equal."""
    sha256: str
    """Of those bytes, in hexadecimal."""
    how: str = "as shipped"
    """How the layer above held this one, e.g. `base85, lzma raw`."""
    origin: Location | None = None
    """The place in the layer above that runs this one."""
    name: str = ""
    """The file name that the layer above gave this text, where it gave one."""
    verbatim: bool = False
    """Whether the text is that of `file` as it lies in the folder, so that its lines can be looked up there."""

    @classmethod
    def of(
        cls,
        data: bytes,
        text: str,
        *,
        index: int,
        file: str,
        how: str = "as shipped",
        origin: Location | None = None,
        name: str = "",
        verbatim: bool = False,
    ) -> "Layer":
        """The layer that `data` is, read as `text`."""
        return cls(index, file, text, len(data), hashlib.sha256(data).hexdigest(), how, origin, name, verbatim)

    @cached_property
    def lines(self) -> tuple[str, ...]:
        """The lines of the text without their newlines; line n is `lines[n - 1]`."""
        return split_lines(self.text)

    def location(self, line: int, column: int = 0) -> Location:
        """The place of one-based `line` in this layer, with that line's text."""
        return Location(self.file, line, column, 0 if self.verbatim else self.index, line_text(self.lines, line))


@dataclass(frozen=True, slots=True)
class Setting:
    """An environment variable that a wrapper sets before it runs its payload."""

    value: str
    location: Location
    overrides: bool = False
    """False for a default (`setdefault`), which the caller's environment beats; True where the wrapper has its way."""

    @property
    def source(self) -> str:
        """Where the value comes from, for showing."""
        return str(self.location)


class NoteKind(StrEnum):
    """What a note on a source is about."""

    TWIN = "twin"
    """A readable file beside the payload says the same."""
    DIFFERS = "differs"
    """A readable file beside the payload says something else."""
    OPAQUE = "opaque"
    """Something is run that could not be read, beside a program that could."""
    EXTRA = "extra"
    """A further text is run beside the program."""
    WRAPPER = "wrapper"
    """Something about the wrapper itself."""


@dataclass(frozen=True, slots=True)
class Note:
    """Something about a source that a reviewer should know; a sentence and its place."""

    kind: NoteKind
    message: str
    location: Location


@dataclass(frozen=True)
class Source:
    """A script, decoded: the text that runs, and all that was peeled off to reach it."""

    file: str
    """The script as shipped, by its path in the folder."""
    layers: tuple[Layer, ...]
    """From the file as shipped to what runs; just one where the script is not packed."""
    environment: Mapping[str, Setting] = field(default_factory=lambda: MappingProxyType({}))
    """What the wrapper sets in the environment before its payload runs; empty where the script is not packed."""
    modules: Mapping[str, Layer] = field(default_factory=lambda: MappingProxyType({}))
    """Modules of the submission's own that the code can import, decoded, by import name."""
    constants: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))
    """Plain values that the wrapper leaves among the payload's global names, e.g. `__wrapper_size__`."""
    files: Mapping[str, File] = field(default_factory=lambda: MappingProxyType({}))
    """What the wrapper writes beside the program, by relative path: further modules, C sources, tables."""
    notes: tuple[Note, ...] = ()

    @property
    def layer(self) -> Layer:
        """The innermost layer: what runs."""
        return self.layers[-1]

    @property
    def text(self) -> str:
        """The text that runs."""
        return self.layer.text

    @property
    def packed(self) -> bool:
        """Whether the script as shipped only unpacks another text."""
        return len(self.layers) > 1


class UndecodableKind(StrEnum):
    """Why a script's text could not be had."""

    UNDECODABLE = "undecodable"
    """The wrapper needs something that is not in the submission, or does what is not understood."""
    BROKEN = "broken"
    """The text is not Python of any version."""
    LIMIT = "limit"
    """It would have taken more bytes, layers, steps or time than allowed."""
    EMPTY = "empty"
    """There is no code in it."""


@dataclass(frozen=True, slots=True)
class Undecodable:
    """A script whose running text is unknown, with the reason and how far decoding came."""

    reason: str
    """A sentence."""
    location: Location
    kind: UndecodableKind
    layers: tuple[Layer, ...] = ()
    """The layers that were reached."""
