"""
The abstract values that the walk computes with.

A value is what one expression may be: a constant if it is known, a structured object if it is one, and beside that
*where it comes from*: which tokens of which split, which losses, which parameters (and what those had learned by then).
Names of variables are never part of it.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any, Final


class _Unknown:
    """The constant of a value that is not known."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "?"

    def __bool__(self) -> bool:
        raise TypeError("an unknown constant has no truth")


NO: Final = _Unknown()
EMPTY: Final[frozenset[Any]] = frozenset()
HOLE: Final = "\x00"
"""Stands in a text template for a part that is not known."""

_symbols = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Lin:
    """A whole number as constant + sum of coefficient × symbol: enough to compare slice bounds."""

    const: int = 0
    terms: tuple[tuple[int, int], ...] = ()
    """(symbol, coefficient), sorted by symbol; no zero coefficients."""

    def plus(self, other: Lin, sign: int = 1) -> Lin:
        """Sum (or difference, with sign −1)."""
        if not other.terms:
            return Lin(self.const + sign * other.const, self.terms)
        sums = dict(self.terms)
        for symbol, coefficient in other.terms:
            total = sums.get(symbol, 0) + sign * coefficient
            if total:
                sums[symbol] = total
            else:
                sums.pop(symbol, None)
        return Lin(self.const + sign * other.const, tuple(sorted(sums.items())))

    def times(self, factor: int) -> Lin:
        """Product with a known factor."""
        if factor == 0:
            return Lin()
        return Lin(self.const * factor, tuple((symbol, c * factor) for symbol, c in self.terms))


def fresh() -> Lin:
    """A number nothing is known about, equal only to itself."""
    return Lin(0, ((next(_symbols), 1),))


@dataclass(frozen=True, slots=True)
class Ref:
    """Tokens of one split: which part, as far as it is known."""

    split: str
    """`val`, `train`, or `self` for text that the model wrote itself."""
    loops: frozenset[int] = EMPTY
    """The loops whose turn selects the part; none: all of it, or a random draw."""
    start: Lin | None = None
    """Where the part starts in the stream, if its index is understood."""
    turns: frozenset[tuple[int, int]] = EMPTY
    """The turn that each of the loops was in when the part was taken."""


Slice = tuple[Lin | None, Lin | None]
"""From and to; None: from the first, to the last."""
Frame = tuple[str, int, int]
"""('loop', instance, pass) or ('if', instance, side): one step of the path to an event."""
Context = tuple[Frame, ...]


@dataclass(frozen=True, slots=True)
class Atom:
    """A per-token loss (or a sum of it): the likelihood of realised tokens under some state."""

    targets: frozenset[Ref]
    sel: Slice | None
    """The slice of the target axis that was kept, as (from, to); None: all."""
    priors: frozenset[int]
    """The updates (ids of `Update`) that the state had been through when the loss was computed."""
    sites: frozenset[int]
    context: Context
    line: int
    file: int
    grad: bool
    """Whether autograd was recording."""
    picked: frozenset[int] = EMPTY
    """States of which rows were picked, by an index made outside the model."""


@dataclass(frozen=True, slots=True)
class Lookup:
    """A read of a table at a key made of tokens."""

    table: int
    """The table's id."""
    keys: frozenset[Ref]
    priors: frozenset[int]
    context: Context
    line: int
    file: int


class V:
    """One abstract value. Immutable by convention: share freely, never assign."""

    __slots__ = ("cut", "deps", "flags", "lin", "look", "nll", "obj", "py", "raw", "sites", "snap", "taint", "txt")

    def __init__(
        self,
        py: Any = NO,
        obj: Any = None,
        *,
        lin: Lin | None = None,
        deps: frozenset[int] = EMPTY,
        raw: frozenset[Ref] = EMPTY,
        taint: frozenset[Ref] = EMPTY,
        nll: frozenset[Atom] = EMPTY,
        look: frozenset[Lookup] = EMPTY,
        sites: frozenset[int] = EMPTY,
        snap: frozenset[int] | None = EMPTY,
        flags: frozenset[str] = EMPTY,
        txt: str | None = None,
        cut: Slice | None = None,
    ) -> None:
        self.py = py
        """The constant, or `NO`."""
        self.obj = obj
        """The structured object (function, instance, list, table, ...), or None."""
        self.lin = lin
        """As a linear expression, for whole numbers that index."""
        self.deps = deps
        """The loops whose turn changes it."""
        self.raw = raw
        """Token ids (or hashes of them) it still spells out."""
        self.taint = taint
        """All tokens it derives from."""
        self.nll = nll
        """Losses it holds."""
        self.look = look
        """Table reads it holds."""
        self.sites = sites
        """Trainable states it is or depends on."""
        self.snap = snap
        """Updates that its states had been through when it was computed; None: it *is* the state, now."""
        self.flags = flags
        """Short marks: `env:NAME`, `bytes`, `reduced`, ..."""
        self.txt = txt
        """Text with HOLE where unknown."""
        self.cut = cut
        """The columns that were kept, for rows of token ids."""

    def __repr__(self) -> str:
        parts = [
            f"{name}={value!r}"
            for name in self.__slots__
            if (value := getattr(self, name)) is not NO and value is not None and value != EMPTY
        ]
        return f"V({', '.join(parts)})"

    @property
    def plain(self) -> bool:
        """Whether it carries no origin at all."""
        return not (self.taint or self.sites or self.nll or self.look or self.deps or self.flags) and self.obj is None

    def but(self, **changes: Any) -> V:
        """A copy with some fields changed."""
        new = V.__new__(V)
        for name in V.__slots__:
            setattr(new, name, changes[name] if name in changes else getattr(self, name))
        return new


UNKNOWN: Final = V()
NONE: Final = V(None)
TRUE: Final = V(True)
FALSE: Final = V(False)

_MAX_REFS: Final = 16
_MAX_ATOMS: Final = 64


def shrink_refs(refs: frozenset[Ref]) -> frozenset[Ref]:
    """Bound a set of references by forgetting starts, then by keeping the loops that all of a split share."""
    if len(refs) <= _MAX_REFS:
        return refs
    fewer = frozenset(Ref(r.split, r.loops, None, r.turns) for r in refs)
    if len(fewer) <= _MAX_REFS:
        return fewer
    fewer = frozenset(Ref(r.split, r.loops) for r in refs)
    if len(fewer) <= _MAX_REFS:
        return fewer
    by_split: dict[str, frozenset[int]] = {}
    for r in fewer:
        by_split[r.split] = by_split[r.split] & r.loops if r.split in by_split else r.loops
    return frozenset(Ref(split, loops) for split, loops in by_split.items())


def merge_sets(a: frozenset[Any], b: frozenset[Any]) -> frozenset[Any]:
    """Union that keeps an operand where it already holds the other."""
    if a is b or not b:
        return a
    if not a:
        return b
    return a | b


def const(value: Any) -> V:
    """The value of a literal."""
    if value is None:
        return NONE
    if value is True:
        return TRUE
    if value is False:
        return FALSE
    if type(value) is int:
        return V(value, lin=Lin(value))
    if type(value) is str:
        return V(value, txt=value)
    return V(value)
