"""The rules that only a run can break are rules like the others."""

import json
from dataclasses import replace

import pytest

from golf_audit.engine import audit
from golf_audit.finding import Location
from golf_audit.pages import rule_text
from golf_audit.registry import all_rules, find_rules, known_rules
from golf_audit.reports.sarif import SarifFormat
from golf_audit.rule import Rule
from golf_audit.rulebook import Rulebook
from golf_audit.trace.fouls import RUNTIME_RULES
from tests.trace.cheats import ENTRY, TWINS


@pytest.mark.parametrize("rule", RUNTIME_RULES, ids=lambda rule: rule.id)
def test_they_are_explained(rule: Rule) -> None:
    """Each is found by its name, names authorities that the rulebook has, and says what would change the verdict."""
    assert find_rules(rule.id) == (rule,)
    assert all(Rulebook.load().authority(key).url for key in rule.authority)
    text = rule_text(rule)
    assert rule.code in text
    assert rule.would_change in text


def test_they_are_no_rules_of_the_code() -> None:
    """None of them is asked about a folder that was only read, and no name is taken twice."""
    names = [rule.id for rule in known_rules()]
    assert len(set(names)) == len(names) == len(all_rules()) + len(RUNTIME_RULES)
    assert audit(TWINS[0].folder, rules=RUNTIME_RULES).findings == ()


@pytest.mark.parametrize("rule", RUNTIME_RULES, ids=lambda rule: rule.id)
def test_sarif_knows_them(rule: Rule) -> None:
    """A code-scanning report of such a finding names the rule."""
    report = replace(audit(TWINS[0].folder, rules=()), findings=(rule.finding("Observed.", Location(ENTRY, 3)),))
    (run,) = json.loads(SarifFormat().render([report]))["runs"]
    (result,) = run["results"]
    assert result["ruleId"] in {rule.id, rule.code}
    assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
