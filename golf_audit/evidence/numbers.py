"""Numbers in prose and tables: value, unit, and what the last written place is worth."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_NUMBER = re.compile(
    r"(?<![\w.,/#-])(?P<sign>[-+−±]?)(?P<value>\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+\.\d+|\.\d+|\d+)(?P<exp>e[-+]?\d+)?\s*"
    r"(?P<unit>MiB|MB|KB|kB|KiB|bytes|B\b|ms\b|mins?\b|minutes\b|m\b|seconds\b|secs?\b|s\b|%|×|x\b)?"
)
_SCALE = {
    "mb": 1e6, "mib": 1048576.0, "kb": 1e3, "kib": 1024.0, "bytes": 1.0, "b": 1.0,
    "ms": 1e-3, "min": 60.0, "mins": 60.0, "minutes": 60.0, "m": 60.0, "s": 1.0, "sec": 1.0, "secs": 1.0, "seconds": 1.0,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Number:
    """One number: its value in base units (bytes, seconds), its unit as written, and its last place in base units."""

    value: float
    unit: str
    ulp: float
    start: int
    raw: str


def numbers(text: str) -> Iterator[Number]:
    """The numbers of a line or a table cell, in order."""
    for match in _NUMBER.finditer(text):
        raw, unit = match["value"], (match["unit"] or "").lower()
        scale = _SCALE.get(unit, 1.0) * (10.0 ** int(match["exp"][1:]) if match["exp"] else 1.0)
        sign = -1.0 if match["sign"] in {"-", "−"} else 1.0
        value = sign * float(raw.replace(",", "")) * scale
        yield Number(value, unit, last_place(raw) * scale, match.start(), raw)


def last_place(raw: str) -> float:
    """What one step of the last digit of `raw` is worth; trailing zeros of a whole number count as written."""
    _, point, decimals = raw.partition(".")
    return 10.0 ** -len(decimals) if point else 1.0
