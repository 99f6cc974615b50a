"""How findings add up to a verdict and an exit code."""

import itertools

import pytest

from golf_audit.exits import Exit
from golf_audit.finding import Confidence, Finding, Location, Severity, Unproven
from golf_audit.verdict import Verdict, is_suspect, verdict_of, weigh, worst

UNDECIDED = Unproven("some-rule", "the loop's bounds are not known")


def finding(severity: Severity, confidence: Confidence) -> Finding:
    """A finding of this severity and confidence about nothing in particular."""
    return Finding(
        "some-rule", "GA-C3-001", severity, confidence, "A foul.", Location("train_gpt.py", 1), (), "Nothing."
    )


def test_only_a_certain_foul_is_illegal() -> None:
    """Of all severities and confidences, only disqualifying with high confidence makes a submission illegal."""
    illegal = [
        (severity, confidence)
        for severity, confidence in itertools.product(Severity, Confidence)
        if verdict_of(finding(severity, confidence)) is Verdict.ILLEGAL
    ]
    assert illegal == [(Severity.DISQUALIFYING, Confidence.HIGH)]


@pytest.mark.parametrize(
    ("severity", "confidence"),
    [
        (Severity.DISQUALIFYING, Confidence.MEDIUM),
        (Severity.RULING, Confidence.HIGH),
        (Severity.RULING, Confidence.MEDIUM),
    ],
)
def test_likely_fouls_and_open_questions_need_a_ruling(severity: Severity, confidence: Confidence) -> None:
    """A likely foul, and a question the organisers have not settled, need a ruling."""
    assert weigh([finding(severity, confidence)], []) is Verdict.NEEDS_RULING


@pytest.mark.parametrize("confidence", list(Confidence))
@pytest.mark.parametrize("severity", [Severity.METADATA, Severity.INFO])
def test_metadata_never_moves_the_verdict(severity: Severity, confidence: Confidence) -> None:
    """A metadata error or a remark leaves the verdict legal, however certain it is."""
    assert weigh([finding(severity, confidence)], []) is Verdict.LEGAL


@pytest.mark.parametrize("severity", list(Severity))
def test_hints_never_move_the_verdict(severity: Severity) -> None:
    """A finding of low confidence leaves the verdict legal, however severe it would be."""
    assert weigh([finding(severity, Confidence.LOW)], []) is Verdict.LEGAL


def test_the_worst_decides() -> None:
    """Illegal beats needs-ruling, which beats unproven, which beats legal."""
    foul = finding(Severity.DISQUALIFYING, Confidence.HIGH)
    question = finding(Severity.RULING, Confidence.HIGH)
    assert weigh([], []) is Verdict.LEGAL
    assert weigh([], [UNDECIDED]) is Verdict.UNPROVEN
    assert weigh([question], [UNDECIDED]) is Verdict.NEEDS_RULING
    assert weigh([question, foul], [UNDECIDED]) is Verdict.ILLEGAL
    assert worst([]) is Verdict.LEGAL


def test_suspect_is_a_likely_foul() -> None:
    """Suspect is said of disqualifying findings of medium confidence, and of no others."""
    suspects = [pair for pair in itertools.product(Severity, Confidence) if is_suspect(finding(*pair))]
    assert suspects == [(Severity.DISQUALIFYING, Confidence.MEDIUM)]


def test_exit_codes() -> None:
    """The exit code is that of the worst audit, and an audit that failed is worse than any verdict."""
    assert Exit.of([Verdict.LEGAL]) == 0
    assert Exit.of([Verdict.LEGAL, Verdict.UNPROVEN]) == 2
    assert Exit.of([Verdict.NEEDS_RULING]) == 2
    assert Exit.of([Verdict.UNPROVEN, Verdict.ILLEGAL]) == 1
    assert Exit.of([Verdict.ILLEGAL, None]) == 3
