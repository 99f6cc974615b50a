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
    """Lines that were no events: somebody else wrote to the channel, or the last one was cut short."""


def read_ledger(lines: Iterable[bytes]) -> Ledger:
    """The ledger of what came out of the sandbox; whatever is no event is counted, and never raises."""
    kinds: dict[str, list[Any]] = {
        name: [] for name in ("score", "adapt", "forward", "step", "amount", "open", "line", "reach", "stand-in", "end")
    }
    spoiled, last = 0, 0
    for line in lines:
        try:
            raw = json.loads(line)
            number = int(raw["n"])
            kind, event = _event(raw, number)
        except (ValueError, KeyError, TypeError, AttributeError):
            spoiled += 1
            continue
        spoiled += number != last + 1
        last = number
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
        spoiled,
    )


def _event(raw: Mapping[str, Any], number: int) -> tuple[str, Any]:
    kind = raw["e"]
    if kind == "score":
        positions, nll = unpack(raw["pos"]).astype(np.int64), unpack(raw["nll"]).astype(np.float64)
        if len(positions) != len(nll):
            raise ValueError("as many losses as positions")
        held = (int(raw["held"][0]), int(raw["held"][1])) if raw["held"] else None
        rows = _spread(unpack(raw["rows"]).astype(np.float64), positions)
        return kind, Score(number, str(raw["kind"]), tuple(raw["at"]), positions, nll, bool(raw["grad"]), held, rows)
    if kind == "adapt":
        positions = unpack(raw["pos"]).astype(np.int64)
        return kind, Adapt(number, str(raw["kind"]), tuple(raw["at"]), tuple(raw["loss_at"]), positions)
    if kind == "forward":
        return kind, Forward(number, tuple(raw["at"]), int(raw["low"]), int(raw["high"]))
    if kind == "amount":
        return kind, Amount(number, str(raw["how"]), tuple(raw["at"]), unpack(raw["v"]).astype(np.float64))
    if kind == "step":
        return kind, Step(number, str(raw["kind"]), tuple(raw["at"]))
    if kind == "open":
        return kind, Opened(number, str(raw["path"]), bool(raw["write"]))
    if kind == "line":
        return kind, Printed(number, str(raw["t"]), tuple(raw["at"]))
    if kind in {"net", "process"}:
        return "reach", Reached(number, kind, f"{raw['what']}: {raw.get('to', raw.get('command', ''))}")
    if kind == "stand-in":
        return kind, str(raw["name"])
    if kind == "end":
        return kind, End(int(raw["code"]), str(raw["why"]), str(raw.get("at", "")), str(raw.get("trace", "")))
    return kind, None


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
