"""A seed's artifact weighs more than the cap."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, ClassVar

from golf_audit.decoding.source import Source
from golf_audit.evidence.claim import Claim, Quantity
from golf_audit.evidence.events import TotalSize
from golf_audit.evidence.samples import SampleRun, submission
from golf_audit.evidence.sizes import Packing, Weighing, weigh
from golf_audit.finding import Confidence, Finding, Location, Related, Severity, Unproven
from golf_audit.rule import Example, Rule

if TYPE_CHECKING:
    from golf_audit.case import Case

_BIG = "print('train')\n" + "".join(f"value_{n} = {n * 7919 % 10007}\n" for n in range(4000))


class BytesOverTheCap(Rule):
    """
    No seed's counted code and compressed model may weigh more than 16,000,000 bytes together.

    The cap is decimal and holds for every seed, not for the mean. No rule says which bytes of code count, so three totals are
    made: as logged, with the script as shipped, and with the script packed. Only where every total is over the cap is the
    artifact too large.

    Where they straddle it, what organisers did decides. They refused rows by the total that the log states, and accepted
    rows whose log counts the packed script and fits, although the readable script that is shipped would not. So a logged
    total that fits is reported and nothing more, if the script can be packed so that it fits. Where the logged total is over
    the cap, the organisers have to say: they refused most such rows, and accepted one.

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
            says="the logged total is over it",
        ),
        Example(
            "over as logged and as shipped, under as packed",
            files=submission(SampleRun(model=15_940_000, code=70_000), code=_BIG),
            says="the logged total is over it",
        ),
        Example(
            "under as logged and as packed, over as shipped: a remark",
            files=submission(SampleRun(model=15_970_000, code=16_000), code=_BIG),
            says="15,986,000 as logged",
        ),
        Example(
            "under as logged, over however the script is packed",
            files=submission(SampleRun(model=15_998_000, code=1_000), code=_BIG),
            says="cannot be packed",
        ),
        Example(
            "a total alone, over the cap by less than the script weighs",
            files=submission(
                SampleRun(),
                code=_BIG,
                metadata={"bytes_total": None, "seed_results": {}},
                readme="# R\n",
                files={
                    "train_seed42.log": "Total submission size: 16020000 bytes\nfinal val_loss:2.0000 val_bpb:1.1845\n"
                },
            ),
            says="straddles",
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
                SampleRun(model=15_999_950, code=20_000),
                metadata={"bytes_total": 15_999_989, "seed_results": {}},
                readme="# R\n",
            ),
            says="is over 16,000,000 bytes in every reading",
        ),
        Example(
            "another one in the README",
            files={
                "submission.json": '{"val_bpb": 1.1, "bytes_total": 25055000}',
                "README.md": "# R\n\n## Results\n\n| Seed | val_bpb | Artifact |\n|---|---|---|\n| 42 | 1.1 | 15.15 MB |\n",
            },
            says="also a smaller one that fits",
        ),
        Example(
            "the same in mebibytes in the README",
            files={
                "submission.json": '{"val_bpb": 1.1, "bytes_total": 16442824}',
                "README.md": "# R\n\n## Results\n\n| Seed | val_bpb | Artifact |\n|---|---|---|\n| 42 | 1.1 | 15.7 MB |\n",
            },
            says="16,442,824 bytes, over 16,000,000.",
        ),
        Example(
            "stated in the metadata alone",
            files={"submission.json": '{"val_bpb": 1.1, "bytes_total": 16638468}', "README.md": "x\n"},
            says="16,638,468",
        ),
    )

    def check(self, case: "Case") -> Iterator[Finding | Unproven]:
        """Weigh every seed; tell of the gravest that is over in some reading."""
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
        judged = sorted((_judge(w, packing, cap) for w in over), key=lambda one: -one.kind)
        worst = judged[0]
        place = worst.location
        if place is None:
            return
        related = [
            Related(one.weighing.log.location(t.line), f"{t.size:,} for {one.weighing.whose}")
            for one in judged[1:]
            if (t := one.weighing.total)
        ]
        match worst.kind:
            case _Kind.OVER if not _fits_elsewhere(worst.weighing, cap):
                yield self._over(case, worst, place, related, cap)
            case _Kind.COUNTED_PACKED:
                yield self._counted_packed(worst, place, related, cap)
            case _:
                yield self._straddles(worst, place, related, cap)

    def _over(self, case: "Case", worst: "_Judged", place: Location, related: list[Related], cap: int) -> Finding:
        whose = worst.weighing.whose
        another = _stated_packing(case, worst.weighing, cap)
        if another is None:
            return self.finding(
                f"The artifact of {whose} is over {cap:,} bytes in every reading: {worst.told}.", place, *related
            )
        return self.finding(
            f"The log of {whose} packs an artifact over {cap:,} bytes in every reading ({worst.told}), but the submission"
            f" states one of {another.value:,.0f}: another packing than the one logged, or none that fits.",
            place,
            Related(another.location, f"states {another.value:,.0f}"),
            *related,
            confidence=Confidence.MEDIUM,
            would_change="A log that packs and scores the artifact that was shipped, at most 16,000,000 bytes.",
        )

    def _counted_packed(self, worst: "_Judged", place: Location, related: list[Related], cap: int) -> Finding:
        return self.finding(
            f"The artifact of {worst.weighing.whose} fits as its log counts it, and is over {cap:,} bytes with the script as it is"
            f" shipped: {worst.told}. Rows that count the packed script were accepted.",
            place,
            *related,
            severity=Severity.INFO,
            authority=("readme-r1", "practice-packed-code"),
            would_change="Nothing has to change; a script shipped in the packed form that is counted would leave no question.",
        )

    def _straddles(self, worst: "_Judged", place: Location, related: list[Related], cap: int) -> Finding:
        over_as_logged = (worst.weighing.logged or 0) > cap
        why = (
            "the logged total is over it, and organisers refused rows by their logged total, but accepted one"
            if over_as_logged
            else "the logged total fits, but the shipped script cannot be packed, by the auditor, to a size that does"
        )
        return self.finding(
            f"The artifact of {worst.weighing.whose} straddles {cap:,} bytes: {worst.told}; {why}.",
            place,
            *related,
            severity=Severity.RULING,
            authority=("readme-r1", "regina-1809", "regina-1835", "cocohearts-1959", "practice-1412")
            if over_as_logged
            else ("readme-r1", "practice-packed-code"),
        )

    def _stated(self, case: "Case", cap: int) -> Iterator[Finding]:
        claims = [
            c
            for c in case.evidence.claims.of(Quantity.TOTAL_BYTES)
            if c.statistic in {"", "max"} and c.unit_of_last_place <= 1 and c.value < _ABSURD
        ]
        worst: Claim | None = max(claims, key=lambda claim: claim.value, default=None)
        if worst is None or worst.value <= cap:
            return
        if smaller := _smaller(case, worst.value, cap):
            yield self.finding(
                f"The submission states an artifact of {worst.value:,.0f} bytes, over {cap:,}, and also a smaller one that fits;"
                " no log weighs either to the byte.",
                worst.location,
                *smaller,
                severity=Severity.RULING,
                would_change="One size of the artifact in all places, and a log that weighs it.",
            )
        else:
            yield self.finding(
                f"The submission states an artifact of {worst.value:,.0f} bytes, over {cap:,}.", worst.location
            )


