"""What operators do: in constants, in linear expressions, and in origins."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from typing import Any, Final

from golf_audit.events import (
    Choose,
)
from golf_audit.program.combining import Combining
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
    Lin,
    Lookup,
    Ref,
    V,
    const,
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


class Operators(Combining):
    """Applies operators and comparisons."""

    def operate(self, op: ast.operator, a: V, b: V) -> V:
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
        if (kind is ast.Div and a.txt is not None and a.py is NO) or (kind is ast.Div and "path" in a.flags):
            right = b.txt if b.txt is not None else HOLE
            return V(txt=f"{a.txt if a.txt is not None else HOLE}/{right}", flags=merge_sets(a.flags, b.flags))
        if isinstance(a.obj, ListLike) and isinstance(b.obj, ListLike) and kind is ast.Add:
            if a.obj.items is not None and b.obj.items is not None:
                return V(obj=ListLike([*a.obj.items, *b.obj.items], frozen=a.obj.frozen))
            return V(obj=ListLike(None, self.either(self.element(a), self.element(b)), frozen=a.obj.frozen))
        if isinstance(a.obj, ListLike) and kind is ast.Mult:
            return V(obj=ListLike(None, self.element(a), frozen=a.obj.frozen))
        if a.plain and b.plain and a.lin is None and b.lin is None and not (a.snap or b.snap or a.nll or b.nll):
            return UNKNOWN
        mixed = self.mix((a, b))
        if kind is ast.Mult or kind is ast.BitAnd:
            mixed = self._weighted(self._masked(mixed, a, b), a, b)
        a, b = (v if v.obj is None else self.flat(v) for v in (a, b))
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

    def _weighted(self, mixed: V, a: V, b: V) -> V:
        """A count at the realised token, times a weight that the realised token decides."""
        for share, weight in ((a, b), (b, a)):
            if self.counted_at_target(share) and self.told(weight):
                return mixed.but(flags=mixed.flags | {"told-weight"})
        return mixed

    def told(self, v: V) -> bool:
        """Whether the realised token decides a value: through its loss, or through its count."""
        return bool(v.nll) or self.counted_at_target(v)

    def counted_at_target(self, v: V) -> bool:
        """Whether a value holds a count of the realised token: a read like those that were the numerator of a ratio."""
        return any((look.table, len(look.keys)) in self.realised for look in v.look)

    def _divided(self, mixed: V, a: V, b: V) -> V:
        if a.nll and "bytes" in b.flags and "reduced" not in a.flags and not b.nll:
            return mixed.but(flags=mixed.flags | {"perbyte"})
        above = new_lookups(a.look, b.look) if a.look and b.look else EMPTY
        if above:
            self.realised.update((look.table, len(look.keys)) for look in above)
            return mixed.but(flags=mixed.flags | {"hashed-ratio" if "hashed" in a.flags else "count-ratio"})
        return mixed

    def exponential(self, v: V, mixed: V) -> V:
        """exp(v) where v holds losses."""
        if "odd-expert" in v.flags:
            mixed = mixed.but(flags=mixed.flags | {"odd-mixture"})
        if "perbyte" in v.flags and v.nll:
            return mixed.but(flags=mixed.flags | {"spread"})
        return mixed

    def _compare_one(self, op: ast.cmpop, a: V, b: V) -> V:
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
        if isinstance(b.obj, ListLike) and b.obj.items is not None:
            if all(i.py is not NO for i in b.obj.items):
                return any(type(i.py) is type(a.py) and i.py == a.py for i in b.obj.items)
            return None
        if isinstance(b.obj, DictLike):
            if a.py in b.obj.items:
                return True
            return False if b.obj.rest is None and b.obj.table is None else None
        return None

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

    def _both(self, a: V, b: V) -> V:
        ta, tb = self.truth(a), self.truth(b)
        if ta is False or tb is False:
            return self._flagged(FALSE, [a, b])
        if ta and tb:
            return self._flagged(TRUE, [a, b])
        return self.mix((a, b))

    @staticmethod
    def _flagged(v: V, parts: list[V]) -> V:
        flags: frozenset[str] = EMPTY
        for part in parts:
            flags = merge_sets(flags, part.flags)
        return v.but(flags=merge_sets(v.flags, flags)) if flags else v

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
        if isinstance(obj, ListLike):
            return bool(obj.items) if obj.items is not None else None
        if isinstance(obj, Function | Class | Bound | Module | Optimizer):
            return True
        if isinstance(obj, Instance):
            return True
        return None

    def oracle(self, test: V, *options: V) -> None:
        """Note a choice between losses of the same tokens that the losses themselves decide."""
        if not test.nll or test.flags & _SUMMED:
            return
        losing = different([o for o in options if o.nll or o.look])
        atoms: frozenset[Atom] = EMPTY
        for option in losing:
            atoms = merge_sets(atoms, option.nll)
        scored = frozenset(a for a in atoms if any(r.split == "val" for r in a.targets))
        if len(losing) >= 2 and scored and not self.mix(losing).flags & _SUMMED:
            looks = self.mix(losing).look
            self.emit(Choose(atoms=scored, lookups=looks, **self.where()), "keeps the smaller loss")


def fold(kind: type[ast.operator], a: Any, b: Any) -> Any:
    """`a op b` for small constants; `NO` where it is too large or not defined."""
    if kind is ast.Pow and (not isinstance(b, int | float) or abs(b) > 64):
        return NO
    if kind is ast.LShift and (not isinstance(b, int) or b > 64):
        return NO
    if kind is ast.Mult and (isinstance(a, str | bytes | list | tuple) or isinstance(b, str | bytes | list | tuple)):
        repeat = b if isinstance(b, int) else a
        if not isinstance(repeat, int) or repeat > 1000:
            return NO
    try:
        value = _ARITHMETIC[kind](a, b)
    except (ArithmeticError, TypeError, ValueError, KeyError):
        return NO
    if isinstance(value, int) and abs(value) > _SMALL * 1024:
        return NO
    return value


def new_lookups(above: frozenset[Lookup], below: frozenset[Lookup]) -> frozenset[Lookup]:
    """The reads of a ratio's numerator at tokens that its denominator was not asked with."""
    known: set[Ref] = set()
    for look in below:
        known |= look.keys
    return frozenset(look for look in above if look not in below and look.keys - known)


def with_sel(atom: Atom, sel: tuple[Any, Any]) -> Atom:
    """The same loss, kept only in one slice of the target axis (a slice of what starts at the first is a slice of all)."""
    if atom.sel is not None and atom.sel[0] not in (None, Lin()):
        return atom
    return Atom(atom.targets, sel, atom.priors, atom.sites, atom.context, atom.line, atom.file, atom.grad, atom.picked)


def mask_slices(v: V) -> tuple[Any, ...]:
    """The slices that a mask lets through."""
    if isinstance(v.obj, Table):
        return v.obj.sel
    return ()


def different(options: list[V]) -> list[V]:
    """The options that are not merely the same losses again, as a clip at their own quantile is."""
    out: list[V] = []
    for option in options:
        if all(option.nll != other.nll or option.look != other.look for other in out):
            out.append(option)
    return out
