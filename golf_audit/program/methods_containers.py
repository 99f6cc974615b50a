"""Methods of lists and mappings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from golf_audit.program.handlers import Args, Kwargs
from golf_audit.program.objects import (
    DictLike,
    External,
    Instance,
    Iterating,
    ListLike,
)
from golf_audit.program.values import (
    HOLE,
    NO,
    UNKNOWN,
    V,
)

if TYPE_CHECKING:
    from golf_audit.program.library import Library


def _m_append(self: Library, v: V, args: Args, kwargs: Kwargs) -> V | None:
    del kwargs
    obj = v.obj
    if not isinstance(obj, ListLike) or not args:
        return None
    new = args[-1]
    chosen = self.guarding()
    if chosen:
        new = self.chosen(V(deps=chosen), new)
    if obj.items is not None and not self.loops() and not self.uncertain and len(obj.items) < 64:
        obj.items.append(new)
        return V(None)
    element = self.element(v) if obj.items != [] else None
    obj.rest = self.join(element, new) if element is None or self.uncertain else self.either(element, new)
    obj.items = None
    return V(None)


def _m_extend(self: Library, v: V, args: Args, kwargs: Kwargs) -> V | None:
    if not isinstance(v.obj, ListLike) or not args:
        return None
    other = args[0].obj
    if isinstance(other, ListLike) and other.items is not None and not self.loops() and v.obj.items is not None:
        v.obj.items.extend(other.items)
        return V(None)
    return _m_append(self, v, [self.element(args[0])], kwargs)


def _m_pop(self: Library, v: V, args: Args, kwargs: Kwargs) -> V | None:
    del kwargs
    if isinstance(v.obj, DictLike):
        return self._mapping_item(v.obj, args[0] if args else UNKNOWN)
    if isinstance(v.obj, ListLike):
        return self.element(v)
    return None


def _m_items(self: Library, v: V, args: Args, kwargs: Kwargs) -> V | None:
    del args, kwargs
    if isinstance(v.obj, DictLike):
        return V(obj=Iterating([v], "items"))
    if isinstance(v.obj, External):
        return None
    row = V(obj=ListLike([V(txt=HOLE), self.flat(v)], frozen=True))
    return V(obj=ListLike(None, row)) if not isinstance(v.obj, Instance) else None


def _m_values(self: Library, v: V, args: Args, kwargs: Kwargs) -> V | None:
    del args, kwargs
    if isinstance(v.obj, DictLike):
        return V(obj=Iterating([v], "values"), sites=self.flat(v).sites, snap=None)
    return self.flat(v) if not isinstance(v.obj, External | Instance) else None


def _m_keys(self: Library, v: V, args: Args, kwargs: Kwargs) -> V | None:
    del args, kwargs
    return v if isinstance(v.obj, DictLike) else None


def _m_get(self: Library, v: V, args: Args, kwargs: Kwargs) -> V | None:
    del kwargs
    if not isinstance(v.obj, DictLike) or not args:
        return None
    k = args[0]
    default = args[1] if len(args) > 1 else V(None)
    if k.py is not NO and k.py in v.obj.items:
        return v.obj.items[k.py]
    if k.py is not NO and v.obj.rest is None and v.obj.table is None:
        return default
    found = self.below(v, self._mapping_item(v.obj, k))
    return found if found.obj is not None or not found.plain else UNKNOWN


def _m_setdefault(self: Library, v: V, args: Args, kwargs: Kwargs) -> V | None:
    del kwargs
    if not isinstance(v.obj, DictLike) or len(args) < 2:
        return None
    k = args[0] if args[0].obj is None else self.flat(args[0]).but(py=NO)
    if k.raw:
        self.insert(self._mapping_table(v.obj), k, args[1])
        return args[1]
    if k.py is not NO and k.py not in v.obj.items:
        v.obj.items[k.py] = args[1]
    return self._mapping_item(v.obj, k)


def _m_update(self: Library, v: V, args: Args, kwargs: Kwargs) -> V | None:
    if not isinstance(v.obj, DictLike):
        return None
    v.obj.items.update(kwargs)
    if args and isinstance(args[0].obj, DictLike):
        v.obj.items.update(args[0].obj.items)
        if args[0].obj.rest is not None:
            v.obj.rest = self.join(v.obj.rest, args[0].obj.rest)
    elif args:
        data = self.flat(args[0])
        if data.raw:
            self.insert(self._mapping_table(v.obj), data, UNKNOWN)
        elif not data.plain:
            v.obj.rest = self.join(v.obj.rest, data)
    return V(None)
