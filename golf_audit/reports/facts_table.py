"""The fact table for the terminal: claimed beside observed, disagreements marked, and under each row what it is of."""

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
)
"""Headings of the columns that are never broken into lines."""
LONGEST = 24
"""Characters of a file's name that are shown; the report's JSON has all of it."""
_MARKS = {True: ("✓", "green"), False: ("✗", "bold red"), None: ("·", "dim")}


def facts_table(facts: Sequence[Fact]) -> Table:
    """The rows as a rich table, an empty line between seeds."""
    table = Table(box=None, pad_edge=False, header_style="dim", title_justify="left")
    for name, justify in COLUMNS:
        table.add_column(name, justify=justify, no_wrap=True)
    table.add_column("where", overflow="fold")
    last: object = object()
    for fact in facts:
        if fact.seed != last and table.row_count:
            table.add_row()
        shown = "" if fact.seed == last else "all" if fact.seed is None else str(fact.seed)
        mark, style = _MARKS[fact.agrees]
        table.add_row(
            shown,
            inert.line(fact.quantity),
            Text(mark, style),
            number(fact.claimed, fact.unit),
            Text(number(fact.observed, fact.unit), style if fact.agrees is False else ""),
            Text("\n".join(_under(fact)), "dim"),
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


def _under(fact: Fact) -> list[str]:
    """The places of the claim and of what is observed on one line, and the note on the next."""
    places = " · ".join(_place(place) for place in (fact.claim, fact.source) if place)
    return [line for line in (places, inert.line(fact.note)) if line]


def _place(place: Location) -> str:
    """A file's own name, shortened in its middle, with the line."""
    name = place.file.rpartition("/")[2]
    if len(name) > LONGEST:
        name = f"{name[: LONGEST // 2]}…{name[-(LONGEST // 2 - 1) :]}"
    return inert.line(f"{name}:{place.line}" if place.line else name)