_ABSURD = 100_000_000
_MIB = 1.048576
_ROUND = 60_000
"""Bytes by which a number of mebibytes may have been rounded."""
_LEAST = 1_000_000
"""Fewer bytes are not of a whole artifact."""


def _smaller(case: "Case", worst: float, cap: int) -> list[Related]:
    """The first statement of a whole artifact or model that fits, and is not the `worst` in mebibytes; empty where there is none."""
    claims = (c for q in (Quantity.TOTAL_BYTES, Quantity.MODEL_BYTES) for c in case.evidence.claims.of(q))
    stated = [(claim.location, claim.value) for claim in claims if claim.statistic != "std"]
    weighed = [(log.location(e.line), e.size) for log in case.evidence.logs for e in log.of(TotalSize)]
    fitting = ((place, size) for place, size in (*stated, *weighed) if _LEAST <= size <= cap)
    return [Related(place, f"{size:,.0f} bytes") for place, size in fitting if abs(size * _MIB - worst) > _ROUND][:1]


def _packing(case: "Case") -> Packing | None:
    source = case.source
    return Packing(source.text) if isinstance(source, Source) else None


class _Kind(IntEnum):
    """What the readings of one artifact say together, the gravest last."""

    COUNTED_PACKED = 1
    """The logged total fits, and so does our own packing; only the script as shipped does not."""
    STRADDLES = 2
    OVER = 3
    """Every reading is over the cap."""


@dataclass(frozen=True, slots=True)
class _Judged:
    """One run's artifact in every reading."""

    weighing: Weighing
    readings: Mapping[str, int]
    kind: _Kind

    @property
    def told(self) -> str:
        """The readings in words."""
        return ", ".join(f"{size:,} {how}" for how, size in self.readings.items())

    @property
    def location(self) -> Location | None:
        """The line of the log that states the total, else a part of it."""
        line = self.weighing.total or self.weighing.model or self.weighing.code
        return self.weighing.log.location(line.line) if line else None


def _least(weighing: Weighing, packing: Packing | None) -> int:
    """The least that the artifact can weigh: its model, which is the total without all of the code where it is not logged, and the smallest packing."""
    code = weighing.code.size if weighing.code else max(weighing.shipped_code, len(packing.source) if packing else 0)
    model = weighing.model.size if weighing.model else (weighing.logged or 0) - code
    return model + (packing.least if packing else 0)


def _judge(weighing: Weighing, packing: Packing | None, cap: int) -> _Judged:
    readings = {"as logged": weighing.logged or 0}
    if weighing.shipped:
        readings["with the script as shipped"] = weighing.shipped
    packed = weighing.packed(packing.within(cap - weighing.model.size)) if packing and weighing.model else None
    if packed:
        readings["with the script packed"] = packed
    if min(readings.values()) > cap and _least(weighing, packing) > cap:
        return _Judged(weighing, readings, _Kind.OVER)
    counted = readings["as logged"] <= cap and packed is not None and packed <= cap
    return _Judged(weighing, readings, _Kind.COUNTED_PACKED if counted else _Kind.STRADDLES)


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
