"""
Score-first test-time training, chunk by chunk (PR #549, #1413): the model learns from what it was already scored on.

The split is cut into chunks. All windows whose first scored token lies in a chunk are scored; only then does the
model take its steps of SGD on the chunk's own tokens. Nothing is learned from the last chunk, for nothing follows it.
A score is added to the sums before any step that depends on its token, and is never changed afterwards.
"""

import math

import torch

from .config import Config
from .data import Validation
from .evaluate import Losses, Result, Tally, score_windows, window_starts
from .model import GPT
from .runlog import RunLog
from .team import Team


def windows_by_chunk(count: int, config: Config) -> list[list[int]]:
    """The starts of the sliding windows over `count` tokens, by the chunk that their first scored token lies in."""
    context = config.eval_seq_len - config.eval_stride
    chunks: list[list[int]] = [[] for _ in range(math.ceil(count / config.ttt_chunk_tokens))]
    for start in window_starts(count, config.eval_seq_len, config.eval_stride):
        first_scored = start + context if start else 0
        chunks[first_scored // config.ttt_chunk_tokens].append(start)
    return chunks


def evaluate_score_first(model: GPT, val: Validation, config: Config, team: Team, log: RunLog) -> Result:
    """Score every chunk of the split, then adapt `model` to it; `model` is changed."""
    tally = Tally(val, team, keep=config.ppm_enabled)
    losses_of = team.compiled(model.losses)
    chunks = windows_by_chunk(val.count, config)
    optimizer = torch.optim.SGD(model.parameters(), lr=config.ttt_lr, momentum=config.ttt_momentum)
    log.line(f"ttt:start chunks={len(chunks)} ttt_lr={config.ttt_lr} ttt_epochs={config.ttt_epochs}")
    for chunk, starts in enumerate(chunks):
        # First the score ...
        mine = team.share(len(starts))
        model.eval()
        with torch.no_grad():
            score_windows(losses_of, starts[mine.start : mine.stop], tally, config)
        # ... and then, unless nothing is left to score, the lesson.
        if chunk < len(chunks) - 1:
            rate = config.ttt_lr * 0.5 * (1.0 + math.cos(math.pi * chunk / max(len(chunks) - 1, 1)))
            optimizer.param_groups[0]["lr"] = rate
            adapt_to_chunk(model, losses_of, optimizer, val, chunk, config, team)
    return tally.result()


def adapt_to_chunk(
    model: GPT,
    losses_of: Losses,
    optimizer: torch.optim.Optimizer,
    val: Validation,
    chunk: int,
    config: Config,
    team: Team,
) -> None:
    """Take `ttt_epochs` passes of SGD over the tokens of a chunk that has been scored."""
    length = config.eval_seq_len
    begin = chunk * config.ttt_chunk_tokens
    end = min(begin + config.ttt_chunk_tokens, val.count)
    sequences = (end - begin) // length
    model.train()
    for _ in range(config.ttt_epochs):
        for first in range(0, sequences, config.ttt_batch_seqs):
            together = min(config.ttt_batch_seqs, sequences - first)
            mine = team.share(together)
            optimizer.zero_grad(set_to_none=False)
            if len(mine):
                start = begin + (first + mine.start) * length
                tokens = val.tokens[start : start + len(mine) * length + 1].long()
                x, y = tokens[:-1].view(-1, length), tokens[1:].view(-1, length)
                with team.precision():
                    loss = losses_of(x, y, length).sum() / (together * length)
                loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
            team.sum_all([p.grad for p in model.parameters() if p.grad is not None])
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
