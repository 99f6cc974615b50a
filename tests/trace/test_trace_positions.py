"""Positions are told from the tokens alone."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from golf_audit.trace.positions import NOWHERE, Recogniser, every
from golf_audit.trace.stream import make_streams

VOCAB = 1024
STREAMS = make_streams(VOCAB, val_tokens=2049, train_tokens=8192)
KNOWN = Recogniser(STREAMS.val)
LAST = len(STREAMS.val)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, LAST - 16), st.integers(16, 512))
def test_any_window_is_located(start: int, length: int) -> None:
    """A window of the stream of sixteen tokens or more is found where it was taken from, phrases that repeat included."""
    window = STREAMS.val[start : start + length]
    assert np.array_equal(KNOWN.locate(window), np.arange(start, start + len(window)))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, LAST - 32), min_size=1, max_size=8))
def test_rows_are_located_one_by_one(starts: list[int]) -> None:
    """A batch of windows from anywhere in the stream, in any order, is located row by row."""
    batch = np.stack([STREAMS.val[start : start + 32] for start in starts])
    assert np.array_equal(KNOWN.locate(batch), np.stack([np.arange(start, start + 32) for start in starts]))


def test_rows_that_seem_to_go_on() -> None:
    """A row whose last or first token would also fit its neighbour is located by the width of the rows, flat or not."""
    rng = np.random.default_rng(0)
    for _ in range(300):
        starts = rng.permutation(np.arange(0, LAST - 32, 32))
        batch = np.stack([STREAMS.val[start : start + 32] for start in starts])
        expected = np.stack([np.arange(start, start + 32) for start in starts])
        assert np.array_equal(KNOWN.locate(batch), expected)
        assert np.array_equal(KNOWN.locate(batch.reshape(-1)), expected.reshape(-1))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, len(STREAMS.train) - 64), st.integers(1, 64))
def test_training_tokens_are_not(start: int, length: int) -> None:
    """No window of the training stream is taken for validation tokens."""
    assert (KNOWN.locate(STREAMS.train[start : start + length]) == NOWHERE).all()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(-(2**40), 2**40), max_size=64))
def test_foreign_numbers_are_not(numbers: list[int]) -> None:
    """Numbers that are no tokens of the stream, padding and negative ones included, are nowhere, and raise nothing."""
    found = KNOWN.locate(np.array(numbers, dtype=np.int64))
    named = found != NOWHERE
    assert np.array_equal(STREAMS.val[found[named]], np.array(numbers, dtype=np.int64)[named])


@settings(max_examples=60, deadline=None)
@given(st.integers(0, LAST - 64), st.integers(8, 55))
def test_a_masked_target_is_nowhere(start: int, place: int) -> None:
    """A target that was replaced, as by an ignored index, is not located, and its neighbours still are."""
    window = STREAMS.val[start : start + 64].copy()
    window[place] = -100
    expected = np.arange(start, start + 64)
    expected[place] = NOWHERE
    assert np.array_equal(KNOWN.locate(window), expected)


def test_few_tokens_are_no_evidence() -> None:
    """Two tokens in a row may occur anywhere by chance, and name no position."""
    assert (KNOWN.locate(STREAMS.val[500:502]) == NOWHERE).all()
    assert KNOWN.locate(np.empty((0, 4), dtype=np.int64)).shape == (0, 4)


def test_every() -> None:
    """Whole rows are told apart at every eighth position of the stream, and nowhere else."""
    assert every(np.array([-8, -1, 0, 7, 8, 16])).tolist() == [False, False, True, False, True, True]
