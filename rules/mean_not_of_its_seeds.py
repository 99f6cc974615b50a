"""A stated mean is not the mean of the values it stands under."""

from collections.abc import Iterator
from statistics import fmean
from typing import TYPE_CHECKING, ClassVar

from golf_audit.evidence.arithmetic import subset_with_mean
from golf_audit.evidence.claim import Claim, Quantity
from golf_audit.evidence.columns import Column, readme_columns
from golf_audit.evidence.samples import THREE, SampleRun, submission
from golf_audit.finding import Finding, Related, Severity, Unproven
from golf_audit.rule import Example, Rule

if TYPE_CHECKING:
    from golf_audit.case import Case

_TABLE = "# R\n\nval_bpb = {head}\n\n## Results\n\n| Seed | val_bpb | artifact (bytes) |\n|---|---|---|\n| 42 | 1.0800 | 15,953,107 |\n| 1337 | 1.0806 | 15,959,306 |\n| 2025 | 1.0812 | 15,950,642 |\n| Mean | {mean} | {size} |\n"
_FINE = (SampleRun(42, 1.07991), SampleRun(1337, 1.08061), SampleRun(2025, 1.08123))
_MOST = 1.5
"""Last places that a mean of rounded values may be off."""


class MeanNotOfItsSeeds(Rule):
    """
    A mean must be the mean of its seeds, and the headline the mean of all of them.

    A headline that is the best seed, or the mean of those seeds that went well, overstates what the configuration does. A mean that no
    choice of the values gives is a slip, or comes from other runs. Rounding of the last place is allowed for.
    """

    code = "GA-STAT-004"
    severity = Severity.METADATA
    authority = ("readme-r8", "readme-r12")
    would_change = "A mean that the stated per-seed values give."
    legal: ClassVar[tuple[Example, ...]] = (
        Example("the mean", files=submission(readme=_TABLE.format(head="1.0806", mean="1.0806", size="15,954,352"))),
        Example("rounded up", files=submission(readme=_TABLE.format(head="1.0806", mean="1.081", size="15,954,000"))),
        Example("one seed alone", files=submission(THREE[0])),
        Example(
            "another field's mean",
            files=submission(
                metadata={
                    "val_bpb": 1.0706,
                    "seed_results": {str(s): {"pre_bpb": 1.08, "ttt_bpb": 1.07 + s / 1e6} for s in (500, 600, 700)},
                },
                readme="# R\n",
            ),
        ),
    )
    illegal: ClassVar[tuple[Example, ...]] = (
        Example(
            "the best seed as headline",
            files=submission(*_FINE, metadata={"val_bpb": 1.07991}, readme="# R\n"),
            says="seed 42",
        ),
        Example(
            "a mean of two",
            files=submission(*_FINE, metadata={"val_bpb": 1.08026}, readme="# R\n"),
            says="seeds 42, 1337",
        ),
        Example(
            "a mean of sizes that is not",
            files=submission(readme=_TABLE.format(head="1.0806", mean="1.0806", size="15,949,000")),
            says="15,954,352",
        ),
        Example(
            "a mean of scores that is not",
            files=submission(readme=_TABLE.format(head="1.0806", mean="1.0793", size="")),
            says="1.0793",
        ),
    )

    def check(self, case: "Case") -> Iterator[Finding | Unproven]:
        """Recompute the headline and every README column that states a mean."""
        claims = case.evidence.claims
        yield from self._headline(
            claims.metadata.headline or claims.readme.headline, [list(c.values()) for _, c in claims.columns()]
        )
        for column in readme_columns(claims, Quantity.BPB, Quantity.LOSS, Quantity.TOTAL_BYTES):
            if column.mean and not _holds(column, column.mean):
                yield self._column(column, column.mean)

    def _headline(self, headline: Claim | None, columns: list[list[Claim]]) -> Iterator[Finding]:
        columns = [column for column in columns if len(column) > 1]
        if headline is None or not columns:
            return
        slack = max(_MOST * headline.unit_of_last_place, 2e-5)
        if any(abs(fmean(c.value for c in column) - headline.value) <= slack for column in columns):
            return
        for column in columns:
            values = [claim.value for claim in column]
            chosen = subset_with_mean(values, headline.value, 1.01 * headline.unit_of_last_place)
            if chosen is None:
                continue
            seeds = ", ".join(str(column[index].seed) for index in chosen)
            word = f"the score of seed {seeds} alone" if len(chosen) == 1 else f"the mean of seeds {seeds}"
            yield self.finding(
                f"The headline {headline.value:g} is {word}; the mean of all {len(column)} stated seeds is {fmean(values):.6g}.",
                headline.location,
                *(Related(claim.location, f"seed {claim.seed}: {claim.value:g}") for claim in column),
            )
            return

    def _column(self, column: Column, mean: Claim) -> Finding:
        exact = column.moments.mean
        told = f"{exact:,.0f}" if column.quantity is Quantity.TOTAL_BYTES else f"{exact:.6g}"
        stated = f"{mean.value:,.0f}" if column.quantity is Quantity.TOTAL_BYTES else f"{mean.value:g}"
        return self.finding(
            f"The stated mean of {column.label!r} is {stated}, but its {len(column.values)} rows give {told}.",
            mean.location,
            *(Related(claim.location, f"seed {claim.seed}") for claim in column.values),
        )


def _holds(column: Column, mean: Claim) -> bool:
    slack = max(_MOST * mean.unit_of_last_place + column.value_ulp, 2e-5)
    if column.quantity is Quantity.TOTAL_BYTES:
        slack = max(slack, _trailing(mean.value))
        return abs(column.moments.mean - mean.value) <= slack or max(c.value for c in column.values) == mean.value
    return abs(column.moments.mean - mean.value) <= slack


def _trailing(value: float) -> float:
    """What the last digit that is not zero is worth: `15,949,000` is written to thousands."""
    worth = 1.0
    while value and value % (worth * 10) == 0 and worth < _COARSEST:
        worth *= 10
    return worth


_COARSEST = 1_000_000
