"""
Which of a score's losses were added up: a pass over padded documents or windows computes more than it counts.

What is not counted is multiplied by nothing before the sum, or left out of a slice; either shows in the terms of the sums
that follow the score.
"""

from bisect import bisect_right
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from golf_audit.trace.ledger import Ledger, Losses, Score

_FOLLOWING = 64
"""Sums that are looked at after a score."""
_SAME = 1e-6
"""Relative difference that another precision makes."""


def summed(ledger: Ledger, scores: Sequence[Score]) -> list[npt.NDArray[np.bool_]]:
    """For each score, which of its losses are terms of a sum that was made before the next score."""
    sums = [amount for amount in ledger.amounts if amount.how == "sum"]
    numbers = [amount.number for amount in sums]
    every = sorted(score.number for score in ledger.scores)
    found = []
    for score in scores:
        begin = bisect_right(numbers, score.number)
        after = bisect_right(every, score.number)
        end = bisect_right(numbers, every[after]) if after < len(every) else len(sums)
        terms = [amount.values for amount in sums[begin : min(end, begin + _FOLLOWING)]]
        found.append(_terms_of(score.nll, terms))
    return found


def _terms_of(nll: Losses, sums: Sequence[Losses]) -> npt.NDArray[np.bool_]:
    """Which losses are in one of the sums: all of its terms must be losses, or nothing."""
    counted = np.zeros(len(nll), dtype=bool)
    for values in sums:
        for start in _places(nll, values):
            part = slice(start, start + len(values))
            kept = values != 0
            if np.all(_same(values[kept], nll[part][kept])):
                counted[part] |= kept
                break
    return counted


def _places(nll: Losses, values: Losses) -> Sequence[int]:
    """Where the terms may begin among the losses."""
    if len(values) == len(nll):
        return (0,)
    if not 0 < len(values) < len(nll):
        return ()
    begins = np.flatnonzero(_same(nll[: len(nll) - len(values) + 1], values[0]))
    return [int(begin) for begin in begins]


def _same(first: Losses, second: Losses | float) -> npt.NDArray[np.bool_]:
    found: npt.NDArray[np.bool_] = np.abs(first - second) <= _SAME * np.abs(second)
    return found
