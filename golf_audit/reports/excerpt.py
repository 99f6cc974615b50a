"""The lines around a location, from the layer that it is in."""

from collections.abc import Sequence
from dataclasses import dataclass

from golf_audit.case import Case
from golf_audit.finding import Location
from golf_audit.reports import inert

AROUND = 1
"""Lines shown before and after."""
WIDTH = 96
"""Characters of a line that are shown."""


@dataclass(frozen=True, slots=True)
class Excerpt:
    """A few lines of a file, already inert."""

    first: int
    """The number of the first line."""
    lines: tuple[str, ...]
    marked: int
    """The index in `lines` of the line that is meant."""
    column: int
    """Where in that line the mark goes, zero-based."""


def excerpt(case: Case | None, location: Location) -> Excerpt | None:
    """The lines around `location`, or its own text where the file is not at hand; None where there is nothing to show."""
    lines = _lines(case, location) if case else ()
    index = location.line - 1
    if not 0 <= index < len(lines):
        if not location.text:
            return None
        text, column = _window(location.text, location.column)
        return Excerpt(location.line, (text,), 0, column)
    start = max(0, index - AROUND)
    text, column = _window(lines[index], location.column)
    before = [inert.line(one, WIDTH) for one in lines[start:index]]
    after = [inert.line(one, WIDTH) for one in lines[index + 1 : index + 1 + AROUND]]
    return Excerpt(start + 1, (*before, text, *after), index - start, column)


def _window(text: str, column: int) -> tuple[str, int]:
    """A piece of a line that holds its column, inert, and the column's place in it: minified code has very long lines."""
    start = 0 if column < WIDTH - 10 else column - WIDTH // 2
    lead = "…" if start else ""
    prefix = lead + inert.visible(text[start:column])
    return prefix + inert.line(text[column:], max(20, WIDTH - len(prefix))), len(prefix)


def _lines(case: Case, location: Location) -> Sequence[str]:
    """The lines of the file, or of the decoded layer, that the location is in."""
    if location.layer:
        layers = [*(case.source.layers if case.source else ()), *getattr(case.source, "modules", {}).values()]
        return next((one.lines for one in layers if (one.index, one.file) == (location.layer, location.file)), ())
    file = case.folder.files.get(location.file)
    return file.lines if file else ()
