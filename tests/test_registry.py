"""Rules register by existing, and loudly."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from golf_audit import rules
from golf_audit.registry import RegistryError, UnknownRuleError, all_rules, find_rules, load, rule_in
from golf_audit.rule import Rule

GOOD = '''
"""A rule for the tests."""

from golf_audit.finding import Severity
from golf_audit.rule import Rule


class {name}(Rule):
    """Something is forbidden."""

    code = "{code}"
    severity = Severity.INFO
    authority = ("readme-r1",)
    would_change = "Nothing."
    legal = ()
    illegal = ()

    def check(self, case):
        yield from ()
'''


@pytest.fixture
def drawer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder whose modules can be loaded as rules."""
    monkeypatch.setattr(rules, "__path__", [*rules.__path__, str(tmp_path)])
    yield tmp_path
    for name in [name for name in sys.modules if name.startswith("golf_audit.rules.")]:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


def test_sorted_by_code() -> None:
    """The rules come in the order of their codes, and their names are unique."""
    assert all_rules()
    assert [rule.code for rule in all_rules()] == sorted(rule.code for rule in all_rules())
    assert len({rule.id for rule in all_rules()}) == len(all_rules())


@pytest.mark.parametrize("rule", all_rules(), ids=lambda rule: rule.id)
def test_one_word_in_three_spellings(rule: Rule) -> None:
    """A rule's file, class and id are one word, and its code has the rulebook's form."""
    module = type(rule).__module__.rsplit(".", 1)[-1]
    assert rule.id.replace("-", "_") == module
    assert module.replace("_", "") == type(rule).__name__.lower()
    assert re.fullmatch(r"GA-[A-Z0-9]+-\d{3}", rule.code)


def test_a_new_file_is_a_new_rule(drawer: Path) -> None:
    """A rule is there as soon as its file is."""
    (drawer / "spare_rule.py").write_text(GOOD.format(name="SpareRule", code="GA-TEST-001"))
    (rule,) = load(["spare_rule"])
    assert (rule.id, rule.code) == ("spare-rule", "GA-TEST-001")


def test_a_rule_that_cannot_be_imported_stops_everything(drawer: Path) -> None:
    """A module that raises while it is imported is an error that names the rule, not a rule less."""
    (drawer / "broken_rule.py").write_text("import nowhere_at_all\n")
    with pytest.raises(RegistryError, match="broken_rule cannot be loaded: ModuleNotFoundError"):
        load(["broken_rule"])


def test_a_misnamed_class_is_an_error(drawer: Path) -> None:
    """A file whose class has another name is refused, and the message says what it should be called."""
    (drawer / "one_name.py").write_text(GOOD.format(name="OtherName", code="GA-TEST-002"))
    with pytest.raises(RegistryError, match="exactly one rule, named OneName; it holds OtherName"):
        rule_in("one_name")


def test_a_file_without_a_rule_is_an_error(drawer: Path) -> None:
    """A module without a rule is refused: a helper has no place among the rules."""
    (drawer / "no_rule.py").write_text('"""Nothing here."""\n')
    with pytest.raises(RegistryError, match="it holds none"):
        rule_in("no_rule")


def test_a_code_may_be_enforced_twice(drawer: Path) -> None:
    """Two rules may enforce one code of the rulebook; they are told apart by their names."""
    for name in ("SecondRule", "FirstRule"):
        path = re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
        (drawer / f"{path}.py").write_text(GOOD.format(name=name, code="GA-TEST-003"))
    assert [rule.id for rule in load(["second_rule", "first_rule"])] == ["first-rule", "second-rule"]


def test_no_rules_at_all_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installation without rules fails instead of passing everything."""
    monkeypatch.setattr(rules, "__path__", [str(tmp_path)])
    with pytest.raises(RegistryError, match="no rule was found"):
        all_rules.__wrapped__()


def test_find_rules() -> None:
    """A rule is found by id and by module name, in any case, and by its code together with others of that code."""
    rule = all_rules()[0]
    assert find_rules(rule.id.upper()) == (rule,)
    assert find_rules(rule.id.replace("-", "_")) == (rule,)
    assert rule in find_rules(rule.code.lower())


def test_find_unknown_rule() -> None:
    """A name that is nearly a rule's is answered with that rule."""
    rule = all_rules()[0]
    with pytest.raises(UnknownRuleError, match=rf"did you mean .*{rule.id}"):
        find_rules(rule.id + "s")
    with pytest.raises(UnknownRuleError, match="golf-audit rules"):
        find_rules("zzzzzzzz")
