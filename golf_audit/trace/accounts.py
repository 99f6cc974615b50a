"""
Which scores were counted: the printed result against the losses that were observed before it.

A pass scores a position once or, in overlapping windows or epochs, several times. Whether its first or its last score was
counted, or the smallest, is told by arithmetic: only one of them has the mean that the line states.
"""

import math
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from golf_audit.evidence.events import Evaluation, Validation
from golf_audit.evidence.runlog import read_log
from golf_audit.folder import File
from golf_audit.trace.ledger import Ledger, Losses, Path, Positions, Printed, Score
from golf_audit.trace.summed import summed

IN_TRAINING = "training-time validation"
_COARSE = 4
"""Decimals of a validation in training."""
_SUMMED = 2e-6
"""What adding up in single precision may change, relative to the mean."""
_COUNTED = re.compile(r"\b\w+[=:][\d.,]+|^[\d.:-]+\s+")
_WHOLE = 0.6
"""A pass over less of the stream than this is no evaluation of it."""


class Counting(StrEnum):
    """Which of a position's scores in a pass counts."""

    FIRST = "first"
    LAST = "last"
    TAIL = "last tokens of each window"
    SUMMED = "one that was added up"
    LEAST = "smallest"
    AMOUNTS = "amounts of a mixture"


@dataclass(frozen=True)
class Result:
    """A line in which the run states a score of the validation stream."""

    printed: Printed
    label: str
    loss: float | None
    """Nats per token."""
    bpb: float
    digits: int
    loss_digits: int


@dataclass(frozen=True)
class Account:
    """The counted scores behind one result."""

    result: Result
    path: Path
    """Where the scores were computed; empty where several places share the pass."""
    counting: Counting
    positions: Positions
    """The positions that were counted, in order of the stream."""
    nll: Losses
    events: Positions
    """The number of the event that scored each of them."""
    times: int
    """How often a position was scored in the pass, at the most."""
    scores: tuple[Score, ...]
    """All scores of the pass."""
    rows: Losses | None = None
    """What tells the whole row behind each counted score from others; None where none were seen."""


def results(ledger: Ledger) -> tuple[Result, ...]:
    """Every stated score, in the order printed; read by the parser that reads the submitted logs."""
    text = "\n".join(" ".join(line.text.splitlines()) for line in ledger.printed).encode("utf-8", "replace")
    log = read_log(File("run.log", len(text), lambda: text))
    if log is None:
        return ()
    found = [_ended(ledger, end) for run in log.runs for end in run.of(Evaluation)]
    found += [_in_training(ledger, event) for run in log.runs for event in run.of(Validation)]
    return tuple(sorted(found, key=lambda result: result.printed.number))


def _ended(ledger: Ledger, event: Evaluation) -> Result:
    printed = ledger.printed[event.line - 1]
    return Result(printed, event.label, event.loss, event.bpb, event.digits, event.loss_digits)


def _in_training(ledger: Ledger, event: Validation) -> Result:
    return Result(ledger.printed[event.line - 1], IN_TRAINING, event.loss, event.bpb, _COARSE, _COARSE)


def headline(found: Sequence[Result], labels: Sequence[str]) -> Result | None:
    """The result that has the label of the claimed one, else the last that is no validation in training."""
    for label in labels:
        named = [result for result in found if label_key(result.label) == label_key(label)]
        if named:
            return named[-1]
    final = [result for result in found if result.label != IN_TRAINING] or list(found)
    return final[-1] if final else None


def label_key(label: str) -> str:
    """What two labels of one line have in common: neither marks, nor times before it, nor counts, as `bytes=820`, `stride:16`."""
    label = _COUNTED.sub("", label)
    return "".join(c for c in label.lower().replace("exact", "") if c.isalnum())


