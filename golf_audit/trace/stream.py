"""
Token streams by which a position can be recognised from the tokens alone.

The validation stream is a sequence of documents, each opened by the token that marks a beginning. Inside it nearly every
pair of neighbours occurs once, so that a few tokens in a row name their position. Some phrases are repeated on purpose,
for tables that remember contexts would otherwise never be asked; they lie between tokens that are not repeated. The
training stream shares no pair with it. Some tokens are frequent and others rare, the same ones in both streams: that is
what a model can learn in the few steps of a toy run.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Tokens = npt.NDArray[np.int64]
RESERVED = 259
"""Ids below it are control tokens and single bytes in a SentencePiece model with byte fallback."""


_FLAT = 4
"""Added to a token's rank: the most frequent one is then some percent of the text."""


@dataclass(frozen=True)
class Streams:
    """What a toy run trains and is scored on."""

    train: Tokens
    val: Tokens
    bos: int


def make_streams(
    vocab: int,
    *,
    val_tokens: int = 2048,
    train_tokens: int = 120_000,
    document: int = 160,
    bos: int = 1,
    seed: int = 0,
) -> Streams:
    """Streams of ids below `vocab`; raises ValueError where a vocabulary is too small to tell positions apart."""
    low = _lowest(vocab)
    if (vocab - low) ** 2 < 8 * val_tokens:
        raise ValueError(f"{vocab} tokens cannot name {val_tokens} positions")
    drawn = _Drawn(np.random.default_rng(seed), low, vocab)
    val = _validation(drawn, vocab, val_tokens, document, bos)
    train = drawn.many(train_tokens)
    train[::document] = bos
    return Streams(_without(drawn, train, pairs(val, vocab), vocab, bos), val, bos)


def _lowest(vocab: int) -> int:
    """The first id that the streams use."""
    return RESERVED if vocab > 2 * RESERVED else min(3, vocab // 4)


class _Drawn:
    """Tokens drawn by Zipf's law, flattened at its head so that pairs stay rare."""

    def __init__(self, random: np.random.Generator, low: int, vocab: int) -> None:
        self._random, self._low = random, low
        weights = 1.0 / (np.arange(vocab - low) + _FLAT)
        self._shares = np.cumsum(weights / weights.sum())

    def many(self, count: int) -> Tokens:
        """So many tokens."""
        at = np.searchsorted(self._shares, self._random.random(count), side="right")
        return self._low + np.minimum(at, len(self._shares) - 1)

    def one(self) -> int:
        """One token."""
        return int(self.many(1)[0])


def change_from(streams: Streams, vocab: int, position: int, *, seed: int = 1) -> Tokens:
    """The validation stream with every token from `position` on replaced by another; documents begin where they did."""
    random = np.random.default_rng(seed)
    low = _lowest(vocab)
    changed = streams.val.copy()
    for index in range(position, len(changed)):
        if changed[index] != streams.bos:
            step = int(random.integers(1, vocab - low))
            changed[index] = low + (int(changed[index]) - low + step) % (vocab - low)
    return changed


def pairs(tokens: Tokens, vocab: int) -> Tokens:
    """The code of each pair of neighbours."""
    return tokens[:-1] * vocab + tokens[1:]


def _validation(drawn: _Drawn, vocab: int, count: int, document: int, bos: int) -> Tokens:
    out = np.empty(count, dtype=np.int64)
    seen: set[int] = set()
    phrase: list[int] = []
    index = 0
    while index < count:
        if index % document == 0 and index + 1 < count:
            out[index] = bos
            index += 1
        elif phrase and index % document == document // 2 and index + len(phrase) < count:
            out[index : index + len(phrase)] = phrase
            index += len(phrase)
        else:
            out[index] = _fresh(drawn, int(out[index - 1]), vocab, seen)
            seen.add(int(out[index - 1]) * vocab + int(out[index]))
            index += 1
            if not phrase and index == document // 4:
                phrase = [int(token) for token in out[index - 9 : index]]
    return out


def _fresh(drawn: _Drawn, before: int, vocab: int, seen: set[int]) -> int:
    while True:
        token = drawn.one()
        if before * vocab + token not in seen:
            return token


def _without(drawn: _Drawn, tokens: Tokens, taken: Tokens, vocab: int, bos: int) -> Tokens:
    """`tokens` with none of the pairs in `taken`; documents begin where they did."""
    while True:
        bad = np.flatnonzero(np.isin(pairs(tokens, vocab), taken)) + 1
        if not len(bad):
            return tokens
        bad = np.unique(np.where(tokens[bad] == bos, bad - 1, bad))
        tokens[bad] = drawn.many(len(bad))
