"""A size is claimed that the log contradicts."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from golf_audit.evidence.claim import Claim, Quantity
from golf_audit.evidence.events import TotalSize
from golf_audit.evidence.samples import SampleRun, submission
from golf_audit.evidence.sizes import Weighing, weigh
from golf_audit.finding import Finding, Related, Severity, Unproven
from golf_audit.rule import Example, Rule

if TYPE_CHECKING:
    from golf_audit.case import Case

_OVER = SampleRun(1337, model=15_931_980, code=72_046)
_TOLD = "# R\n\nval_bpb = 1.0806\n\n## Results\n\n| Seed | val_bpb | Artifact |\n|---|---|---|\n| 1337 | 1.0800 | {size} |\n"


class FitsClaimAgainstTheLog(Rule):
    """
    A size may not be claimed for a seed whose own log weighs something else.

    The usual case is a log that totals more than the cap, and a README that gives a smaller, re-packed artifact which no
    log ever weighed: the score is then of one artifact and the size of another.
    """

    code = "GA-ART-002"
    severity = Severity.METADATA
    authority = ("readme-r1", "readme-r10")
    would_change = "A log of the artifact that the claimed size is of."
    legal: ClassVar[tuple[Example, ...]] = (
        Example("the sizes of the logs", files=submission()),
        Example("a size in megabytes", files=submission(SampleRun(1337), readme=_TOLD.format(size="15.92 MB"))),
        Example(
            "the model with the script as shipped",
            files=submission(
                _OVER,
                code="#" * 20_990,
                readme=_TOLD.format(size="15,952,970"),
                metadata={"seed_results": {}, "bytes_total": 15_952_970},
            ),
        ),
        Example(
            "a size rounded to ten thousand bytes",
            files=submission(SampleRun(1337, model=15_903_197), readme=_TOLD.format(size="15,920,000")),
        ),
        Example("a seed without a log", files=submission(readme=_TOLD.format(size="15,000,000").replace("1337", "7"))),
    )
    illegal: ClassVar[tuple[Example, ...]] = (
        Example(
            "re-packed after the run",
            files=submission(_OVER, code="#" * 20_990, readme=_TOLD.format(size="15,953,107")),
            says="16,004,026",
        ),
        Example(
            "fits, says the table", files=submission(_OVER, readme=_TOLD.format(size="15,956,059")), says="15,956,059"
        ),
        Example(
            "another size in the metadata",
            files=submission(metadata={"seed_results": {"42": {"artifact_bytes": 15_800_000}}}),
            says="15,800,000",
        ),
        Example(
            "a total that fits, over logs that do not",
            files=submission(
                SampleRun(model=24_655_764), metadata={"bytes_total": 15_793_319, "seed_results": {}}, readme="# R\n"
            ),
            says="15,793,319",
        ),
    )

    def check(self, case: "Case") -> Iterator[Finding | Unproven]:
        """Compare every stated per-seed total with that seed's log."""
        cap = int(case.rulebook.limit("artifact_bytes"))
        weighings = weigh(case.evidence)
        for weighing in weighings:
            wrong = [claim for claim in _stated(case, weighing) if not _known(claim, weighing)]
            if wrong and weighing.total:
                yield self._wrong(f"{weighing.whose.capitalize()} is stated", wrong, weighing, weighing.total, cap)
        heaviest = max((w for w in weighings if w.total), key=lambda w: w.logged or 0, default=None)
        if heaviest and heaviest.total and heaviest.total.size > cap:
            wrong = [claim for claim in _fitting(case, cap) if not any(_known(claim, w) for w in weighings)]
            if wrong:
                yield self._wrong("The whole is stated", wrong, heaviest, heaviest.total, cap)

    def _wrong(self, who: str, wrong: list[Claim], weighing: Weighing, total: TotalSize, cap: int) -> Finding:
        over = f", over {cap:,}" if total.size > cap else ""
        return self.finding(
            f"{who} to weigh {wrong[0].value:,.0f} bytes, but the log of {weighing.whose} totals {total.size:,}{over}.",
            wrong[0].location,
            Related(weighing.log.location(total.line), "the total in the log"),
            *(Related(claim.location, f"states {claim.value:,.0f}") for claim in wrong[1:]),
        )


def _stated(case: "Case", weighing: Weighing) -> list[Claim]:
    claims = case.evidence.claims.of(Quantity.TOTAL_BYTES, weighing.seed) if weighing.seed is not None else ()
    return [claim for claim in claims if not claim.statistic]


def _fitting(case: "Case", cap: int) -> list[Claim]:
    """Totals that fit, stated to the byte for the submission as a whole."""
    return [
        claim
        for claim in case.evidence.claims.metadata.claims
        if claim.quantity is Quantity.TOTAL_BYTES
        and claim.seed is None
        and claim.statistic in {"", "max"}
        and claim.unit_of_last_place <= 1
        and _LEAST <= claim.value <= cap
    ]


def _known(claim: Claim, weighing: Weighing) -> bool:
    """Whether the claim is one of the totals that can be made of what the log and the folder weigh."""
    sizes = [
        weighing.logged,
        weighing.shipped,
        weighing.model.size if weighing.model else None,
        *(other.size for other in weighing.alternatives),
    ]
    return any(
        size is not None and (claim.agrees(size) or (claim.unit_of_last_place > 1 and claim.agrees(size / _MIB)))
        for size in sizes
    )


_LEAST = 1_000_000
"""Fewer bytes are not of a whole artifact."""
_MIB = 1.048576
"""Megabytes are often mebibytes: a rounded claim may be either."""
