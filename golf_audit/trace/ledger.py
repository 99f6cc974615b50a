"""What a run did to tokens, in order: the events that came out of the sandbox, typed."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from golf_audit.trace.inside.channel import unpack
from golf_audit.trace.positions import every

Positions = npt.NDArray[np.int64]
Losses = npt.NDArray[np.float64]
_LONGEST = 2**24
"""Tokens; no toy stream is as long."""
Path = tuple[str, ...]
"""The submission's frames that led to an event, innermost first, each as `file:line:function`."""


@dataclass(frozen=True)
class Score:
    """Likelihoods of realised tokens were computed."""

    number: int
    kind: str
    at: Path
    positions: Positions
    """Of the validation stream; −1 where a target was not recognised."""
    nll: Losses
    """Nats, one for each position."""
    grad: bool
    """Whether autograd was recording."""
    held: tuple[int, int] | None
    """The first and last adaptation that the parameters used still hold; None where they hold none."""
    rows: Losses
    """A number that tells the whole row over the alphabet from others; NaN where positions are no multiple of `EVERY`."""


@dataclass(frozen=True)
class Adapt:
    """A state changed along gradients of losses over these positions."""

    number: int
    kind: str
    """The optimizer's class, or that it was a write by hand."""
    at: Path
    loss_at: Path
    positions: Positions


@dataclass(frozen=True)
class Forward:
    """Tokens of the validation stream entered a model."""

    number: int
    at: Path
    low: int
    high: int
    """The first and last position."""


@dataclass(frozen=True)
class Step:
    """An optimizer followed gradients of no loss over the validation stream."""

    number: int
    kind: str
    at: Path


@dataclass(frozen=True)
class Amount:
    """Logarithms that were taken, or terms that were added up: one for each token, perhaps."""

    number: int
    how: str
    """`log` or `sum`."""
    at: Path
    values: Losses


@dataclass(frozen=True)
class Opened:
    """A file was opened."""

    number: int
    path: str
    write: bool


@dataclass(frozen=True)
class Printed:
    """A line was printed."""

    number: int
    text: str
    at: Path


@dataclass(frozen=True)
class Reached:
    """The network was asked for, or a process started."""

    number: int
    kind: str
    """`net` or `process`."""
    what: str


@dataclass(frozen=True)
class End:
    """How the program ended, in its own process."""

    code: int
    why: str
    at: str
    trace: str


@dataclass(frozen=True)
class Ledger:
    """All events of one run, by kind and in order."""

    scores: tuple[Score, ...] = ()
    adapts: tuple[Adapt, ...] = ()
    forwards: tuple[Forward, ...] = ()
    steps: tuple[Step, ...] = ()
    amounts: tuple[Amount, ...] = ()
    opened: tuple[Opened, ...] = ()
    printed: tuple[Printed, ...] = ()
    reached: tuple[Reached, ...] = ()
    stand_ins: tuple[str, ...] = ()
    end: End | None = None
    """None where the process was ended from outside."""
    spoiled: int = 0
    """Lines that were no events, and numbers that do not follow: somebody else wrote to the channel."""
    tampered: tuple[str, ...] = ()
    """What the submission was seen to do to its observer."""


_KINDS = ("score", "adapt", "forward", "step", "amount", "open", "line", "reach", "stand-in", "end", "tamper")
_NO_EVENT = (ValueError, KeyError, TypeError, AttributeError, OverflowError, IndexError, RecursionError, MemoryError)


def read_ledger(lines: Iterable[bytes]) -> Ledger:
    """
    The ledger of what came out of the sandbox; whatever is no event is counted, and never raises.

    A run that is ended from outside may leave half a line, the last; that one is not counted.
    """
    kinds: dict[str, list[Any]] = {name: [] for name in _KINDS}
    spoiled, last, is_cut = 0, 0, False
    for line in lines:
        try:
            raw = json.loads(line)
            number = int(raw["n"])
            kind, event = _event(raw, number)
        except _NO_EVENT:
            spoiled, is_cut = spoiled + 1, not kinds["end"]
            continue
        spoiled, last, is_cut = spoiled + (number != last + 1), number, False
        if kind in kinds:
            kinds[kind].append(event)
    return Ledger(
        tuple(kinds["score"]),
        tuple(kinds["adapt"]),
        tuple(kinds["forward"]),
        tuple(kinds["step"]),
        tuple(kinds["amount"]),
        tuple(kinds["open"]),
        tuple(kinds["line"]),
        tuple(kinds["reach"]),
        tuple(kinds["stand-in"]),
        kinds["end"][-1] if kinds["end"] else None,
        spoiled - is_cut,
        tuple(kinds["tamper"]),
    )


def _event(raw: Mapping[str, Any], number: int) -> tuple[str, Any]:
    kind = str(raw["e"])
    if kind == "score":
        positions, nll = _positions(raw["pos"]), _numbers(raw["nll"])
        if len(positions) != len(nll):
            raise ValueError("as many losses as positions")
        held = (int(raw["held"][0]), int(raw["held"][1])) if raw["held"] else None
        rows = _spread(_numbers(raw["rows"]), positions)
        return kind, Score(number, str(raw["kind"]), _path(raw["at"]), positions, nll, bool(raw["grad"]), held, rows)
    if kind == "adapt":
        return kind, Adapt(number, str(raw["kind"]), _path(raw["at"]), _path(raw["loss_at"]), _positions(raw["pos"]))
    if kind == "forward":
        return kind, Forward(number, _path(raw["at"]), int(raw["low"]), int(raw["high"]))
    if kind == "amount":
        return kind, Amount(number, str(raw["how"]), _path(raw["at"]), _numbers(raw["v"]))
    if kind == "step":
        return kind, Step(number, str(raw["kind"]), _path(raw["at"]))
    if kind == "open":
        return kind, Opened(number, str(raw["path"]), bool(raw["write"]))
    if kind == "line":
        return kind, Printed(number, str(raw["t"]), _path(raw["at"]))
    if kind in {"net", "process"}:
        return "reach", Reached(number, kind, f"{raw['what']}: {raw.get('to', raw.get('command', ''))}")
    if kind == "stand-in":
        return kind, str(raw["name"])
    if kind == "tamper":
        return kind, str(raw["what"])
    if kind == "end":
        return kind, End(int(raw["code"]), str(raw["why"]), str(raw.get("at", "")), str(raw.get("trace", "")))
    return kind, None


def _path(raw: list[str]) -> Path:
    if not all(isinstance(frame, str) for frame in raw):
        raise TypeError("frames are text")
    return tuple(raw)


def _positions(raw: dict[str, Any]) -> Positions:
    found = unpack(raw)
    if found.dtype.kind != "i" or found.ndim != 1 or (found.size and not -1 <= found.min() <= found.max() < _LONGEST):
        raise ValueError("positions of a toy stream are small whole numbers")
    return found.astype(np.int64)


def _numbers(raw: dict[str, Any]) -> Losses:
    found = unpack(raw)
    if found.dtype.kind != "f" or found.ndim != 1:
        raise ValueError("losses are a row of numbers")
    return found.astype(np.float64)


def _spread(rows: Losses, positions: Positions) -> Losses:
    """A value for each position, of which only those at multiples of `EVERY` were reported."""
    found = np.full(len(positions), np.nan)
    found[every(positions)] = rows
    return found


def learned_from(ledger: Ledger, score: Score) -> Iterator[Adapt]:
    """The adaptations that the state behind a score still held."""
    if score.held:
        first, last = score.held
        yield from (adapt for adapt in ledger.adapts if first <= adapt.number <= last)
