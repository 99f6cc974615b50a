"""A seed's artifact weighs more than the cap."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from golf_audit.decoding.source import Source
from golf_audit.evidence.claim import Claim, Quantity
from golf_audit.evidence.events import TotalSize
from golf_audit.evidence.samples import SampleRun, submission
from golf_audit.evidence.sizes import Packing, Weighing, weigh
from golf_audit.finding import Confidence, Finding, Related, Severity, Unproven
from golf_audit.rule import Example, Rule

if TYPE_CHECKING:
    from golf_audit.case import Case

_BIG = "print('train')\n" + "".join(f"value_{n} = {n * 7919 % 10007}\n" for n in range(4000))


class BytesOverTheCap(Rule):
    """
    No seed's counted code and compressed model may weigh more than 16,000,000 bytes together.

    The cap is decimal and holds for every seed, not for the mean. Organisers never said which bytes of code count: rows
    were refused by the total that their log states, and accepted although the script they ship is larger than the packed
    one they counted. So three totals are made: as logged, with the script as shipped, and with the script packed. Only
    where every total is over the cap is the artifact too large; where they straddle it, the organisers have to say.

    A submission may also state, to the byte, a smaller artifact than any that its log packed, and no size of code explains
    the difference: then another packing was shipped than the one logged, and the log alone does not convict it.
    """

    code = "GA-ART-001"
    severity = Severity.DISQUALIFYING
    authority = ("readme-r1", "regina-1809", "cocohearts-1959")
    would_change = "An artifact whose model and shipped script are together at most 16,000,000 bytes, with its log."
    legal: ClassVar[tuple[Example, ...]] = (
        Example("four kilobytes below the cap", files=submission(SampleRun(model=15_975_900))),
        Example("exactly the cap", files=submission(SampleRun(model=15_980_000))),
        Example(
            "an uncompressed model of 69 MB",
            files=submission(SampleRun(before="Total submission size: 69171389 bytes")),
        ),
        Example(
            "a first packing that did not fit",
            files=submission(SampleRun(before="Total submission size int8+zlib: 15920000 bytes")),
        ),
        Example(
            "another packing stated than the one logged, and both fit",
            files=submission(SampleRun(), metadata={"bytes_total": 15_300_000, "seed_results": {}}, readme="# R\n"),
        ),
    )
    illegal: ClassVar[tuple[Example, ...]] = (
        Example("25 kB over in every reading", files=submission(SampleRun(model=16_004_793)), says="16,024,793"),
        Example(
            "one of three seeds",
            files=submission(SampleRun(1), SampleRun(2, model=16_400_000), SampleRun(3)),
            says="16,420,000",
        ),
        Example(
            "over as logged, under as shipped",
            files=submission(SampleRun(model=15_931_980, code=72_046), code="print('packed')\n"),
            says="16,004,026",
        ),
        Example(
            "under as logged, over as shipped",
            files=submission(SampleRun(model=15_970_000, code=16_000), code=_BIG),
            says="straddle",
        ),
        Example(
            "a packing that fits, stated beside a log of one that does not",
            files=submission(
                SampleRun(model=24_655_764),
                metadata={"bytes_total": 15_793_319, "bytes_model": 15_727_804, "seed_results": {}},
                readme="# R\n",
            ),
            says="24,675,764 as logged",
        ),
        Example(
            "less stated than logged, by no more than code",
            files=submission(
                SampleRun(model=16_014_000, code=20_000),
                metadata={"bytes_total": 15_999_989, "seed_results": {}},
                readme="# R\n",
            ),
            says="in every reading",
        ),
        Example(
            "stated in the metadata alone",
            files={"submission.json": '{"val_bpb": 1.1, "bytes_total": 16638468}', "README.md": "x\n"},
            says="16,638,468",
        ),
    )

    def check(self, case: "Case") -> Iterator[Finding | Unproven]:
        """Weigh every seed; flag the heaviest that is over in some reading."""
        cap = int(case.rulebook.limit("artifact_bytes"))
        weighings = [w for w in weigh(case.evidence) if w.logged]
        over = sorted(
            (w for w in weighings if max(w.logged or 0, w.shipped or 0) > cap), key=lambda w: -(w.logged or 0)
        )
        if over:
            yield from self._weighed(case, cap, over)
        elif not weighings:
            yield from self._stated(case, cap)

    def _weighed(self, case: "Case", cap: int, over: list[Weighing]) -> Iterator[Finding]:
        packing = _packing(case)
        judged = [(weighing, _readings(weighing, packing)) for weighing in over]
        certain = [
            (w, r)
            for w, r in judged
            if min(r.values()) > cap and (w.packed(packing.least if packing else 0) or cap + 1) > cap
        ]
        worst, readings = (certain or judged)[0]
        line = worst.total or worst.model or worst.code
        if line is None:
            return
        told = ", ".join(f"{size:,} {how}" for how, size in readings.items())
        related = [
            Related(w.log.location(t.line), f"{t.size:,} for seed {w.seed}")
            for w, _ in judged
            if w is not worst and (t := w.total)
        ]
        another = _stated_packing(case, worst, cap)
        if certain and another:
            yield self.finding(
                f"The log of seed {worst.seed} packs an artifact over {cap:,} bytes in every reading ({told}), but the submission"
                f" states one of {another.value:,.0f}: another packing than the one logged, or none that fits.",
                worst.log.location(line.line),
                Related(another.location, f"states {another.value:,.0f}"),
                *related,
                confidence=Confidence.MEDIUM,
                would_change="A log that packs and scores the artifact that was shipped, at most 16,000,000 bytes.",
            )
        elif certain and not _fits_elsewhere(worst, cap):
            yield self.finding(
                f"The artifact of seed {worst.seed} is over {cap:,} bytes in every reading: {told}.",
                worst.log.location(line.line),
                *related,
            )
        else:
            yield self.finding(
                f"The artifact of seed {worst.seed} straddles {cap:,} bytes: {told}; the readings straddle the cap, and which code bytes count was ruled both ways.",
                worst.log.location(line.line),
                *related,
                severity=Severity.RULING,
                authority=("readme-r1", "regina-1835", "cocohearts-1959", "practice-1855"),
            )

    def _stated(self, case: "Case", cap: int) -> Iterator[Finding]:
        claims = [
            c
            for c in case.evidence.claims.of(Quantity.TOTAL_BYTES)
            if c.statistic in {"", "max"} and c.unit_of_last_place <= 1 and c.value < _ABSURD
        ]
        worst: Claim | None = max(claims, key=lambda claim: claim.value, default=None)
        if worst and worst.value > cap:
            yield self.finding(
                f"The submission states an artifact of {worst.value:,.0f} bytes, over {cap:,}.",
                worst.location,
                confidence=Confidence.HIGH,
            )


_ABSURD = 100_000_000
_LEAST = 1_000_000
"""Fewer bytes are not of a whole artifact."""


def _packing(case: "Case") -> Packing | None:
    source = case.source
    return Packing(source.text) if isinstance(source, Source) else None


def _readings(weighing: Weighing, packing: Packing | None) -> dict[str, int]:
    """The totals in words; packed only where there is code to pack."""
    readings = {"as logged": weighing.logged or 0}
    if weighing.shipped:
        readings["with the script as shipped"] = weighing.shipped
    if packing and (packed := weighing.packed(packing.size)):
        readings["with the script packed"] = packed
    return readings


def _fits_elsewhere(weighing: Weighing, cap: int) -> bool:
    """Whether the run also made a packing that fits: then the log does not say which one is the artifact."""
    return any(other.size <= cap and isinstance(other, TotalSize) for other in weighing.alternatives)


def _stated_packing(case: "Case", weighing: Weighing, cap: int) -> Claim | None:
    """A total that fits, stated to the byte, and further below the logged one than all of the code weighs; None where there is none."""
    code = max(weighing.code.size if weighing.code else 0, weighing.shipped_code)
    stated = [
        claim
        for claim in case.evidence.claims.of(Quantity.TOTAL_BYTES)
        if claim.seed in {None, weighing.seed} and claim.unit_of_last_place <= 1 and claim.statistic in {"", "max"}
    ]
    return next(
        (claim for claim in stated if _LEAST <= claim.value <= min(cap, (weighing.logged or 0) - code - 1)), None
    )
