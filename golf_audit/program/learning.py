"""How states learn: parameters written by hand, tables filled, bytes saved."""

from __future__ import annotations

from golf_audit.events import (
    Reset,
    Save,
    Update,
)
from golf_audit.program.access import describe_refs
from golf_audit.program.expressions import Expressions
from golf_audit.program.objects import (
    Buffer,
    Table,
)
from golf_audit.program.values import (
    EMPTY,
    UNKNOWN,
    Ref,
    V,
    merge_sets,
)


class Learning(Expressions):
    """Records what changes a state."""

    def insert(self, table: Table, key: V, v: V) -> None:
        """Write into a table at a key made of tokens: the table learns them; within one forward pass it is an activation."""
        if self.inside_model and table.id > self.model_since:
            table.content = self.mix((table.content, key.but(raw=EMPTY), self.flat(v)))
            return
        table.keyed = True
        refs = merge_sets(key.raw or key.taint, self.flat(v).raw)
        if refs:
            update = Update(id=self.new_id(), kind="table", table=table.id, refs=refs, **self.where())
            self.updates[update.id] = update
            table.history = table.history | {update.id}
            if any(r.split == "val" for r in refs):
                self.emit(update, f"table learns {describe_refs(refs)}")
        if v.obj is not None and not isinstance(v.obj, Table):
            held = v.but(nll=EMPTY, look=EMPTY)
        elif v.plain:
            return
        else:
            held = self.flat(v).but(nll=EMPTY, look=EMPTY)
        table.content = self.join(table.content, held) if table.content is not UNKNOWN else held

    def write(self, owner: V, v: V, *, whole: bool = False) -> None:
        """A parameter is written by hand: learned, restored, or cleared."""
        data = self.flat(v)
        if "grad" in data.flags or data.taint or data.nll:
            self._learn_by_hand(owner.sites, data)
            return
        if data.sites:
            snap = self.prior(data)
            for site in owner.sites:
                self.history[site] = snap if whole else merge_sets(self.history.get(site, EMPTY), snap)
            return
        self.clear(owner, whole=whole or "whole" in owner.flags)

    def _learn_by_hand(self, sites: frozenset[int], data: V) -> None:
        """A state changes by a gradient or a loss (it learns), or by activations alone (it is calibrated)."""
        if not data.taint:
            return
        kind = "write" if "grad" in data.flags or data.nll else "statistics"
        update = Update(id=self.new_id(), kind=kind, sites=sites, refs=data.taint, atoms=data.nll, **self.where())
        self.learn(sites, update, f"state written from {describe_refs(data.taint)}")

    def clear(self, owner: V, *, whole: bool) -> None:
        """A parameter is filled with fresh values: enough of them, and the state is new."""
        for site in owner.sites:
            if not self.history.get(site):
                continue
            done = self.cleared.setdefault(site, set())
            done.add((self.file, self.line))
            if whole or 3 * len(done) >= len(self.leaves.get(site, ())):
                self.history[site] = EMPTY
                self.emit(Reset(sites=frozenset((site,)), **self.where()), "state starts afresh")

    def save(self, path: V, v: V) -> None:
        """Bytes go to a file or buffer."""
        data = self.flat(v)
        if isinstance(path.obj, Buffer):
            path.obj.content = self.join(path.obj.content, data) if path.obj.content is not UNKNOWN else data
            text = path.obj.path
            if not text:
                return
        else:
            text = path.txt or ""
        data = data.but(snap=self.prior(data), flags=merge_sets(data.flags, frozenset(("file",))))
        self.store[text] = self.join(self.store.get(text), data) if text in self.store and self.uncertain else data
        if data.sites or data.taint:
            event = Save(
                path_text=text, refs=beside_losses(data), sites=data.sites, priors=data.snap or EMPTY, **self.where()
            )
            self.emit(event, "saves a state" if data.sites else "saves data")


def beside_losses(data: V) -> frozenset[Ref]:
    """The tokens that data derive from other than through a loss that they hold: a metric saved beside weights is no use of them."""
    scored = {ref for atom in data.nll for ref in atom.targets}
    loops = frozenset(loop for ref in scored for loop in ref.loops)
    return frozenset(ref for ref in data.taint if not (ref.loops & loops) and ref not in scored)
