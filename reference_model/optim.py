"""
Muon for the matrices, AdamW for the rest, and the average that is kept.

What differs from the textbook:
- Muon (Jordan et al. 2024) replaces a matrix's momentum by the nearest orthogonal matrix, found in bfloat16 by five
  odd polynomials: the same one five times (Newton-Schulz) or the best for each step (Polar Express, Amsel et al. 2025)
- rows are normalised before (MuonEq-R), and weight decay is decoupled from the gradient
- each rank orthogonalises its part of the matrices, all of one shape at a time, and the results are summed
- the weights that are kept are an exponential moving average of the trained ones
"""

from collections import defaultdict
from collections.abc import Iterable

import torch
from torch import Tensor, nn

from .config import Config
from .model import GPT
from .team import Team

NEWTON_SCHULZ = ((3.4445, -4.7750, 2.0315),) * 5
"""Jordan's quintic: steep at zero, and then anything between about 0.7 and 1.2 is good enough."""
POLAR_EXPRESS = (
    (8.156554524902461, -22.48329292557795, 15.878769915207462),
    (4.042929935166739, -2.808917465908714, 0.5000178451051316),
    (3.8916678022926607, -2.772484153217685, 0.5060648178503393),
    (3.285753657755655, -2.3681294933425376, 0.46449024233003106),
    (2.3465413258596377, -1.7097828382687081, 0.42323551169305323),
)
"""The minimax quintics for singular values in [0.001, 1], with the paper's safety margin of 2 %."""


def orthogonalize(matrices: Tensor, coefficients: Iterable[tuple[float, float, float]], margin: float) -> Tensor:
    """The nearest orthogonal matrices, about: (n, rows, columns) -> the same in bfloat16."""
    X = matrices.bfloat16()
    tall = X.size(-2) > X.size(-1)
    X = X.mT if tall else X
    X = X / (X.norm(dim=(-2, -1), keepdim=True) * (1 + margin) + 1e-7)
    for a, b, c in coefficients:
        A = X @ X.mT
        X = a * X + (b * A + c * A @ A) @ X
    result: Tensor = X.mT if tall else X
    return result


class Muon(torch.optim.Optimizer):
    """Momentum, normalised rows, orthogonalised: for matrices only."""

    def __init__(self, matrices: list[nn.Parameter], config: Config, team: Team) -> None:
        super().__init__(
            matrices, {"lr": config.matrix_lr, "momentum": config.muon_momentum, "weight_decay": config.muon_wd}
        )
        self.team = team
        self.normalize = config.muon_row_normalize
        self.coefficients, self.margin = _polynomials(config)
        self.orthogonalize = team.compiled(orthogonalize)
        self.by_shape: dict[torch.Size, list[Tensor]] = defaultdict(list)
        for matrix in matrices:
            self.by_shape[matrix.shape].append(matrix)

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]  # noqa: ARG002 -- torch's signature
        """One step of every matrix, by each rank's part of the work."""
        group = self.param_groups[0]
        for matrices in self.by_shape.values():
            update = torch.zeros(len(matrices), *matrices[0].shape, dtype=torch.bfloat16, device=self.team.device)
            mine = range(self.team.rank, len(matrices), self.team.world_size)
            if mine:
                directions = torch.stack([self._direction(matrices[i], group["momentum"]) for i in mine])
                update[mine.start :: mine.step] = self.orthogonalize(directions, self.coefficients, self.margin)
            self.team.sum(update)
            # Tall matrices move further: the update's size per element is then the same for all shapes.
            rows, columns = matrices[0].shape
            stride = -group["lr"] * max(1.0, rows / columns) ** 0.5
            torch._foreach_mul_(matrices, 1.0 - group["lr"] * group["weight_decay"])
            torch._foreach_add_(matrices, list(update.to(matrices[0].dtype)), alpha=stride)

    def _direction(self, matrix: Tensor, momentum: float) -> Tensor:
        # Nesterov momentum, then rows of length one (MuonEq-R).
        gradient = torch.zeros_like(matrix) if matrix.grad is None else matrix.grad
        buffer = self.state[matrix].setdefault("momentum", torch.zeros_like(matrix))
        buffer.mul_(momentum).add_(gradient)
        direction = gradient.add(buffer, alpha=momentum)
        if self.normalize:
            direction = direction / direction.norm(dim=-1, keepdim=True).clamp_min(1e-7)
        return direction


