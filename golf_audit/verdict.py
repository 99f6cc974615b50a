"""The four verdicts and how findings add up to one."""

from collections.abc import Iterable
from enum import StrEnum

from golf_audit.finding import Confidence, Finding, Severity, Unproven


class Verdict(StrEnum):
    """What an audit concludes about a submission, or about one rule."""

    LEGAL = "legal"
    """Looked at, and nothing found."""
    UNPROVEN = "unproven"
    """Something could not be decided; the reasons are given."""
    NEEDS_RULING = "needs-ruling"
    """Only a human can say: the organisers disagree or never spoke, or a foul is likely but not certain."""
    ILLEGAL = "illegal"
    """A rule is broken, and the evidence is attached."""

    @property
    def rank(self) -> int:
        """How bad it is, for `worst`: 0 is legal, 3 is illegal."""
        return list(Verdict).index(self)


class Outcome(StrEnum):
    """What one rule said about one submission: a verdict, or nothing."""

    SILENT = "silent"
    """The rule had nothing to look at."""
    LEGAL = Verdict.LEGAL.value
    UNPROVEN = Verdict.UNPROVEN.value
    NEEDS_RULING = Verdict.NEEDS_RULING.value
    ILLEGAL = Verdict.ILLEGAL.value


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """The worst of the verdicts: illegal > needs-ruling > unproven > legal; legal where there are none."""
    return max(verdicts, key=lambda verdict: verdict.rank, default=Verdict.LEGAL)


def verdict_of(finding: Finding) -> Verdict:
    """
    What one finding does to the verdict.

    Only a certain foul makes a submission illegal without a human. A likely one, and a question for the organisers,
    need a ruling. Hints (low confidence), metadata errors and remarks never move the verdict.
    """
    match finding.severity, finding.confidence:
        case (_, Confidence.LOW) | (Severity.METADATA | Severity.INFO, _):
            return Verdict.LEGAL
        case Severity.DISQUALIFYING, Confidence.HIGH:
            return Verdict.ILLEGAL
        case _:
            return Verdict.NEEDS_RULING


def is_suspect(finding: Finding) -> bool:
    """Whether the finding is a foul that is very likely, but not certain enough to judge without a human."""
    return finding.severity is Severity.DISQUALIFYING and finding.confidence is Confidence.MEDIUM


def weigh(findings: Iterable[Finding], unproven: Iterable[Unproven]) -> Verdict:
    """The verdict of a submission, or of one rule: the worst of what was found and what could not be decided."""
    undecided = [Verdict.UNPROVEN for _ in unproven]
    return worst([*map(verdict_of, findings), *undecided])
