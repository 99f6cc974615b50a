"""What each kind of expression evaluates to."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from typing import Any, Final

from golf_audit.events import Choose
from golf_audit.program.machine import Alternatives, Machine
from golf_audit.program.objects import (
    Bound,
    Class,
    External,
    Function,
    Instance,
    Iterating,
    Mapping_,
    Module,
    Optimizer,
    ParserArgs,
    Range,
    Sequence_,
    Super,
    Table,
)
from golf_audit.program.values import (
    EMPTY,
    FALSE,
    HOLE,
    NO,
    TRUE,
    UNKNOWN,
    Atom,
    Lookup,
    Ref,
    V,
    const,
    fresh,
    merge_sets,
)

_ARITHMETIC: Final[dict[type[ast.operator], Callable[[Any, Any], Any]]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
    ast.BitAnd: operator.and_,
    ast.BitOr: operator.or_,
    ast.BitXor: operator.xor,
    ast.LShift: operator.lshift,
    ast.RShift: operator.rshift,
}
_COMPARE: Final[dict[type[ast.cmpop], Callable[[Any, Any], Any]]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_INTEGER: Final = frozenset((ast.BitAnd, ast.BitOr, ast.BitXor, ast.Mod, ast.LShift, ast.RShift, ast.FloorDiv))
_SUMMED: Final = frozenset(("reduced", "batch-mean"))
_SMALL: Final = 1 << 63
SHAPE_ATTRIBUTES: Final = frozenset(
    ("shape", "dtype", "device", "ndim", "size", "itemsize", "nbytes", "is_cuda", "requires_grad", "grad_fn", "strides")
)


class Expressions(Machine):
    """Evaluates expressions; statements and calls are in the classes below this one."""

    def eval(self, node: ast.expr) -> V:
        """The abstract value of an expression."""
        self.spent += 1
        if self.spent & 1023 == 0:
            self.spend()
        line = getattr(node, "lineno", 0)
        if line:
            self.line = line
        return _DISPATCH[type(node)](self, node)

    # -- atoms ------------------------------------------------------------------------------------------------------

    def _constant(self, node: ast.Constant) -> V:
        return const(node.value)

    def _name(self, node: ast.Name) -> V:
        found = self.scope.lookup(node.id)
        if found is not None:
            return found
        return self.builtin(node.id)

    def builtin(self, name: str) -> V:
        """A name that the submission does not define."""
        if name == "__name__":
            return const("__main__")
        if name == "__file__":
            return V(txt=self.texts[self.file].file, py=NO)
        return V(obj=External(name))

    def _fstring(self, node: ast.JoinedStr) -> V:
        text, known, parts = "", True, []
        for piece in node.values:
            if isinstance(piece, ast.Constant):
                text += str(piece.value)
                continue
            if not isinstance(piece, ast.FormattedValue):
                known = False
                continue
            v = self.eval(piece.value)
            parts.append(v)
            if v.py is not NO and piece.format_spec is None and piece.conversion == -1:
                text += str(v.py)
            elif v.txt is not None:
                text += v.txt
                known = False
            else:
                text += HOLE
                known = False
        mixed = self.mix(parts) if parts else UNKNOWN
        return mixed.but(py=text if known else NO, txt=text[:2000], raw=EMPTY, lin=None)

    def _tuple(self, node: ast.Tuple | ast.List | ast.Set) -> V:
        items: list[V] = []
        rest: V | None = None
        for element in node.elts:
            if isinstance(element, ast.Starred):
                v = self.eval(element.value)
                if isinstance(v.obj, Sequence_) and v.obj.items is not None:
                    items.extend(v.obj.items)
                else:
                    rest = self.join(rest, self.element(v))
            else:
                items.append(self.eval(element))
        frozen = isinstance(node, ast.Tuple)
        if rest is None and len(items) <= 64:
            return V(obj=Sequence_(items, frozen=frozen))
        joined = rest
        for item in items:
            joined = self.join(joined, item)
        return V(obj=Sequence_(None, joined or UNKNOWN, frozen=frozen))

    def _dict(self, node: ast.Dict) -> V:
        mapping = Mapping_()
        for key, value in zip(node.keys, node.values, strict=True):
            v = self.eval(value)
            if key is None:
                if isinstance(v.obj, Mapping_):
                    mapping.items.update(v.obj.items)
                    if v.obj.rest is not None:
                        mapping.rest = self.join(mapping.rest, v.obj.rest)
                elif not v.plain:
                    mapping.rest = self.join(mapping.rest, v)
                continue
            k = self.eval(key)
            if k.py is not NO and isinstance(k.py, str | int | float | bool | type(None)):
                mapping.items[k.py] = v
            elif (data := self.flat(k)).raw:
                self.put(mapping, data, v)
            else:
                mapping.rest = self.join(mapping.rest, v)
        return V(obj=mapping)

    def put(self, mapping: Mapping_, key: V, v: V) -> None:
        """`mapping[key] = v` at a key of tokens; in `Statements`."""
        raise NotImplementedError  # pragma: no cover

    def _lambda(self, node: ast.Lambda) -> V:
        defaults = [self.eval(d) for d in node.args.defaults]
        kw = [None if d is None else self.eval(d) for d in node.args.kw_defaults]
        return V(obj=Function(node, self.scope, "<lambda>", defaults, kw))

    # -- operators --------------------------------------------------------------------------------------------------

    def _binop(self, node: ast.BinOp) -> V:
        return self.operate(node.op, self.eval(node.left), self.eval(node.right))

    def operate(self, op: ast.operator, a: V, b: V) -> V:  # noqa: C901, PLR0911, PLR0912 - one case an operator's kind
        """`a op b`, in constants, in linear expressions, in text, and in origins."""
        kind = type(op)
        if a.py is not NO and b.py is not NO:
            folded = fold(kind, a.py, b.py)
            if folded is not NO:
                return self._folded(folded, a, b)
        if kind is ast.Add and (a.txt is not None or b.txt is not None):
            left = a.txt if a.txt is not None else HOLE
            right = b.txt if b.txt is not None else HOLE
            return self.mix((a, b)).but(txt=(left + right)[:2000])
        if kind is ast.Mod and a.txt is not None:
            return self.mix((a, b)).but(txt=a.txt, raw=EMPTY)
        if kind is ast.Div and a.txt is not None and a.py is NO or kind is ast.Div and "path" in a.flags:
            right = b.txt if b.txt is not None else HOLE
            return V(txt=f"{a.txt if a.txt is not None else HOLE}/{right}", flags=merge_sets(a.flags, b.flags))
        if isinstance(a.obj, Sequence_) and isinstance(b.obj, Sequence_) and kind is ast.Add:
            if a.obj.items is not None and b.obj.items is not None:
                return V(obj=Sequence_([*a.obj.items, *b.obj.items], frozen=a.obj.frozen))
            return V(obj=Sequence_(None, self.join(self.element(a), self.element(b)), frozen=a.obj.frozen))
        if isinstance(a.obj, Sequence_) and kind is ast.Mult:
            return V(obj=Sequence_(None, self.element(a), frozen=a.obj.frozen))
        if a.plain and b.plain and a.lin is None and b.lin is None and a.snap is EMPTY and b.snap is EMPTY:
            if not a.nll and not b.nll:
                return UNKNOWN
        mixed = self.mix((a, b))
        if kind is ast.Mult or kind is ast.BitAnd:
            mixed = self._masked(mixed, a, b)
        if kind is ast.Div:
            mixed = self._divided(mixed, a, b)
        if kind is ast.Pow and (b.nll or b.look):
            mixed = self.exponential(b, mixed)
        if mixed.raw and (mixed.sites or mixed.nll) and kind not in _INTEGER:
            mixed = mixed.but(raw=EMPTY)
        if not mixed.sites and not mixed.nll and (a.lin is not None or b.lin is not None or mixed.deps):
            lin = self._linear(kind, a, b)
            if lin is not None:
                mixed = mixed.but(lin=lin)
        if mixed.raw:
            mixed = self._shifted(kind, mixed, a, b)
        return mixed

    @staticmethod
    def _shifted(kind: type[ast.operator], mixed: V, a: V, b: V) -> V:
        """Mark token ids that were hashed together with others."""
        if (a.raw and b.raw and kind is ast.BitXor) or (kind in (ast.Mod, ast.BitAnd) and len(mixed.raw) > 1):
            return mixed.but(flags=mixed.flags | {"hashed"})
        return mixed

    def _linear(self, kind: type[ast.operator], a: V, b: V) -> Any:
        if kind is ast.Add:
            return self.number(a).plus(self.number(b))
        if kind is ast.Sub:
            return self.number(a).plus(self.number(b), -1)
        if kind is ast.Mult:
            if type(a.py) is int:
                return self.number(b).times(a.py)
            if type(b.py) is int:
                return self.number(a).times(b.py)
        return None

    def _folded(self, value: Any, a: V, b: V) -> V:
        out = const(value)
        flags = merge_sets(a.flags, b.flags)
        deps = merge_sets(a.deps, b.deps)
        if flags or deps or a.taint or b.taint:
            return V(out.py, lin=out.lin, txt=out.txt, flags=flags, deps=deps, taint=merge_sets(a.taint, b.taint))
        return out

    def _masked(self, mixed: V, a: V, b: V) -> V:
        """Losses times a mask keep the mask's slices."""
        for loss, mask in ((a, b), (b, a)):
            sel = mask_slices(mask)
            if loss.nll and sel and not mask.nll:
                return mixed.but(nll=frozenset(with_sel(atom, s) for atom in mixed.nll for s in sel))
        return mixed

    @staticmethod
    def _divided(mixed: V, a: V, b: V) -> V:
        if a.nll and "bytes" in b.flags and "reduced" not in a.flags and not b.nll:
            return mixed.but(flags=mixed.flags | {"perbyte"})
        if a.look and b.look and new_tokens(a.look, b.look):
            return mixed.but(flags=mixed.flags | {"hashed-ratio" if "hashed" in a.flags else "count-ratio"})
        return mixed

    def exponential(self, v: V, mixed: V) -> V:
        """exp(v) where v holds losses."""
        if "perbyte" in v.flags and v.nll:
            return mixed.but(flags=mixed.flags | {"spread"})
        return mixed

    def _boolop(self, node: ast.BoolOp) -> V:
        want = isinstance(node.op, ast.Or)
        seen: list[V] = []
        for value in node.values:
            v = self.eval(value)
            truth = self.truth(v)
            if truth is None:
                seen.append(v)
                continue
            if truth is want:
                if not seen:
                    return v if len(node.values) == 1 or not v.flags else v
                if want:
                    return (
                        self._flagged(TRUE, [*seen, v])
                        if all(self.truth(s) is not None for s in seen)
                        else self.mix([*seen, v])
                    )
                return self._flagged(FALSE, [*seen, v])
            seen.append(v)
        unknown = [s for s in seen if self.truth(s) is None]
        if not unknown:
            return self._flagged(seen[-1], seen)
        mixed = self.mix(seen, keep_alias=True)
        if len(unknown) == 1 and unknown[0].obj is not None:
            return unknown[0]
        return mixed

    @staticmethod
    def _flagged(v: V, parts: list[V]) -> V:
        flags: frozenset[str] = EMPTY
        for part in parts:
            flags = merge_sets(flags, part.flags)
        return v.but(flags=merge_sets(v.flags, flags)) if flags else v

    def _unary(self, node: ast.UnaryOp) -> V:
        v = self.eval(node.operand)
        if isinstance(node.op, ast.Not):
            truth = self.truth(v)
            if truth is None:
                return self.mix((v,)).but(raw=EMPTY)
            return self._flagged(const(not truth), [v])
        if v.py is not NO and isinstance(v.py, int | float):
            value = -v.py if isinstance(node.op, ast.USub) else ~int(v.py) if isinstance(node.op, ast.Invert) else v.py
            return self._folded(value, v, v)
        mixed = self.mix((v,))
        if isinstance(node.op, ast.USub) and v.lin is not None:
            return mixed.but(lin=v.lin.times(-1))
        if isinstance(node.op, ast.Invert):
            return mixed.but(raw=EMPTY)
        return mixed

    def _compare(self, node: ast.Compare) -> V:
        left = self.eval(node.left)
        result: V | None = None
        for op, comparator in zip(node.ops, node.comparators, strict=True):
            right = self.eval(comparator)
            one = self._compare_one(op, left, right)
            result = one if result is None else self._both(result, one)
            left = right
        return result or UNKNOWN

    def _both(self, a: V, b: V) -> V:
        ta, tb = self.truth(a), self.truth(b)
        if ta is False or tb is False:
            return self._flagged(FALSE, [a, b])
        if ta and tb:
            return self._flagged(TRUE, [a, b])
        return self.mix((a, b))

    def _compare_one(self, op: ast.cmpop, a: V, b: V) -> V:  # noqa: PLR0911 - one case a kind of comparison
        if isinstance(op, ast.Is | ast.IsNot):
            same = self._identical(a, b)
            if same is None:
                return self.mix((a, b)).but(raw=EMPTY, nll=EMPTY)
            return self._flagged(const(same == isinstance(op, ast.Is)), [a, b])
        if isinstance(op, ast.In | ast.NotIn):
            inside = self._contains(a, b)
            if inside is None:
                return self.mix((a,)).but(raw=EMPTY)
            return self._flagged(const(inside == isinstance(op, ast.In)), [a, b])
        function = _COMPARE[type(op)]
        if a.py is not NO and b.py is not NO:
            try:
                return self._folded(bool(function(a.py, b.py)), a, b)
            except TypeError:
                return UNKNOWN
        decided = self._ordered(op, a, b)
        if decided is not None:
            return self._folded(decided, a, b)
        mixed = self.mix((a, b))
        flags = mixed.flags
        if (a.raw and "file" in b.flags) or (b.raw and "file" in a.flags):
            flags = flags | {"peek-file"}
        if a.raw and b.raw:
            flags = flags | {"token-match"}
        if a.nll and b.nll:
            flags = flags | {"loss-order"}
        return mixed.but(raw=EMPTY, flags=flags, lin=None)

    def _identical(self, a: V, b: V) -> bool | None:
        for x, y in ((a, b), (b, a)):
            if y.py is None:
                if x.py is None:
                    return True
                if x.py is not NO or x.obj is not None or x.sites or x.txt is not None:
                    return False
                return False if (x.nll or x.raw or x.taint) else None
        if a.py is not NO and b.py is not NO and isinstance(a.py, bool):
            return a.py is b.py
        if a.obj is not None and b.obj is not None and not isinstance(a.obj, External):
            return a.obj is b.obj or None
        return None

    def _contains(self, a: V, b: V) -> bool | None:
        if a.py is NO:
            return None
        if isinstance(b.obj, External) and b.obj.name == "os.environ":
            return self.environment_has(a.py)
        if b.py is not NO and isinstance(b.py, str) and isinstance(a.py, str):
            return a.py in b.py
        if isinstance(b.obj, Sequence_) and b.obj.items is not None:
            if all(i.py is not NO for i in b.obj.items):
                return any(type(i.py) is type(a.py) and i.py == a.py for i in b.obj.items)
            return None
        if isinstance(b.obj, Mapping_):
            if a.py in b.obj.items:
                return True
            return False if b.obj.rest is None and b.obj.table is None else None
        return None

    def environment_has(self, name: Any) -> bool | None:
        """Whether an environment variable is set in the run."""
        raise NotImplementedError  # pragma: no cover - the walker knows the environment

    def _ordered(self, op: ast.cmpop, a: V, b: V) -> bool | None:
        """Compare whole numbers through their bounds."""
        if a.lin is None or b.lin is None or a.sites or b.sites:
            return None
        gap = a.lin.plus(b.lin, -1)
        lo: int | None = gap.const
        hi: int | None = gap.const
        for symbol, coefficient in gap.terms:
            low, high = self.bounds.get(symbol, (None, None))
            if coefficient < 0:
                low, high = high, low
            lo = None if lo is None or low is None else lo + coefficient * low
            hi = None if hi is None or high is None else hi + coefficient * high
        if isinstance(op, ast.Lt):
            return True if hi is not None and hi < 0 else False if lo is not None and lo >= 0 else None
        if isinstance(op, ast.LtE):
            return True if hi is not None and hi <= 0 else False if lo is not None and lo > 0 else None
        if isinstance(op, ast.Gt):
            return True if lo is not None and lo > 0 else False if hi is not None and hi <= 0 else None
        if isinstance(op, ast.GtE):
            return True if lo is not None and lo >= 0 else False if hi is not None and hi < 0 else None
        outside = (lo is not None and lo > 0) or (hi is not None and hi < 0)
        exact = not gap.terms and gap.const == 0
        if isinstance(op, ast.Eq):
            return True if exact else False if outside else None
        return False if exact else True if outside else None

    def _ifexp(self, node: ast.IfExp) -> V:
        test = self.eval(node.test)
        truth = self.truth(test)
        if truth is not None:
            v = self.eval(node.body if truth else node.orelse)
            envs = frozenset(f for f in test.flags if f.startswith("env:"))
            return v.but(flags=merge_sets(v.flags, envs)) if envs and v.obj is None else v
        a, b = self.eval(node.body), self.eval(node.orelse)
        self.oracle(test, a, b)
        return self.join(a, b)

    def oracle(self, test: V, *options: V) -> None:
        """Note a choice between losses of the same tokens that the losses themselves decide."""
        if not test.nll or test.flags & _SUMMED:
            return
        losing = [o for o in options if o.nll or o.look]
        atoms: frozenset[Atom] = EMPTY
        for option in losing:
            atoms = merge_sets(atoms, option.nll)
        scored = frozenset(a for a in atoms if any(r.split == "val" for r in a.targets))
        if len(losing) >= 2 and scored and not self.mix(losing).flags & _SUMMED:  # noqa: PLR2004 - a choice needs two
            looks = self.mix(losing).look
            self.emit(Choose(atoms=scored, lookups=looks, **self.where()), "keeps the smaller loss")

    def truth(self, v: V) -> bool | None:
        """Whether a value is true, if that is known."""
        if v.py is not NO:
            try:
                return bool(v.py)
            except (TypeError, ValueError):
                return None
        obj = v.obj
        if obj is None:
            return None
        if isinstance(obj, Sequence_):
            return bool(obj.items) if obj.items is not None else None
        if isinstance(obj, Function | Class | Bound | Module | Optimizer):
            return True
        if isinstance(obj, Instance):
            return True
        return None

    # -- access -----------------------------------------------------------------------------------------------------

    def _attribute(self, node: ast.Attribute) -> V:
        return self.attribute(self.eval(node.value), node.attr)

    def attribute(self, v: V, name: str) -> V:  # noqa: C901, PLR0911, PLR0912 - one case a kind of object
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
            return V(obj=Mapping_(dict(obj.attrs)))
        if name in ("module", "_orig_mod"):
            return v
        if obj.cls.is_optimizer and name == "param_groups":
            return V(sites=v.sites, snap=None)
        return V(obj=Bound(External(f".{name}"), [v]))

    def _super_attribute(self, obj: Super, name: str) -> V:
        for base in obj.cls.bases:
            if isinstance(base.obj, Class):
                found = base.obj.find(name)
                if found is not None and isinstance(found.obj, Function):
                    return V(obj=Bound(found.obj, [obj.receiver]))
        return V(obj=Bound(External(f"super.{name}"), [obj.receiver]))

    def _subscript(self, node: ast.Subscript) -> V:
        v = self.eval(node.value)
        return self.item(v, node.slice)

    def item(self, v: V, index: ast.expr) -> V:  # noqa: C901, PLR0911, PLR0912 - one case a kind of container
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
        if isinstance(obj, Sequence_):
            return self.below(v, self._sequence_item(v, obj, index))
        if isinstance(obj, Mapping_):
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

    def _sequence_item(self, v: V, obj: Sequence_, index: ast.expr) -> V:
        if isinstance(index, ast.Slice):
            lower = self.eval(index.lower) if index.lower else None
            upper = self.eval(index.upper) if index.upper else None
            if obj.items is not None and all(b is None or type(b.py) is int for b in (lower, upper)) and not index.step:
                part = obj.items[slice(lower and lower.py, upper and upper.py)]
                return V(obj=Sequence_(part, frozen=obj.frozen), deps=v.deps)
            deps = v.deps
            for bound in (lower, upper):
                if bound is not None:
                    deps = merge_sets(deps, bound.deps)
            return V(obj=Sequence_(None, self.element(v), frozen=obj.frozen), deps=deps)
        k = self.eval(index)
        if obj.items is not None and type(k.py) is int and -len(obj.items) <= k.py < len(obj.items):
            return self.chosen(v, obj.items[k.py])
        element = self.element(v)
        for loop in k.deps:
            element = self.select(element, loop)
        if k.raw:
            element = self._keyed(element, k)
        return element

    def _keyed(self, element: V, k: V) -> V:
        """An element found by a key of tokens."""
        if isinstance(element.obj, Table | Mapping_ | Instance | Sequence_):
            return element
        return self.mix((element, k.but(raw=EMPTY)), keep_alias=True)

    def _mapping_item(self, obj: Mapping_, k: V) -> V:
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
        if isinstance(table.content.obj, Mapping_ | Table | Sequence_):
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
        if table is not None and selection is not None:
            base = base.but(flags=base.flags)
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
            value = base.py[slice(lower and lower.py, upper and upper.py)] if known else NO
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

    def likelihood(self, scores: V, targets: V) -> V:
        """The likelihood of the realised tokens under a model's output."""
        from golf_audit.events import Score

        atom = Atom(
            targets=targets.raw,
            sel=None,
            priors=self.prior(scores),
            sites=scores.sites,
            context=self.context(),
            line=self.line,
            file=self.file,
            grad=self.grad,
        )
        mixed = self.mix((scores, targets), raw=False)
        if any(r.split == "val" for r in targets.raw):
            how = "with gradients" if self.grad else "no_grad"
            self.emit(Score(atom=atom, **self.where()), f"scores {describe_refs(targets.raw)}, {how}")
        return mixed.but(nll=merge_sets(scores.nll, frozenset((atom,))))

    def _comprehension(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp) -> V:
        return self.comprehension(node)

    def comprehension(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp) -> V:
        """A comprehension; the walker turns its loops."""
        raise NotImplementedError  # pragma: no cover - in `Statements`

    def _call_node(self, node: ast.Call) -> V:
        return self.call_node(node)

    def call_node(self, node: ast.Call) -> V:
        """A call; in `Calls`."""
        raise NotImplementedError  # pragma: no cover - in `Calls`

    def call(self, function: V, args: list[V], kwargs: dict[str, V]) -> V:
        """A call with evaluated arguments; in `Calls`."""
        raise NotImplementedError  # pragma: no cover - in `Calls`

    def _starred(self, node: ast.Starred) -> V:
        return self.eval(node.value)

    def _await(self, node: ast.Await) -> V:
        return self.eval(node.value)

    def _yield(self, node: ast.Yield) -> V:
        v = self.eval(node.value) if node.value else UNKNOWN
        self.scope.names["<yield>"] = self.join(self.scope.names.get("<yield>"), v)
        return UNKNOWN

    def _yield_from(self, node: ast.YieldFrom) -> V:
        v = self.element(self.eval(node.value))
        self.scope.names["<yield>"] = self.join(self.scope.names.get("<yield>"), v)
        return UNKNOWN

    def _named(self, node: ast.NamedExpr) -> V:
        v = self.eval(node.value)
        self.scope.names[node.target.id] = v
        return v

    def _slice(self, node: ast.Slice) -> V:
        parts = [self.eval(p) for p in (node.lower, node.upper, node.step) if p is not None]
        return self.mix(parts) if parts else UNKNOWN


