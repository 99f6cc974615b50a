"""Small submissions that cheat in one way each, and their legal twins: the witness tells them apart by running them."""

from collections.abc import Callable
from typing import Any

import pytest

from golf_audit.engine import Report
from golf_audit.verdict import Verdict
from tests.trace.cheats import CHEATS, ENTRY, TWINS, Case

pytestmark = pytest.mark.slow
Traced = Callable[..., Report]


def states(report: Report) -> dict[str, str]:
    """What the report says about each condition."""
    conditions: list[dict[str, Any]] = report.facts["trace"]["conditions"]
    return {one["name"]: one["state"] for one in conditions}


@pytest.mark.parametrize("case", CHEATS, ids=lambda case: case.name)
def test_cheats_are_proved(case: Case, traced: Traced) -> None:
    """Each cheat is illegal by exactly its rule, at its line, and breaks exactly the conditions that it must."""
    report = traced(case.folder)
    assert not report.errors
    assert report.verdict is Verdict.ILLEGAL
    assert {finding.rule for finding in report.findings} == {case.rule}
    assert case.line in report.findings[0].location.text
    assert report.findings[0].location.file == ENTRY
    assert {name for name, state in states(report).items() if state == "violated"} == set(case.violated.split())


@pytest.mark.parametrize("case", TWINS, ids=lambda case: case.name)
def test_twins_are_legal(case: Case, traced: Traced) -> None:
    """A twin that keeps the rules is legal, and every condition was observed to hold."""
    report = traced(case.folder)
    assert not report.errors
    assert (report.verdict, report.findings, report.unproven) == (Verdict.LEGAL, (), ())
    assert set(states(report).values()) == {"held"}
