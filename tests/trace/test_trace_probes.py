"""What may be compared between runs, and where the change begins."""

import numpy as np
import pytest

from golf_audit.trace.positions import EVERY
from golf_audit.trace.probes import artifacts, comparable, differing, own_row_moves, where_to_change, written_at
from tests.trace.ledgers import Script
from tests.trace.probing import FIRST, TOKENS, evaluation, probed, runs, seen


def test_comparable_in_order_of_the_stream() -> None:
    """Of a pass in order, every position before the change may be compared, those of its own chunk included."""
    one = runs(evaluation).base.account
    assert one is not None
    assert comparable(one, FIRST).tolist() == list(range(1, FIRST))


def test_comparable_in_another_order() -> None:
    """A position that was scored after one that changes may have learned from it, and is not compared."""
    script, losses = Script(), [3.0] * TOKENS
    for start in (300, 100, 200, 0):
        script.score(range(start + 1, start + 101), losses[:100])
    script.result(losses)
    one = seen(script).account
    assert one is not None
    assert comparable(one, 150).tolist() == []
    assert comparable(one, 350).tolist() == list(range(301, 350))


def test_where_to_change() -> None:
    """The change begins where most scores may be compared, at a position whose row is told apart."""
    one = runs(evaluation).base.account
    place = where_to_change(one, TOKENS + 1, 64)
    assert place % EVERY == 0
    assert 0 < place % 64 < 32
    assert 0.6 * TOKENS < place < 0.9 * TOKENS
    assert where_to_change(None, TOKENS + 1, 64) % EVERY == 0


@pytest.mark.parametrize(("moved", "count"), [(0.0, 0), (1e-9, 0), (0.01, FIRST - 1)])
def test_moved(moved: float, count: int) -> None:
    """Scores before the change that differ are named, with the largest difference; the last bit of rounding is none."""
    found = runs(lambda script, changed: evaluation(script, changed, moved=moved))
    assert len(found.moved) == count
    assert found.largest_move() == pytest.approx(moved if count else 0.0)


def test_own_row() -> None:
    """The row at the change is compared although its token differs."""
    found = runs(lambda script, changed: evaluation(script, changed, own=0.25))
    assert own_row_moves(found) == pytest.approx(0.25)
    assert own_row_moves(runs(evaluation)) == 0.0
    assert own_row_moves(probed(found.base, found.null, None)) is None


def test_repeatable() -> None:
    """Two runs of one plan are repeatable where every counted score is the same to the last bit."""
    turn = iter(range(9))
    found = runs(lambda script, changed: evaluation(script, changed=True, moved=next(turn) * 1e-12))
    assert runs(evaluation).is_repeatable is True
    assert found.is_repeatable is False
    assert probed(found.base, None, None).is_repeatable is None


def test_artifacts() -> None:
    """What was written and read again before the counted scores is the artifact; its first writing has a number."""
    found = runs(evaluation, artifact=lambda changed: "other" if changed else "same")
    assert artifacts(found.base) == {"model.bin": "same"}
    assert written_at(found.base, "model.bin") == 1
    assert found.null is not None
    assert found.changed is not None
    assert differing(found.base, found.null) == []
    assert differing(found.base, found.changed) == ["model.bin"]


def test_weights_that_are_not_read_again() -> None:
    """Where nothing is read again, what was written before the scores and is no text stands for the artifact."""
    script = Script()
    for path in ("train.log", "weights.pt"):
        script.add("open", path=path, write=True)
    evaluation(script, changed=False)
    found = seen(script, {"train.log": "a", "weights.pt": "b"})
    assert artifacts(found) == {"weights.pt": "b"}
    assert np.array_equal(found.account.positions if found.account else [], np.arange(1, TOKENS + 1))