def fold(kind: type[ast.operator], a: Any, b: Any) -> Any:
    """`a op b` for small constants; `NO` where it is too large or not defined."""
    if kind is ast.Pow and (not isinstance(b, int | float) or abs(b) > 64):  # noqa: PLR2004 - no towers of powers
        return NO
    if kind is ast.LShift and (not isinstance(b, int) or b > 64):  # noqa: PLR2004
        return NO
    if kind is ast.Mult and (isinstance(a, str | bytes | list | tuple) or isinstance(b, str | bytes | list | tuple)):
        repeat = b if isinstance(b, int) else a
        if not isinstance(repeat, int) or repeat > 1000:  # noqa: PLR2004
            return NO
    try:
        value = _ARITHMETIC[kind](a, b)
    except (ArithmeticError, TypeError, ValueError, KeyError):
        return NO
    if isinstance(value, int) and abs(value) > _SMALL * 1024:
        return NO
    return value


def new_tokens(above: frozenset[Lookup], below: frozenset[Lookup]) -> bool:
    """Whether a ratio's numerator was looked up with tokens that its denominator was not."""
    known: set[Ref] = set()
    for look in below:
        known |= look.keys
    return any(look not in below and look.keys - known for look in above)


def with_sel(atom: Atom, sel: tuple[Any, Any]) -> Atom:
    """The same loss, kept only in one slice of the target axis."""
    if atom.sel is not None:
        return atom
    return Atom(atom.targets, sel, atom.priors, atom.sites, atom.context, atom.line, atom.file, atom.grad)


