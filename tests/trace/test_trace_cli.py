"""`golf-audit trace` and `check`, as users run them."""

import importlib.util
import json
from pathlib import Path
from typing import Any, NoReturn

import jsonschema
import pytest

import golf_audit.sandbox
from golf_audit.__main__ import main
from golf_audit.sandbox import Outcome, Sandbox, SandboxUnavailableError, Unsandboxed
from tests.trace.cheats import CHEATS, ENTRY, TWINS, Case

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = json.loads((ROOT / "golf_audit" / "schema" / "report-1.json").read_text(encoding="utf-8"))
LEGAL, ILLEGAL = TWINS[0], next(case for case in CHEATS if case.name == "PeeksAtTheNextToken")


class Broken(Unsandboxed):
    """A sandbox that fails."""

    def run(self, *args: Any, **settings: Any) -> Outcome:
        """Fail."""
        raise OSError("out of luck")


def laid(case: Case, place: Path) -> Path:
    """A small submission on disk."""
    folder = place / "records" / "track_10min_16mb" / f"2026-04-15_{case.name}"
    folder.mkdir(parents=True)
    (folder / ENTRY).write_text(case.text, encoding="utf-8")
    return folder


def test_plan(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--plan` says how it would be run small and why, and runs nothing."""
    assert main(["trace", "--plan", str(laid(LEGAL, tmp_path))]) == 0
    said = capsys.readouterr().out
    assert f"2026-04-15_{LEGAL.name}" in said
    assert "TRAIN_SEQ_LEN" in said
    assert "short windows" in said


@pytest.mark.slow
def test_legal_for_people(tmp_path: Path, capsys: pytest.CaptureFixture[str], sandbox: Sandbox) -> None:
    """A legal submission's conditions are named one by one, with the timeline, and the exit code is 0."""
    assert main(["trace", str(laid(LEGAL, tmp_path))]) == 0
    said = capsys.readouterr().out
    assert said.startswith(f" legal  2026-04-15_{LEGAL.name}")
    for name in ("C1", "C2", "C3", "C4", "artifact", "fence"):
        assert f"    {name}" in said
    assert "s scored, L learned from" in said


@pytest.mark.slow
def test_json_alone_and_events(tmp_path: Path, capsys: pytest.CaptureFixture[str], sandbox: Sandbox) -> None:
    """`--json -` leaves nothing on stdout but a report by the schema; `--events` has every run's events, a line each."""
    events = tmp_path / "events.jsonl"
    assert main(["trace", str(laid(ILLEGAL, tmp_path)), "--json", "-", "--events", str(events)]) == 1
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    jsonschema.validate(document, SCHEMA)
    (submission,) = document["submissions"]
    assert submission["verdict"] == "illegal"
    assert [finding["rule"] for finding in submission["findings"]] == [ILLEGAL.rule]
    heard = [json.loads(line) for line in events.read_bytes().splitlines()]
    for name in ("base", "null", "changed"):
        numbers = [event["n"] for event in heard if event["run"] == name]
        assert numbers == list(range(1, len(numbers) + 1))
        assert any(event["e"] == "score" for event in heard if event["run"] == name)


def test_check_reads_first(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """`check` runs nothing where the code decides: it needs no sandbox for an illegal example."""
    monkeypatch.setattr(golf_audit.sandbox, "find_sandbox", _none)
    example = ROOT / "examples" / "records" / "track_10min_16mb" / "2026-05-01_TrainThenScore"
    assert main(["check", str(example)]) == 1
    assert "GA-C3-001" in capsys.readouterr().out


@pytest.mark.slow
def test_check_with_a_run(tmp_path: Path, capsys: pytest.CaptureFixture[str], sandbox: Sandbox) -> None:
    """`check --trace` joins both witnesses and says where they disagree."""
    assert main(["check", "--trace", "--json", "-", str(laid(ILLEGAL, tmp_path))]) == 1
    (submission,) = json.loads(capsys.readouterr().out)["submissions"]
    assert ILLEGAL.rule in {finding["rule"] for finding in submission["findings"]}
    assert "C1: the run broke it, and nothing was found in the code" in submission["notes"]


def _none() -> NoReturn:
    raise SandboxUnavailableError("no sandbox works here; install bubblewrap")


def test_without_a_sandbox(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no sandbox works, nothing is run, and the message says what to install."""
    monkeypatch.setattr(golf_audit.sandbox, "find_sandbox", _none)
    assert main(["trace", str(laid(LEGAL, tmp_path))]) == 64
    said = capsys.readouterr()
    assert said.out == ""
    assert "install bubblewrap" in said.err


def test_a_failure_of_ours_is_no_verdict(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the auditor itself fails in a run, that folder has no verdict, and the others are still judged."""
    monkeypatch.setattr(golf_audit.sandbox, "find_sandbox", Broken)
    assert main(["trace", str(laid(LEGAL, tmp_path)), str(laid(ILLEGAL, tmp_path)), "--quiet"]) == 3
    assert capsys.readouterr().err.count("no audit was performed of") == 2


def test_without_torch(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Where torch is missing, the message says how to get it."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    assert main(["trace", str(laid(LEGAL, tmp_path))]) == 64
    assert "golf-audit[trace]" in capsys.readouterr().err


def test_events_that_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str], sandbox: Sandbox) -> None:
    """A file for events that cannot be written is a usage error, before anything runs."""
    target = tmp_path / "missing" / "events.jsonl"
    assert main(["trace", str(laid(LEGAL, tmp_path)), "--events", str(target)]) == 64
    assert str(target) in capsys.readouterr().err
