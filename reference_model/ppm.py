"""
EXHIBIT, FORBIDDEN: mixing the model with a byte model that looks at the byte to be scored (PR #1835, #1858).

A PPM-D model of order 5 (Cleary and Witten 1984, Howard 1993) counts bytes after contexts, and its probability of the
byte that came is mixed with the network's share of its token's probability. The counts are updated after the score;
what breaks the rules is what is scored. The share of a token's loss is known only once the token is, and the gate
looks at it: no distribution over all tokens exists beforehand whose realised entry this would be (condition C2). The
result is printed beside the legal number and is never the headline. It is off in every preset.
"""

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass

from .config import Config
from .data import Validation, piece_bytes
from .runlog import RunLog


@dataclass(frozen=True, slots=True)
class Prediction:
    """What the byte model says of one byte that it has been shown."""

    log_probability: float
    """Of the byte that came, in nats."""
    confidence: float
    """Of the likeliest byte in the longest context that was seen before."""


class ByteModel:
    """PPM-D: counts of bytes after each of the last 0 to `order` bytes."""

    def __init__(self, order: int) -> None:
        self.order = order
        self.counts: dict[bytes, dict[int, int]] = {}
        self.history = b""

    def _contexts(self) -> Iterator[bytes]:
        for length in range(len(self.history), -1, -1):
            yield self.history[len(self.history) - length :]

    def predict(self, byte: int) -> Prediction:
        """The probability of `byte`: escape from contexts, longest first, until one knows it."""
        escaped, confidence, known = 0.0, 0.0, False
        for context in self._contexts():
            counts = self.counts.get(context)
            if counts is None:
                continue
            total = sum(counts.values()) + len(counts)
            if not known:
                confidence, known = max(counts.values()) / total, True
            if byte in counts:
                return Prediction(escaped + math.log(counts[byte] / total), confidence)
            escaped += math.log(len(counts) / total)
        return Prediction(escaped - math.log(256.0), confidence)

    def update(self, byte: int) -> None:
        """Count `byte` after every context that it came in."""
        for context in self._contexts():
            counts = self.counts.setdefault(context, {})
            counts[byte] = counts.get(byte, 0) + 1
        self.history = (self.history + bytes([byte]))[-self.order :] if self.order else b""


def byte_stream(val: Validation, losses: list[float]) -> Iterator[tuple[int, float]]:
    """Every byte of the scored tokens with its equal share (nats) of its token's loss."""
    texts = [piece_bytes(val.pieces, token) or b"" for token in range(val.pieces.vocab_size())]
    space, boundary = val.table.leading_space.tolist(), val.table.boundary.tolist()
    tokens = val.tokens.tolist()
    for place, loss in enumerate(losses, start=1):
        token, previous = tokens[place], tokens[place - 1]
        text = (b" " if space[token] and not boundary[previous] else b"") + texts[token]
        for byte in text:
            yield byte, loss / len(text)


def mixture_bits(val: Validation, losses: list[float], config: Config, log: RunLog) -> float:
    """Bits per byte of the mixture over the first tokens of the split, whose losses (nats) are given."""
    since = time.perf_counter()
    log.line("ppm_mix:start FORBIDDEN: not a normalised distribution over tokens; never the headline")
    model, mixed, count = ByteModel(config.ppm_order), 0.0, 0
    for byte, nats in byte_stream(val, losses[: config.ppm_subset_tokens]):
        guess = model.predict(byte)
        weight = config.ppm_lambda_lo if guess.confidence >= config.ppm_conf_threshold else config.ppm_lambda_hi
        if nats < config.ppm_skip_nats:
            weight = 1.0  # the gate looks at the loss of the very byte it decides about
        probability = weight * math.exp(-nats) + (1.0 - weight) * math.exp(guess.log_probability)
        mixed -= math.log(probability)
        model.update(byte)
        count += 1
    bits = mixed / max(count, 1) / math.log(2.0)
    log.line(f"ppm_mix bytes={count} mix_bpb={bits:.6f}")
    log.line(f"ppm_mix_time:{time.perf_counter() - since:.1f}s")
    return bits
