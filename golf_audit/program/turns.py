"""What a loop draws from its source: known elements one by one, or two turns that stand for all."""

from __future__ import annotations

from typing import Final

from golf_audit.program.assignments import Assignments
from golf_audit.program.objects import (
    Bound,
    Class,
    DictLike,
    External,
    Function,
    Instance,
    Iterating,
    ListLike,
    Range,
    Table,
)
from golf_audit.program.values import (
    NO,
    UNKNOWN,
    Lin,
    V,
    const,
    fresh,
    merge_sets,
)

_FEW: Final = 8


class Turns(Assignments):
    """Turns sources into elements."""

    def turns(self, source: V, loop: int) -> tuple[list[V], bool]:
        """The elements to turn a loop with, and whether they are all known one by one."""
        obj = source.obj
        if isinstance(obj, Range):
            return self._range_turns(obj, loop)
        if isinstance(obj, ListLike):
            if obj.items is not None and len(obj.items) <= _FEW:
                return [self._turned(self.chosen(source, i), loop) for i in obj.items], True
            element = self.select(self.element(source), loop)
            return [element, element], False
        if isinstance(obj, Iterating):
            return self._iterating_turns(obj, loop)
        if isinstance(obj, DictLike):
            keys = list(obj.items)
            if obj.rest is None and obj.table is None and len(keys) <= _FEW:
                return [const(k) for k in keys], True
            element = V(deps=frozenset((loop,)))
            return [element, element], False
        if isinstance(obj, Instance):
            return self._instance_turns(source, obj, loop)
        if isinstance(obj, Function | Class | Bound | External):
            element = V(deps=frozenset((loop,)))
            return [element, element], False
        if source.py is not NO and isinstance(source.py, str | tuple | list | dict | range):
            values = list(source.py)
            if len(values) <= _FEW:
                return [const(v) for v in values], True
            return [V(deps=frozenset((loop,)))] * 2, False
        element = self.select(self.flat(source), loop)
        if isinstance(source.obj, Table) and source.obj.keyed:
            element = element.but(raw=element.raw)
        return [element, element], False

    def _turned(self, v: V, loop: int) -> V:
        if v.obj is None and v.taint:
            return self.select(v, loop)
        return v

    def _instance_turns(self, source: V, obj: Instance, loop: int) -> tuple[list[V], bool]:
        maker = obj.cls.find("__iter__")
        if maker is not None:
            made = self.call(V(obj=Bound(maker.obj, [source])), [], {})
            if not (isinstance(made.obj, Instance) and made.obj is obj):
                return self.turns(made, loop)
            advance = obj.cls.find("__next__")
            if advance is not None:
                element = self.select(self.call(V(obj=Bound(advance.obj, [source])), [], {}), loop)
                return [element, element], False
        if source.sites:
            return [source.but(obj=None), source.but(obj=None)], False
        return [V(deps=frozenset((loop,)))] * 2, False

    def _range_turns(self, obj: Range, loop: int) -> tuple[list[V], bool]:
        mark = frozenset((loop,))
        known = all(type(b.py) is int for b in (obj.start, obj.stop, obj.step)) and obj.step.py != 0
        if known:
            values = range(obj.start.py, obj.stop.py, obj.step.py)
            if not values:
                return [], True
            first = V(values[0], lin=Lin(values[0]), deps=mark)
            if len(values) == 1:
                return [V(values[0], lin=Lin(values[0]))], True
            if len(values) == 2:
                return [first, V(values[1], lin=Lin(values[1]), deps=mark)], False
            symbol = fresh()
            self.bounds[symbol.terms[0][0]] = (min(values[1], values[-1]), max(values[1], values[-1]))
            return [first, V(lin=symbol, deps=mark)], False
        out = []
        deps = merge_sets(merge_sets(obj.start.deps, obj.stop.deps), mark)
        for turn in (1, 2):
            symbol = fresh()
            low = obj.start.py if type(obj.start.py) is int else None
            if low is not None and turn == 2 and type(obj.step.py) is int:
                low += obj.step.py
            self.bounds[symbol.terms[0][0]] = (low, None)
            out.append(V(lin=symbol, deps=deps))
        return out, False

    def _iterating_turns(self, obj: Iterating, loop: int) -> tuple[list[V], bool]:
        columns = [self.turns(s, loop) for s in obj.sources]
        if obj.kind == "items":
            return self._item_turns(obj.sources[0], loop)
        if obj.kind == "values":
            out = self._values_of(obj.sources[0])
            if out is not None and len(out) <= _FEW:
                return out, True
            v = self.select(self.flat_values(obj.sources[0]), loop)
            return [v, v], False
        if obj.kind == "stream":
            return columns[0]
        if any(not rows for rows, _ in columns):
            return [], True
        count = min(len(rows) for rows, _ in columns)
        alike = all(known for _, known in columns)
        turns = []
        for i in range(count):
            row = [rows[i] for rows, _ in columns]
            if obj.kind == "enumerate":
                first = i == 0 and not alike
                number = (
                    const(i) if alike else V(0 if first else NO, lin=Lin(0) if first else None, deps=frozenset((loop,)))
                )
                if not alike and not first:
                    symbol = fresh()
                    self.bounds[symbol.terms[0][0]] = (1, None)
                    number = V(lin=symbol, deps=frozenset((loop,)))
                row = [number, *row]
            turns.append(V(obj=ListLike(row, frozen=True)))
        return turns, alike

    def _item_turns(self, source: V, loop: int) -> tuple[list[V], bool]:
        obj = source.obj
        if isinstance(obj, DictLike) and obj.rest is None and obj.table is None and len(obj.items) <= _FEW:
            return [V(obj=ListLike([const(k), v], frozen=True)) for k, v in obj.items.items()], True
        value = self.flat_values(source)
        if value.obj is None and value.taint:
            value = self.select(value, loop)
        row = V(obj=ListLike([V(deps=frozenset((loop,))), value], frozen=True))
        return [row, row], False

    def _values_of(self, source: V) -> list[V] | None:
        obj = source.obj
        if isinstance(obj, DictLike) and obj.rest is None and obj.table is None:
            return list(obj.items.values())
        return None

    def flat_values(self, source: V) -> V:
        """Any value of a mapping."""
        obj = source.obj
        if isinstance(obj, DictLike):
            out = obj.rest
            for item in list(obj.items.values())[:_FEW]:
                out = self.join(out, item)
            if out is None and obj.table is not None:
                out = obj.table.content
            return out or UNKNOWN
        return self.flat(source)
