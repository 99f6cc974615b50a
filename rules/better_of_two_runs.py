"""A seed was run twice, and the better run is the one that counts."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from golf_audit.evidence.configuration import alike
from golf_audit.evidence.events import Evaluation
from golf_audit.evidence.headline import HeadlineLine
from golf_audit.evidence.runlog import RunLog
from golf_audit.evidence.samples import SampleRun, submission
from golf_audit.finding import Confidence, Finding, Related, Severity, Unproven
from golf_audit.rule import Example, Rule

if TYPE_CHECKING:
    from golf_audit.case import Case

_RUNS = (SampleRun(42, 1.08012), SampleRun(1337, 1.08061), SampleRun(2025, 1.08123))
_WORSE = SampleRun(42, 1.08133)
_NOISE = 1e-5


def _again(run: SampleRun) -> dict[str, str]:
    return submission(*_RUNS, files={"first/train_seed42.log": run.log()})


class BetterOfTwoRuns(Rule):
    """
    A seed's score should not be the better of two runs of it.

    Two runs of one seed differ by noise. Where both are logged, with the same settings and the same code, and the claim is
    made of the better one, the mean is too low by the choice. A rerun may have a good reason, such as a broken machine: so
    this is a remark, and the README can answer it.
    """

    code = "GA-STAT-006"
    severity = Severity.INFO
    authority = ("readme-r13",)
    would_change = "A README that says why the other run does not count, or the mean of both."
    legal: ClassVar[tuple[Example, ...]] = (
        Example("one run for each seed", files=submission()),
        Example("the same log twice", files=_again(_RUNS[0])),
        Example("a worse run with other settings", files=_again(SampleRun(42, 1.08133, settings="ttt_lr: 0.01"))),
        Example("a worse run of other code", files=_again(SampleRun(42, 1.08133, code=20_500))),
        Example("a better run that does not count", files=_again(SampleRun(42, 1.07905))),
    )
    illegal: ClassVar[tuple[Example, ...]] = (
        Example(
            "a worse run of the same settings",
            files=_again(_WORSE),
            says="1.08012 where another logged run has 1.08133",
        ),
        Example(
            "two worse runs",
            files={**_again(_WORSE), "second/train_seed42.log": SampleRun(42, 1.08304).log()},
            says="1.08304",
        ),
        Example(
            "both in one file",
            files=submission(*_RUNS, files={"train_seed42.log": _WORSE.log() + _RUNS[0].log()}),
            says="Seed 42",
        ),
    )

    def check(self, case: "Case") -> Iterator[Finding | Unproven]:
        """Look for a run like a claimed one that ended worse."""
        headline = case.evidence.headline
        if headline is None or headline.confidence is not Confidence.HIGH or len(headline.lines) < 2:  # noqa: PLR2004 -- a mean
            return
        for line in headline.lines:
            worse = sorted(_worse(line, case.evidence.logs), key=lambda item: -item[1].bpb)
            if worse:
                _, event = worse[0]
                yield self.finding(
                    f"Seed {line.seed} counts with {line.event.bpb:g} where another logged run has {event.bpb:g}, with the same"
                    " settings and the same code.",
                    line.location,
                    *(Related(other.location(its.line), f"{its.bpb:g}") for other, its in worse),
                    confidence=Confidence.MEDIUM,
                )


def _worse(line: HeadlineLine, logs: tuple[RunLog, ...]) -> Iterator[tuple[RunLog, Evaluation]]:
    """The last result of the same label in each other run like the line's own, where it is worse."""
    for log in logs:
        for run in log.runs:
            seed = run.seed if run.seed is not None else log.seed
            found = [event for event in run.results if event.label == line.label]
            if run is line.run or seed is None or seed != line.seed or not found or not alike(run, line.run):
                continue
            if found[-1].bpb > line.event.bpb + _NOISE:
                yield log, found[-1]
