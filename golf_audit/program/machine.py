"""The state of a walk: where it is, what each trainable state has learned, and the tree of events so far."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from golf_audit.events import Call, Decision, Event, Node, Update
from golf_audit.finding import Location
from golf_audit.program.objects import (
    Bound,
    Buffer,
    Class,
    Function,
    Instance,
    Mapping_,
    Range,
    Scope,
    Sequence_,
    Table,
)
from golf_audit.program.values import (
    EMPTY,
    NO,
    UNKNOWN,
    Atom,
    Context,
    Frame,
    Lin,
    Ref,
    V,
    fresh,
    merge_sets,
    shrink_refs,
)

if TYPE_CHECKING:
    import ast

BUDGET: Final = 900_000
"""How many expressions and statements one walk may evaluate."""
MAX_DEPTH: Final = 48
_MAX_ATOMS: Final = 48


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


class Machine:
    """Everything that changes during a walk."""

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
        self.hooks: dict[int, list[V]] = {}
        self.store: dict[str, V] = {}
        self.grad = True
        self.building: list[int] = []
        self.sites: dict[int, Site] = {}
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
        self.trying = 0
        self.env_log: list[str] = []
        self.exits: list[list[dict[str, V]]] = []
        self.branch_deps: dict[int, frozenset[int]] = {}
        self.spent = 0
        self.seen_events: set[Any] = set()
        self._ids = itertools.count(1)

    # -- identity ---------------------------------------------------------------------------------------------------

    def new_id(self) -> int:
        """A number never given before in this walk."""
        return next(self._ids)

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

    # -- places -----------------------------------------------------------------------------------------------------

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

    # -- learning ---------------------------------------------------------------------------------------------------

    def prior(self, v: V) -> frozenset[int]:
        """The updates that a value's states had been through."""
        if v.snap is not None:
            return v.snap
        out: frozenset[int] = EMPTY
        for site in v.sites:
            out = merge_sets(out, self.history.get(site, EMPTY))
        return out

    def learn(self, sites: frozenset[int], update: Update, title: str) -> None:
        """Record an update of some states."""
        self.updates[update.id] = update
        for site in sites:
            self.history[site] = self.history.get(site, EMPTY) | {update.id}
            self.cleared.pop(site, None)
        self.emit(update, title)

    # -- combining --------------------------------------------------------------------------------------------------

    def flat(self, v: V, depth: int = 0) -> V:
        """A value as data: containers become the join of what they hold."""
        obj = v.obj
        if obj is None:
            return v
        if isinstance(obj, Table):
            held = obj.content
            if held.obj is not None and depth < 3:
                held = self.flat(held, depth + 1)
            if obj.keyed:
                held = held.but(
                    obj=None,
                    flags=held.flags | {"counts"},
                    snap=merge_sets(self.prior(held), obj.history),
                    py=NO,
                    lin=None,
                )
            if not v.deps and not v.flags and not v.sites:
                return held.but(obj=None) if held.obj is not None else held
            return self.mix((v.but(obj=None), held))
        if depth >= 4 or isinstance(obj, Function | Class | Instance | Bound | Range):
            return v.but(obj=None, py=NO)
        if isinstance(obj, Sequence_):
            inner = obj.items if obj.items is not None else [obj.rest]
        elif isinstance(obj, Mapping_):
            inner = list(obj.items.values())
            if obj.rest is not None:
                inner.append(obj.rest)
            if obj.table is not None:
                inner.append(obj.table.content)
        elif isinstance(obj, Buffer):
            inner = [obj.content]
        elif isinstance(obj, Alternatives):
            inner = list(obj.options)
        else:
            return v.but(obj=None)
        own = v.but(obj=None, py=NO)
        mixed = self.mix([own, *(self.flat(item, depth + 1) for item in inner[:64])], keep_alias=True)
        return self.chosen(v, mixed) if v.deps and mixed.taint else mixed

    def mix(self, values: Iterable[V], *, raw: bool = True, keep_alias: bool = False) -> V:
        """What an operation on several values derives from."""
        deps = refs = taint = nll = look = sites = flags = EMPTY
        snap: frozenset[int] | None = EMPTY
        alias = False
        empty = True
        for v in values:
            if v.obj is not None:
                v = self.flat(v)  # noqa: PLW2901
            if v.deps:
                deps = merge_sets(deps, v.deps)
                empty = False
            if v.flags:
                flags = merge_sets(flags, v.flags)
                empty = False
            if v.taint:
                taint = merge_sets(taint, v.taint)
                empty = False
                if v.raw:
                    refs = merge_sets(refs, v.raw)
            if v.nll:
                nll = merge_sets(nll, v.nll)
            if v.look:
                look = merge_sets(look, v.look)
                empty = False
            if v.sites:
                sites = merge_sets(sites, v.sites)
                empty = False
            if v.snap is None:
                alias = True
                snap = merge_sets(snap, self.prior(v))  # type: ignore[arg-type]
            elif v.snap:
                snap = merge_sets(snap, v.snap)  # type: ignore[arg-type]
                empty = False
        if empty and not nll:
            return UNKNOWN
        if len(nll) > _MAX_ATOMS:
            nll = frozenset(sorted(nll, key=lambda a: (-len(a.priors), a.line, a.file))[:_MAX_ATOMS])
        if keep_alias and alias:
            snap = None
        if flags and (taint or sites):
            flags = told(flags)
        return V(
            deps=deps,
            raw=shrink_refs(refs) if raw else EMPTY,
            taint=shrink_refs(taint),
            nll=nll,
            look=look,
            sites=sites,
            snap=snap,
            flags=flags,
        )

    def join(self, a: V | None, b: V | None) -> V:
        """One value or the other."""
        if a is b or b is None:
            return a or UNKNOWN
        if a is None:
            return b
        if a.obj is None and b.obj is None and a.py is not NO and b.py is not NO:
            if type(a.py) is type(b.py) and a.py == b.py:
                return a.but(flags=merge_sets(a.flags, b.flags), deps=merge_sets(a.deps, b.deps))
        if a.obj is not None or b.obj is not None:
            return self._join_objects(a, b)
        if a.plain and b.plain:
            return UNKNOWN
        mixed = self.mix((a, b), keep_alias=True)
        return mixed.but(txt=a.txt) if a.txt and not b.txt else mixed

    def _join_objects(self, a: V, b: V) -> V:
        if a.obj is b.obj:
            return a
        if a.obj is None or b.obj is None:
            has, other = (a, b) if a.obj is not None else (b, a)
            if not (other.taint or other.sites or other.nll or other.look):
                return has.but(deps=merge_sets(has.deps, other.deps)) if other.deps else has
            if isinstance(has.obj, Table):
                has.obj.content = self.join(has.obj.content, other)
                return has
            return self.mix((a, b), keep_alias=True)
        x, y = a.obj, b.obj
        if isinstance(x, Sequence_) and isinstance(y, Sequence_):
            if x.items is not None and y.items is not None and len(x.items) == len(y.items):
                items = [self.join(i, j) for i, j in zip(x.items, y.items, strict=True)]
                return a.but(obj=Sequence_(items, frozen=x.frozen))
            return a.but(obj=Sequence_(None, self.join(self.element(a), self.element(b)), frozen=x.frozen))
        if isinstance(x, Mapping_) and isinstance(y, Mapping_):
            items_ = {k: self.join(x.items.get(k), y.items.get(k)) for k in {**x.items, **y.items}}
            rest = self.join(x.rest, y.rest) if x.rest is not None or y.rest is not None else None
            return a.but(obj=Mapping_(items_, rest, x.table or y.table))
        if isinstance(x, Table) and isinstance(y, Table):
            return a.but(obj=Alternatives((a, b)))
        options = (
            *(x.options if isinstance(x, Alternatives) else (a,)),
            *(y.options if isinstance(y, Alternatives) else (b,)),
        )
        unique: list[V] = []
        for option in options:
            if all(option.obj is not u.obj for u in unique):
                unique.append(option)
        if len(unique) == 1:
            return unique[0]
        base = self.mix((a.but(obj=None), b.but(obj=None)), keep_alias=True)
        return base.but(obj=Alternatives(tuple(unique[:6])))

    def element(self, v: V) -> V:
        """Any one element of a container."""
        obj = v.obj
        if isinstance(obj, Sequence_):
            if obj.items is None:
                return self.chosen(v, obj.rest)
            out: V | None = None
            for item in obj.items:
                out = self.join(out, item)
            return self.chosen(v, out or UNKNOWN)
        if isinstance(obj, Mapping_):
            return UNKNOWN
        return self.flat(v)

    # -- numbers ----------------------------------------------------------------------------------------------------

    @staticmethod
    def number(v: V) -> Any:
        """The value as a linear expression; the same value gives the same one again."""
        if v.lin is None:
            v.lin = fresh()
        return v.lin

    def select(self, v: V, loop: int) -> V:
        """The part of `v` that one turn of a loop takes."""
        obj = v.obj
        if obj is not None and not isinstance(obj, Table | Buffer):
            return v.but(deps=v.deps | {loop})
        if isinstance(obj, Table) and (obj.keyed or not obj.content.taint or "counts" in obj.content.flags):
            return v.but(deps=v.deps | {loop})
        v = self.flat(v)
        mark = frozenset((loop,))
        return v.but(
            py=NO,
            lin=None,
            deps=v.deps | mark,
            raw=self.moved(v.raw, mark, None),
            taint=self.moved(v.taint, mark, None),
        )

    def moved(
        self, refs: frozenset[Ref], deps: frozenset[int], start: Lin | None, *, blur: bool = False
    ) -> frozenset[Ref]:
        """References after slicing: selected by more loops, starting further on (or who knows where)."""
        if not refs:
            return refs
        now = {i: turn for kind, i, turn in self.frames if kind == "loop"}
        out = []
        for r in refs:
            begin = fresh() if blur else r.start
            if start is not None and begin is not None:
                begin = begin.plus(start)
            new = deps - r.loops
            turns = r.turns | {(i, now[i]) for i in new if i in now} if new else r.turns
            out.append(Ref(r.split, merge_sets(r.loops, deps), begin, turns))
        return frozenset(out)

    def chosen(self, container: V, element: V) -> V:
        """An element of a container that was itself chosen by the turn of some loops."""
        if not container.deps or container.deps <= element.deps:
            return element
        for loop in container.deps:
            element = self.select(element, loop)
        return element

    def guarding(self) -> frozenset[int]:
        """The loops whose turn decides whether this place is reached."""
        out: frozenset[int] = EMPTY
        for kind, branch, _ in self.frames:
            if kind == "if":
                out = merge_sets(out, self.branch_deps.get(branch, EMPTY))
        return out

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


@lru_cache(maxsize=8192)
def told(flags: frozenset[str]) -> frozenset[str]:
    """The marks that data keep: not which settings had a part in it."""
    return frozenset(f for f in flags if not f.startswith("env:") and f not in ("arange", "path", "time"))


def unparse(node: ast.AST, limit: int = 90) -> str:
    """An expression's text, shortened."""
    import ast as _ast

    try:
        text = _ast.unparse(node)
    except (RecursionError, ValueError):
        return "…"
    text = " ".join(text.split())
    return text if len(text) <= limit else text[: limit - 1] + "…"
