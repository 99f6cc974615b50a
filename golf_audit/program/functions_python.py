"""What Python's own functions do to origins."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from golf_audit.events import (
    Choose,
)
from golf_audit.program.handlers import Args, Handler, Kwargs
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
from golf_audit.program.operators import different
from golf_audit.program.values import (
    EMPTY,
    HOLE,
    NO,
    TRUE,
    UNKNOWN,
    V,
    const,
    fresh,
)

if TYPE_CHECKING:
    from golf_audit.program.library import Library


_SMALLER: Final = frozenset(("min", "torch.minimum", "numpy.minimum", "torch.fmin", "numpy.fmin"))
"""A maximum of log-probabilities is left out: it steadies nearly every sum of exponentials."""


def _environ_get(self: Library, name: str, args: Args, kwargs: Kwargs) -> V:
    del name
    default = args[1] if len(args) > 1 else kwargs.get("default", V(None))
    return self.environment(args[0] if args else UNKNOWN, default)


def _range(self: Library, name: str, args: Args, kwargs: Kwargs) -> V:
    del name, kwargs
    zero, one = const(0), const(1)
    start, stop, step = (
        (zero, args[0], one)
        if len(args) == 1
        else (args[0], args[1], args[2] if len(args) > 2 else one)
        if args
        else (zero, UNKNOWN, one)
    )
    return V(obj=Range(start, stop, step))


def _number(kind: Callable[[Any], Any]) -> Handler:
    def handler(self: Library, name: str, args: Args, kwargs: Kwargs) -> V:
        del name, kwargs
        if not args:
            return const(kind())  # type: ignore[call-arg]
        v = args[0]
        if v.py is not NO:
            try:
                value = kind(v.py)
            except (TypeError, ValueError, OverflowError):
                return UNKNOWN
            out = const(value)
            return V(out.py, lin=out.lin, txt=out.txt, flags=v.flags, deps=v.deps) if v.flags or v.deps else out
        data = self.flat(v)
        if kind is bool:
            truth = self.truth(v)
            return const(truth).but(flags=data.flags) if truth is not None else data.but(raw=EMPTY, obj=None)
        if kind is str:
            return data.but(raw=EMPTY) if data.txt is not None else data.but(raw=EMPTY, txt=HOLE, lin=None)
        return data.but(obj=None) if data.obj is not None else data

    return handler


def _len(self: Library, name: str, args: Args, kwargs: Kwargs) -> V:
    del name, kwargs
    v = args[0] if args else UNKNOWN
    if isinstance(v.obj, ListLike) and v.obj.items is not None:
        return const(len(v.obj.items))
    if isinstance(v.py, str | bytes | list | tuple | dict):
        return const(len(v.py))
    if isinstance(v.obj, Instance):
        own = v.obj.cls.find("__len__")
        if own is not None:
            return self.call(V(obj=Bound(own.obj, [v])), [], {})
    if v.txt is not None or "piece" in v.flags:
        return V(flags=frozenset(("bytes",)) if "piece" in v.flags else EMPTY)
    return V(deps=v.deps) if v.deps else UNKNOWN


def _extreme(self: Library, name: str, args: Args, kwargs: Kwargs) -> V:
    values = args
    if len(args) == 1 and isinstance(args[0].obj, ListLike):
        values = args[0].obj.items if args[0].obj.items is not None else [args[0].obj.rest]
    if values and all(v.py is not NO for v in values):
        try:
            out = (min if name.endswith("min") else max)(v.py for v in values)
        except TypeError:
            return UNKNOWN
        mixed = self.mix(values)
        return const(out).but(flags=mixed.flags, deps=mixed.deps)
    mixed = self.mix([*values, *kwargs.values()])
    losing = different([v for v in values if v.nll and not v.flags & {"reduced", "batch-mean"}])
    if name in _SMALLER and len(losing) > 1:
        keep_smaller(self, losing)
    lins = [v for v in values if v.lin is not None]
    if len(lins) == 1 and not mixed.taint:
        return mixed.but(lin=fresh())
    return mixed


def keep_smaller(self: Library, losing: Args) -> None:
    """Note that the smaller of several losses is kept."""
    mixed = self.mix(losing)
    scored = frozenset(a for a in mixed.nll if any(r.split == "val" for r in a.targets))
    if scored:
        self.emit(Choose(atoms=scored, lookups=mixed.look, **self.where()), "keeps the smaller loss")


def _print(self: Library, name: str, args: Args, kwargs: Kwargs) -> V:
    del name
    del kwargs
    self.tell(args, {})
    return V(None)


def _report_call(self: Library, name: str, args: Args, kwargs: Kwargs) -> V:
    self.tell(args, kwargs, "" if name.startswith("logging") else name)
    return V(None)


def _dump(self: Library, name: str, args: Args, kwargs: Kwargs) -> V:
    del kwargs
    if args:
        data = self.flat(args[0])
        self.tell([data.but(txt=name)], {})
    return self.mix(args[:1]).but(raw=EMPTY, txt=HOLE)


def _iterating(kind: str) -> Handler:
    def handler(self: Library, name: str, args: Args, kwargs: Kwargs) -> V:
        del name, kwargs
        return V(obj=Iterating(args, kind))

    return handler


def map_over(self: Library, name: str, args: Args, kwargs: Kwargs) -> V:
    """`map(f, xs)`: f on each known element, or on any."""
    del name, kwargs
    if len(args) < 2:
        return UNKNOWN
    turns, alike = self.turns(args[1], self.new_id())
    out = [self.call(args[0], [t], {}) for t in (turns if alike else turns[-1:])]
    if alike:
        return V(obj=ListLike(out))
    return V(obj=ListLike(None, out[0] if out else UNKNOWN))


def _container(frozen: bool) -> Handler:
    def handler(self: Library, name: str, args: Args, kwargs: Kwargs) -> V:
        del name, kwargs
        if not args:
            return V(obj=ListLike([], frozen=frozen))
        if isinstance(args[0].obj, ListLike):
            s = args[0].obj
            return args[0].but(obj=ListLike(list(s.items) if s.items is not None else None, s.rest, frozen))
        turns, alike = self.turns(args[0], self.new_id())
        if alike:
            return V(obj=ListLike(list(turns), frozen=frozen))
        return V(obj=ListLike(None, turns[-1] if turns else UNKNOWN, frozen))

    return handler


def _dict_(self: Library, name: str, args: Args, kwargs: Kwargs) -> V:
    del name
    mapping = DictLike(dict(kwargs))
    if args and isinstance(args[0].obj, DictLike):
        mapping.items.update(args[0].obj.items)
        mapping.rest, mapping.table = args[0].obj.rest, args[0].obj.table
    elif args and not isinstance(args[0].obj, External | Function | Class):
        element = self.element(args[0])
        if isinstance(element.obj, ListLike) and element.obj.items and len(element.obj.items) == 2:
            mapping.rest = element.obj.items[1]
    return V(obj=mapping)


def _defaultdict(self: Library, name: str, args: Args, kwargs: Kwargs) -> V:
    del name, kwargs
    mapping = DictLike()
    if args and args[0].py is not None:
        mapping.rest = self.call(args[0], [], {})
    return V(obj=mapping)


def _counter(self: Library, name: str, args: Args, kwargs: Kwargs) -> V:
    del name, kwargs
    mapping = DictLike()
    data = self.flat(args[0]) if args else UNKNOWN
    if data.raw:
        self.insert(self._mapping_table(mapping), data, UNKNOWN)
    return V(obj=mapping)


def _next(self: Library, name: str, args: Args, kwargs: Kwargs) -> V:
    del name, kwargs
    if not args:
        return UNKNOWN
    v = args[0]
    if isinstance(v.obj, Instance):
        own = v.obj.cls.find("__next__")
        if own is not None:
            return self.call(V(obj=Bound(own.obj, [v])), [], {})
    turns, _ = self.turns(v, self.new_id()) if v.obj is not None else ([self.flat(v)], False)
    out = turns[0] if turns else UNKNOWN
    if out.obj is not None and not isinstance(out.obj, ListLike | Table):
        return out
    for loop in self.loops():
        out = self.select(out, loop) if (out.taint or out.obj is not None) else out
    return out


def _constant(value: Any) -> Handler:
    def handler(self: Library, name: str, args: Args, kwargs: Kwargs) -> V:
        del self, name, args, kwargs
        return const(value)

    return handler


def _true(self: Library, name: str, args: Args, kwargs: Kwargs) -> V:
    del self, name, args, kwargs
    return TRUE
