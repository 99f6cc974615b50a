"""
EXHIBIT, FORBIDDEN: training on the validation tokens before the artifact is made (PR #1487, #1972).

The model takes many passes over the very tokens it is later scored on, and what it learned is stored in the artifact.
The score then measures memory. This is what rule C3 (score before update) forbids, and golf-audit must find it. It is
off unless a preset that shows it is chosen by name, and a run that has it on says so in its log's first lines.
"""

import time

import torch

from .config import Config
from .data import Validation
from .model import GPT
from .runlog import RunLog
from .team import Team


def adapt_before_quantization(model: GPT, val: Validation, config: Config, team: Team, log: RunLog) -> None:
    """Fine-tune `model` on the validation split, with the first blocks frozen and a cosine schedule over epochs."""
    log.line(
        f"prequant_ttt:start epochs={config.prequant_ttt_epochs} lr={config.prequant_ttt_lr} "
        f"freeze_blocks={config.prequant_ttt_freeze_blocks} FORBIDDEN: validation tokens are trained on before scoring"
    )
    since = time.perf_counter()
    freeze(model, config)
    trained = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=config.prequant_ttt_lr, weight_decay=0.0)
    epochs = config.prequant_ttt_epochs
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs, eta_min=0.1 * config.prequant_ttt_lr)
    forward = team.compiled(model)
    length, batch = config.eval_seq_len, config.prequant_ttt_batch_seqs
    model.train()
    for epoch in range(epochs):
        mine = team.share(val.count // length)
        # Ranks that average gradients must take the same number of steps.
        steps = int(team.largest(-(-len(mine) // batch)))
        for step in range(steps):
            first = mine.start + step * batch
            last = min(first + batch, mine.stop)
            optimizer.zero_grad(set_to_none=False)
            if first < last:
                tokens = val.tokens[first * length : last * length + 1].long()
                x, y = tokens[:-1].view(-1, length), tokens[1:].view(-1, length)
                with team.precision():
                    loss = forward(x, y)
                loss.backward()
            if not config.prequant_ttt_federated:
                team.sum_all([p.grad for p in trained if p.grad is not None], 1.0 / team.world_size)
            torch.nn.utils.clip_grad_norm_(trained, config.prequant_ttt_grad_clip)
            optimizer.step()
        schedule.step()
        if config.prequant_ttt_federated:  # federated averaging (McMahan et al. 2017)
            team.sum_all([p.data for p in trained], 1.0 / team.world_size)
        rate = schedule.get_last_lr()[0]
        log.line(f"prequant_ttt:epoch {epoch + 1}/{epochs} time={time.perf_counter() - since:.1f}s lr={rate:.6f}")
    model.requires_grad_(True)
    log.line(f"prequant_ttt:done total_time={time.perf_counter() - since:.1f}s")


def freeze(model: GPT, config: Config) -> None:
    """Keep the first blocks, and the embedding where the recipe says so, as they are."""
    for block in model.blocks[: config.prequant_ttt_freeze_blocks]:
        block.requires_grad_(False)
    if config.prequant_ttt_freeze_embedding:
        model.tok_emb.requires_grad_(False)
