"""Runs that end early, and submissions that reach for their observer."""

from collections.abc import Callable
from textwrap import dedent
from typing import Any

import pytest

from golf_audit.engine import Report
from golf_audit.verdict import Verdict
from tests.trace.cheats import CHEATS, Case
from tests.trace.observed import observe

pytestmark = pytest.mark.slow
Traced = Callable[..., Report]
_REPORT = "report('final', evaluate(model, val_tokens), val_tokens)"
_CRASH = """
def evaluate(model, tokens):
    for start in range(0, len(tokens) - 1, CHUNK):
        with torch.no_grad():
            model(*rows(tokens, start, start + CHUNK))
        if start > 1000:
            raise RuntimeError("out of luck")
"""
_ENDLESS = """
def evaluate(model, tokens):
    while True:
        with torch.no_grad():
            model(*rows(tokens, 0, CHUNK))
"""
_NOISE = """
def noise(text):
    for descriptor in range(3, 256):
        try:
            os.write(descriptor, text)
        except OSError:
            pass


def observer(function):
    for cell in function.__closure__ or ():
        inner = cell.cell_contents
        if hasattr(inner, "scored"):
            return inner
        if hasattr(inner, "__closure__") and (found := observer(inner)):
            return found
"""
_CHEAT = next(case for case in CHEATS if case.name == "TrainThenScore")
_REACHES = {
    "garbage": ("noise(b'garbage\\n')", "lines of a run's report"),
    "half a line": ("noise(b'{')", "lines of a run's report"),
    "an event": ('noise(b\'{"n": 9, "e": "stand-in", "name": "x"}\\n\')', "lines of a run's report"),
    "an import": ("try:\n    import golf_audit\nexcept ImportError:\n    pass", "it imports golf_audit"),
    "a hunt": ("import gc\nlen(gc.get_objects())", "it calls gc.get_objects"),
    "a method": (
        "type(observer(torch.Tensor.backward)).scored = lambda self: None",
        "it replaces Learning.scored",
    ),
    "a method of one": (
        "observer(torch.Tensor.backward).scored = lambda: None",
        "it replaces Learning.scored",
    ),
}


def runs(report: Report) -> list[dict[str, Any]]:
    """What the report says about each run."""
    found: list[dict[str, Any]] = report.facts["trace"]["runs"]
    return found


def test_a_crash_keeps_what_came_before(traced: Traced) -> None:
    """A submission that crashes on the way is unproven by its own line and words, with its scores so far on record."""
    report = traced(Case("Crashes", _REPORT, _CRASH).folder)
    assert report.verdict is Verdict.UNPROVEN
    (one,) = report.unproven
    assert "RuntimeError: out of luck" in one.reason
    assert one.location is not None
    assert "raise RuntimeError" in one.location.text
    assert runs(report)[0]["scores"] >= 2
    assert report.facts["trace"]["timeline"]["rows"]


def test_the_clock_keeps_what_came_before(traced: Traced) -> None:
    """A run that does not end is ended by the clock, and is unproven with what it did until then."""
    report = traced(Case("Endless", _REPORT, _ENDLESS).folder, seconds=40.0)
    assert report.verdict is Verdict.UNPROVEN
    assert "wall clock" in report.unproven[0].reason
    assert runs(report)[0]["scores"] > 0
    assert runs(report)[0]["spoiled_lines"] == 0


@pytest.mark.parametrize("reach", _REACHES)
def test_reaching_for_the_observer(reach: str, traced: Traced) -> None:
    """A submission that writes to the report, or looks for its observer or changes it, is never found legal."""
    code, reason = _REACHES[reach]
    report = traced(Case("Reaches", f"{code}\n{_REPORT}", _NOISE).folder)
    assert report.verdict is Verdict.UNPROVEN
    assert reason in report.unproven[-1].reason
    assert "held" not in {one["state"] for one in report.facts["trace"]["conditions"]}


@pytest.mark.parametrize("reach", ["garbage", "a method"])
def test_a_cheat_is_no_better_for_it(reach: str, traced: Traced) -> None:
    """A cheat that also tampers is still illegal: what the probes found stays found."""
    report = traced(Case("Tampers", f"{_REACHES[reach][0]}\n{dedent(_CHEAT.main)}", _NOISE).folder)
    assert report.verdict is Verdict.ILLEGAL


def test_forked_children_do_not_spoil_the_report(tmp_path: Any) -> None:
    """A child process that prints and opens files leaves its parent's report in order."""
    script = (
        "import os\nprint('before', flush=True)\nchild = os.fork()\n"
        "if not child:\n    print('inside', flush=True)\n    open('made', 'w').close()\n    os._exit(0)\n"
        "os.waitpid(child, 0)\nprint('after', flush=True)\n"
    )
    ledger = observe(script, tmp_path)
    assert [line.text for line in ledger.printed] == ["before", "after"]
    assert ledger.spoiled == 0
