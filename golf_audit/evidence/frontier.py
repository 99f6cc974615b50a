"""The accepted rows of the record track by date, and how a claim compares with the one that stood."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from statistics import fmean, variance

from golf_audit.rulebook import Rulebook

Day = date
_DAY = re.compile(r"(2026)[-_]?(\d{1,2})[-_]?(\d{1,2})(?!\d)")
_SAME_SCORE = 1.1e-4
"""A quoted score may be cut where the leaderboard rounds."""


@dataclass(frozen=True, slots=True)
class Row:
    """One accepted row."""

    date: date
    pr: int
    bpb: float
    seeds: tuple[float, ...]
    """Scores of its seeds, from its own logs; empty where they are not known."""
    bytes_per_token: float
    """What one token of its tokenizer stands for; zero where not known."""
    listed: Day
    """The day from which the leaderboard showed it: what a reader of that day could know."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """A claim against the row that stood: two numbers and their meaning, no verdict."""

    against: Row
    gain_bpb: float
    """How much lower the claim is, bits per byte."""
    gain_nats_per_token: float
    """The same in nats per token of the claim's own tokenizer."""
    p: float | None
    """One-sided Welch: how likely so large a gain is by chance; None where either side has
    fewer than two seeds, or where there is no gain."""
    clears_nats: bool
    """The README's 0.005 nats."""
    clears_p: bool | None
    """The README's p < 0.01."""
    clears_practised_p: bool | None
    """The p < 0.25 that the leaderboard was built with."""


def day_of(name: str) -> date | None:
    """The date in a folder's name."""
    match = _DAY.search(name)
    try:
        return date(int(match[1]), int(match[2]), int(match[3])) if match else None
    except ValueError:
        return None


@dataclass(frozen=True)
class Frontier:
    """The rulebook's table of accepted rows."""

    rulebook: Rulebook

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        """All rows by date."""
        return tuple(
            Row(
                row["date"],
                row["pr"],
                row["bpb"],
                tuple(row["seeds"]),
                row["bytes_per_token"],
                row.get("listed", row["date"]),
            )
            for row in self.rulebook.table("frontier")["rows"]
        )

    def standing(self, day: date) -> Row | None:
        """The best row dated before `day`."""
        earlier = [row for row in self.rows if row.date < day]
        return min(earlier, key=lambda row: row.bpb, default=None)

    def shown(self, day: date) -> Row | None:
        """The best row that the leaderboard showed on `day`."""
        return min((row for row in self.rows if row.listed <= day), key=lambda row: row.bpb, default=None)

    def row_scored(self, bpb: float) -> Row | None:
        """The earliest row with this score, as the leaderboard rounds it."""
        return next((row for row in self.rows if abs(row.bpb - bpb) <= _SAME_SCORE), None)

    def compare(self, values: Sequence[float], bytes_per_token: float, day: date) -> Comparison | None:
        """The seeds' scores against the row that stood on `day`; None where no row stood."""
        stood = self.standing(day)
        if stood is None or not values:
            return None
        gain = stood.bpb - sum(values) / len(values)
        nats = gain * math.log(2) * bytes_per_token
        p = welch(values, stood.seeds) if gain > 0 and len(values) > 1 and len(stood.seeds) > 1 else None
        return Comparison(
            stood,
            gain,
            nats,
            p,
            nats >= self.rulebook.limit("record_nats"),
            None if p is None else p < self.rulebook.limit("record_p"),
            None if p is None else p < self.rulebook.limit("practised_p"),
        )


def welch(lower: Sequence[float], higher: Sequence[float]) -> float:
    """The one-sided p of Welch's test that the mean behind `lower` is below the mean behind `higher`; both need two values."""
    from scipy.special import stdtr

    left, right = variance(lower) / len(lower), variance(higher) / len(higher)
    gap = fmean(lower) - fmean(higher)
    if left + right == 0:
        return 0.0 if gap < 0 else 1.0
    freedom = (left + right) ** 2 / (left**2 / (len(lower) - 1) + right**2 / (len(higher) - 1))
    return float(stdtr(freedom, gap / math.sqrt(left + right)))
