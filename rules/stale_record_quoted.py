"""The record that is quoted as beaten was not the record any more."""

from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING, ClassVar

from golf_audit.evidence.frontier import Frontier, day_of
from golf_audit.evidence.readme import StatementKind
from golf_audit.evidence.samples import submission
from golf_audit.finding import Confidence, Finding, Severity, Unproven
from golf_audit.rule import Example, Rule

if TYPE_CHECKING:
    from golf_audit.case import Case

_HEAD = "# R\n\nval_bpb = 1.0400\n\n"


class StaleRecordQuoted(Rule):
    """
    A claim to beat the record should name the record that stood.

    Rows are accepted in order of creation, against the best row at that time. A margin over a row that had been beaten days
    before is a margin over nothing. The table was rebuilt later in order of creation, so an author may have quoted what the
    board showed that day: this is information, not a foul.
    """

    code = "GA-STAT-008"
    severity = Severity.INFO
    authority = ("readme-r15",)
    would_change = "A comparison with the best accepted row at the day of the claim."
    legal: ClassVar[tuple[Example, ...]] = (
        Example("the row that stood", files=submission(readme=_HEAD + "Beats the leaderboard SOTA (1.0728) by far.\n")),
        Example("a row of the same day", files=submission(readme=_HEAD + "Beats the leaderboard SOTA (1.0734).\n")),
        Example("its own score, called a record", files=submission(readme="# Record: 1.0806\n\nval_bpb = 1.0806\n")),
        Example("no record named", files=submission(readme=_HEAD)),
    )
    illegal: ClassVar[tuple[Example, ...]] = (
        Example(
            "a row a week old",
            files=submission(readme=_HEAD + "vs prior leaderboard SOTA (1.0828 on 2026-04-06): -0.04\n"),
            says="1.0828",
        ),
        Example(
            "the baseline as the record",
            files=submission(readme=_HEAD + "Record to beat: SOTA 1.2244\n"),
            says="1.2244",
        ),
        Example(
            "March's record in April",
            files=submission(readme=_HEAD + "Improves the current SOTA of 1.1194.\n"),
            says="1.1194",
        ),
    )

    def check(self, case: "Case") -> Iterator[Finding | Unproven]:
        """Compare every quoted record with the frontier at the folder's date."""
        day = day_of(case.folder.name)
        if day is None or not case.evidence.for_the_record:
            return
        frontier, own = Frontier(case.rulebook), case.evidence.claims.headline
        for statement in case.evidence.claims.readme.said(StatementKind.BASELINE):
            if own is not None and abs(own.value - statement.value) <= _OWN:
                continue
            row = frontier.row_scored(statement.value)
            best = frontier.shown(date.fromordinal(day.toordinal() - _GRACE))
            if row is not None and best is not None and row.bpb > best.bpb and row.date < day:
                yield self.finding(
                    f"{statement.value:g} is quoted as the record on {day}, but the leaderboard showed {best.bpb:g} (PR #{best.pr}) from {best.listed}.",
                    statement.location,
                    confidence=Confidence.MEDIUM,
                )
                return


_OWN = 1e-4
"""A score this near to the claim is the claim: titles say `Record` of themselves."""
_GRACE = 2
"""Days that a row may need to become known."""
