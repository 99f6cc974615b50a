"""A stated standard deviation does not follow from its values."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from golf_audit.evidence.arithmetic import Spread, moments, spread
from golf_audit.evidence.claim import Claim, Quantity
from golf_audit.evidence.columns import readme_columns
from golf_audit.evidence.samples import submission
from golf_audit.finding import Finding, Related, Severity, Unproven
from golf_audit.rule import Example, Rule

if TYPE_CHECKING:
    from golf_audit.case import Case

_TABLE = "# R\n\n## Results\n\n| Seed | post-EMA bpb |\n|---|---|\n| 42 | 1.07539 |\n| 1337 | 1.07537 |\n| 2025 | 1.07515 |\n| Mean | 1.07530 |\n| Std | {std} |\n"
_SLACK = 3.0


class DeviationNotOfItsSeeds(Rule):
    """
    A standard deviation must be one of the two that its values have.

    With n - 1 (sample) or n (population): both are met, both are taken. A deviation that is neither makes a
    significance out of nothing.
    """

    code = "GA-STAT-004"
    severity = Severity.METADATA
    authority = ("readme-r8",)
    would_change = "A deviation, sample or population, that the stated values give."
    legal: ClassVar[tuple[Example, ...]] = (
        Example("sample", files=submission()),
        Example("population", files=submission(metadata={"val_bpb_std": 0.00049}, readme=_TABLE.format(std="0.00011"))),
        Example("rounded", files=submission(metadata={"val_bpb_std": 0.001}, readme=_TABLE.format(std="0.0001"))),
    )
    illegal: ClassVar[tuple[Example, ...]] = (
        Example("ten times too small", files=submission(readme=_TABLE.format(std="0.00001")), says="0.00013"),
        Example("another in the metadata", files=submission(metadata={"val_bpb_std": 0.0002}), says="0.0006"),
        Example("none at all", files=submission(metadata={"val_bpb_std": 0.00005}), says="0.0006"),
    )

    def check(self, case: "Case") -> Iterator[Finding | Unproven]:
        """Recompute the metadata's deviation from its headline field, and every README column's."""
        claims = case.evidence.claims
        stated, headline = claims.metadata.std, claims.metadata.headline
        if stated and headline:
            columns = [list(column.values()) for _, column in claims.columns() if len(column) > 1]
            fitting = [
                c
                for c in columns
                if abs(moments([v.value for v in c]).mean - headline.value)
                <= _SLACK * max(headline.unit_of_last_place, 1e-5)
            ]
            kinds = [spread(stated.value, [v.value for v in c], stated.unit_of_last_place, _ulp(c)) for c in fitting]
            if fitting and all(kind is Spread.NEITHER for kind in kinds):
                yield self._finding("the headline", stated, fitting[0])
        for column in readme_columns(claims, Quantity.BPB, Quantity.LOSS):
            values = [claim.value for claim in column.values]
            if (
                column.std
                and spread(column.std.value, values, column.std.unit_of_last_place, column.value_ulp) is Spread.NEITHER
            ):
                yield self._finding(f"{column.label!r}", column.std, list(column.values))

    def _finding(self, what: str, stated: Claim, values: list[Claim]) -> Finding:
        found = moments([claim.value for claim in values])
        return self.finding(
            f"The stated deviation of {what} is {stated.value:g}, but its {len(values)} values have {found.sample:.2g} (sample) or {found.population:.2g} (population).",
            stated.location,
            *(Related(claim.location, f"seed {claim.seed}: {claim.value:g}") for claim in values),
        )


def _ulp(values: list[Claim]) -> float:
    """The finest last place: JSON drops zeros at the end, so a short number is not a coarse one."""
    return min(claim.unit_of_last_place for claim in values)
