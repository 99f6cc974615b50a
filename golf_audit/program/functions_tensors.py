"""Functions of torch and numpy that rules depend on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from golf_audit.program.access import is_activation
from golf_audit.program.handlers import Args, Kwargs
from golf_audit.program.machine import Site
from golf_audit.program.objects import (
    DictLike,
    Instance,
    Leaf,
    ListLike,
    Optimizer,
    Table,
)
from golf_audit.program.operators import mask_slices, with_sel
from golf_audit.program.values import (
    EMPTY,
    UNKNOWN,
    Lin,
    V,
    merge_sets,
)

if TYPE_CHECKING:
    from golf_audit.program.library import Library


def _arange(self: Library, name: str, args: Args, kwargs: Kwargs) -> V:
    del name, kwargs
    deps: frozenset[int] = EMPTY
    for a in args:
        deps = merge_sets(deps, a.deps)
    lin = self.number(args[0]) if len(args) > 1 else Lin()
    return V(lin=lin, deps=deps, flags=frozenset(("arange",)))


def _where(self: Library, name: str, args: Args, kwargs: Kwargs) -> V:
    del name, kwargs
    if len(args) < 3:
        return self.mix(args).but(raw=EMPTY)
    test, a, b = (self.flat(x) for x in args[:3])
    if "loss-order" in test.flags:
        self.oracle(test.but(flags=test.flags - {"reduced"}), a, b)
    sel = mask_slices(args[0])
    mixed = self.mix((test.but(raw=EMPTY, look=EMPTY, nll=EMPTY), a, b))
    if mixed.look and self.told(test):
        mixed = mixed.but(flags=mixed.flags | {"told-weight"})
    if sel and (a.nll or b.nll):
        mixed = mixed.but(nll=frozenset(with_sel(x, s) for x in mixed.nll for s in sel))
    return mixed


def make_parameter(self: Library, name: str, args: Args, kwargs: Kwargs) -> V:
    """A tensor that learns."""
    del name, kwargs
    old = self.flat(args[0]) if args else UNKNOWN
    if old.sites and old.snap is None:
        return old
    shared = bool(args) and isinstance(args[0].obj, Table) and args[0].obj.shared
    site = self.new_site(leaf=True, shared=shared)
    return V(sites=frozenset((site,)), snap=None, flags=old.flags - {"file"})


def _bincount(self: Library, name: str, args: Args, kwargs: Kwargs) -> V:
    del name, kwargs
    v = self.new_table()
    data = self.flat(args[0]) if args else UNKNOWN
    if data.raw:
        self.insert(v.obj, data, UNKNOWN)
        v.obj.content = data.but(raw=EMPTY)
    return v


def gather(self: Library, name: str, args: Args, kwargs: Kwargs) -> V:
    """Entries picked by index: the likelihood of the realised tokens where they index a model's output."""
    del name
    values = [self.flat(a) for a in (*args, *kwargs.values())]
    index = next((v for v in values[1:] if v.raw), None)
    if not values:
        return UNKNOWN
    if index is not None and is_activation(values[0]):
        return self.likelihood(values[0], index)
    if args and isinstance(args[0].obj, Table) and index is not None and args[0].obj.keyed:
        return self.query(args[0].obj, index)
    return self.mix([values[0], *(v.but(raw=EMPTY) for v in values[1:])])


def _stacked(self: Library, name: str, args: Args, kwargs: Kwargs) -> V:
    """Values side by side: losses of the realised tokens beside what is a loss of none."""
    del name
    mixed = self.mix([*args, *kwargs.values()])
    listed = args[0].obj if args else None
    if not mixed.nll or not isinstance(listed, ListLike) or listed.items is None:
        return mixed
    parts = [self.flat(item) for item in listed.items]
    odd = any(v.sites and v.taint and not (v.nll or v.look or v.raw) for v in parts)
    return mixed.but(flags=mixed.flags | {"odd-expert"}) if odd else mixed


def _autograd_grad(self: Library, name: str, args: Args, kwargs: Kwargs) -> V:
    del name
    loss = self.flat(args[0]) if args else UNKNOWN
    over = self.flat(args[1]) if len(args) > 1 else self.flat(kwargs.get("inputs", UNKNOWN))
    del over
    return V(taint=loss.taint, nll=loss.nll, flags=frozenset(("grad",)))


def _collect(self: Library, name: str, args: Args, kwargs: Kwargs) -> V:
    """`all_gather(out, x)`: what x is lies in out."""
    del name
    values = [*args, *kwargs.values()]
    if len(values) < 2:
        return UNKNOWN
    out, given = values[0], values[1]
    if isinstance(out.obj, ListLike):
        out.obj.items, out.obj.rest = None, given
    elif isinstance(out.obj, Table):
        out.obj.content = self.mix((out.obj.content, given))
    return V(None)


def _deepcopy(self: Library, name: str, args: Args, kwargs: Kwargs) -> V:
    del name, kwargs
    return copy_of(self, args[0]) if args else UNKNOWN


def copy_of(self: Library, v: V) -> V:
    """A copy that learns on its own."""
    obj = v.obj
    if isinstance(obj, Instance) and obj.site:
        mapping: dict[int, int] = {}
        for site in v.sites | {obj.site}:
            new = self.new_id()
            mapping[site] = new
            self.history[new] = self.history.get(site, EMPTY)
            self.sites[new] = Site(self.location(), self.context())
            self.leaves[new] = set(self.leaves.get(site, ()))
        return _clone(v, mapping, {})
    if isinstance(obj, ListLike | DictLike | Optimizer | Instance):
        if isinstance(obj, DictLike):
            return V(
                obj=DictLike(
                    {k: copy_of(self, x) for k, x in obj.items.items()},
                    copy_of(self, obj.rest) if obj.rest else None,
                    obj.table,
                )
            )
        return v
    if isinstance(obj, Table):
        twin = self.new_table(obj.content)
        twin.obj.history, twin.obj.keyed, twin.obj.sel = obj.history, obj.keyed, obj.sel
        return twin
    return v.but(snap=self.prior(v)) if v.sites else v


def _clone(v: V, mapping: dict[int, int], seen: dict[int, Any]) -> V:
    sites = frozenset(mapping.get(s, s) for s in v.sites)
    obj = v.obj
    if isinstance(obj, Instance):
        if id(obj) in seen:
            return v.but(obj=seen[id(obj)], sites=sites)
        new = Instance(obj.cls, {}, mapping.get(obj.site, obj.site))
        seen[id(obj)] = new
        new.attrs = {k: _clone(x, mapping, seen) for k, x in obj.attrs.items()}
        return v.but(obj=new, sites=sites)
    if isinstance(obj, Leaf):
        return v.but(obj=Leaf(obj.name, mapping.get(obj.site, obj.site)), sites=sites)
    if isinstance(obj, ListLike):
        items = [_clone(x, mapping, seen) for x in obj.items] if obj.items is not None else None
        return v.but(obj=ListLike(items, _clone(obj.rest, mapping, seen), obj.frozen), sites=sites)
    if isinstance(obj, DictLike):
        rest = _clone(obj.rest, mapping, seen) if obj.rest is not None else None
        return v.but(
            obj=DictLike({k: _clone(x, mapping, seen) for k, x in obj.items.items()}, rest, obj.table), sites=sites
        )
    return v.but(sites=sites)
