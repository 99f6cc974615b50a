"""A statement of compliance is contradicted by the submission's own logs."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from golf_audit.evidence.budget import evaluation_time
from golf_audit.evidence.events import Evaluation
from golf_audit.evidence.evidence import Evidence
from golf_audit.evidence.readme import StatementKind
from golf_audit.evidence.runlog import Run, RunLog
from golf_audit.evidence.samples import THREE, SampleRun, submission
from golf_audit.finding import Confidence, Finding, Location, Related, Severity, Unproven
from golf_audit.rule import Example, Rule

if TYPE_CHECKING:
    from golf_audit.case import Case

_TTT_LINE = "quantized_ttt_sliding_window val_loss:2.9499 val_bpb:1.1420 eval_time:568800ms"
_TTT_LABEL = re.compile(r"(?<!pre_)(?<!pre-)\bttt|_ttt|ttt_|adapted", re.I)
_NO_TTT = "# R\n\n## Results (no test-time training)\n"
_MANY = 3


class FlagAgainstTheEvidence(Rule):
    """
    What a submission declares about itself must be so.

    `three_seeds: true` with one seed, `no test-time training` beside a log that adapts for nine minutes, an evaluation `under 200 s`
    that took 568: the declarations are what a hurried reader trusts.
    """

    code = "GA-META-008"
    severity = Severity.METADATA
    authority = ("readme-r10",)
    would_change = "Declarations that the logs bear out."
    legal: ClassVar[tuple[Example, ...]] = (
        Example("three seeds, declared", files=submission(metadata={"compliance": {"three_seeds": True}})),
        Example("no adaptation, none logged", files=submission(readme=_NO_TTT)),
        Example("an evaluation bound that holds", files=submission(readme="# R\n\n- Eval < 200 s\n")),
        Example(
            "adaptation before quantisation is another thing",
            files=submission(SampleRun(before="pre_ttt val_loss:2.9 val_bpb:1.1"), readme=_NO_TTT),
        ),
    )
    illegal: ClassVar[tuple[Example, ...]] = (
        Example(
            "one seed declared three",
            files=submission(THREE[0], metadata={"compliance": {"three_seeds": True}}),
            says="three_seeds",
        ),
        Example(
            "no adaptation, says the README",
            files=submission(SampleRun(after=_TTT_LINE), readme=_NO_TTT),
            says="568.8 s",
        ),
        Example(
            "an evaluation bound that does not hold",
            files=submission(SampleRun(eval_ms=568_800), readme="# R\n\n- Eval < 200 s\n"),
            says="200 s",
        ),
        Example(
            "under the budget, says the metadata",
            files=submission(SampleRun(eval_ms=688_000), metadata={"eval_under_600s": True}),
            says="eval_under_600s",
        ),
    )

    def check(self, case: "Case") -> Iterator[Finding | Unproven]:
        """Hold each declaration against the logs."""
        evidence = case.evidence
        for name, value, place in evidence.claims.metadata.flags():
            if value:
                yield from self._flag(case, evidence, name.lower(), place)
        yield from self._denials(evidence)
        yield from self._bounds(evidence)

    def _flag(self, case: "Case", evidence: Evidence, name: str, place: Location) -> Iterator[Finding]:
        seeds = {log.seed for log in evidence.logs if log.main.results}
        if re.search(r"(?:three|3)_?seeds", name) and evidence.logs and None not in seeds and 0 < len(seeds) < _MANY:
            yield self.finding(
                f"The metadata declares {name}, but the logs show {len(seeds)} seed{'s' if len(seeds) > 1 else ''}.",
                place,
                authority=("cocohearts-2139", "readme-r10"),
            )
        elif (
            re.search(r"eval\w*_under_(?:600|10)", name)
            and (found := _longest(evidence))
            and found[0] > case.rulebook.limit("eval_seconds")
        ):
            yield self.finding(
                f"The metadata declares {name}, but the log's evaluation took {found[0]:.1f} s.",
                place,
                Related(found[1], "the evaluation"),
            )

    def _denials(self, evidence: Evidence) -> Iterator[Finding]:
        if any(_TTT_LABEL.search(line.label) for line in evidence.headline_lines) or evidence.headline is None:
            return
        denials = evidence.claims.readme.said(StatementKind.NO_TTT)
        adapted = [found for log, run in evidence.claimed_runs if (found := _adapted(log, run))]
        if denials and adapted and len(adapted) <= len(evidence.claimed_runs):
            event, log = adapted[0]
            took = f" for {event.seconds:.1f} s" if event.seconds else ""
            yield self.finding(
                f"The README says there is no test-time training, but {event.label!r} in the log adapts{took}.",
                denials[0].location,
                Related(log.location(event.line), "the adapted evaluation"),
                confidence=Confidence.MEDIUM,
            )

    def _bounds(self, evidence: Evidence) -> Iterator[Finding]:
        longest = _longest(evidence, every=True)
        for bound in evidence.claims.readme.said(StatementKind.EVAL_BOUND):
            if bound.bound and longest and longest[0] > bound.value:
                yield self.finding(
                    f"The README says that evaluation takes less than {bound.value:.0f} s, but the log has one of {longest[0]:.1f} s.",
                    bound.location,
                    Related(longest[1], "the evaluation"),
                    confidence=Confidence.MEDIUM,
                )
                return


def _adapted(log: RunLog, run: Run) -> tuple[Evaluation, RunLog] | None:
    found = [event for event in run.results if _TTT_LABEL.search(event.label)]
    return (found[-1], log) if found else None


def _longest(evidence: Evidence, *, every: bool = False) -> tuple[float, Location] | None:
    """The longest headline evaluation, or the longest of any in the claimed runs."""
    if every:
        events = [
            (event.seconds, log.location(event.line))
            for log, run in evidence.claimed_runs
            for event in run.results
            if event.seconds
        ]
    else:
        events = [
            (took.seconds, line.location)
            for line in evidence.headline_lines
            if isinstance(line.event, Evaluation) and (took := evaluation_time(line.run, line.event))
        ]
    return max(events, key=lambda item: item[0], default=None)
