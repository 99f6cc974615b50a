"""Quantisation was calibrated after the training budget was spent."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from golf_audit.evidence.budget import calibration, training_time
from golf_audit.evidence.events import Phase, Reserve
from golf_audit.evidence.samples import SampleRun, submission
from golf_audit.finding import Confidence, Finding, Related, Severity, Unproven
from golf_audit.rule import Example, Rule

if TYPE_CHECKING:
    from golf_audit.case import Case

_SELF = "generat"
_LATE = "GPTQ:collected 67 Hessians in 3.6s"


class CalibrationPastTheBudget(Rule):
    """
    Calibration on training data must end inside the 600 seconds of training.

    Collecting Hessians or scales reads training batches, and training data may not be read once evaluation has begun: the
    organisers refused runs that trained the full ten minutes and then calibrated for 3.6 s. A log shows when, but not on
    what: data that the model generates itself may be used. Accepted rows with a reserve end up to seven seconds late; which of
    the two holds was never said, so an overrun is a question.
    """

    code = "GA-TIME-003"
    severity = Severity.RULING
    authority = ("valerio-593", "valerio-609", "practice-1855")
    would_change = "A reserve that the calibration fits into, or proof that it read no training data."
    legal: ClassVar[tuple[Example, ...]] = (
        Example(
            "inside a reserve",
            files=submission(SampleRun(train_ms=587_993, before="GPTQ:collected 67 Hessians in 11.8s")),
        ),
        Example(
            "on data the model generated",
            files=submission(SampleRun(train_ms=600_100, before="gptq:generated 64 sequences in 196.5s\n" + _LATE)),
        ),
        Example("no calibration", files=submission(SampleRun(train_ms=600_100))),
    )
    illegal: ClassVar[tuple[Example, ...]] = (
        Example(
            "after the full ten minutes", files=submission(SampleRun(train_ms=600_067, before=_LATE)), says="603.7 s"
        ),
        Example(
            "a reserve that is too small",
            files=submission(
                SampleRun(
                    train_ms=596_100,
                    before="gptq:reserving 4s, effective=596000ms\nGPTQ:collected 67 Hessians in 11.0s",
                )
            ),
            says="607.1 s",
        ),
        Example(
            "calibrated layer by layer",
            files=submission(SampleRun(train_ms=600_017, before="gptq:calibrated 68 layers in 4.6s")),
            says="4.6 s",
        ),
    )

    def check(self, case: "Case") -> Iterator[Finding | Unproven]:
        """Add the first timed calibration after training to the training clock."""
        if not case.evidence.for_the_record:
            return
        budget = case.rulebook.limit("train_seconds")
        for log, run in case.evidence.claimed_runs:
            took, phases = training_time(run), calibration(run)
            if not took or not phases or took.coarse or any(_SELF in phase.label.lower() for phase in phases):
                continue
            first: Phase = phases[0]
            end = took.seconds + first.seconds
            if not first.seconds and took.seconds >= budget - 1:
                yield self.finding(
                    f"Training stopped at {took.seconds:.1f} s of {budget:.0f} s, and calibration began after it.",
                    log.location(first.line),
                    Related(log.location(took.line), "where training stopped"),
                    confidence=Confidence.MEDIUM,
                )
                return
            if end <= budget + case.rulebook.limit("train_grace_seconds"):
                continue
            kept = run.reserve
            told = _reserved(kept)
            yield self.finding(
                f"Training stopped at {took.seconds:.1f} s and calibration took {first.seconds:.1f} s more, to {end:.1f} s of {budget:.0f} s{told}.",
                log.location(first.line),
                Related(log.location(took.line), "where training stopped"),
                *([Related(log.location(kept.line), "the reserve")] if kept else []),
                confidence=Confidence.MEDIUM,
                severity=Severity.INFO if kept and end <= budget + _ROUNDING else Severity.RULING,
            )
            return


_ROUNDING = 1.0
"""Seconds that a reserve may be short by without a question: accepted rows end at 600.7 s."""


def _reserved(kept: Reserve | None) -> str:
    """In words what was kept back for the calibration."""
    if kept is None:
        return ", with no reserve"
    return (
        f", although {kept.seconds:g} s were kept back"
        if kept.seconds
        else ", with a reserve that the log rounds to 0 s"
    )
