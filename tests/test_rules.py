"""Every rule's own examples: what must be flagged is, in the words it promises, and the look-alikes are not."""

import pytest
from _pytest.mark import ParameterSet

from golf_audit import examples
from golf_audit.engine import Report, audit
from golf_audit.finding import Confidence, Severity
from golf_audit.pages import summary
from golf_audit.registry import all_rules
from golf_audit.rule import Example, Rule
from golf_audit.verdict import Outcome

LEAST = 3
"""Examples of each side that a rule must have."""


def cases(side: str) -> list[ParameterSet]:
    """Every rule with every example of one side, named for both."""
    return [
        pytest.param(rule, example, id=f"{rule.id}: {example.title}")
        for rule in all_rules()
        for example in getattr(rule, side)
    ]


def ask(rule: Rule, example: Example) -> Report:
    """What one rule alone says about an example."""
    report = audit(examples.folder(example), rules=[rule])
    assert not report.errors, "\n".join(error.detail for error in report.errors)
    return report


def heard(report: Report) -> str:
    """Everything a rule said, for a failing test's message."""
    return "\n".join(
        [f"{one.confidence} {one.location}: {one.message}" for one in report.findings] or ["nothing found"]
    )


@pytest.mark.parametrize(("rule", "example"), cases("illegal"))
def test_foul_is_flagged(rule: Rule, example: Example) -> None:
    """A foul is flagged with more than a hint, in the promised words, at a line that exists."""
    report = ask(rule, example)
    shown = [one for one in report.findings if one.confidence is not Confidence.LOW and one.rule == rule.id]
    assert shown, heard(report)
    assert any(example.says in one.message for one in shown), heard(report)
    for one in shown:
        assert one.location.file in examples.folder(example).files
        assert one.message.endswith(".")
    if rule.severity is Severity.DISQUALIFYING and report.outcomes[rule.id] is Outcome.LEGAL:
        assert all(one.severity is not Severity.DISQUALIFYING for one in shown), heard(report)


@pytest.mark.parametrize(("rule", "example"), cases("legal"))
def test_look_alike_is_not_flagged(rule: Rule, example: Example) -> None:
    """A look-alike is neither flagged nor left undecided."""
    report = ask(rule, example)
    shown = [one for one in report.findings if one.confidence is not Confidence.LOW]
    assert not shown, heard(report)
    assert not [one.reason for one in report.unproven if one.rule == rule.id]


@pytest.mark.parametrize("rule", all_rules(), ids=lambda rule: rule.id)
def test_rule_is_complete(rule: Rule) -> None:
    """A rule has a reason, a way out, and at least three examples of each side, each with its own name."""
    assert summary(rule).endswith(".")
    assert rule.would_change.endswith(".")
    for side in (rule.legal, rule.illegal):
        assert len(side) >= LEAST
        assert len({example.title for example in side}) == len(side)
        assert all(example.code or example.files for example in side)


def test_examples_are_folders() -> None:
    """An example's code becomes the entry script, dedented, beside its other files."""
    folder = examples.folder(Example("one", code="\n    x = 1\n", files={"a.log": "    seed:1\n"}))
    assert folder.files["train_gpt.py"].text == "x = 1\n"
    assert folder.files["a.log"].text == "seed:1\n"
    assert folder.entry is not None
    assert folder.entry.path == "train_gpt.py"
    assert folder.track == "track_10min_16mb"
