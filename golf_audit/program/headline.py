"""Which report of the program is the claimed score."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from golf_audit.events import Report

_WORDS: Final = re.compile(r"[a-z0-9]+")
_METRIC: Final = frozenset(("val", "loss", "bpb", "time", "eval", "ms", "s", "exact", "step", "elapsed"))
_SCORE: Final = re.compile(r"bpb|bits.per.byte|val_loss", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Headline:
    """The report that counts, and why it is taken to be the one."""

    report: Report
    reason: str
    sure: bool
    """Whether the logs tell which it is; otherwise it is the last score that the program reports."""


def words(label: str) -> frozenset[str]:
    """A label's telling words."""
    return frozenset(w for w in _WORDS.findall(label.lower()) if not w.isdigit()) - _METRIC


def choose(reports: Sequence[Report], labels: Sequence[str], near: Sequence[str] = ()) -> Headline | None:
    """
    The report whose text the claimed log lines carry; else one that states a score.

    A report prints a template (`{label} val_loss:…`), a log line its label: the template's known words must be those
    of the label. Where no log line makes the claim, `near` holds the labels of the logs' results, the nearest to the
    claim first; the last score that the program reports is taken where the logs hold none.
    """
    scored = [r for r in reports if r.atoms or r.lookups]
    if claimed := _carried(scored, labels):
        return Headline(claimed[0], f"the logs' claimed line is labelled “{claimed[1]}”", sure=True)
    if nearest := _carried(scored, near):
        return Headline(nearest[0], f"of the logs' results, “{nearest[1]}” is the nearest to the claim", sure=False)
    stated = [r for r in scored if _SCORE.search(r.label)]
    if stated:
        return Headline(stated[-1], "it is the last score that the program reports", sure=False)
    if scored:
        return Headline(scored[-1], "it is the last loss that the program reports", sure=False)
    return None


def _carried(scored: Sequence[Report], labels: Sequence[str]) -> tuple[Report, str] | None:
    """The report that prints the first of the labels that any report prints."""
    for label in labels:
        wanted = words(label)
        best = [r for r in scored if wanted and wanted <= words(_head(r.label))]
        if best:
            exact = [r for r in best if words(_head(r.label)) == wanted]
            return replace((exact or best)[-1], doubtful=()), label
    return None


def _head(label: str) -> str:
    """The part of a report's text before its first number."""
    match = re.search(r"val_loss|val_bpb|bpb|loss", label)
    return label[: match.start()] if match and match.start() else label
