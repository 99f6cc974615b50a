"""Which positions of the validation stream a tensor of targets is about, told from the tokens alone."""

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.int64]
NOWHERE = -1
EVERY = 8
"""Of every so many positions the whole row over the alphabet is told apart from others, not only the realised token's."""
RUN = 3
"""So many neighbours in a row must agree with the stream before a position counts as recognised."""


def every(positions: Array) -> npt.NDArray[np.bool_]:
    """Which positions are those of which the whole row is told apart."""
    return (positions >= 0) & (positions % EVERY == 0)


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
        flat = targets.reshape(-1)
        if flat.size < RUN:
            return np.full(targets.shape, NOWHERE, dtype=np.int64)
        offsets = self._anchors(flat)
        found = self._extend(flat, offsets)
        return found.reshape(targets.shape)

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
