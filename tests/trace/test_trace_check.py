"""Both witnesses in one report."""

from dataclasses import replace
from typing import NoReturn

import pytest

from golf_audit import examples
from golf_audit.engine import AuditError, Report, audit
from golf_audit.finding import Finding, Unproven
from golf_audit.registry import all_rules, find_rules
from golf_audit.trace.check import check, merged
from golf_audit.verdict import Verdict
from tests.trace.cheats import TWINS

TTT = find_rules("train-then-score")[0]


def nobody() -> NoReturn:
    """How runs are made, where none may be."""
    raise AssertionError("a run was asked for")


def read() -> Report:
    """A legal folder as it was read."""
    return audit(TWINS[0].folder, rules=(TTT,))


def ran(
    verdict: Verdict, findings: tuple[Finding, ...] = (), unproven: tuple[Unproven, ...] = (), **states: str
) -> Report:
    """A run's report with these states of the conditions."""
    conditions = [{"name": name, "state": state, "witness": ""} for name, state in states.items()]
    return replace(
        read(),
        verdict=verdict,
        findings=findings,
        unproven=unproven,
        facts={"trace": {"conditions": conditions}},
        phases={"runs": 3.0},
    )


def illegal() -> Report:
    """An example that breaks the rule by its code."""
    return audit(examples.folder(TTT.illegal[0]), rules=(TTT,))


@pytest.mark.parametrize("code", [TTT.illegal[0], TTT.legal[0]])
def test_code_decides_first(code: object) -> None:
    """Where reading the code decides, nothing is run."""
    folder = examples.folder(code)  # type: ignore[arg-type]  # an example of the rule
    report = check(folder, nobody)
    assert report.verdict in {Verdict.ILLEGAL, Verdict.LEGAL, Verdict.UNPROVEN}
    assert "trace" not in report.facts


def test_a_run_that_agrees() -> None:
    """A legal folder whose run is legal is legal, without a note, with the run's facts and seconds beside."""
    report = merged(read(), ran(Verdict.LEGAL, C1="held", C3="held"))
    assert report.verdict is Verdict.LEGAL
    assert not [note for note in report.notes if note.startswith("C")]
    assert "trace" in report.facts
    assert report.phases["trace runs"] == 3.0


def test_a_foul_that_only_the_run_shows() -> None:
    """A condition that the run broke and the code did not show makes it illegal, and a note says so."""
    (finding,) = illegal().findings[:1]
    report = merged(read(), ran(Verdict.ILLEGAL, (finding,), C3="violated"))
    assert report.verdict is Verdict.ILLEGAL
    assert report.notes[-1] == "C3: the run broke it, and nothing was found in the code"


def test_a_foul_that_the_run_does_not_show() -> None:
    """A finding by reading stays one where the run kept the condition, and a note says that they disagree."""
    report = merged(illegal(), ran(Verdict.LEGAL, C3="held"))
    assert report.verdict is Verdict.ILLEGAL
    assert report.notes[-1] == "C3: the code is read as breaking it (train-then-score), and the run kept it"


def test_what_either_leaves_open_stays_open() -> None:
    """What a run could not observe makes a legal reading unproven."""
    report = merged(read(), ran(Verdict.UNPROVEN, unproven=(Unproven("trace", "not reached"),)))
    assert report.verdict is Verdict.UNPROVEN
    assert [one.reason for one in report.unproven] == ["not reached"]


def test_the_same_finding_twice_is_one() -> None:
    """A foul that both witnesses name at one place is one finding."""
    static = illegal()
    assert merged(static, replace(static, facts={})).findings == tuple(dict.fromkeys(static.findings))


def test_a_failure_of_the_run_is_no_verdict() -> None:
    """Where the auditor failed in the run, there is no verdict."""
    failed = replace(ran(Verdict.LEGAL), verdict=None, errors=(AuditError("runs", "ValueError", ""),))
    assert merged(read(), failed).verdict is None


def test_every_condition_has_a_rule() -> None:
    """Codes of rules name the condition that they are about, so that disagreements can be found."""
    conditions = {rule.code.split("-")[1] for rule in all_rules()}
    assert {"C1", "C2", "C3", "C4"} <= conditions