def account(ledger: Ledger, result: Result, tokens: int) -> Account | None:
    """The observed scores that make up a result; None where no pass over the stream has its mean."""
    before = [score for score in ledger.scores if score.number < result.printed.number]
    for path, scores in _passes(before):
        for counting in (Counting.FIRST, Counting.LAST, Counting.TAIL, Counting.SUMMED, Counting.LEAST):
            counted = _count(ledger, scores, counting)
            if counted is None or len(counted.positions) < _WHOLE * tokens:
                continue
            if agrees(result, counted.mean):
                return Account(
                    result,
                    path,
                    counting,
                    counted.positions,
                    counted.nll,
                    counted.events,
                    _most(scores),
                    tuple(scores),
                    counted.rows,
                )
    return None


def _passes(scores: Sequence[Score]) -> Iterator[tuple[Path, list[Score]]]:
    """Candidates for a pass, the latest and narrowest first: by call path, by function, all since a pause."""
    by_path: dict[Path, list[Score]] = defaultdict(list)
    by_function: dict[tuple[str, ...], list[Score]] = defaultdict(list)
    for score in scores:
        by_path[score.at].append(score)
        by_function[tuple(frame.rpartition(":")[2] for frame in score.at)].append(score)
    groups = [*by_path.items(), *(((), group) for group in by_function.values() if len({s.at for s in group}) > 1)]
    yield from sorted(groups, key=lambda item: -item[1][-1].number)


@dataclass(frozen=True)
class _Counted:
    positions: Positions
    nll: Losses
    events: Positions
    rows: Losses
    mean: float


def _count(ledger: Ledger, scores: Sequence[Score], counting: Counting) -> _Counted | None:
    positions = np.concatenate([score.positions for score in scores])
    nll = np.concatenate([score.nll for score in scores])
    events = np.concatenate([np.full(len(score.positions), score.number) for score in scores])
    rows = np.concatenate([score.rows for score in scores])
    known = positions >= 0
    if counting is Counting.TAIL:
        known &= _tails(positions)
    if counting is Counting.SUMMED:
        known &= np.concatenate(summed(ledger, scores))
    if not known.any():
        return None
    positions, nll, events, rows = positions[known], nll[known], events[known], rows[known]
    if counting is Counting.LAST:
        order = np.arange(len(positions))[::-1]
    elif counting is Counting.LEAST:
        order = np.argsort(nll, kind="stable")
    else:
        order = np.arange(len(positions))
    unique, first = np.unique(positions[order], return_index=True)
    chosen = order[first]
    mean = float(np.mean(nll if counting is Counting.TAIL else nll[chosen]))
    return _Counted(unique, nll[chosen], events[chosen], rows[chosen], mean)


def _tails(positions: Positions) -> "np.ndarray[tuple[int], np.dtype[np.bool_]]":
    """
    The last tokens of each window, as many as windows move on; all of a window at the start.

    A script that counts so counts the end of the stream more than once, where its last windows are short.
    """
    begins = np.flatnonzero(np.append(True, positions[1:] != positions[:-1] + 1))
    lengths = np.diff(np.append(begins, len(positions)))
    starts = positions[begins]
    moves = np.diff(np.unique(starts[starts >= 0]))
    stride = int(np.median(moves)) if len(moves) else len(positions)
    counted = np.zeros(len(positions), dtype=bool)
    for begin, length, start in zip(begins, lengths, starts, strict=True):
        skipped = 0 if start <= 1 else max(int(length) - stride, 0)
        counted[begin + skipped : begin + length] = True
    return counted


def _most(scores: Sequence[Score]) -> int:
    positions = np.concatenate([score.positions for score in scores])
    return int(np.unique(positions[positions >= 0], return_counts=True)[1].max())


def agrees(result: Result, mean: float) -> bool:
    """Whether a mean in nats per token is the one that a result states, as far as it was printed and added up."""
    if result.loss is None or math.isnan(result.loss):
        return False
    return abs(result.loss - mean) <= 0.51 * 10.0**-result.loss_digits + _SUMMED * abs(mean)
