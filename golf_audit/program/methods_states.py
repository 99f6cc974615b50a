"""Methods of models and optimizers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from golf_audit.events import (
    Load,
    Update,
)
from golf_audit.program.access import describe_refs
from golf_audit.program.handlers import Args, Kwargs
from golf_audit.program.objects import (
    DictLike,
    External,
    Function,
    Instance,
    Leaf,
    ListLike,
    Optimizer,
    Table,
)
from golf_audit.program.values import (
    EMPTY,
    HOLE,
    UNKNOWN,
    Ref,
    V,
    merge_sets,
)

if TYPE_CHECKING:
    from golf_audit.program.library import Library


def _m_backward(self: Library, v: V, args: Args, kwargs: Kwargs) -> V | None:
    del kwargs
    data = self.flat(v)
    if args and not data.taint:
        return None
    if data.taint and data.sites:
        for site in data.sites:
            refs, atoms = self.pending.get(site, (EMPTY, EMPTY))
            self.pending[site] = (merge_sets(refs, data.taint), merge_sets(atoms, data.nll))
    return V(None)


def _m_step(self: Library, v: V, args: Args, kwargs: Kwargs) -> V | None:
    optimizer = (
        v.obj if isinstance(v.obj, Optimizer) else next((a.obj for a in args if isinstance(a.obj, Optimizer)), None)
    )
    if optimizer is None:
        return None
    for a in args:
        if isinstance(a.obj, Function) and isinstance(v.obj, Optimizer):
            self.call(a, [], {})
    step(self, optimizer)
    return V(None)


def step(self: Library, optimizer: Optimizer) -> None:
    """An optimizer's step: its states learn the tokens whose gradients are pending."""
    refs: frozenset[Ref] = EMPTY
    atoms: frozenset[Any] = EMPTY
    touched: set[int] = set()
    for site in optimizer.sites:
        if site in self.pending:
            more, losses = self.pending[site]
            for loss in losses:
                refs = merge_sets(refs, loss.targets)
            refs, atoms = refs if losses else merge_sets(refs, more), merge_sets(atoms, losses)
            touched.add(site)
    if not refs:
        return
    update = Update(id=self.new_id(), kind="step", sites=frozenset(touched), refs=refs, atoms=atoms, **self.where())
    self.learn(frozenset(touched), update, f"step on {describe_refs(refs)}")


def _m_zero_grad(self: Library, v: V, args: Args, kwargs: Kwargs) -> V | None:
    del args, kwargs
    sites = v.obj.sites if isinstance(v.obj, Optimizer) else v.sites
    for site in sites:
        self.pending.pop(site, None)
    return V(None)


def _m_parameters(self: Library, v: V, args: Args, kwargs: Kwargs) -> V | None:
    del args, kwargs
    p = V(sites=self.flat(v).sites, snap=None, flags=frozenset(("whole",)))
    return V(obj=ListLike(None, p), sites=p.sites, snap=None)


def _m_named(self: Library, v: V, args: Args, kwargs: Kwargs) -> V | None:
    del args, kwargs
    p = V(sites=self.flat(v).sites, snap=None, flags=frozenset(("whole",)))
    row = V(obj=ListLike([V(txt=HOLE), p], frozen=True))
    return V(obj=ListLike(None, row), sites=p.sites, snap=None)


def _m_modules(self: Library, v: V, args: Args, kwargs: Kwargs) -> V | None:
    del args, kwargs
    return V(obj=ListLike(None, V(sites=self.flat(v).sites, snap=None)))


def _m_state_dict(self: Library, v: V, args: Args, kwargs: Kwargs) -> V | None:
    del args, kwargs
    sites = v.sites or self.flat(v).sites
    return V(obj=DictLike({}, V(sites=sites, snap=None, flags=frozenset(("whole",)))))


def _m_load_state_dict(self: Library, v: V, args: Args, kwargs: Kwargs) -> V | None:
    given = args[0] if args else kwargs.get("state_dict", UNKNOWN)
    if isinstance(v.obj, Optimizer):
        return V(None)
    data = self.flat(given)
    snap = self.prior(data)
    sites = v.sites
    for site in sites:
        self.history[site] = snap if not self.uncertain else merge_sets(self.history.get(site, EMPTY), snap)
    self.emit(Load(sites=sites, refs=data.taint, **self.where()), "loads a state")
    return V(None)


def _m_train(self: Library, v: V, args: Args, kwargs: Kwargs) -> V | None:
    del self, args, kwargs
    return v if isinstance(v.obj, Instance | Leaf) or v.sites else None


def _m_requires_grad(self: Library, v: V, args: Args, kwargs: Kwargs) -> V | None:
    del kwargs
    if args and args[0].py is False:
        return v
    if v.sites and v.snap is None:
        return v
    if isinstance(v.obj, Instance | Leaf | ListLike):
        return v
    site = self.new_site(shared=isinstance(v.obj, Table) and v.obj.shared)
    return V(sites=frozenset((site,)), snap=None)


def _m_append_hook(self: Library, v: V, args: Args, kwargs: Kwargs) -> V | None:
    del kwargs
    for site in self.flat(v).sites | v.sites:
        self.hooks.setdefault(site, []).extend(a for a in args[:1] if not isinstance(a.obj, External))
    return V(flags=frozenset(("hook",)), sites=EMPTY)


def _m_remove(self: Library, v: V, args: Args, kwargs: Kwargs) -> V | None:
    del args, kwargs
    if "hook" in v.flags:
        self.hooks.clear()
        return V(None)
    return None


def scale_loss(self: Library, v: V, args: Args, kwargs: Kwargs) -> V | None:
    """`scaler.scale(loss)` is the loss."""
    del v, kwargs
    return args[0] if args and (args[0].nll or args[0].sites) else None
