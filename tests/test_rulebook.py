"""The rulebook: dated limits and authorities."""

import datetime as dt
import re

import pytest

from golf_audit.registry import all_rules
from golf_audit.rule import Rule
from golf_audit.rulebook import Kind, Rulebook, RulebookError

BOOK = Rulebook.load()


def test_limits() -> None:
    """The contest's limits are the README's numbers: 16,000,000 bytes, 600 s and 600 s, 0.005 nats at p < 0.01."""
    assert BOOK.limit("artifact_bytes") == 16_000_000
    assert (BOOK.limit("train_seconds"), BOOK.limit("eval_seconds")) == (600, 600)
    assert (BOOK.limit("record_nats"), BOOK.limit("record_p"), BOOK.limit("practised_p")) == (0.005, 0.01, 0.25)


def test_cut_off() -> None:
    """The contest ended on 1 May 2026 at 17:00 Pacific, which is midnight UTC."""
    assert BOOK.cut_off == dt.datetime(2026, 5, 2, tzinfo=dt.UTC)


def test_every_limit_has_an_authority() -> None:
    """Every limit rests on an authority that the rulebook knows, and was in force by the rulebook's date."""
    for limit in BOOK.limits.values():
        assert BOOK.authority(limit.authority).says
        assert limit.since <= BOOK.date


@pytest.mark.parametrize("key", sorted(BOOK.authorities))
def test_authority_is_complete(key: str) -> None:
    """An authority says who, when and where, and one sentence of ours."""
    authority = BOOK.authority(key)
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)+", key)
    assert "2026-03-18" <= authority.date <= BOOK.date
    assert authority.url.startswith("https://github.com/openai/parameter-golf")
    assert authority.who
    assert authority.says.endswith(".")


def test_organisers_are_the_four_accounts_that_rule() -> None:
    """Only the organisers' accounts are cited as organisers."""
    who = {one.who for one in BOOK.authorities.values() if one.kind is Kind.ORGANISER}
    assert who == {"0hq", "valerio-oai", "cocohearts", "regina-openai"}


def test_the_key_names_the_thread() -> None:
    """An authority whose key ends in a number links to that thread."""
    for key, authority in BOOK.authorities.items():
        if authority.kind is not Kind.README and (match := re.search(r"-(\d+)$", key)):
            assert authority.url.endswith(f"/{match[1]}"), key


def test_unknown_key() -> None:
    """An unknown key is a KeyError that names it and the near ones."""
    with pytest.raises(RulebookError, match=r"no authority called 'valerio-770'; near names: .*valerio-771"):
        BOOK.authority("valerio-770")
    with pytest.raises(KeyError, match="no limit called"):
        BOOK.limit("artifact_megabytes")
    with pytest.raises(KeyError, match="no table called"):
        BOOK.table("nowhere")


def test_loaded_once() -> None:
    """The rulebook is read once per process."""
    assert Rulebook.load() is BOOK


@pytest.mark.parametrize("rule", all_rules(), ids=lambda rule: rule.id)
def test_rules_cite_known_authorities(rule: Rule) -> None:
    """Every authority that a rule cites is in the rulebook, and there is at least one."""
    assert [BOOK.authority(key).key for key in rule.authority] == list(rule.authority) != []
