"""The fact table for the terminal: claimed beside observed, disagreements marked."""

from collections.abc import Sequence

from rich.console import JustifyMethod
from rich.table import Table
from rich.text import Text

from golf_audit.evidence.facts import Fact
from golf_audit.finding import Location
from golf_audit.reports import inert

COLUMNS: tuple[tuple[str, JustifyMethod], ...] = (
    ("seed", "right"),
    ("", "left"),
    ("", "center"),
    ("claimed", "right"),
    ("observed", "right"),
    ("where", "left"),
    ("", "left"),
)
"""Headings; a column without one may be broken into lines."""
_MARKS = {True: ("✓", "green"), False: ("✗", "bold red"), None: ("·", "dim")}


def facts_table(facts: Sequence[Fact]) -> Table:
    """The rows as a rich table, a rule between seeds."""
    table = Table(box=None, pad_edge=False, header_style="dim", title_justify="left")
    for name, justify in COLUMNS:
        table.add_column(name, justify=justify, no_wrap=bool(name))
    last: object = object()
    for fact in facts:
        if fact.seed != last and last is not None and table.row_count:
            table.add_section()
        shown = "" if fact.seed == last else "all" if fact.seed is None else str(fact.seed)
        mark, style = _MARKS[fact.agrees]
        table.add_row(
            shown,
            inert.line(fact.quantity),
            Text(mark, style),
            number(fact.claimed, fact.unit),
            Text(number(fact.observed, fact.unit), style if fact.agrees is False else ""),
            Text(_places(fact.claim, fact.source), "dim"),
            Text(inert.line(fact.note), "dim"),
        )
        last = fact.seed
    return table


def number(value: float | None, unit: str) -> str:
    """A value in the way its unit is read: bytes with commas, seconds with one decimal, scores with five."""
    if value is None:
        return "—"
    if unit in {"bytes", "steps"}:
        return f"{value:,.0f}"
    return f"{value:.1f} s" if unit == "s" else f"{value:.5f}"


def _places(claim: Location | None, source: Location | None) -> str:
    return " · ".join(inert.line(f"{place.file}:{place.line}") for place in (claim, source) if place)
