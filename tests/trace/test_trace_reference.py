"""The reference model is run by the auditor like any submission: the recipes that keep the rules, and the exhibits."""

from collections.abc import Callable
from pathlib import Path

import pytest
from golf_audit.reference_model.pack import Author, pack
from golf_audit.reference_model.presets import preset

from golf_audit.engine import Report
from golf_audit.submission import open_submission
from golf_audit.verdict import Verdict

pytestmark = pytest.mark.slow
AUTHOR = Author("A. Nobody", "anobody", "2026-05-01")


def traced_recipe(name: str, place: Path, traced: Callable[..., Report]) -> Report:
    """The report on a recipe's shipped script, at the toy scale."""
    (folder,) = open_submission(pack(preset(name, "toy"), [], place / "out", AUTHOR))
    return traced(folder)


@pytest.mark.parametrize("name", ["legal", "pr1971", "pr1858"])
def test_legal_recipes_are_legal(name: str, tmp_path: Path, traced: Callable[..., Report]) -> None:
    """A recipe that keeps the rules is legal when it is run, adaptation included, and nothing is left open."""
    report = traced_recipe(name, tmp_path, traced)
    assert not report.errors
    assert (report.verdict, report.findings, report.unproven) == (Verdict.LEGAL, (), ())


@pytest.mark.parametrize("name", ["pr1972", "pr1487"])
def test_exhibits_are_illegal(name: str, tmp_path: Path, traced: Callable[..., Report]) -> None:
    """A recipe that trains on the validation tokens first is illegal by that rule when it is run."""
    report = traced_recipe(name, tmp_path, traced)
    assert report.verdict is Verdict.ILLEGAL
    assert {finding.rule for finding in report.findings} == {"train-then-score"}
