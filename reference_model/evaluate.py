"""
Bits per byte over the whole validation split.

Two ways to give tokens their context: back to back, where a sequence's first token has none, and the sliding window,
where every token but those of the first window has at least `eval_seq_len - eval_stride`. Either way each token is
scored once.

What differs from the usual code: only the logits that are scored are made, and a batch of windows is one look-up.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import ParamSpec

import torch
from torch import Tensor

from .config import Config
from .data import Validation, bits_per_byte
from .model import GPT
from .runlog import RunLog
from .team import Team

Arguments = ParamSpec("Arguments")
Losses = Callable[[Tensor, Tensor, int], Tensor]
"""`GPT.losses`, compiled or not."""
WINDOWS = 32
"""Windows that one rank scores at a time."""


@dataclass(frozen=True, slots=True)
class Result:
    """What an evaluation found."""

    val_loss: float
    """Mean nats per token."""
    val_bpb: float
    """Bits per byte of text."""
    tokens: int
    bytes: int
    losses: Tensor | None = None
    """(N,) each token's loss, where they were kept."""


class Tally:
    """Sums over the scored tokens: nats, tokens, bytes; with `keep`, every loss besides."""

    def __init__(self, val: Validation, team: Team, *, keep: bool = False) -> None:
        self.val, self.team = val, team
        self.loss_sum = torch.zeros((), dtype=torch.float64, device=team.device)
        self.token_count = torch.zeros((), dtype=torch.float64, device=team.device)
        self.byte_count = torch.zeros((), dtype=torch.float64, device=team.device)
        self.kept = torch.zeros(val.count, dtype=torch.float64, device=team.device) if keep else None

    def add(self, losses: Tensor, previous: Tensor, targets: Tensor, counted: Tensor | None = None) -> None:
        """Count the losses (nats) of `targets`, each after `previous`; where `counted` is given, only those."""
        token_bytes = self.val.table.count(previous, targets)
        weight = torch.ones_like(losses, dtype=torch.float64) if counted is None else counted.double()
        self.loss_sum += (losses.double() * weight).sum()
        self.token_count += weight.sum()
        self.byte_count += (token_bytes * weight).sum()

    def keep(self, losses: Tensor, places: Tensor, counted: Tensor) -> None:
        """Remember the losses of the targets at `places` of the split, if losses are kept."""
        if self.kept is not None:
            self.kept[places[counted] - 1] = losses[counted].double()

    def result(self) -> Result:
        """The sums over all ranks, as loss and bits per byte."""
        self.team.sum(self.loss_sum, self.token_count, self.byte_count)
        tokens, size = self.token_count.item(), self.byte_count.item()
        val_loss, val_bpb = bits_per_byte(self.loss_sum.item(), tokens, size)
        if self.kept is not None:
            self.team.sum(self.kept)
        return Result(val_loss, val_bpb, int(tokens), int(size), self.kept)


def evaluate(model: GPT, val: Validation, config: Config, team: Team) -> Result:
    """Score the split back to back, in sequences of `eval_seq_len`."""
    tally = Tally(val, team)
    losses_of = team.compiled(model.losses)
    length = config.eval_seq_len
    starts = [number * length for number in team.share(val.count // length)]
    model.eval()
    with torch.inference_mode():
        for first in range(0, len(starts), WINDOWS):
            score_batch(losses_of, starts[first : first + WINDOWS], length, length, tally)
    return tally.result()


def window_starts(count: int, length: int, stride: int) -> list[int]:
    """Where the sliding windows over `count` tokens begin; each but the first scores the `stride` last of its tokens."""
    return [0, *range(stride, count - length + stride, stride)]


def score_windows(losses_of: Losses, starts: list[int], tally: Tally, config: Config) -> None:
    """Score the windows that begin at `starts`: the split's first whole, of every other its last `stride` tokens."""
    length, stride = config.eval_seq_len, min(config.eval_stride, config.eval_seq_len)
    for first in range(0, len(starts), WINDOWS):
        batch = starts[first : first + WINDOWS]
        if batch[0] == 0:
            score_batch(losses_of, batch[:1], length, length, tally)
            batch = batch[1:]
        if batch:
            score_batch(losses_of, batch, length, stride, tally)


def score_batch(losses_of: Losses, starts: list[int], length: int, last: int, tally: Tally) -> None:
    """Score the `last` tokens of the windows of `length` tokens that begin at `starts`."""
    val = tally.val
    # On a GPU a smaller batch would be another graph to compile: it is filled with windows that count for nothing.
    filling = [val.count] * (WINDOWS - len(starts)) if tally.team.on_gpu else []
    begin = torch.tensor(starts + filling, device=val.tokens.device)[:, None]
    places = begin + torch.arange(length + 1, device=val.tokens.device)  # (windows, T + 1)
    tokens = val.tokens[places.clamp(max=val.count)].long()
    x, y = tokens[:, :-1], tokens[:, 1:]
    with tally.team.precision():
        losses = losses_of(x, y, last)
    counted = places[:, -last:] <= val.count
    tally.add(losses, x[:, -last:], y[:, -last:], counted)
    tally.keep(losses, places[:, -last:], counted)


def evaluate_sliding(model: GPT, val: Validation, config: Config, team: Team) -> Result:
    """Score the split by sliding windows: the model is fixed, and every token has a long context."""
    tally = Tally(val, team, keep=config.ppm_enabled)
    losses_of = team.compiled(model.losses)
    starts = window_starts(val.count, config.eval_seq_len, config.eval_stride)
    mine = team.share(len(starts))
    model.eval()
    with torch.inference_mode():
        score_windows(losses_of, starts[mine.start : mine.stop], tally, config)
    return tally.result()


def report(
    log: RunLog,
    team: Team,
    label: str,
    run: Callable[Arguments, Result],
    *args: Arguments.args,
    **kwargs: Arguments.kwargs,
) -> Result:
    """Run an evaluation and log its result in the contest's form, with the milliseconds that it took."""
    team.wait()
    since = time.perf_counter()
    result = run(*args, **kwargs)
    team.wait()
    milliseconds = 1000.0 * (time.perf_counter() - since)
    log.line(
        f"{label} val_loss:{result.val_loss:.8f} val_bpb:{result.val_bpb:.8f} eval_time:{milliseconds:.0f}ms "
        f"tokens:{result.tokens} bytes:{result.bytes}"
    )
    return result
