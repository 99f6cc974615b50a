"""One folder in, one report out."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from golf_audit.case import Case
from golf_audit.engine import Report, audit
from golf_audit.finding import Confidence, Finding, Severity, Unproven
from golf_audit.rule import Rule
from golf_audit.submission import Folder
from golf_audit.verdict import Outcome, Verdict


class Base(Rule):
    """What the rules of this file share."""

    code = "GA-TEST-001"
    severity = Severity.DISQUALIFYING
    authority = ("readme-r1",)
    would_change = "Nothing."
    legal = ()
    illegal = ()


class Content(Base):
    """A rule that finds nothing."""

    def check(self, case: Case) -> Iterator[Finding | Unproven]:
        """Say nothing."""
        yield from ()


class Accusing(Base):
    """A rule that finds something in every file."""

    def check(self, case: Case) -> Iterator[Finding | Unproven]:
        """Accuse every line of the entry, from last to first, and the second one twice."""
        for line in (3, 2, 1, 2):
            yield self.finding(
                "A foul.", case.folder.files["train_gpt.py"].location(line), confidence=Confidence.MEDIUM
            )
        yield self.finding("The worst.", case.folder.files["train_gpt.py"].location(3))


class Wondering(Base):
    """A rule that cannot tell."""

    def check(self, case: Case) -> Iterator[Finding | Unproven]:
        """Wonder twice about the same."""
        yield self.unproven("who knows")
        yield self.unproven("who knows")


class Crashing(Base):
    """A rule that fails after it has accused."""

    def check(self, case: Case) -> Iterator[Finding | Unproven]:
        """Accuse, then fail."""
        yield self.finding("A foul.", case.folder.files["train_gpt.py"].location(1))
        raise ZeroDivisionError


def ask(code: str | bytes, *rules: Rule) -> Report:
    """The report on a folder with this entry script."""
    return audit(Folder.from_files({"train_gpt.py": code}), rules=rules)


def test_content() -> None:
    """A script that can be walked and that no rule accuses is legal."""
    report = ask("x = 1\n", Content())
    assert (report.verdict, report.findings, report.unproven) == (Verdict.LEGAL, (), ())
    assert report.outcomes == {"content": Outcome.LEGAL}


def test_findings_are_ordered_and_unique() -> None:
    """Findings come worst first, then by line, each once."""
    report = ask("x = 1\ny = 2\nz = 3\n", Accusing())
    assert [(one.confidence.value, one.location.line) for one in report.findings] == [
        ("high", 3),
        ("medium", 1),
        ("medium", 2),
        ("medium", 3),
    ]
    assert report.verdict is Verdict.ILLEGAL


def test_each_rule_has_its_outcome() -> None:
    """The report says of every rule how it ended, and the worst decides."""
    report = ask("x = 1\ny = 2\nz = 3\n", Content(), Wondering(), Accusing())
    assert report.outcomes == {"content": "legal", "wondering": "unproven", "accusing": "illegal"}
    assert report.unproven == (Unproven("wondering", "who knows"),)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("def f(:\n    pass\n", "broken"),
        ("", "empty"),
        ("import zlib\nexec(zlib.decompress(open('/nowhere', 'rb').read()))\n", "undecodable"),
    ],
)
def test_script_that_cannot_be_walked_is_unproven(code: str, words: str) -> None:
    """A script that is broken, empty or cannot be decoded is unproven, never legal, and rules without words are silent."""
    report = ask(code, Content())
    assert report.verdict is Verdict.UNPROVEN
    assert words in report.unproven[0].reason
    assert report.unproven[0].rule == "source"
    assert report.outcomes == {"content": Outcome.SILENT}


def test_folder_without_a_script_is_unproven() -> None:
    """A folder that holds no script is unproven, and its other files are judged all the same."""
    report = audit(Folder.from_files({"README.md": "# Nothing\n"}), rules=[Content()])
    assert report.verdict is Verdict.UNPROVEN
    assert "no script" in report.unproven[0].reason
    assert report.layers == ()


def test_crash_withholds_the_verdict() -> None:
    """A rule that raises is an error that names the rule; there is no verdict, and the other rules are still asked."""
    report = ask("x = 1\n", Crashing(), Content())
    assert report.verdict is None
    assert [(error.part, error.message) for error in report.errors] == [("rule crashing", "ZeroDivisionError: ")]
    assert "ZeroDivisionError" in report.errors[0].detail
    assert report.outcomes == {"content": Outcome.LEGAL}


def test_nothing_is_executed(tmp_path: Path) -> None:
    """Auditing a script does not run it."""
    report = ask(f"open({str(tmp_path)!r} + '/ran', 'w').close()\nraise SystemExit(5)\n", Content())
    assert report.verdict is Verdict.LEGAL
    assert not list(tmp_path.iterdir())


def test_times_are_told_by_phase() -> None:
    """The report says how long each phase took, and their sum."""
    report = ask("x = 1\n", Content())
    assert {"evidence", "decode", "parse", "walk", "rules"} <= set(report.phases)
    assert report.seconds == pytest.approx(sum(report.phases.values()))
