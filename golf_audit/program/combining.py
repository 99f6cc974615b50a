"""How values are joined: what an operation derives from, and what a turn of a loop selects."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Final

from golf_audit.program.machine import Alternatives, Machine
from golf_audit.program.objects import (
    Bound,
    Buffer,
    Class,
    DictLike,
    Function,
    Instance,
    ListLike,
    Range,
    Table,
)
from golf_audit.program.paths import either_split
from golf_audit.program.values import (
    EMPTY,
    NO,
    UNKNOWN,
    Lin,
    Ref,
    V,
    fresh,
    merge_sets,
    shrink_refs,
)

_MAX_ATOMS: Final = 48


class Combining(Machine):
    """Combines values."""

    def prior(self, v: V) -> frozenset[int]:
        """The updates that a value's states had been through."""
        if v.snap is not None:
            return v.snap
        out: frozenset[int] = EMPTY
        for site in v.sites:
            out = merge_sets(out, self.history.get(site, EMPTY))
        return out

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
        if isinstance(obj, ListLike):
            inner = obj.items if obj.items is not None else [obj.rest]
            if obj.table is not None:
                inner = [*inner, self.flat(obj.table.content).but(snap=obj.table.history)]
        elif isinstance(obj, DictLike):
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
        for value in values:
            v = value if value.obj is None else self.flat(value)
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
        known = a.obj is None and b.obj is None and a.py is not NO and b.py is not NO
        if known and type(a.py) is type(b.py) and a.py == b.py:
            return a.but(flags=merge_sets(a.flags, b.flags), deps=merge_sets(a.deps, b.deps))
        if a.obj is not None or b.obj is not None:
            return self._join_objects(a, b)
        if a.plain and b.plain:
            return UNKNOWN
        mixed = self.mix((a, b), keep_alias=True)
        return mixed.but(txt=a.txt) if a.txt and not b.txt else mixed

    def either(self, a: V, b: V) -> V:
        """An element of one list or of another, now that they are one: shards of both splits stay shards of both."""
        if a.txt and b.txt and (text := either_split(a.txt, b.txt)):
            return self.mix((a, b)).but(txt=text)
        return self.join(a, b)

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
        if isinstance(x, ListLike) and isinstance(y, ListLike):
            if x.items is not None and y.items is not None and len(x.items) == len(y.items):
                items = [self.join(i, j) for i, j in zip(x.items, y.items, strict=True)]
                return a.but(obj=ListLike(items, frozen=x.frozen))
            return a.but(obj=ListLike(None, self.join(self.element(a), self.element(b)), frozen=x.frozen))
        if isinstance(x, DictLike) and isinstance(y, DictLike):
            items_ = {k: self.join(x.items.get(k), y.items.get(k)) for k in {**x.items, **y.items}}
            rest = self.join(x.rest, y.rest) if x.rest is not None or y.rest is not None else None
            return a.but(obj=DictLike(items_, rest, x.table or y.table))
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

    def merged(self, a: dict[str, V], b: dict[str, V]) -> dict[str, V]:
        """The variables after a branch: one side's or the other's."""
        if a is b:
            return a
        out = dict(b)
        for name, v in a.items():
            other = b.get(name)
            if other is not v:
                out[name] = v if other is None else self.join(v, other)
        return out

    def element(self, v: V) -> V:
        """Any one element of a container."""
        obj = v.obj
        if isinstance(obj, ListLike):
            if obj.items is None:
                return self.chosen(v, obj.rest)
            out: V | None = None
            for item in obj.items:
                out = self.join(out, item)
            return self.chosen(v, out or UNKNOWN)
        if isinstance(obj, DictLike):
            return UNKNOWN
        return self.flat(v)

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


@lru_cache(maxsize=8192)
def told(flags: frozenset[str]) -> frozenset[str]:
    """The marks that data keep: not which settings had a part in it."""
    return frozenset(f for f in flags if not f.startswith("env:") and f not in ("arange", "path", "time"))
