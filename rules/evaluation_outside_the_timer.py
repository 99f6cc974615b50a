"""Work for the headline was done outside the evaluation's timer."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from golf_audit.evidence.budget import evaluation_time
from golf_audit.evidence.claim import Quantity
from golf_audit.evidence.events import Evaluation, Phase, PhaseKind
from golf_audit.evidence.samples import SampleRun, submission
from golf_audit.finding import Finding, Related, Severity, Unproven
from golf_audit.rule import Example, Rule

if TYPE_CHECKING:
    from golf_audit.case import Case


class EvaluationOutsideTheTimer(Rule):
    """
    Work that the score needs should be inside the evaluation's timer.

    Accepted rows leave 80 to 190 s of compilation out of their timer, and organisers have pointed at a process that took longer than
    600 s although its timer read less. So a table built beforehand or a compilation is no foul by itself; it is asked about where
    timer and work outside it together pass the budget.
    """

    code = "GA-TIME-005"
    severity = Severity.RULING
    authority = ("cocohearts-2121", "practice-1855")
    would_change = "A timer around everything after the artifact, or a ruling on what may stay outside."
    legal: ClassVar[tuple[Example, ...]] = (
        Example("nothing outside", files=submission()),
        Example(
            "a table built outside, well inside the budget",
            files=submission(SampleRun(before="ngram_tilt:precompute_done elapsed=147.40s", eval_ms=400_000)),
        ),
        Example("a process inside the budget", files=submission(metadata={"ttt_process_real_s": 581.8})),
        Example(
            "compilation alone",
            files=submission(SampleRun(before="ttt_lora:compile warmup done (135.0s)", eval_ms=520_000)),
        ),
    )
    illegal: ClassVar[tuple[Example, ...]] = (
        Example(
            "a table built outside",
            files=submission(
                SampleRun(before="ngram_tilt:precompute_outside_timer_done elapsed=164.53s", eval_ms=480_000)
            ),
            says="644.5 s",
        ),
        Example(
            "a cache filled outside",
            files=submission(SampleRun(before="ngram_prefill:done filled positions in 90.0s", eval_ms=550_000)),
            says="640.0 s",
        ),
        Example(
            "both",
            files=submission(
                SampleRun(
                    before="hints precompute done elapsed=60.0s\nngram_prefill:done elapsed=60.0s", eval_ms=500_000
                )
            ),
            says="620.0 s",
        ),
        Example(
            "a process longer than its timer",
            files=submission(metadata={"ttt_eval_time_s": 554.8, "ttt_process_real_s": 734.67}),
            says="735 s",
        ),
    )

    def check(self, case: "Case") -> Iterator[Finding | Unproven]:
        """Add tables built beforehand to each headline's own time."""
        if not case.evidence.for_the_record:
            return
        budget = case.rulebook.limit("eval_seconds")
        yield from self._process(case, budget)
        for line in case.evidence.headline_lines:
            if not isinstance(line.event, Evaluation):
                continue
            took = evaluation_time(line.run, line.event)
            if took is None:
                continue
            lines = {phase.line for phase in line.run.of(Phase) if phase.kind is PhaseKind.PRECOMPUTE}
            tables = [part for part in took.outside if part.line in lines]
            whole = took.seconds + sum(part.seconds for part in tables)
            if tables and took.seconds <= budget < whole:
                yield self.finding(
                    f"The timer reads {took.seconds:.1f} s, and {whole - took.seconds:.1f} s of tables were built outside it: {whole:.1f} s of {budget:.0f} s.",
                    line.log.location(tables[0].line),
                    Related(line.location, "the timed evaluation"),
                )
                return

    def _process(self, case: "Case", budget: float) -> Iterator[Finding]:
        """The longest process that the submission itself states, where it is past the budget."""
        stated = [c for c in case.evidence.claims.of(Quantity.PROCESS_SECONDS) if budget < c.value < _ABSURD]
        if stated:
            longest = max(stated, key=lambda claim: claim.value)
            yield self.finding(
                f"The submission states that an evaluating process took {longest.value:.0f} s, timer and all that is outside"
                f" it, of {budget:.0f} s.",
                longest.location,
                *(Related(claim.location, f"{claim.value:.0f} s") for claim in stated if claim is not longest),
            )


_ABSURD = 100_000
"""More seconds than this are another unit."""
