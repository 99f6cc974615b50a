"""The evaluation of the headline took more than its ten minutes."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from golf_audit.evidence.budget import EvaluationTime, evaluation_time
from golf_audit.evidence.claim import Claim, Quantity
from golf_audit.evidence.events import Evaluation
from golf_audit.evidence.hardware import other_devices
from golf_audit.evidence.headline import HeadlineLine
from golf_audit.evidence.samples import SampleRun, submission
from golf_audit.finding import Confidence, Finding, Related, Severity, Unproven
from golf_audit.rule import Example, Rule

if TYPE_CHECKING:
    from golf_audit.case import Case

_RANKS = 8
_ADAPTED = "prequant_ttt:start epochs=21\nprequant_ttt:done total_time=523.0s\npost-prequant-ttt val_loss:2.9000 val_bpb:1.1000 eval_time:9686ms"


class EvaluationPastTheBudget(Rule):
    """
    Evaluation may not take more than 600 seconds on eight H100.

    All that the headline score needs counts, from the finished training to the last token: whatever adapts the model to
    the validation text, and the pass that scores it. Diagnostic passes do not count. The parts are added up from
    the log's own times, each once. On fewer ranks, or on another device, the same work takes another time: where eight could do it
    in time, only a log of eight H100 can tell. Where a folder of the record track calls itself non-record, the
    organisers have to say what it is.
    """

    code = "GA-TIME-004"
    severity = Severity.DISQUALIFYING
    authority = ("readme-r4", "valerio-529", "cocohearts-1972")
    would_change = "A log in which everything that the score needs takes at most 600 s."
    legal: ClassVar[tuple[Example, ...]] = (
        Example("two minutes", files=submission()),
        Example("599 seconds", files=submission(SampleRun(eval_ms=599_000))),
        Example(
            "a long diagnostic pass beside the headline",
            files=submission(SampleRun(before="diagnostic sliding val_loss:2.9000 val_bpb:1.1000 eval_time:610000ms")),
        ),
        Example(
            "adaptation timed inside the pass",
            files=submission(SampleRun(before="ttt:done elapsed=410.0s", eval_ms=412_000)),
        ),
    )
    illegal: ClassVar[tuple[Example, ...]] = (
        Example("617 seconds", files=submission(SampleRun(eval_ms=616_850, label="legal_ttt")), says="616.9 s"),
        Example(
            "adaptation and scoring together",
            files=submission(SampleRun(before=_ADAPTED, eval_ms=115_343)),
            says="638.3 s",
        ),
        Example(
            "thirteen minutes in one seed",
            files=submission(SampleRun(1), SampleRun(2, eval_ms=763_797), SampleRun(3)),
            says="Seed 2",
        ),
        Example(
            "long on one GPU: only eight can tell",
            files=submission(SampleRun(eval_ms=816_900, world=1)),
            says="could do in 102.1 s",
        ),
        Example(
            "on another device: only an H100 can tell",
            files=submission(SampleRun(eval_ms=816_900), metadata={"hardware": "8x A800"}),
            says="on a machine given as 8 x A800",
        ),
        Example(
            "too long on one GPU for eight",
            files=submission(SampleRun(eval_ms=65_808_200, world=1)),
            says="could do in 8226.0 s",
        ),
    )

    def check(self, case: "Case") -> Iterator[Finding | Unproven]:
        """Add up what each headline line needed; flag the longest."""
        if not case.evidence.for_the_record:
            return
        budget = case.rulebook.limit("eval_seconds")
        timed = [
            (took, line)
            for line in case.evidence.scored_lines
            if isinstance(line.event, Evaluation) and (took := evaluation_time(line.run, line.event))
        ]
        over = sorted((item for item in timed if item[0].seconds > budget), key=lambda item: -item[0].seconds)
        if over:
            yield self._logged(case, over, budget)
        elif not any(took.seconds > budget for took, _ in timed):
            yield from self._stated(case, budget)

    def _logged(self, case: "Case", over: list[tuple[EvaluationTime, HeadlineLine]], budget: float) -> Finding:
        took, line = over[0]
        sure = line.run.world_size == _RANKS and case.evidence.is_certain
        elsewhere, share = _elsewhere(case, line, took.seconds)
        open_question = case.evidence.calls_itself_non_record or (elsewhere and share <= budget)
        return self.finding(
            f"{f'Seed {line.seed}' if line.seed is not None else 'The run'} needed {took.seconds:.1f} s of {budget:.0f} s"
            f" to evaluate{elsewhere}: {_told(took)}.",
            line.log.location(took.needed[-1].line),
            *(Related(line.log.location(part.line), f"{part.seconds:.1f} s") for part in took.needed[:-1]),
            *(Related(other.location, f"{time.seconds:.1f} s") for time, other in over[1:]),
            *(
                Related(claim.location, f"the submission's own sum, {claim.value:.0f} s")
                for claim in _own_sum(case, budget)
            ),
            confidence=Confidence.HIGH if sure else Confidence.MEDIUM,
            severity=Severity.RULING if open_question else Severity.DISQUALIFYING,
        )

    def _stated(self, case: "Case", budget: float) -> Iterator[Finding]:
        """The author's own sum, where no log shows one."""
        claims: list[Claim] = [
            c for c in case.evidence.claims.of(Quantity.EVAL_SECONDS) if c.value > budget and c.value < _ABSURD
        ]
        if claims:
            worst = max(claims, key=lambda claim: claim.value)
            yield self.finding(
                f"The submission states an evaluation of {worst.value:.0f} s of {budget:.0f} s.",
                worst.location,
                confidence=Confidence.MEDIUM,
                severity=Severity.RULING if case.evidence.calls_itself_non_record else Severity.DISQUALIFYING,
            )


def _elsewhere(case: "Case", line: HeadlineLine, seconds: float) -> tuple[str, float]:
    """On which other machine the run was, in words, and the seconds that are certain for eight ranks of the contest's."""
    ranks = line.run.world_size or _RANKS
    if ranks < _RANKS:
        share = seconds * ranks / _RANKS
        return f", on {ranks} of {_RANKS} ranks, whose work eight could do in {share:.1f} s", share
    device = next(other_devices(case.evidence, line.log, line.run), None)
    return (f", on a machine given as {device[0]}", 0.0) if device else ("", seconds)


def _told(took: EvaluationTime) -> str:
    """The parts of an evaluation, with their seconds where there are several."""
    if len(took.needed) == 1:
        return took.needed[0].label
    return " + ".join(f"{part.seconds:.1f} s {part.label}" for part in took.needed)


def _own_sum(case: "Case", budget: float) -> list[Claim]:
    return [c for c in case.evidence.claims.of(Quantity.EVAL_SECONDS) if budget < c.value < _ABSURD and c.seed is None]


_ABSURD = 100_000
"""More seconds than this are another unit."""
