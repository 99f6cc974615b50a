"""The timeline shows where in the stream the run was, and what it did there."""

from golf_audit.trace.ledger import Ledger
from golf_audit.trace.timeline import COLUMNS, ROWS, draw
from tests.trace.ledgers import Script


def test_nothing() -> None:
    """A run that scored nothing has no picture."""
    assert draw(Ledger(), 100, None, ()).rows == ()


def test_scored_then_learned() -> None:
    """The first half of the stream is scored, then learned from; then the second is scored, and that is what counts."""
    script = Script()
    script.score(range(1, 121), [1.0] * 120)
    script.adapt(range(1, 121))
    number = script.score(range(121, 241), [1.0] * 120)
    line = script.result([1.0])
    picture = draw(script.ledger, 240, (number, number), ((line, "final"),))
    third = COLUMNS // 3
    assert len(picture.rows) == ROWS
    assert {len(row) for row in picture.rows} == {COLUMNS}
    assert [picture.rows[0][column] for column in (0, third, 2 * third)] == ["s", "L", "·"]
    assert [picture.rows[-1][column] for column in (0, third, 2 * third)] == ["·", "·", "s"]
    assert picture.counted == (2 * third, 2 * third)
    assert picture.marks == ((2 * third, "final"),)


def test_more_events_than_columns() -> None:
    """Events that share a column are joined: a part that is scored and learned from there shows both."""
    script = Script()
    for _ in range(500):
        script.score(range(1, 9), [1.0] * 8)
        script.adapt(range(1, 9))
    picture = draw(script.ledger, 96, None, ())
    assert picture.rows[0] == "B" * COLUMNS
    assert set("".join(picture.rows[2:])) == {"·"}


def test_unrecognised_targets_are_left_out() -> None:
    """Targets that are nowhere in the stream draw nothing."""
    script = Script()
    script.score([-1, -1, 5, 6, 7, 8, 9, 10], [1.0] * 8)
    rows = draw(script.ledger, 96, None, ()).rows
    assert {row[0] for row in rows[2:]} == {"·"}
