"""Facts as rows of text."""

from collections.abc import Iterator, Mapping
from typing import Any

from golf_audit.reports import inert
from golf_audit.reports.json import plain


def flat(facts: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Every fact as (name, value), nested ones as `outer.inner`; numbers of five digits and more are grouped by thousands."""
    return [(name, inert.line(_text(value))) for name, value in _leaves("", plain(facts))]


def _leaves(prefix: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, one in value.items():
            yield from _leaves(f"{prefix}.{key}" if prefix else str(key), one)
    elif isinstance(value, list) and any(isinstance(one, dict | list) for one in value):
        for index, one in enumerate(value):
            yield from _leaves(f"{prefix}.{index}", one)
    else:
        yield prefix, value


def _text(value: Any) -> str:
    match value:
        case None:
            return "–"
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}" if abs(value) >= 10_000 else str(value)  # noqa: PLR2004 -- years, seeds and counts stay as they are
        case float():
            return f"{value:.6g}" if abs(value) < 1e6 else f"{value:,.0f}"  # noqa: PLR2004 -- where grouping reads better
        case list():
            return ", ".join(_text(one) for one in value) or "–"
        case _:
            return str(value)
