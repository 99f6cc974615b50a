"""The claimed score is in no log, and no mean of logged results gives it."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from golf_audit.evidence.events import Evaluation
from golf_audit.evidence.samples import submission
from golf_audit.finding import Confidence, Finding, Related, Severity, Unproven
from golf_audit.rule import Example, Rule

if TYPE_CHECKING:
    from golf_audit.case import Case


class ScoreInNoLog(Rule):
    """
    The claimed score must come from the logs.

    It is a line of a log, or the mean of one line for each seed. A score that neither gives was corrected by an offset, projected from
    a part, converted by hand, or is of a run that is not shown.
    """

    code = "GA-META-002"
    severity = Severity.METADATA
    authority = ("cocohearts-1981", "readme-r10")
    would_change = "The log lines that the score is made of."
    legal: ClassVar[tuple[Example, ...]] = (
        Example("the mean of the logs", files=submission()),
        Example("the line of one log", files=submission(metadata={"val_bpb": 1.0806, "seed_results": {}})),
        Example("no logs to look in", files={"submission.json": '{"val_bpb": 1.05}', "README.md": "# R\n"}),
    )
    illegal: ClassVar[tuple[Example, ...]] = (
        Example(
            "an offset taken off", files=submission(metadata={"val_bpb": 1.0746, "seed_results": {}}), says="1.0746"
        ),
        Example(
            "a score of its own", files=submission(metadata={"val_bpb": 0.9796, "seed_results": {}}), says="0.9796"
        ),
        Example(
            "in the README alone",
            files=submission(metadata={"val_bpb": None, "seed_results": {}}, readme="# R\n\nval_bpb = 1.0123\n"),
            says="1.0123",
        ),
    )

    def check(self, case: "Case") -> Iterator[Finding | Unproven]:
        """Flag a claim that no line and no mean of lines gives, and name the nearest."""
        claim, logs = case.evidence.claims.headline, case.evidence.logs
        results = [(log, event) for log in logs for event in log.of(Evaluation) if not event.loose]
        if claim is None or case.evidence.headline is not None or not results:
            return
        log, nearest = min(results, key=lambda item: abs(item[1].bpb - claim.value))
        yield self.finding(
            f"The claimed score {claim.value:g} is in no log and is no mean of logged results; the nearest is {nearest.bpb:g} ({nearest.label}).",
            claim.location,
            Related(log.location(nearest.line), "the nearest result"),
            confidence=Confidence.HIGH if claim.unit_of_last_place <= _FINE else Confidence.MEDIUM,
        )


_FINE = 1e-4
