"""The training loop ran past its ten minutes."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from golf_audit.evidence.budget import TrainingTime, training_time
from golf_audit.evidence.hardware import other_devices
from golf_audit.evidence.runlog import Run, RunLog
from golf_audit.evidence.samples import SampleRun, submission
from golf_audit.finding import Confidence, Finding, Related, Severity, Unproven
from golf_audit.rule import Example, Rule

if TYPE_CHECKING:
    from golf_audit.case import Case

_RANKS = 8
_PLAINLY = 1.0
"""Seconds past the budget that no step and no synchronisation explains."""


class TrainingPastTheBudget(Rule):
    """
    Training may not take more than 600 seconds on eight H100.

    Every script looks at its clock after a step, so a loop stops up to one step late: half of all accepted logs read
    600.0 to 600.5 s, and that is allowed. A loop that runs a second longer than one step explains has another cap. Runs on other
    hardware are another rule's business, and the non-record track has no such budget; where a folder of the record track calls
    itself non-record, the organisers have to say what it is.
    """

    code = "GA-TIME-001"
    severity = Severity.DISQUALIFYING
    authority = ("readme-r3",)
    would_change = "A log of the same seed whose training clock stops inside 600 s."
    legal: ClassVar[tuple[Example, ...]] = (
        Example("stopped with a reserve", files=submission()),
        Example("one step late", files=submission(SampleRun(train_ms=600_133))),
        Example("one slow step late", files=submission(SampleRun(train_ms=600_650, steps=700))),
        Example(
            "long, but on eight A800",
            files=submission(SampleRun(train_ms=1_200_000), metadata={"hardware": "8x A800-SXM4-80GB"}),
        ),
        Example("long, but on one GPU", files=submission(SampleRun(train_ms=2_400_000, world=1))),
    )
    illegal: ClassVar[tuple[Example, ...]] = (
        Example("a second late", files=submission(SampleRun(train_ms=601_153)), says="601.2 s"),
        Example(
            "five seconds late in one seed of three",
            files=submission(SampleRun(1), SampleRun(2, train_ms=605_055), SampleRun(3)),
            says="Seed 2",
        ),
        Example(
            "five seconds late, in the record track, of a run that calls itself non-record",
            files=submission(SampleRun(train_ms=605_055), metadata={"name": "Non-record: an ablation"}),
            says="605.1 s",
        ),
        Example("fifteen minutes", files=submission(SampleRun(train_ms=899_989)), says="900.0 s"),
    )

    def check(self, case: "Case") -> Iterator[Finding | Unproven]:
        """Flag the longest training of the claimed runs."""
        if not case.evidence.for_the_record:
            return
        budget = case.rulebook.limit("train_seconds")
        grace = case.rulebook.limit("train_grace_seconds")
        steps = float(case.rulebook.table("tolerances")["train_steps_late"])
        late = [
            (took, log, run)
            for log, run in case.evidence.claimed_runs
            if (took := training_time(run))
            and run.world_size in {None, _RANKS}
            and not any(other_devices(case.evidence, log, run))
            and took.seconds > budget + max(grace, steps * took.step_seconds)
        ]
        if late:
            late.sort(key=lambda item: -item[0].seconds)
            non_record = case.evidence.calls_itself_non_record
            yield self._finding(late, budget, Severity.RULING if non_record else self.severity)

    def _finding(self, late: list[tuple[TrainingTime, RunLog, Run]], budget: float, severity: Severity) -> Finding:
        took, log, run = late[0]
        seed = run.seed if run.seed is not None else log.seed
        sure = run.world_size == _RANKS and not took.coarse and took.seconds > budget + _PLAINLY
        return self.finding(
            f"{f'Seed {seed}' if seed is not None else 'The run'} trained {took.seconds:.1f} s of {budget:.0f} s; a step takes {took.step_seconds:.2f} s.",
            log.location(took.line),
            *(Related(other.location(time.line), f"{time.seconds:.1f} s") for time, other, _ in late[1:]),
            confidence=Confidence.HIGH if sure else Confidence.MEDIUM,
            severity=severity,
        )
