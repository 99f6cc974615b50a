"""The stated total is below the largest seed's."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from golf_audit.evidence.claim import Claim, Quantity
from golf_audit.evidence.samples import THREE, SampleRun, submission
from golf_audit.finding import Finding, Related, Severity, Unproven
from golf_audit.rule import Example, Rule

if TYPE_CHECKING:
    from golf_audit.case import Case

_UNEVEN = (SampleRun(42), SampleRun(314, model=15_900_500), SampleRun(999, model=15_901_000))


class TotalBelowASeed(Rule):
    """
    `bytes_total` may not be less than the largest seed's artifact.

    The cap holds for every seed, so the number that stands for the submission is the maximum. A mean, the best seed's
    size or that of an earlier build hides the one that matters.
    """

    code = "GA-META-003"
    severity = Severity.METADATA
    authority = ("readme-r1", "readme-r10")
    would_change = "A `bytes_total` that is at least the largest per-seed total."
    legal: ClassVar[tuple[Example, ...]] = (
        Example("the maximum", files=submission(*_UNEVEN)),
        Example("more than the maximum", files=submission(*_UNEVEN, metadata={"bytes_total": 15_990_000})),
        Example("no total at all", files=submission(*THREE, metadata={"bytes_total": None})),
    )
    illegal: ClassVar[tuple[Example, ...]] = (
        Example("one byte less", files=submission(*_UNEVEN, metadata={"bytes_total": 15_920_999}), says="15,921,000"),
        Example("the mean", files=submission(*_UNEVEN, metadata={"bytes_total": 15_920_500}), says="15,920,500"),
        Example("another build", files=submission(*_UNEVEN, metadata={"bytes_total": 15_800_000}), says="seed 999"),
    )

    def check(self, case: "Case") -> Iterator[Finding | Unproven]:
        """Compare the metadata's total with every total stated for a seed."""
        total = case.evidence.claims.metadata.total
        if total is None or total.unit_of_last_place > 1 or total.value < _LEAST:
            return
        stated = [
            c
            for c in case.evidence.claims.of(Quantity.TOTAL_BYTES)
            if c.seed is not None and not c.statistic and c.unit_of_last_place <= 1
        ]
        largest: Claim | None = max(stated, key=lambda claim: claim.value, default=None)
        if largest and largest.value > total.value:
            yield self.finding(
                f"The stated total is {total.value:,.0f} bytes, but seed {largest.seed} is stated to weigh {largest.value:,.0f}.",
                total.location,
                Related(largest.location, f"seed {largest.seed}"),
            )


_LEAST = 100_000
"""A total below this is not in bytes."""