def mask_slices(v: V) -> tuple[Any, ...]:
    """The slices that a mask lets through."""
    if isinstance(v.obj, Table):
        return v.obj.sel
    return ()


def is_activation(v: V) -> bool:
    """Whether a value is a model's output on tokens (not a bare parameter)."""
    return bool(v.sites) and bool(v.taint) and "counts" not in v.flags


def describe_refs(refs: frozenset[Ref]) -> str:
    """Tokens in words."""
    splits = sorted({r.split for r in refs})
    part = "part of" if any(r.loops for r in refs) else "all"
    return f"{part} {'/'.join(splits)} tokens"


_DISPATCH: Final[dict[type[ast.AST], Callable[[Any, Any], V]]] = {
    ast.Constant: Expressions._constant,
    ast.Name: Expressions._name,
    ast.JoinedStr: Expressions._fstring,
    ast.Tuple: Expressions._tuple,
    ast.List: Expressions._tuple,
    ast.Set: Expressions._tuple,
    ast.Dict: Expressions._dict,
    ast.Lambda: Expressions._lambda,
    ast.BinOp: Expressions._binop,
    ast.BoolOp: Expressions._boolop,
    ast.UnaryOp: Expressions._unary,
    ast.Compare: Expressions._compare,
    ast.IfExp: Expressions._ifexp,
    ast.Attribute: Expressions._attribute,
    ast.Subscript: Expressions._subscript,
    ast.Call: Expressions._call_node,
    ast.ListComp: Expressions._comprehension,
    ast.SetComp: Expressions._comprehension,
    ast.GeneratorExp: Expressions._comprehension,
    ast.DictComp: Expressions._comprehension,
    ast.Starred: Expressions._starred,
    ast.Await: Expressions._await,
    ast.Yield: Expressions._yield,
    ast.YieldFrom: Expressions._yield_from,
    ast.NamedExpr: Expressions._named,
    ast.Slice: Expressions._slice,
    ast.FormattedValue: lambda self, node: self.eval(node.value),
}
