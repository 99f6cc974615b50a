"""Which positions of the validation stream a tensor of targets is about, told from the tokens alone."""

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.int64]
NOWHERE = -1
EVERY = 8
"""Of every so many positions the whole row over the alphabet is told apart from others, not only the realised token's."""
RUN = 3
"""So many neighbours in a row must agree with the stream before a position counts as recognised."""
_WIDE = 16
"""Rows of so many tokens are located each by itself."""


def every(positions: Array) -> npt.NDArray[np.bool_]:
    """Which positions are those of which the whole row is told apart."""
    found: npt.NDArray[np.bool_] = (positions >= 0) & (positions % EVERY == 0)
    return found


class Recogniser:
    """Knows one validation stream, and names the positions of tokens taken from it."""

    def __init__(self, stream: Array) -> None:
        self.stream = stream
        self.base = int(stream.max()) + 1
        codes = stream[:-1] * self.base + stream[1:]
        order = np.argsort(codes, kind="stable")
        self._codes, self._places = codes[order], order
        same = self._codes[1:] == self._codes[:-1]
        self._unique = ~(np.append(same, False) | np.append(False, same))

    def locate(self, targets: Array) -> Array:
        """The position of each target (shape as given, −1 where it is not of this stream); rows are the last axis."""
        if targets.size < RUN:
            return np.full(targets.shape, NOWHERE, dtype=np.int64)
        if targets.ndim > 1 and targets.shape[-1] >= _WIDE:
            rows = targets.reshape(-1, targets.shape[-1])
            apart = np.pad(rows, ((0, 0), (0, 1)), constant_values=NOWHERE)
            return self._along(apart.reshape(-1)).reshape(apart.shape)[:, :-1].reshape(targets.shape)
        return self._along(targets.reshape(-1)).reshape(targets.shape)

    def _along(self, flat: Array) -> Array:
        """The position of each of a row of targets, which may be rows that were laid end to end."""
        offsets, unclear = _told_apart(self._anchors(flat))
        offsets[flat == NOWHERE] = _BARRIER
        found = self._extend(flat, offsets)
        found[unclear] = NOWHERE
        return found

    def _anchors(self, flat: Array) -> Array:
        """Position minus index, for targets that begin a pair which occurs once; `_NONE` elsewhere."""
        index = np.arange(flat.size)
        known = (flat >= 0) & (flat < self.base)
        codes = np.where(known[:-1] & known[1:], flat[:-1] * self.base + flat[1:], NOWHERE)
        slot = np.minimum(np.searchsorted(self._codes, codes), len(self._codes) - 1)
        hit = (self._codes[slot] == codes) & self._unique[slot]
        return np.append(np.where(hit, self._places[slot] - index[:-1], _NONE), _NONE)

    def _extend(self, flat: Array, offsets: Array) -> Array:
        """Positions by the nearest anchor before or after that the tokens agree with, in runs of at least `RUN`."""
        index = np.arange(flat.size)
        found = np.full(flat.size, NOWHERE, dtype=np.int64)
        for candidate in _candidates(offsets):
            place = index + candidate
            inside = (candidate != _NONE) & (place >= 0) & (place < len(self.stream))
            agrees = inside & (self.stream[np.clip(place, 0, len(self.stream) - 1)] == flat)
            agrees &= _long_runs(agrees, candidate)
            found = np.where((found == NOWHERE) & agrees, place, found)
        return found


_NONE = -(2**40)
_BARRIER = -(2**39)
"""Stands between rows, so that no anchor reaches from one into the next."""


def _told_apart(offsets: Array) -> tuple[Array, Array]:
    """
    Anchors without those that two rows make by chance where they meet, and where that cannot be told.

    A row may end with the very token that comes before the next row's first in the stream, or begin with the one that would
    have followed: two anchors that disagree share a token then. Which row it is of, the rows' common width tells.
    """
    before, after = offsets[:-1], offsets[1:]
    shared = np.flatnonzero((before != _NONE) & (after != _NONE) & (before != after)) + 1
    if not len(shared):
        return offsets, shared
    width = _width(offsets)
    ends, begins = (shared + 1) % width == 0, shared % width == 0
    cleaned = offsets.copy()
    cleaned[shared[ends & ~begins]] = _NONE
    return cleaned, shared[ends == begins]


def _width(offsets: Array) -> int:
    """The width of rows that were laid end to end: what divides every place where the stream's order breaks."""
    gaps = np.flatnonzero(offsets[1:-1] == _NONE) + 1
    before, after = offsets[gaps - 1], offsets[gaps + 1]
    starts = gaps[(before != _NONE) & (after != _NONE) & (before != after)] + 1
    return int(np.gcd.reduce(np.append(starts, offsets.size)))


def _candidates(offsets: Array) -> tuple[Array, ...]:
    """Offsets by the nearest anchor before, after, and strictly before: two rows may meet in a pair that occurs elsewhere."""
    return _filled(offsets), _filled(offsets[::-1])[::-1], _filled(np.append(_NONE, offsets[:-1]))


def _filled(offsets: Array) -> Array:
    """Every entry without an anchor takes that of the last one before it."""
    last = np.maximum.accumulate(np.where(offsets != _NONE, np.arange(offsets.size), -1))
    return np.where(last >= 0, offsets[np.maximum(last, 0)], _NONE)


def _long_runs(agrees: npt.NDArray[np.bool_], candidate: Array) -> npt.NDArray[np.bool_]:
    """Which entries lie in a run of at least `RUN` agreeing neighbours with one offset."""
    breaks = np.flatnonzero(np.append(True, (agrees[1:] != agrees[:-1]) | (candidate[1:] != candidate[:-1])))
    lengths = np.diff(np.append(breaks, agrees.size))
    return np.repeat(lengths >= RUN, lengths) & agrees
