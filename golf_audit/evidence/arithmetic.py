"""Means, deviations and rounding, as a reviewer would do them by hand."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations
from statistics import fmean, pstdev, stdev

_PAIR = 2
_NEAR = 0.05
"""How far, relatively, a deviation may be off: stated values are rounded, and deviations of few values feel it."""
_MOST_SEEDS = 8
"""More values than this have too many subsets for one of them to mean anything."""


class Spread(StrEnum):
    """Which standard deviation a stated one is."""

    SAMPLE = "sample"
    POPULATION = "population"
    BOTH = "sample or population"
    NEITHER = "neither"


@dataclass(frozen=True, slots=True)
class Moments:
    """Mean and both deviations of some values; deviations are zero for a single value."""

    mean: float
    sample: float
    population: float
    count: int


def moments(values: Sequence[float]) -> Moments:
    """The moments of at least one value."""
    if len(values) < _PAIR:
        return Moments(values[0], 0.0, 0.0, len(values))
    return Moments(fmean(values), stdev(values), pstdev(values), len(values))


def spread(stated: float, values: Sequence[float], ulp: float, value_ulp: float = 0.0) -> Spread:
    """Which deviation of `values` the stated one is, when it was written to `ulp` and the values to `value_ulp`."""
    found = moments(values)
    slack = 1.01 * ulp + value_ulp
    sample = abs(stated - found.sample) <= max(slack, _NEAR * found.sample)
    population = abs(stated - found.population) <= max(slack, _NEAR * found.population)
    if sample and population:
        return Spread.BOTH
    if sample:
        return Spread.SAMPLE
    return Spread.POPULATION if population else Spread.NEITHER


def subset_with_mean(values: Sequence[float], mean: float, slack: float) -> tuple[int, ...] | None:
    """Indices of the largest proper subset whose mean is `mean` within `slack`; None where there is none."""
    if len(values) > _MOST_SEEDS:
        return None
    for count in range(len(values) - 1, 0, -1):
        for chosen in combinations(range(len(values)), count):
            if abs(fmean(values[i] for i in chosen) - mean) <= slack:
                return chosen
    return None
