"""Stated per-seed scores against their stated mean and deviation, column by column."""

from collections.abc import Iterator
from dataclasses import dataclass

from golf_audit.evidence.arithmetic import Moments, moments
from golf_audit.evidence.claim import Claim, Quantity
from golf_audit.evidence.claims import Claims


@dataclass(frozen=True, slots=True)
class Column:
    """One field or column: its per-seed values, and what is stated of them as a whole."""

    label: str
    quantity: Quantity
    values: tuple[Claim, ...]
    mean: Claim | None
    std: Claim | None

    @property
    def moments(self) -> Moments:
        """Mean and deviations of the values."""
        return moments([claim.value for claim in self.values])

    @property
    def value_ulp(self) -> float:
        """The coarsest last place among the values."""
        return max(claim.unit_of_last_place for claim in self.values)


def readme_columns(claims: Claims, *quantities: Quantity) -> Iterator[Column]:
    """The README's columns of the given quantities, each with at least two seeds and a stated mean or deviation."""
    groups: dict[tuple[str, Quantity], list[Claim]] = {}
    for claim in claims.readme.claims:
        if claim.quantity in quantities:
            groups.setdefault((claim.label, claim.quantity), []).append(claim)
    for (label, quantity), column in groups.items():
        yield from _tables(label, quantity, column)


def _tables(label: str, quantity: Quantity, column: list[Claim]) -> Iterator[Column]:
    """Cut one label's claims into tables: a mean or deviation closes the rows above it."""
    values: list[Claim] = []
    mean: Claim | None = None
    std: Claim | None = None
    for claim in column:
        if claim.statistic == "mean":
            mean = claim
        elif claim.statistic == "std":
            std = claim
        elif claim.seed is not None and not claim.statistic:
            if mean or std or any(claim.seed == other.seed for other in values):
                yield from _whole(label, quantity, values, mean, std)
                values, mean, std = [], None, None
            values.append(claim)
    yield from _whole(label, quantity, values, mean, std)


def _whole(
    label: str, quantity: Quantity, values: list[Claim], mean: Claim | None, std: Claim | None
) -> Iterator[Column]:
    if len(values) > 1 and (mean or std):
        yield Column(label, quantity, tuple(values), mean, std)
