"""The run as a picture: which part of the stream was scored and learned from, over the course of the run."""

from dataclasses import dataclass

import numpy as np

from golf_audit.trace.ledger import Ledger

NOTHING, SCORED, LEARNED, BOTH = "·", "s", "L", "B"
ROWS, COLUMNS = 12, 72


@dataclass(frozen=True)
class Timeline:
    """A raster: a row for each part of the stream, a column for each stretch of the run."""

    rows: tuple[str, ...]
    """From the stream's beginning to its end; `·` nothing, `s` scored, `L` learned from, `B` both."""
    counted: tuple[int, int]
    """The columns in which the claimed scores were made; (−1, −1) where none are known."""
    marks: tuple[tuple[int, str], ...]
    """Columns at which a result was printed, and its label."""


def draw(ledger: Ledger, tokens: int, counted: tuple[int, int] | None, marks: tuple[tuple[int, str], ...]) -> Timeline:
    """The timeline of a run over a stream of `tokens`; `counted` and `marks` are numbers of events."""
    events = [(s.number, s.positions[s.positions >= 0], 1) for s in ledger.scores]
    events += [(a.number, a.positions, 2) for a in ledger.adapts]
    events = sorted((event for event in events if len(event[1])), key=lambda event: event[0])
    if not events:
        return Timeline((), (-1, -1), ())
    order = np.array([number for number, _, _ in events])
    raster = np.zeros((ROWS, COLUMNS), dtype=np.int8)
    for index, (_, positions, kind) in enumerate(events):
        rows = np.unique(np.clip(positions * ROWS // (tokens + 1), 0, ROWS - 1))
        raster[rows, index * COLUMNS // len(events)] |= kind
    letters = np.array([NOTHING, SCORED, LEARNED, BOTH])
    span = (-1, -1) if counted is None else (_column(order, counted[0]), _column(order, counted[1]))
    return Timeline(
        tuple("".join(row) for row in letters[raster]), span, tuple((_column(order, n), label) for n, label in marks)
    )


def _column(order: "np.ndarray[tuple[int], np.dtype[np.int64]]", number: int) -> int:
    index = int(np.searchsorted(order, number, side="right")) - 1
    return max(0, index) * COLUMNS // len(order)
