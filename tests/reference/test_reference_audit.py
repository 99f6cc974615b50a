"""The auditor judges the reference model as it would any submission."""

from collections.abc import Callable
from pathlib import Path

import pytest
from golf_audit.reference_model.claims import Author
from golf_audit.reference_model.pack import pack
from golf_audit.reference_model.presets import SCALES, preset

from golf_audit.engine import Report, audit
from golf_audit.finding import Severity
from golf_audit.submission import open_submission
from golf_audit.verdict import Verdict
from tests.toy import Packed

AUTHOR = Author("A. Nobody", "anobody", "2026-05-01")


def audited(out: Path) -> Report:
    """The report on one folder."""
    (folder,) = open_submission(out)
    return audit(folder)


def fouls(report: Report) -> set[str]:
    """The rules whose findings make a submission illegal."""
    return {finding.rule for finding in report.findings if finding.severity is Severity.DISQUALIFYING}


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("name", ["legal", "pr1971", "pr1858"])
def test_legal_recipes_are_legal(name: str, scale: str, tmp_path: Path) -> None:
    """The shipped script of a recipe that keeps the rules is found legal, and no question about it is left open."""
    report = audited(pack(preset(name, scale), [], tmp_path / "out", AUTHOR))
    assert report.verdict is Verdict.LEGAL
    assert not report.errors
    assert not fouls(report)
    assert not report.unproven


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("name", ["pr1972", "pr1487"])
def test_exhibits_are_illegal(name: str, scale: str, tmp_path: Path) -> None:
    """The shipped script of a recipe that trains on the validation tokens first is found illegal, by that rule."""
    report = audited(pack(preset(name, scale), [], tmp_path / "out", AUTHOR))
    assert report.verdict is Verdict.ILLEGAL
    assert fouls(report) == {"train-then-score"}


@pytest.mark.parametrize("name", ["legal", "pr1971", "pr1858"])
def test_legal_runs_are_legal(name: str, packed: Callable[[str], Packed]) -> None:
    """With its run's log, artifact and tables the submission of a recipe that keeps the rules is found legal, too."""
    report = audited(packed(name).folder)
    assert report.verdict is Verdict.LEGAL
    assert not report.errors
    assert not report.unproven
    assert {finding.rule for finding in report.findings} <= {"part-of-the-validation-set"}  # it is no FineWeb


@pytest.mark.parametrize("name", ["pr1972", "pr1487"])
def test_exhibits_runs_are_illegal(name: str, packed: Callable[[str], Packed]) -> None:
    """With its run's log, artifact and tables an exhibit is found illegal by the same one rule."""
    report = audited(packed(name).folder)
    assert report.verdict is Verdict.ILLEGAL
    assert fouls(report) == {"train-then-score"}


def test_a_switch_decides(tmp_path: Path) -> None:
    """The legal recipe's script becomes illegal where the README's command switches the forbidden training on."""
    out = pack(preset("pr1858"), [], tmp_path / "out", AUTHOR)
    readme = out / "README.md"
    text = readme.read_text(encoding="utf-8")
    assert "\nSEED=42 torchrun" in text
    readme.write_text(text.replace("SEED=42 ", "SEED=42 PREQUANT_TTT_ENABLED=1 "), encoding="utf-8")
    report = audited(out)
    assert report.verdict is Verdict.ILLEGAL
    assert fouls(report) == {"train-then-score"}
