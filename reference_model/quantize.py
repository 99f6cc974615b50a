"""
From float32 to six, seven or eight bits.

GPTQ (Frantar et al. 2022) rounds a matrix column by column and lets the columns that are still to come make up for the
error, as far as the inputs' second moments (the Hessian) say that they can. What differs from the paper: the largest
level is a number of standard deviations of the row, not its largest value, because the rare levels that nothing uses
cost nothing once compressed.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .clock import Clock
from .config import Config
from .data import TrainLoader
from .layers import Linear
from .model import GPT
from .team import Team

GPTQ, ROUNDED, FLOAT = "gptq", "rounded", "float16"


@dataclass(frozen=True, slots=True)
class Treatment:
    """What is done to one tensor."""

    method: str
    """`gptq`, `rounded` or `float16`."""
    bits: int = 16
    sigmas: float = 0.0
    """Standard deviations of a row that its largest level stands for."""

    def __str__(self) -> str:
        return f"passthrough ({FLOAT})" if self.method == FLOAT else f"{self.method} (int{self.bits})"


def treatments(model: GPT, config: Config) -> dict[str, Treatment]:
    """What is done to each tensor of `model`, by name; together they are the whole model."""
    plan = {}
    for name, tensor in model.state_dict().items():
        if tensor.numel() <= config.quantize_min_numel:
            plan[name] = Treatment(FLOAT)
        elif name == "tok_emb.weight":
            plan[name] = Treatment(GPTQ if config.embed_gptq else ROUNDED, config.embed_bits, config.embed_clip_sigmas)
        elif name.endswith("embed.weight"):
            plan[name] = Treatment(ROUNDED, config.embed_bits, config.embed_clip_sigmas)
        else:
            plan[name] = Treatment(GPTQ, config.matrix_bits, config.matrix_clip_sigmas)
    return plan


@torch.no_grad()
def collect_hessians(model: GPT, loader: TrainLoader, config: Config, team: Team, clock: Clock) -> dict[str, Tensor]:
    """
    Mean second moments (inputs, inputs) of what each quantised matrix multiplies, on training data.

    It runs while the first clock does, and ends early rather than overdraw it. At least one micro-batch is seen.
    """
    wanted = [name for name, treatment in treatments(model, config).items() if treatment.method == GPTQ]
    moments: dict[str, Tensor] = {}

    def add(name: str, x: Tensor) -> None:
        rows = x.detach().float().flatten(0, -2)
        if name not in moments:
            moments[name] = torch.zeros(rows.size(1), rows.size(1), device=rows.device)
        moments[name].addmm_(rows.T, rows)

    hooks = [
        module.register_forward_hook(lambda _, inputs, __, name=f"{name}.weight": add(name, inputs[0]))
        for name, module in model.named_modules()
        if isinstance(module, Linear) and f"{name}.weight" in wanted
    ]
    model.eval()
    seen, batches = 0, max(1, config.gptq_calibration_batches // team.world_size)
    while seen < batches:
        train_ids, _ = loader.micro_batch()
        hidden = model.hidden(train_ids)
        if "tok_emb.weight" in wanted:
            add("tok_emb.weight", hidden)  # the tied embedding multiplies the last hidden state
        seen += 1
        team.settle()
        if team.largest(clock.elapsed) > 0.995 * clock.budget:  # the rest is for the exchange
            break
    for hook in hooks:
        hook.remove()
    team.sum_all(moments.values(), 1.0 / (seen * team.world_size))
    return moments


def row_scale(weight: Tensor, treatment: Treatment, config: Config) -> tuple[Tensor, int]:
    """The step of each row (rows,) in float16, and the largest level."""
    largest = 2 ** (treatment.bits - 1) - 1
    clip = (treatment.sigmas * weight.std(dim=1)).clamp_min(config.clip_floor)
    return (clip / largest).clamp_min(2.0**-24).half(), largest  # the smallest step that float16 can express


def round_rows(weight: Tensor, scale: Tensor, largest: int) -> Tensor:
    """The nearest levels, one step per row: int8."""
    levels = torch.round(weight / scale.float()[:, None])
    return levels.clamp(-largest, largest).to(torch.int8)


def gptq(weight: Tensor, hessian: Tensor, scale: Tensor, largest: int, block: int = 128) -> Tensor:
    """The levels (rows, columns) that keep `weight @ inputs`, not `weight`, close: int8."""
    H = hessian.clone()
    dead = H.diagonal() == 0
    H.diagonal()[dead] = 1.0
    H.diagonal().add_(0.01 * H.diagonal().mean())
    # The columns that matter most go first, while there are most others left to make up for them.
    order = torch.argsort(H.diagonal(), descending=True)
    W = weight.float()[:, order]
    W[:, dead[order]] = 0.0
    inverse = torch.cholesky_inverse(torch.linalg.cholesky(H[order][:, order]))
    U = torch.linalg.cholesky(inverse, upper=True)  # row j: how later columns answer to an error in column j

    levels = torch.zeros_like(W, dtype=torch.int8)
    step = scale.float()
    for start in range(0, W.size(1), block):
        end = min(start + block, W.size(1))
        errors = torch.zeros(W.size(0), end - start, device=W.device)
        for j in range(start, end):
            level = torch.round(W[:, j] / step).clamp(-largest, largest)
            levels[:, j] = level.to(torch.int8)
            errors[:, j - start] = (W[:, j] - level * step) / U[j, j]
            W[:, j:end] -= errors[:, j - start, None] * U[j, j:end]
        W[:, end:] -= errors @ U[start:end, end:]
    return levels[:, torch.argsort(order)]


@dataclass(frozen=True, slots=True)
class Quantized:
    """One tensor as the artifact keeps it."""

    levels: Tensor
    """int8, or float16 where the tensor is kept."""
    scale: Tensor | None = None
    """(rows,) float16."""

    def restored(self) -> Tensor:
        """The tensor that evaluation computes with, in float32."""
        if self.scale is None:
            return self.levels.float()
        return self.levels.float() * self.scale.float()[:, None]


@torch.no_grad()
def quantize(model: GPT, hessians: dict[str, Tensor], config: Config) -> dict[str, Quantized]:
    """Every tensor of `model` by name, as the artifact keeps it, on the CPU."""
    state, result = model.state_dict(), {}
    for name, treatment in treatments(model, config).items():
        weight = state[name]
        if treatment.method == FLOAT:
            result[name] = Quantized(weight.half().cpu())
            continue
        weight = weight.float()
        scale, largest = row_scale(weight, treatment, config)
        if treatment.method == GPTQ:
            levels = gptq(weight, hessians[name], scale, largest)
        else:
            levels = round_rows(weight, scale, largest)
        result[name] = Quantized(levels.cpu(), scale.cpu())
    return result


def restore(model: nn.Module, tensors: dict[str, Quantized]) -> None:
    """Give `model` the artifact's weights; every one of them, and nothing else."""
    model.load_state_dict({name: tensor.restored() for name, tensor in tensors.items()}, strict=True)


def summary(plan: dict[str, Treatment]) -> list[str]:
    """The log's lines about what is done to which tensors, layers taken together."""
    groups: dict[str, set[str]] = {}
    for name, treatment in plan.items():
        words = [word for word in name.split(".") if not word.isdigit()]
        groups.setdefault(str(treatment), set()).add(".".join(words))
    return [f"  {treatment}: {', '.join(sorted(names))}" for treatment, names in sorted(groups.items())]
