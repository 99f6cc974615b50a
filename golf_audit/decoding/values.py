"""What an evaluated expression can be, besides plain Python data."""

import ast
import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from golf_audit.decoding.source import Setting

_LOOKED_AT = 10_000
"""Items of a collection up to which it is searched for unknown ones."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """A value that cannot be had by reading constants."""

    why: str
    """What it depends on, as a noun phrase: `the environment variable KEY`."""


@dataclass(frozen=True, slots=True)
class Dotted:
    """A module, or something in one, by its full name: `lzma`, `lzma.decompress`, `builtins.exec`."""

    name: str


@dataclass(frozen=True, slots=True)
class Bound:
    """A method taken off its object but not called yet."""

    owner: object
    name: str


@dataclass(slots=True)
class Frame:
    """Names and what they are bound to: a module's globals, or a call's locals with what surrounds them."""

    names: dict[object, object]
    module: dict[object, object]
    """The globals; the same as `names` at a module's top level."""
    outer: "Frame | None" = None
    elsewhere: dict[str, dict[object, object]] = field(default_factory=dict)
    """Where a name declared global or nonlocal lives."""


@dataclass(frozen=True, slots=True, eq=False)
class Function:
    """A function or lambda of the wrapper's own."""

    node: ast.FunctionDef | ast.Lambda
    frame: Frame


@dataclass(frozen=True, slots=True)
class Partial:
    """What `functools.partial` gives."""

    function: object
    arguments: tuple[object, ...]
    keywords: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Code:
    """What `compile` gives."""

    text: object
    """A str, bytes or Unknown."""
    file: str


@dataclass(slots=True, eq=False)
class Handle:
    """An open file, real or in memory; `path` is None for one in memory."""

    path: PurePosixPath | None
    stream: "io.BytesIO | io.StringIO"


@dataclass(slots=True, eq=False)
class Decompressor:
    """A decompressor object that is fed once."""

    function: str
    """The module's function that does the same: `lzma.decompress`."""
    keywords: dict[str, object]


@dataclass(slots=True, eq=False)
class ModuleObject:
    """A module made by hand."""

    names: dict[object, object]


@dataclass(slots=True, eq=False)
class Spec:
    """An import specification; also stands for its loader."""

    name: str
    path: PurePosixPath


@dataclass(slots=True)
class Environ:
    """The process's environment, as far as the wrapper sets it."""

    settings: dict[str, Setting] = field(default_factory=dict)
    looked_for: set[str] = field(default_factory=set)
    """Variables that were not set when the wrapper looked; it is taken that the caller had not set them either."""

    def looked_at(self, name: object) -> dict[str, Setting]:
        """The settings, when the wrapper looks whether there is one of that name."""
        if isinstance(name, str) and name not in self.settings:
            self.looked_for.add(name)
        return self.settings


class Raised(Exception):  # noqa: N818 -- stands for whatever exception the evaluated code would raise
    """Running the code would raise an exception here; the argument says why, as a noun phrase."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


def unknown_in(*values: object) -> Unknown | None:
    """The first unknown among the values or directly inside one of them."""
    for value in values:
        if isinstance(value, Unknown):
            return value
        if isinstance(value, list | tuple | set | frozenset) and len(value) <= _LOOKED_AT:
            for item in value:
                if isinstance(item, Unknown):
                    return item
        elif isinstance(value, dict) and len(value) <= _LOOKED_AT:
            for item in value.values():
                if isinstance(item, Unknown):
                    return item
    return None
