"""The structured objects of the walk: functions, classes, instances, containers, tables, optimizers."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import Any

from golf_audit.program.values import EMPTY, UNKNOWN, V


class Scope:
    """The variables of a function, class body or module, with the scope around it."""

    __slots__ = ("file", "globals_", "names", "parent")

    def __init__(self, parent: Scope | None, file: int, globals_: Scope | None = None) -> None:
        self.names: dict[str, V] = {}
        self.parent = parent
        self.file = file
        self.globals_ = globals_ or self

    def lookup(self, name: str) -> V | None:
        """The value of a name, from the inside out."""
        scope: Scope | None = self
        while scope is not None:
            found = scope.names.get(name)
            if found is not None:
                return found
            scope = scope.parent
        return None

    def owner(self, name: str) -> Scope | None:
        """The innermost scope that has the name."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.names:
                return scope
            scope = scope.parent
        return None


@dataclass(eq=False, slots=True)
class Function:
    """A function of the submission with the scope it was defined in."""

    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
    scope: Scope
    name: str
    defaults: list[V]
    kw_defaults: list[V | None]
    owner: Class | None = None
    grad_off: bool = False
    kind: str = ""
    """`static`, `class`, `property`, `jit` (a Triton kernel), `context`, or nothing."""
    generator: bool = False
    hits: int = 0


@dataclass(eq=False, slots=True)
class Class:
    """A class of the submission."""

    name: str
    bases: list[V]
    scope: Scope
    node: ast.ClassDef
    is_module: bool = False
    is_optimizer: bool = False
    is_autograd: bool = False
    is_dataclass: bool = False
    counters: frozenset[str] = EMPTY
    """Attributes that methods other than `__init__` move on: reading one gives something new each turn."""

    def find(self, name: str) -> V | None:
        """A class attribute, the bases included."""
        own = self.scope.names.get(name)
        if own is not None:
            return own
        for base in self.bases:
            if isinstance(base.obj, Class) and (found := base.obj.find(name)) is not None:
                return found
        return None


@dataclass(eq=False, slots=True)
class Instance:
    """An object of one of the submission's classes."""

    cls: Class
    attrs: dict[str, V] = field(default_factory=dict)
    site: int = 0
    """The trainable state it belongs to, for modules; 0 for others."""


@dataclass(eq=False, slots=True)
class Bound:
    """A function with its receiver (or its first arguments)."""

    func: Any
    args: list[V]
    kwargs: dict[str, V] = field(default_factory=dict)


@dataclass(eq=False, slots=True)
class External:
    """Something of a library, by its qualified name."""

    name: str


@dataclass(eq=False, slots=True)
class Module:
    """A module of the submission."""

    name: str
    scope: Scope


@dataclass(eq=False, slots=True)
class ListLike:
    """
    A list, tuple or set; `items` while every element is known one by one, else only their join in `rest`; also a table
    when it is written at tokens.
    """

    items: list[V] | None
    rest: V = UNKNOWN
    frozen: bool = False
    table: Table | None = None


@dataclass(eq=False, slots=True)
class DictLike:
    """A dict: known keys one by one, the others joined; also a table when its keys are tokens."""

    items: dict[Any, V] = field(default_factory=dict)
    rest: V | None = None
    table: Table | None = None


@dataclass(eq=False, slots=True)
class Table:
    """An array (or the token-keyed part of a dict) with identity: what was written into it, and by which updates."""

    id: int
    line: int
    file: int
    content: V = UNKNOWN
    history: frozenset[int] = EMPTY
    sel: tuple[Any, ...] = ()
    """Slices of the last axis that were set, while the array is used as a mask."""
    keyed: bool = False
    """Whether it was ever written at a key made of tokens."""
    shared: bool = False
    """Whether its first dimension is 1, so that one vector serves every row of a batch."""


@dataclass(eq=False, slots=True)
class Range:
    """`range(start, stop, step)`."""

    start: V
    stop: V
    step: V


@dataclass(eq=False, slots=True)
class Iterating:
    """What a loop draws from: one element per turn, of each of the sources; `numbered` puts a counter before."""

    sources: list[V]
    kind: str
    """`zip`, `enumerate`, `items`, `values`, `keys`, `stream`."""


@dataclass(eq=False, slots=True)
class Leaf:
    """A layer of the library with parameters, or a stateless one (site 0)."""

    name: str
    site: int


@dataclass(eq=False, slots=True)
class Optimizer:
    """An optimizer of any make over some trainable states."""

    sites: frozenset[int]
    line: int
    file: int


@dataclass(eq=False, slots=True)
class Buffer:
    """A file, or a buffer in memory: what was written into it."""

    path: str
    mode: str = "r"
    content: V = UNKNOWN


@dataclass(eq=False, slots=True)
class GradOff:
    """`torch.no_grad()` and its kin; `off` is False for `enable_grad`."""

    off: bool = True


@dataclass(eq=False, slots=True)
class Super:
    """`super()` inside a method."""

    cls: Class
    receiver: V


@dataclass(eq=False, slots=True)
class ParserArgs:
    """An `argparse` parser and the namespace it gives."""

    values: dict[str, V] = field(default_factory=dict)
