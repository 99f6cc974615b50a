"""What attributes and indices give: slices of the stream, gathers at the realised token, reads of tables."""

from __future__ import annotations

import ast
from typing import Any, Final

from golf_audit.events import (
    Score,
)
from golf_audit.program.machine import Alternatives
from golf_audit.program.objects import (
    Bound,
    Class,
    DictLike,
    External,
    Function,
    Instance,
    ListLike,
    Module,
    Optimizer,
    ParserArgs,
    Super,
    Table,
)
from golf_audit.program.operators import Operators, mask_slices, with_sel
from golf_audit.program.values import (
    EMPTY,
    NO,
    UNKNOWN,
    Atom,
    Lookup,
    Ref,
    V,
    const,
    merge_sets,
)

SHAPE_ATTRIBUTES: Final = frozenset(
    ("shape", "dtype", "device", "ndim", "size", "itemsize", "nbytes", "is_cuda", "requires_grad", "grad_fn", "strides")
)
_PICKED: Final = "picked:"


class Access(Operators):
    """Reads attributes and items."""

    def attribute(self, v: V, name: str) -> V:
        """`v.name`."""
        obj = v.obj
        if obj is None:
            return self.data_attribute(v, name)
        if isinstance(obj, External):
            return self.external_attribute(obj, name)
        if isinstance(obj, Instance):
            return self._instance_attribute(v, obj, name)
        if isinstance(obj, Class):
            found = obj.find(name)
            if found is None and name == "__name__":
                return const(obj.name)
            if found is not None and isinstance(found.obj, Function) and found.obj.kind == "class":
                return V(obj=Bound(found.obj, [v]))
            return found if found is not None else UNKNOWN
        if isinstance(obj, Module):
            return obj.scope.names.get(name, UNKNOWN)
        if isinstance(obj, ParserArgs):
            if name in obj.values:
                return obj.values[name]
            return V(obj=Bound(External(f".{name}"), [v]))
        if isinstance(obj, Super):
            return self._super_attribute(obj, name)
        if isinstance(obj, Alternatives):
            out: V | None = None
            for option in obj.options:
                out = self.join(out, self.attribute(option, name))
            return out or UNKNOWN
        if isinstance(obj, Function | Bound) and name in ("__name__", "__qualname__"):
            return UNKNOWN
        return self.data_attribute(v, name)

    def external_attribute(self, obj: External, name: str) -> V:
        """A name inside a library."""
        return V(obj=External(f"{obj.name}.{name}"))

    def data_attribute(self, v: V, name: str) -> V:
        """An attribute of data: a shape, a gradient, or a method."""
        if name in SHAPE_ATTRIBUTES:
            return V(deps=v.deps) if v.deps else UNKNOWN
        if name == "grad":
            refs: frozenset[Ref] = EMPTY
            for site in v.sites:
                refs = merge_sets(refs, self.pending.get(site, (EMPTY, EMPTY))[0])
            return V(taint=refs, flags=frozenset(("grad",)))
        if name in ("data", "T", "mT", "real", "module", "_orig_mod", "weight", "bias", "values", "indices") and (
            v.sites or v.taint or isinstance(v.obj, Table)
        ):
            return v if name not in ("values", "indices") else V(obj=Bound(External(f".{name}"), [v]))
        if name in ("name", "stem", "suffix", "parent", "parts"):
            return V(txt=v.txt, flags=v.flags)
        return V(obj=Bound(External(f".{name}"), [v]), sites=EMPTY)

    def _instance_attribute(self, v: V, obj: Instance, name: str) -> V:
        found = obj.attrs.get(name)
        if found is not None:
            if name in obj.cls.counters and found.obj is None and not found.taint:
                return V(deps=merge_sets(found.deps, self.loops()), flags=found.flags, taint=found.taint, txt=found.txt)
            return found
        attr = obj.cls.find(name)
        if attr is not None:
            function = attr.obj
            if isinstance(function, Function):
                if function.kind == "static":
                    return attr
                if function.kind == "class":
                    return V(obj=Bound(function, [V(obj=obj.cls)]))
                bound = V(obj=Bound(function, [v]))
                return self.call(bound, [], {}) if function.kind == "property" else bound
            return attr
        if name == "__class__":
            return V(obj=obj.cls)
        if name == "__dict__":
            return V(obj=DictLike(dict(obj.attrs)))
        if name in ("module", "_orig_mod"):
            return v
        if obj.cls.is_optimizer and name == "param_groups":
            return V(sites=v.sites, snap=None)
        if obj.cls.is_module and name in ("weight", "bias"):
            return V(sites=v.sites, snap=None)
        return V(obj=Bound(External(f".{name}"), [v]))

    def _super_attribute(self, obj: Super, name: str) -> V:
        for base in obj.cls.bases:
            if isinstance(base.obj, Class):
                found = base.obj.find(name)
                if found is not None and isinstance(found.obj, Function):
                    return V(obj=Bound(found.obj, [obj.receiver]))
        return V(obj=Bound(External(f"super.{name}"), [obj.receiver]))

    def item(self, v: V, index: ast.expr) -> V:
        """`v[index]`."""
        obj = v.obj
        if isinstance(obj, External):
            if obj.name == "os.environ":
                return self.call(V(obj=External("os.environ.get")), [self.eval(index), UNKNOWN], {})
            self.eval(index)
            return v
        if isinstance(obj, Function) and obj.kind == "jit":
            self.eval(index)
            return v
        if isinstance(obj, ListLike):
            return self.below(v, self._sequence_item(v, obj, index))
        if isinstance(obj, DictLike):
            return self.below(v, self._mapping_item(obj, self.eval(index)))
        if isinstance(obj, Instance):
            getter = obj.cls.find("__getitem__")
            if getter is not None:
                return self.call(V(obj=Bound(getter.obj, [v])), [self.eval(index)], {})
            self.eval(index)
            return self.flat(v)
        if isinstance(obj, Alternatives):
            out: V | None = None
            for option in obj.options:
                out = self.join(out, self.item(option, index))
            return out or UNKNOWN
        if isinstance(obj, Class | Bound | Function | Optimizer):
            self.eval(index)
            return UNKNOWN
        return self.data_item(v, index)

    def _sequence_item(self, v: V, obj: ListLike, index: ast.expr) -> V:
        if isinstance(index, ast.Slice):
            lower = self.eval(index.lower) if index.lower else None
            upper = self.eval(index.upper) if index.upper else None
            if obj.items is not None and all(b is None or type(b.py) is int for b in (lower, upper)) and not index.step:
                part = obj.items[_bounds(lower, upper)]
                return V(obj=ListLike(part, frozen=obj.frozen), deps=v.deps)
            deps = v.deps
            for bound in (lower, upper):
                if bound is not None:
                    deps = merge_sets(deps, bound.deps)
            return V(obj=ListLike(None, self.element(v), frozen=obj.frozen), deps=deps)
        k = self.eval(index)
        if obj.items is not None and type(k.py) is int and -len(obj.items) <= k.py < len(obj.items):
            return self.chosen(v, obj.items[k.py])
        element = self.element(v)
        for loop in k.deps:
            element = self.select(element, loop)
        if k.raw:
            return self.query(obj.table, k) if obj.table is not None else self._keyed(element, k)
        return element

    def _keyed(self, element: V, k: V) -> V:
        """An element found by a key of tokens."""
        if isinstance(element.obj, Table | DictLike | Instance | ListLike):
            return element
        return self.mix((element, k.but(raw=EMPTY)), keep_alias=True)

    def _mapping_item(self, obj: DictLike, k: V) -> V:
        if k.py is not NO and k.py in obj.items:
            return obj.items[k.py]
        if obj.table is not None:
            key = self.flat(k)
            if key.raw:
                return self.query(obj.table, key)
        out = obj.rest
        for item in obj.items.values():
            out = self.join(out, item)
        if out is None:
            return UNKNOWN
        for loop in k.deps:
            out = self.select(out, loop) if out.taint or out.obj is not None else out
        return out

    @staticmethod
    def below(v: V, entry: V) -> V:
        """An entry of what a table gave is itself a read of that table."""
        return entry.but(look=merge_sets(entry.look, v.look)) if v.look else entry

    def query(self, table: Table, k: V) -> V:
        """A table's entry at a key of tokens."""
        content = self.flat(table.content)
        priors = merge_sets(table.history, self.prior(content))
        look = Lookup(table.id, k.raw or k.taint, priors, self.context(), self.line, self.file)
        if isinstance(table.content.obj, DictLike | Table | ListLike):
            return table.content.but(look=merge_sets(table.content.look, frozenset((look,))))
        return self.mix((content, k.but(raw=EMPTY))).but(
            look=merge_sets(content.look, frozenset((look,))),
            raw=EMPTY,
            lin=None,
            flags=merge_sets(content.flags, frozenset(f for f in k.flags if f == "hashed")),
        )

    def data_item(self, v: V, index: ast.expr) -> V:
        """Index data: slices of the stream, gathers at the realised token, reads of tables."""
        table = v.obj if isinstance(v.obj, Table) else None
        base = self.flat(v)
        counts = "counts" in base.flags
        if "odd-expert" in base.flags:
            base = base.but(flags=base.flags - {"odd-expert"})
        parts = index.elts if isinstance(index, ast.Tuple) else [index]
        keys: list[V] = []
        selection: tuple[Any, Any] | None = None
        for position, part in enumerate(parts):
            if isinstance(part, ast.Slice):
                base, cut = self._cut(base, part, first=position == 0)
                if cut is not None and position == len(parts) - 1:
                    selection = cut
            elif isinstance(part, ast.Constant) and part.value in (None, Ellipsis):
                continue
            else:
                k = self.eval(part)
                keys.append(k if k.obj is None or mask_slices(k) else self.flat(k))
        for k in keys:
            base = self._at(base, k, table, alone=len(parts) == 1)
        if counts and any(k.raw for k in keys):
            base = self._counted(base, v, table, keys)
        if selection is not None and base.nll:
            base = base.but(nll=frozenset(with_sel(a, selection) for a in base.nll))
        if selection is not None and base.raw and not keys and len(parts) > 1:
            base = base.but(cut=selection)
        return base

    def _counted(self, base: V, v: V, table: Table | None, keys: list[V]) -> V:
        """An entry of a table of counts, read at keys made of tokens."""
        key = self.mix([self.flat(k) for k in keys if k.raw])
        priors = self.prior(self.flat(v))
        look = Lookup(table.id if table else 0, key.raw, priors, self.context(), self.line, self.file)
        flags = frozenset(f for f in key.flags if f == "hashed")
        return base.but(look=merge_sets(base.look, frozenset((look,))), raw=EMPTY, flags=merge_sets(base.flags, flags))

    def _cut(self, base: V, part: ast.Slice, *, first: bool) -> tuple[V, tuple[Any, Any] | None]:
        lower = self.eval(part.lower) if part.lower else None
        upper = self.eval(part.upper) if part.upper else None
        if part.step:
            self.eval(part.step)
        deps: frozenset[int] = EMPTY
        for bound in (lower, upper):
            if bound is not None and bound.deps:
                deps = merge_sets(deps, bound.deps)
        start = self.number(lower) if lower is not None else None
        if base.py is not NO and isinstance(base.py, str | bytes):
            known = all(b is None or type(b.py) is int for b in (lower, upper))
            value = base.py[_bounds(lower, upper)] if known else NO
            return (const(value) if known else UNKNOWN), None
        if (base.raw or base.taint) and (first or base.raw):
            base = base.but(
                raw=self.moved(base.raw, deps, start),
                taint=self.moved(base.taint, deps, None)
                if base.taint != base.raw
                else self.moved(base.raw, deps, start),
                deps=merge_sets(base.deps, deps),
                lin=None,
                py=NO,
            )
        elif base.py is not NO or base.txt is not None:
            base = base.but(py=NO, lin=None, txt=None)
        cut = None
        if lower is not None or upper is not None:
            cut = (start, self.number(upper) if upper is not None else None)
        return base, cut

    def _at(self, base: V, k: V, table: Table | None, *, alone: bool) -> V:
        sel = mask_slices(k)
        if base.nll and sel:
            base = base.but(nll=frozenset(with_sel(a, s) for a in base.nll for s in sel))
        k = self.flat(k)
        if self._picks_rows(base, k):
            return base.but(flags=base.flags | {f"{_PICKED}{site}" for site in base.sites})
        if k.raw and is_activation(base):
            return self.likelihood(base, k)
        if base.raw and not k.raw and not k.taint:
            start = k.lin if (k.lin is not None and alone) else None
            return base.but(
                raw=self.moved(base.raw, k.deps, start)
                if start is not None
                else self.moved(base.raw, k.deps, None, blur=True),
                taint=self.moved(base.taint, k.deps, None),
                deps=merge_sets(base.deps, k.deps),
                lin=None,
                py=NO,
            )
        if k.taint or k.deps or base.deps:
            mixed = self.mix((base, k.but(raw=EMPTY, look=EMPTY, nll=EMPTY)), keep_alias=True)
            return mixed.but(raw=self.moved(base.raw, k.deps, None, blur=True) if base.raw else EMPTY)
        return base.but(lin=None, py=NO, txt=None) if base.lin is not None or base.py is not NO or base.txt else base

    def _picks_rows(self, base: V, k: V) -> bool:
        """Whether a model's bare parameter is indexed by what a loop around the model moves on."""
        bare = base.sites and base.snap is None and not base.taint
        if not (self.inside_model and bare and k.deps and not k.raw):
            return False
        return any(kind == "loop" and loop in k.deps for kind, loop, _ in self.frames[: self.model_mark])

    def likelihood(self, scores: V, targets: V) -> V:
        """The likelihood of the realised tokens under a model's output."""
        atom = Atom(
            targets=targets.raw,
            sel=targets.cut,
            priors=self.prior(scores),
            sites=scores.sites,
            context=self.context(),
            line=self.line,
            file=self.file,
            grad=self.grad,
            picked=picked_sites(scores),
        )
        mixed = self.mix((scores, targets), raw=False)
        if any(r.split == "val" for r in targets.raw):
            how = "with gradients" if self.grad else "no_grad"
            self.emit(Score(atom=atom, **self.where()), f"scores {describe_refs(targets.raw)}, {how}")
        return mixed.but(nll=merge_sets(scores.nll, frozenset((atom,))))


def picked_sites(v: V) -> frozenset[int]:
    """The states of which rows were picked on the way to a value."""
    return frozenset(int(flag.removeprefix(_PICKED)) for flag in v.flags if flag.startswith(_PICKED))


def is_activation(v: V) -> bool:
    """Whether a value is a model's output on tokens (not a bare parameter)."""
    return bool(v.sites) and bool(v.taint) and "counts" not in v.flags


def describe_refs(refs: frozenset[Ref]) -> str:
    """Tokens in words."""
    splits = sorted({r.split for r in refs})
    part = "part of" if any(r.loops for r in refs) else "all"
    return f"{part} {'/'.join(splits)} tokens"


def _bounds(lower: V | None, upper: V | None) -> slice:
    """A slice of known bounds."""
    return slice(None if lower is None else lower.py, None if upper is None else upper.py)
