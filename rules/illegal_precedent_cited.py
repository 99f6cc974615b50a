"""A submission is called legal by the example of one that was ruled out."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from golf_audit.evidence.samples import submission
from golf_audit.finding import Confidence, Finding, Severity, Unproven
from golf_audit.rule import Example, Rule

if TYPE_CHECKING:
    from golf_audit.case import Case

_CITED = re.compile(
    r"(?i)\b(?:legal(?:ity)?|complian\w+|allowed|approved|permitted|accepted|precedent\w*|valid)\b[^.;|#\n]{0,40}?(?:\bPR\s*)?#(\d{2,4})\b"
    r"|\bPR\s*#(\d{2,4})\b[^.;|#\n]{0,30}?\b(?:is|was|were|as|precedent)\s+(?:\w+\s+)?(?:legal|accepted|approved|allowed|merged|valid)\b"
)
_DENIED = re.compile(
    r"(?i)illegal|invalid|\bnot\b|n't|clos(?:ed|ure)|reject|disqualif|remov|unlike|ruled|violat|avoid|withdrawn|\bno\b|fix|resubmi"
)


class IllegalPrecedentCited(Rule):
    """
    A precedent of legality should not be a submission that organisers ruled out.

    Many READMEs call their method legal `per` an earlier pull request, and pass its fault on. The list holds the pull
    requests that an organiser closed for a broken rule. A citation decides nothing about the method: this is information
    for whoever reviews it.
    """

    code = "GA-META-010"
    severity = Severity.INFO
    authority = ("guide-copies",)
    would_change = "A precedent that the organisers accepted."
    legal: ClassVar[tuple[Example, ...]] = (
        Example("an accepted precedent", files=submission(readme="# R\n\nLegal score-first TTT (PR #549).\n")),
        Example(
            "cited as ruled out", files=submission(readme="# R\n\nUnlike the approach ruled not legal in PR #846.\n")
        ),
        Example(
            "named, not for its legality", files=submission(readme="# R\n\nThe stack of PR #706, with a reserve.\n")
        ),
        Example("an issue with the guide", files=submission(readme="# R\n\nCompliant with Issue #1017.\n")),
    )
    illegal: ClassVar[tuple[Example, ...]] = (
        Example("legal per a closed row", files=submission(readme="# R\n\n- Cache: legal per PR #913.\n"), says="#913"),
        Example(
            "a closed row as precedent",
            files=submission(readme="# R\n\nTwo passes: the precedent is PR #846.\n"),
            says="#846",
        ),
        Example("said to be accepted", files=submission(readme="# R\n\nPR #518 was accepted.\n"), says="#518"),
    )

    def check(self, case: "Case") -> Iterator[Finding | Unproven]:
        """Look for citations of the listed pull requests beside a word of legality."""
        readme = case.evidence.claims.readme.file
        ruled_out = set(case.rulebook.table("citations")["ruled_out"])
        for number, line in enumerate(readme.lines if readme else (), 1):
            for match in () if _DENIED.search(line) else _CITED.finditer(line):
                cited = int(match[1] or match[2])
                if readme and cited in ruled_out:
                    yield self.finding(
                        f"The README cites #{cited} as a precedent, which an organiser closed for a broken rule.",
                        readme.location(number),
                        confidence=Confidence.MEDIUM,
                    )
                    return
