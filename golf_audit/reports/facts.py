"""Facts as rows of text: lists of like records become sheets, everything else a name and a value."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from golf_audit.reports import inert
from golf_audit.reports.json import plain

GROUPED = 10_000
"""Whole numbers from here on are grouped by thousands: years, seeds and small counts stay as they are."""
MISSING = "–"
MARKS = {True: "yes", False: "no", None: MISSING}


@dataclass(frozen=True, slots=True)
class Sheet:
    """Records that share their fields."""

    name: str
    columns: tuple[str, ...]
    """The fields that any record fills."""
    rows: tuple[tuple[str, ...], ...]


def sheets(facts: Mapping[str, Any]) -> list[Sheet]:
    """Every list of records among the facts, named `outer.inner` where it is nested; `facts_table` shows `table`."""
    return [_sheet(name, value) for name, value in _leaves("", plain(facts)) if _is_sheet(value) and name != "table"]


def flat(facts: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Every other fact as (name, value), nested ones as `outer.inner`."""
    leaves = [(name, value) for name, value in _leaves("", plain(facts)) if not _is_sheet(value)]
    return [(inert.line(name), inert.line(_text(value))) for name, value in leaves]


def _leaves(prefix: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Every value that is no mapping, with its dotted name."""
    if isinstance(value, dict):
        for key, one in value.items():
            yield from _leaves(f"{prefix}.{key}" if prefix else str(key), one)
    else:
        yield prefix, value


def _is_sheet(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(one, dict) for one in value)


def _sheet(name: str, records: Sequence[Mapping[str, Any]]) -> Sheet:
    fields = dict.fromkeys(field for record in records for field in record)
    columns = tuple(field for field in fields if any(record.get(field) not in {None, ""} for record in records))
    rows = tuple(tuple(inert.line(_text(record.get(field))) for field in columns) for record in records)
    return Sheet(inert.line(name), tuple(map(inert.line, columns)), rows)


def _text(value: Any) -> str:
    match value:
        case None | bool():
            return MARKS[value]
        case int() | float() if value == int(value):
            return f"{int(value):,}" if abs(value) >= GROUPED else str(int(value))
        case float():
            return f"{value:.8g}"
        case list():
            return ", ".join(_text(one) for one in value) or MISSING
        case dict():
            return ", ".join(f"{key} {_text(one)}" for key, one in value.items())
        case _:
            return str(value)