def _polynomials(config: Config) -> tuple[tuple[tuple[float, float, float], ...], float]:
    # The quintics, and by how much the norm is overstated beforehand.
    named = {"newton_schulz": (NEWTON_SCHULZ, 0.0), "polar_express": (POLAR_EXPRESS, 0.02)}
    if config.muon_coefficients not in named:
        raise ValueError(f"MUON_COEFFICIENTS={config.muon_coefficients!r} is neither of {', '.join(named)}")
    coefficients, margin = named[config.muon_coefficients]
    return coefficients[: config.muon_backend_steps], margin


def parameter_groups(model: GPT) -> dict[str, list[nn.Parameter]]:
    """Every parameter in exactly one group: `embeddings`, `matrices` or `scalars`."""
    groups: dict[str, list[nn.Parameter]] = {"embeddings": [], "matrices": [], "scalars": []}
    for name, parameter in model.named_parameters():
        if name.endswith(("tok_emb.weight", "embed.weight")):
            groups["embeddings"].append(parameter)
        elif parameter.ndim == 2 and name.endswith(".weight"):
            groups["matrices"].append(parameter)
        else:
            groups["scalars"].append(parameter)  # gains, scales, mixes, skips: one number per channel or head
    grouped = [id(parameter) for members in groups.values() for parameter in members]
    assert sorted(grouped) == sorted(id(parameter) for parameter in model.parameters()), "a parameter was forgotten"
    return groups


class Optimizers:
    """The three optimisers of a run, and their schedules."""

    def __init__(self, model: GPT, config: Config, team: Team) -> None:
        self.model, self.config, self.team = model, config, team
        groups = parameter_groups(model)
        betas = (config.beta1, config.beta2)
        fused = team.on_gpu
        self.muon = Muon(groups["matrices"], config, team)
        self.all: list[torch.optim.Optimizer] = [
            torch.optim.AdamW(
                groups["embeddings"], config.tied_embed_lr, betas, config.adam_eps, config.embed_wd, fused=fused
            ),
            self.muon,
            torch.optim.AdamW(groups["scalars"], config.scalar_lr, betas, config.adam_eps, config.adam_wd, fused=fused),
        ]
        self.full_rate = [optimizer.param_groups[0]["lr"] for optimizer in self.all]

    def step(self, step: int, rate: float) -> None:
        """Average the gradients over the ranks, clip them and let everything move, at `rate` times the full rate."""
        gradients = [p.grad for p in self.model.parameters() if p.grad is not None]
        self.team.sum_all(gradients, 1.0 / self.team.world_size)
        if self.config.grad_clip_norm > 0:
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.config.grad_clip_norm)
        self.muon.param_groups[0]["momentum"] = momentum_at(step, self.config)
        for optimizer, full_rate in zip(self.all, self.full_rate, strict=True):
            optimizer.param_groups[0]["lr"] = full_rate * rate
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)


def momentum_at(step: int, config: Config) -> float:
    """Muon's momentum, which begins low."""
    fraction = min(step / max(config.muon_momentum_warmup_steps, 1), 1.0)
    return (1 - fraction) * config.muon_momentum_warmup_start + fraction * config.muon_momentum


def rate_at(fraction: float, config: Config) -> float:
    """The multiplier of all learning rates when `fraction` of training is done: one, then down in a line."""
    if config.warmdown_frac <= 0:
        return 1.0
    return min(1.0, max((1.0 - fraction) / config.warmdown_frac, config.min_lr))


class MovingAverage:
    """The exponential moving average of a model's weights, in float32."""

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self.weights = [p.detach() for p in model.parameters()]
        self.average = [p.float().clone() for p in self.weights]

    @torch.no_grad()
    def update(self) -> None:
        """Take in the weights as they are now."""
        torch._foreach_mul_(self.average, self.decay)
        torch._foreach_add_(self.average, [p.float() for p in self.weights], alpha=1.0 - self.decay)

    @torch.no_grad()
    def apply(self) -> None:
        """Give the model the average as its weights."""
        for weight, average in zip(self.weights, self.average, strict=True):
            weight.copy_(average)
