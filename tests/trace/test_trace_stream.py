"""Toy streams name their positions, and have something to learn."""

import numpy as np
import pytest

from golf_audit.trace.positions import Recogniser
from golf_audit.trace.stream import change_from, make_streams, pairs


@pytest.mark.parametrize("vocab", [260, 1024, 8192])
def test_positions(vocab: int) -> None:
    """Every position of the validation stream is recognised, from windows of it, too; none of the training stream is."""
    streams = make_streams(vocab)
    recogniser = Recogniser(streams.val)
    assert np.array_equal(recogniser.locate(streams.val), np.arange(len(streams.val)))
    assert np.array_equal(recogniser.locate(streams.val[700:764]), np.arange(700, 764))
    assert (recogniser.locate(streams.train[:20_000]) < 0).all()
    assert not np.isin(pairs(streams.train, vocab), pairs(streams.val, vocab)).any()


def test_skewed() -> None:
    """The same tokens are frequent in both streams: a model of token frequencies alone gains half a nat."""
    streams = make_streams(1024)
    shares = (np.bincount(streams.train, minlength=1024) + 0.5) / (len(streams.train) + 512)
    used = np.log(1024 - 259)
    assert -np.log(shares[streams.val]).mean() < used - 0.5


def test_change() -> None:
    """From a position on every token is another, before it none, and documents begin where they did."""
    streams = make_streams(1024)
    changed = change_from(streams, 1024, 900)
    assert np.array_equal(changed[:900], streams.val[:900])
    begins = streams.val == streams.bos
    assert np.array_equal(changed == streams.bos, begins)
    assert (changed[900:] != streams.val[900:])[~begins[900:]].all()


def test_too_small() -> None:
    """An alphabet that cannot tell positions apart is refused."""
    with pytest.raises(ValueError, match="cannot name"):
        make_streams(8, val_tokens=2048)
