"""Report formats: what they say, and that nothing a submission wrote acts in them."""

import json
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from importlib import resources
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from golf_audit import examples
from golf_audit.case import Case
from golf_audit.engine import Report, audit
from golf_audit.finding import Confidence, Finding, Location, Related, Severity, Unproven
from golf_audit.registry import all_rules
from golf_audit.reports import inert
from golf_audit.reports.facts import flat, sheets
from golf_audit.reports.interface import ReportFormat
from golf_audit.reports.json import JsonFormat, plain
from golf_audit.reports.markdown import MarkdownFormat
from golf_audit.reports.sarif import SarifFormat
from golf_audit.reports.terminal import Detail, TerminalFormat
from golf_audit.rule import Rule
from golf_audit.submission import Folder, open_submission

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
HOSTILE = "\x1b[2J\x1b[31mLEGAL\r\x07 \u202egnp.exe\u200b [bold]x[/bold] <script>alert(1)</script> @openai #1 ```` | [a](http://b) {0}"
SCHEMA = json.loads(resources.files("golf_audit.schema").joinpath("report-1.json").read_text(encoding="utf-8"))


class Quoting(Rule):
    """A rule that repeats whatever the submission wrote."""

    code = "GA-TEST-001"
    severity = Severity.DISQUALIFYING
    authority = ("guide-c3", "readme-r1")
    would_change = "Nothing."
    legal = ()
    illegal = ()

    def check(self, case: Case) -> Iterator[Finding | Unproven]:
        """Quote the first line of every file in every place that a finding has."""
        for file in case.folder.files.values():
            text = file.lines[0]
            place = file.location(1, 2)
            yield self.finding(f"It says {text}.", place, Related(place, f"here, too: {text}"))
            yield self.finding("A hint.", place, confidence=Confidence.LOW)
            yield self.finding("Likely.", place, confidence=Confidence.MEDIUM)
            yield self.finding("A pointer.", Location(file.path, pointer="/a~1b"), severity=Severity.METADATA)
            yield self.unproven(f"who knows {text}", place)


@pytest.fixture(scope="module")
def report() -> Report:
    """A submission whose names and lines are as hostile as they can be."""
    folder = Folder.from_files(
        {
            f"train_gpt{HOSTILE}.py".replace("/", "∕"): f"x = '{HOSTILE}'\ny = 2\n".replace("\r", "\\r"),
            "train_gpt.py": "x = 1\n",
        },
        name=f"2026-05-01_{HOSTILE}".replace("/", "∕"),
    )
    found = audit(folder, rules=[Quoting()])
    assert not found.errors, found.errors[0].detail
    return found


FORMATS = [
    TerminalFormat(),
    TerminalFormat(detail=Detail.VERBOSE, pedantic=True),
    TerminalFormat(detail=Detail.QUIET),
    JsonFormat(),
    SarifFormat(),
    MarkdownFormat(),
]


@pytest.mark.parametrize("form", FORMATS, ids=lambda form: f"{type(form).__name__}")
def test_nothing_of_the_submission_acts_on_a_terminal(form: ReportFormat, report: Report) -> None:
    """No format lets a control character, a bidi mark or a zero-width character of the submission through."""
    text = form.render([report])
    assert {c for c in text if unicodedata.category(c) in {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}} <= {"\n"}
    assert text.endswith("\n")


def test_rich_markup_is_shown_as_it_is(report: Report) -> None:
    """Brackets that would be markup to rich are printed."""
    assert "[bold]x[/bold]" in TerminalFormat(width=400).render([report])


def test_markdown_is_inert(report: Report) -> None:
    """A comment shows the submission's text literally: no tag, link, mention, reference or broken-out code span."""
    text = MarkdownFormat().render([report])
    outside = re.sub(r"(?s)^(`{3,})text\n.*?^\1$", "", text, flags=re.MULTILINE)
    outside = re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "", outside)
    assert "<script" not in outside
    assert "@openai" not in outside
    assert "#1 " not in outside
    assert "http://b" not in outside
    assert "[a]" not in outside


def test_sarif_placeholders_and_links_are_escaped(report: Report) -> None:
    """Braces and brackets of the submission are neither placeholders nor links in SARIF."""
    log = json.loads(SarifFormat().render([report]))
    messages = [result["message"]["text"] for result in log["runs"][0]["results"]]
    assert any("{{0}}" in message and "\\[a\\]" in message for message in messages)


def test_sarif_uris_are_uris(report: Report) -> None:
    """Every artifact location is a percent-encoded path."""
    log = json.loads(SarifFormat().render([report]))
    for result in log["runs"][0]["results"]:
        uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        assert re.fullmatch(r"[A-Za-z0-9._~/%-]+", uri), uri


def test_json_follows_its_schema(report: Report) -> None:
    """What is written as JSON is what the shipped schema describes, fouls or not."""
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    legal = audit(examples.folder(all_rules()[0].legal[0]))
    document = json.loads(JsonFormat().render([report, legal]))
    jsonschema.validate(document, SCHEMA)
    assert document["submissions"][0]["verdict"] == "illegal"


def test_json_of_a_failed_audit_has_no_verdict() -> None:
    """An audit that failed has the verdict null and says what failed, as the schema demands."""

    class Crashing(Quoting):
        """A rule that fails."""

        def check(self, case: Case) -> Iterator[Finding | Unproven]:
            """Fail before anything is said."""
            raise ZeroDivisionError(case.folder.name)

    failed = audit(examples.folder(all_rules()[0].legal[0]), rules=[Crashing()])
    document = json.loads(JsonFormat().render([failed]))
    jsonschema.validate(document, SCHEMA)
    assert document["submissions"][0]["verdict"] is None
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**document, "submissions": [{**document["submissions"][0], "errors": []}]}, SCHEMA)


