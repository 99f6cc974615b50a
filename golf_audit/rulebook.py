"""The contest's rules as dated data: limits, authorities and tables, read from `rulebook.toml`."""

import difflib
import functools
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from importlib import resources
from types import MappingProxyType
from typing import Any, Self, TypeVar

Entry = TypeVar("Entry")


class RulebookError(KeyError):
    """The rulebook has no such entry; the message names it and the near ones."""

    def __str__(self) -> str:
        return str(self.args[0])


class Kind(StrEnum):
    """What weight an authority has, strongest first."""

    README = "readme"
    """The contest's README."""
    ORGANISER = "organiser"
    """A statement of one of the organisers."""
    PRACTICE = "practice"
    """What the organisers merged or put on the leaderboard."""
    GUIDE = "guide"
    """The Field Guide of issue #1017: written by the community, used by the organisers."""
    COMMUNITY = "community"
    """What reviewers who cannot rule agreed on, or still argue about."""


@dataclass(frozen=True, slots=True)
class Authority:
    """Somebody's word that a rule rests on."""

    key: str
    """The name that rules refer to it by."""
    kind: Kind
    who: str
    """The account that said it."""
    date: str
    """When it was said, or came into force, as YYYY-MM-DD."""
    url: str
    """Where it can be read."""
    says: str
    """What it says, in one sentence of ours."""


@dataclass(frozen=True, slots=True)
class Limit:
    """One number of the contest, with the word that it rests on."""

    name: str
    value: float
    """The number, an int where it counts something."""
    unit: str
    since: str
    """The day from which it holds, as YYYY-MM-DD."""
    authority: str
    """The key of the authority that set it."""
    says: str
    """What it limits, and how it is applied."""


@dataclass(frozen=True)
class Rulebook:
    """All that golf-audit holds to be the contest's rules at one date."""

    date: str
    """The day up to which the organisers' statements were read, as YYYY-MM-DD."""
    cut_off: datetime
    """The end of the contest (UTC)."""
    limits: Mapping[str, Limit]
    authorities: Mapping[str, Authority]
    tables: Mapping[str, Mapping[str, Any]]
    """Every other table by name: denominators, token counts and the like."""

    @classmethod
    def load(cls) -> "Rulebook":
        """The rulebook that ships with this version, read once."""
        return _shipped()

    @classmethod
    def parse(cls, text: str) -> Self:
        """The rulebook written in `text` (TOML)."""
        data = tomllib.loads(text)
        head, limits, authorities = data.pop("rulebook"), data.pop("limits"), data.pop("authority")
        return cls(
            date=str(head["date"]),
            cut_off=head["cut_off"].astimezone(UTC),
            limits=MappingProxyType({name: _limit(name, row) for name, row in limits.items()}),
            authorities=MappingProxyType({key: _authority(key, row) for key, row in authorities.items()}),
            tables=MappingProxyType(data),
        )

    def limit(self, name: str) -> float:
        """The number called `name`; raises `RulebookError` where there is none."""
        return self._entry("limit", name, self.limits).value

    def authority(self, key: str) -> Authority:
        """The authority called `key`; raises `RulebookError` where there is none."""
        return self._entry("authority", key, self.authorities)

    def table(self, name: str) -> Mapping[str, Any]:
        """The table called `name`; raises `RulebookError` where there is none."""
        return self._entry("table", name, self.tables)

    @staticmethod
    def _entry(what: str, key: str, entries: Mapping[str, Entry]) -> Entry:
        if key in entries:
            return entries[key]
        raise RulebookError(f"the rulebook has no {what} called {key!r}{_near(key, entries)}")


def _near(key: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(key, known, n=3, cutoff=0.4)
    return f"; near names: {', '.join(near)}" if near else ""


def _limit(name: str, row: Mapping[str, Any]) -> Limit:
    return Limit(name, row["value"], row["unit"], _day(row["since"]), row["authority"], row["says"])


def _authority(key: str, row: Mapping[str, Any]) -> Authority:
    return Authority(key, Kind(row["kind"]), row["who"], _day(row["date"]), row["url"], row["says"])


def _day(value: date | str) -> str:
    return value.isoformat() if isinstance(value, date) else date.fromisoformat(value).isoformat()


@functools.cache
def _shipped() -> Rulebook:
    return Rulebook.parse(resources.files("golf_audit").joinpath("rulebook.toml").read_text(encoding="utf-8"))
