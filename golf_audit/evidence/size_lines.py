"""Which line of a log says what the artifact, its model or its code weighs."""

from collections.abc import Iterator

from golf_audit.evidence import patterns
from golf_audit.evidence.events import CodeForm, CodeSize, Event, ModelSize, TotalSize

_LEAST_BYTES = 100_000
"""A smaller number is no size of an artifact."""


def number(text: str) -> float:
    """A number of a log, thousands separators and all."""
    return float(text.replace(",", ""))


def whole(text: str) -> int:
    """A number of a log as a whole number."""
    return int(number(text))


def sizes(line: int, text: str) -> Iterator[Event]:
    """The sizes that a line states, in bytes."""
    lowered = text.lower()
    if not (
        "byte" in lowered
        or "size" in lowered
        or "mb" in lowered
        or "artifact" in lowered
        or "total" in lowered
        or "budget" in lowered
    ):
        return
    if match := patterns.MODEL.search(text):
        yield ModelSize(line, (match[1] or "").strip(), whole(match[2]))
    elif (match := patterns.MODEL_LOOSE.search(text)) and whole(match[1]) >= _LEAST_BYTES:
        yield ModelSize(line, "", whole(match[1]))
    if match := patterns.CODE.search(text):
        form = CodeForm((match[1] or "(plain)").strip("()").lower())
        if "lzma compressed" in text or "compressed;" in text:
            form = CodeForm.COMPRESSED
        yield CodeSize(line, whole(match[2]), form, whole(match[3]) if match[3] else None)
    if match := patterns.TOTAL.search(text):
        yield _total(line, (match[1] or "").strip(), match[2], match[3])
    elif (match := patterns.TOTAL_LOOSE.search(text)) and (
        number(match[1]) >= _LEAST_BYTES or (match[2] or "").lower() == "mb"
    ):
        yield _total(line, "", match[1], match[2] or "")


def _total(line: int, label: str, value: str, unit: str) -> TotalSize:
    if unit.lower() == "mb":
        return TotalSize(line, label, int(number(value) * 1_000_000), exact=False)
    return TotalSize(line, label, whole(value))
