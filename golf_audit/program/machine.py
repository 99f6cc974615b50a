"""The state of a walk: where it is, what each trainable state has learned, and the tree of events so far."""

from __future__ import annotations

import ast
import itertools
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from golf_audit.events import (
    Call,
    Decision,
    Event,
    Node,
    Update,
)
from golf_audit.finding import Location
from golf_audit.program.objects import (
    Function,
    Scope,
    Table,
)
from golf_audit.program.values import (
    EMPTY,
    UNKNOWN,
    Atom,
    Context,
    Frame,
    Ref,
    V,
)

BUDGET: Final = 900_000
"""How many expressions and statements one walk may evaluate."""

MAX_DEPTH: Final = 48


class OutOfBudgetError(Exception):
    """The walk is longer than its limit."""


@dataclass(frozen=True, slots=True)
class SourceText:
    """One source file of the program, as the walk needs it to name places."""

    file: str
    layer: int
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Site:
    """A trainable state: where it is made."""

    location: Location
    context: Context
    """The loops and branches it was made in: a state made inside a loop is new in each turn."""
    shared: bool = False
    """Whether it is one vector for all rows of a batch."""


@dataclass(frozen=True, slots=True)
class Alternatives:
    """One of several structured objects."""

    options: tuple[V, ...]


class Machine(ABC):
    """Everything that changes during a walk, and what its parts ask of each other."""

    def __init__(self) -> None:
        self.texts: list[SourceText] = []
        self.frames: list[Frame] = []
        self.calls: list[Call] = []
        self.because: list[Decision] = []
        self.doubts: list[str] = []
        self.history: dict[int, frozenset[int]] = {}
        self.pending: dict[int, tuple[frozenset[Ref], frozenset[Atom]]] = {}
        self.updates: dict[int, Update] = {}
        self.tables: dict[int, Table] = {}
        self.realised: set[tuple[int, int]] = set()
        self.hooks: dict[int, list[V]] = {}
        self.store: dict[str, V] = {}
        self.grad = True
        self.building: list[int] = []
        self.sites: dict[int, Site] = {}
        self.loop_places: dict[int, Context] = {}
        self.leaves: dict[int, set[tuple[int, int]]] = {}
        self.cleared: dict[int, set[tuple[int, int]]] = {}
        self.bounds: dict[int, tuple[int | None, int | None]] = {}
        self.root = Node("call", "program", 0)
        self.nodes: list[Node] = [self.root]
        self.scope = Scope(None, 0)
        self.active: list[Function] = []
        self.line = 0
        self.file = 0
        self.uncertain = 0
        self.inside_model = 0
        self.model_since = 0
        self.model_mark = 0
        self.trying = 0
        self.env_log: list[str] = []
        self.exits: list[list[dict[str, V]]] = []
        self.branch_deps: dict[int, frozenset[int]] = {}
        self.spent = 0
        self.seen_events: set[Any] = set()
        self._ids = itertools.count(1)

    def new_id(self) -> int:
        """A number never given before in this walk."""
        return next(self._ids)

    def new_loop(self) -> int:
        """A loop that begins here."""
        loop = self.new_id()
        self.loop_places[loop] = self.context()
        return loop

    def new_site(self, *, leaf: bool = False, shared: bool = False) -> int:
        """A trainable state of its own, or that of the module under construction."""
        if self.building:
            site = self.building[0]
        else:
            site = self.new_id()
            self.history[site] = EMPTY
            self.sites[site] = Site(self.location(), self.context(), shared)
        if leaf:
            self.leaves.setdefault(site, set()).add((self.file, self.line))
        return site

    def new_table(self, content: V = UNKNOWN) -> V:
        """An array with identity."""
        table = Table(self.new_id(), self.line, self.file, content)
        self.tables[table.id] = table
        return V(obj=table)

    def location(self, line: int = 0, file: int | None = None) -> Location:
        """The place of a line, by default the one being walked."""
        text = self.texts[self.file if file is None else file]
        number = line or self.line
        content = text.lines[number - 1].strip() if 0 < number <= len(text.lines) else ""
        return Location(text.file, number, 0, text.layer, content[:400])

    def loops(self) -> frozenset[int]:
        """The loops being turned now."""
        return frozenset(i for kind, i, _ in self.frames if kind == "loop")

    def emit(self, event: Event, title: str) -> None:
        """Put an event into the tree (once a place and context)."""
        through = tuple(c.location.line for c in self.calls)
        key = (type(event), event.location.file, event.location.line, event.context, title, through)
        if key in self.seen_events:
            return
        self.seen_events.add(key)
        self.nodes[-1].children.append(Node("event", title, event.location.line, event))

    def where(self) -> dict[str, Any]:
        """The fields that every event shares."""
        return {
            "location": self.location(),
            "context": tuple(self.frames),
            "path": tuple(self.calls),
            "because": tuple(self.because),
            "doubtful": tuple(self.doubts),
        }

    @contextmanager
    def inside(self, kind: str, title: str, line: int) -> Iterator[Node]:
        """A branch of the event tree; dropped again if nothing happened in it."""
        node = Node(kind, title, line)
        self.nodes[-1].children.append(node)
        self.nodes.append(node)
        try:
            yield node
        finally:
            self.nodes.pop()
            if not node.children:
                self.nodes[-1].children.remove(node)

    def spend(self) -> None:
        """Count one step of the walk."""
        self.spent += 1
        if self.spent > BUDGET:
            raise OutOfBudgetError

    def env_names(self, v: V) -> tuple[str, ...]:
        """The environment variables a value was read from."""
        return tuple(sorted(f[4:] for f in v.flags if f.startswith("env:")))

    def context(self) -> Context:
        """The path of loops and branches to here."""
        return tuple(self.frames)

    def learn(self, sites: frozenset[int], update: Update, title: str) -> None:
        """Record an update of some states."""
        self.updates[update.id] = update
        for site in sites:
            self.history[site] = self.history.get(site, EMPTY) | {update.id}
            self.cleared.pop(site, None)
        self.emit(update, title)

    @abstractmethod
    def eval(self, node: ast.expr) -> V:
        """The abstract value of an expression."""

    @abstractmethod
    def run(self, body: list[ast.stmt]) -> str:
        """Run a block; the answer says how it ended."""

    @abstractmethod
    def call(self, function: V, args: list[V], kwargs: dict[str, V]) -> V:
        """Call a value with evaluated arguments."""

    @abstractmethod
    def method(self, name: str, v: V, args: list[V], kwargs: dict[str, V]) -> V:
        """Call a method of data, of a container, or of a library's object."""

    @abstractmethod
    def external(self, name: str, args: list[V], kwargs: dict[str, V]) -> V:
        """Call a library's function by its qualified name."""

    @abstractmethod
    def insert(self, table: Table, key: V, v: V) -> None:
        """Write into a table at a key made of tokens: the table learns them."""

    @abstractmethod
    def environment(self, key: V, default: V) -> V:
        """`os.environ.get(key, default)` in the claimed run."""

    @abstractmethod
    def environment_has(self, name: Any) -> bool | None:
        """Whether an environment variable is set in the run."""

    @abstractmethod
    def set_environment(self, key: V, v: V) -> None:
        """`os.environ[key] = v`."""

    @abstractmethod
    def setting_text(self, name: str) -> str:
        """A setting's value and where it was read."""

    @abstractmethod
    def contradicted(self, node: ast.If, names: tuple[str, ...], *, taken: bool) -> str:
        """The printed line by which the logs show that a branch went the other way; empty where they do not."""

    @abstractmethod
    def echoed(self, name: str, v: V) -> V:
        """A setting as the run's log shows it."""

    @abstractmethod
    def argument(self, option: str, name: str, default: V) -> V:
        """An argument of the command line."""

    @abstractmethod
    def import_module(self, name: str) -> V:
        """A module by name: the submission's own is walked, others are external."""


def unparse(node: ast.AST, limit: int = 90) -> str:
    """An expression's text, shortened."""
    import ast as _ast

    try:
        text = _ast.unparse(node)
    except (RecursionError, ValueError):
        return "…"
    text = " ".join(text.split())
    return text if len(text) <= limit else text[: limit - 1] + "…"
