"""How many bytes of text a result stands for, and whether that is the validation set."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from statistics import median

from golf_audit.evidence.events import Evaluation, Validation
from golf_audit.evidence.headline import HeadlineLine
from golf_audit.evidence.runlog import Run
from golf_audit.rulebook import Rulebook

_SAME_DIGITS = 6
_LEAST_DIGITS = 3


class Coverage(StrEnum):
    """What the implied byte count says about a result."""

    WHOLE = "the validation set"
    PART = "a part of the validation set"
    OTHER = "other documents"
    OLDER = "older export"
    WRONG_BYTES = "wrong bytes"
    UNEXPLAINED = "unexplained"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Denominator:
    """The bytes that one pair of loss and bpb implies, with what they mean."""

    coverage: Coverage
    nbytes: float = 0.0
    """val_loss / ln 2 x tokens / val_bpb."""
    tokens: int = 0
    tokens_line: int = 0
    """Where the log states the tokens; 0 where the line itself does."""
    bytes_per_token: float = 0.0
    means: str = ""
    """In words: why it is what it is."""
    commensurable: bool = True
    """Whether loss and bpb of the line are of one scorer: the run's other lines give the same bytes per token."""


def bytes_per_token(event: Evaluation | Validation) -> float | None:
    """Bytes that one token stands for, from a line that states both loss (nats per token) and bpb; None where it does not."""
    if not event.loss or not event.bpb or not math.isfinite(event.loss) or not math.isfinite(event.bpb):
        return None
    if isinstance(event, Evaluation) and (event.digits < _LEAST_DIGITS or event.loss_digits < _LEAST_DIGITS):
        return None
    return event.loss / (math.log(2) * event.bpb)


def _counted_bytes(line: HeadlineLine) -> int | None:
    """The bytes that the log says the headline's value was taken over: on its own line, or on another with the same value."""
    value = line.event.bpb
    for event in line.run.of(Evaluation):
        if event.nbytes and abs(event.bpb - value) <= 0.51 * 10.0 ** -min(event.digits, _SAME_DIGITS):
            return event.nbytes
    return None


def usual_bytes_per_token(run: Run) -> float | None:
    """The median over the run's training-time validations; None where it has none."""
    found = [ratio for event in run.of(Validation) if (ratio := bytes_per_token(event))]
    return median(found) if found else None


@dataclass(frozen=True)
class Ruler:
    """The rulebook's table of what the validation set holds."""

    rulebook: Rulebook

    @cached_property
    def nbytes(self) -> int:
        """Raw bytes of the validation documents."""
        return int(self.rulebook.table("validation")["bytes"])

    @cached_property
    def tolerance(self) -> float:
        """How far, relatively, an implied count may be off."""
        return float(self.rulebook.table("validation")["tolerance"])

    def measure(self, line: HeadlineLine) -> Denominator:
        """What the line's result was taken over."""
        event, run = line.event, line.run
        stated = event.tokens if isinstance(event, Evaluation) else None
        tokens = stated or (run.val_tokens.count if run.val_tokens else 0)
        place = 0 if stated or not run.val_tokens else run.val_tokens.line
        ratio, usual = bytes_per_token(event), usual_bytes_per_token(run)
        commensurable = not (ratio and usual and abs(ratio / usual - 1) > self._mixture)
        if (counted := _counted_bytes(line)) and not self._is_whole(counted) and not self._is_token_count(counted):
            tokens = stated or 0
            coverage, means = self._meaning(counted, tokens, counted / tokens if tokens else 0.0)
            return Denominator(coverage, counted, tokens, 0, ratio or 0.0, means, commensurable)
        if ratio is None:
            ratio = usual
        if not tokens or not ratio:
            return Denominator(
                Coverage.UNKNOWN,
                0.0,
                tokens,
                place,
                ratio or 0.0,
                "the log states no token count beside loss and bpb",
                commensurable,
            )
        implied = ratio * tokens
        coverage, means = self._meaning(implied, tokens, ratio)
        if not commensurable:
            coverage, means = Coverage.UNKNOWN, "loss and bpb of the line are of two scorers"
        return Denominator(coverage, implied, tokens, place, ratio, means, commensurable)

    @cached_property
    def _mixture(self) -> float:
        return float(self.rulebook.table("validation")["mixture_tolerance"])

    def _is_whole(self, nbytes: float) -> bool:
        return abs(nbytes / self.nbytes - 1) <= self.tolerance

    def _is_token_count(self, count: int) -> bool:
        """Whether a count is some tokenizer's tokens of the whole set: it is then of tokens, whatever the log calls it."""
        rows = self.rulebook.table("validation")["tokenizers"]
        return any(row["low"] <= count <= row["high"] for row in rows)

    def _meaning(self, implied: float, tokens: int, ratio: float) -> tuple[Coverage, str]:
        table = self.rulebook.table("validation")
        if self._is_whole(implied):
            return Coverage.WHOLE, "the bytes of the validation set"
        for known in table["known"]:
            if known["low"] <= implied <= known["high"]:
                return Coverage(known["kind"]), known["means"]
        tokenizer = self._by_ratio(ratio)
        if tokenizer and tokens < tokenizer["low"] * float(table["subset_fraction"]):
            return Coverage.PART, f"{tokens / tokenizer['low']:.1%} of the set's tokens in {tokenizer['name']}"
        counted = next((row for row in table["tokenizers"] if row["low"] <= tokens <= row["high"]), None)
        if counted:
            return (
                Coverage.WRONG_BYTES,
                f"the whole set in {counted['name']} tokens, with {implied / self.nbytes - 1:+.1%} bytes",
            )
        if implied < self.nbytes * 0.5:
            return Coverage.PART, f"{implied / self.nbytes:.1%} of the set's bytes"
        return Coverage.UNEXPLAINED, f"{implied / self.nbytes - 1:+.1%} against the set's bytes"

    def _by_ratio(self, ratio: float) -> dict[str, float] | None:
        rows = self.rulebook.table("validation")["tokenizers"]
        return next((row for row in rows if abs(ratio / row["bytes_per_token"] - 1) <= self.tolerance), None)

    def all_of(self, lines: tuple[HeadlineLine, ...]) -> Iterator[tuple[HeadlineLine, Denominator]]:
        """The denominator of every headline line."""
        return ((line, self.measure(line)) for line in lines)
