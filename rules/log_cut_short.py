"""A log ends inside training, or in a crash."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from golf_audit.evidence.events import Crash, Evaluation, Event, Stop
from golf_audit.evidence.runlog import Run, RunLog
from golf_audit.evidence.samples import SampleRun, submission
from golf_audit.finding import Finding, Severity, Unproven
from golf_audit.rule import Example, Rule

if TYPE_CHECKING:
    from golf_audit.case import Case

_CUT = "\n".join(SampleRun().log().splitlines()[:9]) + "\n4500/20000 train_loss: 2.9 train_time: 9.5m tok/s: 6200000\n"
_CRASH = "Traceback (most recent call last):\n  File 'train_gpt.py', line 1, in <module>\n"


class LogCutShort(Rule):
    """
    A log that stands for a run must reach the run's end.

    It has steps, a stop and a final result. A log that breaks off in training, or ends in a traceback with no result, shows nothing
    about the claim.
    """

    code = "GA-PR-004"
    severity = Severity.METADATA
    authority = ("readme-r10",)
    would_change = "The whole log."
    legal: ClassVar[tuple[Example, ...]] = (
        Example("whole logs", files=submission()),
        Example(
            "a crash that was started again",
            files=submission(SampleRun(), files={"train_seed42.log": _CUT + _CRASH + SampleRun().log()}),
        ),
        Example(
            "an evaluation without training",
            files=submission(files={"eval.log": "final_int8 val_loss:2.0000 val_bpb:1.1845\n"}),
        ),
    )
    illegal: ClassVar[tuple[Example, ...]] = (
        Example("broken off", files=submission(SampleRun(), files={"train_seed42.log": _CUT}), says="step 4,500"),
        Example(
            "ends in a traceback",
            files=submission(SampleRun(), files={"train_seed42.log": _CUT + _CRASH}),
            says="crash",
        ),
        Example("one of three seeds", files=submission(files={"train_seed1337.log": _CUT}), says="train_seed1337.log"),
    )

    def check(self, case: "Case") -> Iterator[Finding | Unproven]:
        """Flag each log at the root of the folder whose last run has training and no result."""
        for log in case.evidence.logs:
            last: Run = log.runs[-1]
            if "/" in log.path or not last.steps or last.results or last.last(Stop) or log.of(Evaluation):
                continue
            crash = last.last(Crash)
            how = "ends in a crash" if crash else "breaks off"
            yield self.finding(
                f"{log.path} {how} at step {last.steps:,} with no result.", log.location(_last_line(log, crash))
            )


def _last_line(log: RunLog, crash: Event | None) -> int:
    return crash.line if crash else log.runs[-1].events[-1].line