def test_excerpt_marks_the_column(report: Report) -> None:
    """The terminal report shows the line with its neighbours and a caret under the column."""
    rows = TerminalFormat().render([report]).splitlines()
    caret = next(number for number, row in enumerate(rows) if row.rstrip().endswith("^"))
    assert rows[caret - 1].lstrip().startswith("> 1 │ x = ")
    assert rows[caret].index("^") == rows[caret - 1].index("x = ") + 2


def test_hints_are_shown_on_request_only(report: Report) -> None:
    """A hint is counted by default and shown with `pedantic`."""
    assert "A hint." not in TerminalFormat().render([report])
    assert "2 hints not shown" in TerminalFormat().render([report])
    assert "A hint." in TerminalFormat(pedantic=True).render([report])


def test_suspect(report: Report) -> None:
    """A likely foul is called suspect."""
    assert "suspect, disqualifying, likely" in TerminalFormat().render([report])


def test_quiet_is_one_line(report: Report) -> None:
    """Quiet is one line per folder."""
    assert TerminalFormat(detail=Detail.QUIET, width=1000).render([report, report]).count("\n") == 2


def test_colour() -> None:
    """Colour is there when asked for, and only then."""
    legal = audit(examples.folder(all_rules()[0].legal[0]))
    assert "\x1b[" in TerminalFormat(color=True).render([legal])
    assert "\x1b[" not in TerminalFormat().render([legal])


def test_facts_as_rows() -> None:
    """Facts are flattened to dotted names; thousands are grouped, and what is missing is a dash."""
    facts = {"sizes": {"total": 15999000, "over": False}, "seeds": [1, 2], "bpb": 1.23456789, "none": None}
    assert flat(facts) == [
        ("sizes.total", "15,999,000"),
        ("sizes.over", "no"),
        ("seeds", "1, 2"),
        ("bpb", "1.2345679"),
        ("none", "–"),
    ]


def test_lists_of_records_are_sheets() -> None:
    """A list of records is a sheet without the fields that none of them fills."""
    logs = [{"file": "a.log", "seed": 42, "cause": ""}, {"file": "b.log", "seed": None, "cause": ""}]
    (sheet,) = sheets({"logs": logs, "rest": 1})
    assert (sheet.name, sheet.columns) == ("logs", ("file", "seed"))
    assert sheet.rows == (("a.log", "42"), ("b.log", "–"))
    assert flat({"logs": logs, "rest": 1}) == [("rest", "1")]


def test_fact_table() -> None:
    """What is stated one way and observed another is shown with both places; verbose shows what agrees, too."""
    legal = next((EXAMPLES / "records" / "track_10min_16mb").glob("*ScoreFirst"))
    (folder,) = open_submission(legal)
    stated = folder.files["submission.json"].text.replace('"bytes_total": 15533772', '"bytes_total": 15000000')
    files = {path: file.data for path, file in folder.files.items()} | {"submission.json": stated.encode()}
    report = audit(Folder.from_files(files, name=folder.name))
    text = TerminalFormat(width=140).render([report])
    assert re.search(r"artifact, heaviest seed +✗ +15,000,000 +15,533,772 +submission\.json:\d+ · ", text)
    assert "✓" not in text
    assert "✓" in TerminalFormat(detail=Detail.VERBOSE, width=140).render([report])


def test_facts_as_json() -> None:
    """Any fact becomes plain JSON: numbers that are none become null, sets are sorted."""
    assert plain({"a": float("nan"), "b": {3, 1}, "c": Location("f", 2), 4: Severity.INFO}) == {
        "a": None,
        "b": [1, 3],
        "c": {"file": "f", "line": 2, "column": 0, "layer": 0, "text": "", "pointer": ""},
        "4": "info",
    }


@given(st.text())
def test_visible_text_is_one_printable_line(text: str) -> None:
    """Any text becomes one line of printable characters."""
    shown = inert.line(text)
    assert all(c.isprintable() or unicodedata.category(c) in {"Zs", "Cn"} for c in shown)
    assert len(shown) <= 2 * inert.LONGEST_LINE


@given(st.text(alphabet="`a |\n"))
def test_code_span_cannot_be_left(text: str) -> None:
    """The fence of a code span is longer than any run of backticks inside, and the span has no line end."""
    span = inert.code_span(text)
    fence = re.match(r"`+", span)
    assert fence is not None
    assert "\n" not in span
    inside = span[len(fence[0]) : -len(fence[0])]
    assert all(len(run) < len(fence[0]) for run in re.findall("`+", inside))


@given(st.text(alphabet="<>@#[]()`*_~|&$\\:/.w a1-"))
def test_markdown_has_no_markup_left(text: str) -> None:
    """No character that Markdown or HTML reads stays as it is."""
    shown = re.sub(r"&#\d+;(<!-- -->)?", "", inert.markdown(text))
    assert not set(shown) & set("<>@#[]`*_~|&$\\")
    assert "://" not in shown
    assert "www." not in shown


def test_a_comment_shows_what_a_run_showed(report: Report) -> None:
    """The conditions stand in a comment with their witnesses, told literally, and it says that the submission was run."""
    trace = {
        "conditions": [{"name": "C1", "state": "held", "witness": "5 scores are the same, @everyone"}],
        "timeline": {"rows": ["s·", "·s"], "counted": [0, 1], "marks": []},
    }
    text = MarkdownFormat().render([replace(report, facts={"trace": trace})])
    assert "| C1 | held | 5 scores are the same, " in text
    assert "@everyone" not in text
    assert "s·\n·s" in text
    assert "run at toy scale" in text
    assert "Nothing of the submission was executed" in MarkdownFormat().render([report])
