"""The pull requests that the project grew from: every fact that reviewers found, or missed, in their logs and metadata."""

import os
from pathlib import Path

import pytest

from golf_audit.case import Case
from golf_audit.evidence import read_evidence
from golf_audit.finding import Finding
from golf_audit.registry import all_rules
from golf_audit.rulebook import Rulebook
from golf_audit.submission import open_submission

ROOT = os.environ.get("GOLF_AUDIT_CORPUS", "")
corpus = pytest.mark.skipif(not ROOT, reason="GOLF_AUDIT_CORPUS names no folder of pull requests")
EVIDENCE = ("GA-ART", "GA-BPB", "GA-CODE", "GA-DATA", "GA-META", "GA-PR-", "GA-STAT", "GA-TIME")


def findings(number: int) -> list[Finding]:
    """What the rules on evidence say about one pull request."""
    (folder,) = open_submission(Path(ROOT) / str(number))
    case = Case(folder, None, None, read_evidence(folder), Rulebook.load())
    rules = [
        rule
        for rule in all_rules()
        if rule.code.startswith(EVIDENCE) and "golf_audit.evidence.samples" in _source(rule)
    ]
    return [found for rule in rules for found in rule.check(case) if isinstance(found, Finding)]


def _source(rule: object) -> str:
    return Path(__import__(type(rule).__module__, fromlist=["x"]).__file__ or "").read_text(encoding="utf-8")


def said(number: int, rule: str) -> str:
    """All messages and places of one rule's findings, as one text."""
    return "\n".join(
        f"{f.message} [{f.location}] " + " ".join(f"[{r.location}] {r.message}" for r in f.related)
        for f in findings(number)
        if f.rule == rule
    )


@corpus
@pytest.mark.parametrize(
    ("number", "rule", "words"),
    [
        (1972, "bytes-over-the-cap", ["16,004,026", "train_seed42.log:181"]),
        (1972, "fits-claim-against-the-log", ["16,004,026", "15,953,107", "README.md:9"]),
        (1972, "evaluation-past-the-budget", ["523.5 s", "688 s", "submission.json:37"]),
        (1972, "other-validation-documents", ["49,999,872", "197.94 MB", "train_seed42.log:106"]),
        (1972, "shipped-seed-named-twice", ["1337 and 2025", "README.md:61"]),
        (1972, "mean-not-of-its-seeds", ["15,949,000", "15,954,352", "README.md:12"]),
        (1972, "deviation-not-of-its-seeds", ["1e-05", "README.md:13"]),
        (1972, "stale-record-quoted", ["1.0827", "1.0611"]),
        (1971, "fits-claim-against-the-log", ["16,002,533", "15,956,059"]),
        (1971, "flag-against-the-evidence", ["568.8 s", "200 s", "README.md:34", "train_seed42.log:154"]),
        (1971, "settings-differ-between-seeds", ["ttt_enabled", "train_seed42.log:85"]),
        (1971, "other-validation-documents", ["197.94 MB"]),
    ],
)
def test_the_fact_is_found_with_its_lines(number: int, rule: str, words: list[str]) -> None:
    """The fact is stated, with the numbers and the lines that show it."""
    text = said(number, rule)
    assert not [word for word in words if word not in text], text


@corpus
def test_the_corrected_headline_is_consistent() -> None:
    """At its head, the corrected neural headline is the mean of its logs' lines, and the mixture over a part is not the headline."""
    (folder,) = open_submission(Path(ROOT) / "1858")
    headline = read_evidence(folder).headline
    assert headline is not None
    assert [line.label for line in headline.lines] == ["quantized_ttt"] * 3
    assert headline.claim.agrees(headline.mean, 1e-5)
    for rule in ("part-of-the-validation-set", "score-in-no-log", "mean-not-of-its-seeds", "scores-disagree"):
        assert not said(1858, rule)
