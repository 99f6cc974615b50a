"""The optimisers do what their papers say, and forget no parameter."""

from collections.abc import Callable

import pytest
import torch
from golf_audit.reference_model.config import Config
from golf_audit.reference_model.model import GPT
from golf_audit.reference_model.optim import (
    NEWTON_SCHULZ,
    POLAR_EXPRESS,
    MovingAverage,
    Muon,
    Optimizers,
    momentum_at,
    orthogonalize,
    parameter_groups,
    rate_at,
)
from golf_audit.reference_model.team import join_team
from torch import nn


@pytest.mark.parametrize("name", ["pr1971", "pr1487"])
def test_every_parameter_is_in_one_group(tiny: Callable[..., Config], name: str) -> None:
    """The groups of the optimiser add up to the model, and matrices go to Muon alone."""
    model = GPT(tiny(name))
    groups = parameter_groups(model)
    assert sum(p.numel() for members in groups.values() for p in members) == sum(p.numel() for p in model.parameters())
    assert {p.ndim for p in groups["matrices"]} == {2}
    assert len(groups["embeddings"]) == (2 if name == "pr1487" else 1)


@pytest.mark.parametrize(
    ("coefficients", "margin", "tolerance"), [(NEWTON_SCHULZ, 0.0, 0.35), (POLAR_EXPRESS, 0.02, 0.15)]
)
@pytest.mark.parametrize("shape", [(24, 24), (48, 24), (24, 48)])
def test_orthogonalize_approaches_the_svd(
    shape: tuple[int, int], coefficients: tuple[tuple[float, float, float], ...], margin: float, tolerance: float
) -> None:
    """Muon's direction has the singular vectors of the momentum, and singular values of about one."""
    torch.manual_seed(0)
    # singular values from 1 down to 0.05: what the polynomials are made for
    left, _, right = torch.linalg.svd(torch.randn(3, *shape), full_matrices=False)
    matrices = left @ torch.diag(torch.linspace(1.0, 0.05, 24)) @ right
    result = orthogonalize(matrices, coefficients, margin).float()
    values = torch.diagonal(left.mT @ result @ right.mT, dim1=-2, dim2=-1)
    assert (values - 1).abs().max() < tolerance
    assert (result - left @ torch.diag_embed(values) @ right).abs().max() < 0.03


def test_a_batch_is_its_matrices(tiny: Callable[..., Config]) -> None:
    """Orthogonalising matrices of one shape together gives what it gives one by one."""
    matrices = torch.randn(4, 16, 8)
    together = orthogonalize(matrices, NEWTON_SCHULZ, 0.0)
    alone = torch.cat([orthogonalize(matrix[None], NEWTON_SCHULZ, 0.0) for matrix in matrices])
    assert torch.allclose(together.float(), alone.float(), atol=1e-2)


def test_a_muon_step(tiny: Callable[..., Config]) -> None:
    """A step decays the weight, then moves it by the rate along the orthogonalised Nesterov momentum of normalised rows."""
    config = tiny(muon_wd=0.1)
    weight = nn.Parameter(torch.randn(16, 8))
    start, gradient = weight.detach().clone(), torch.randn(16, 8)
    weight.grad = gradient
    muon = Muon([weight], config, join_team())
    muon.param_groups[0].update(lr=0.02, momentum=0.9)
    muon.step()
    direction = gradient + 0.9 * gradient  # the first step: the buffer is the gradient
    direction = direction / direction.norm(dim=1, keepdim=True)
    expected = start * (1 - 0.02 * 0.1) - 0.02 * 2**0.5 * orthogonalize(direction[None], NEWTON_SCHULZ, 0.0)[0].float()
    assert torch.allclose(weight, expected, atol=1e-6)


def test_unknown_coefficients_are_refused(tiny: Callable[..., Config]) -> None:
    """A misspelt polynomial is named, with those there are."""
    config = tiny(muon_coefficients="polar")
    with pytest.raises(ValueError, match="polar_express"):
        Optimizers(GPT(config), config, join_team())


def test_schedules(tiny: Callable[..., Config]) -> None:
    """Momentum rises in a line; the rate is one and then falls in a line to its floor."""
    config = tiny(muon_momentum_warmup_steps=10, warmdown_frac=0.5, min_lr=0.1)
    assert [momentum_at(step, config) for step in (0, 5, 10, 99)] == pytest.approx([0.92, 0.955, 0.99, 0.99])
    assert [rate_at(fraction, config) for fraction in (0.0, 0.5, 0.75, 0.99, 1.1)] == [1.0, 1.0, 0.5, 0.1, 0.1]


def test_rate_and_momentum_reach_the_optimisers(tiny: Callable[..., Config]) -> None:
    """A step sets every group's rate to its full rate times the multiplier, and clears the gradients."""
    config = tiny()
    model = GPT(config)
    optimizers = Optimizers(model, config, join_team())
    ids = torch.randint(512, (1, 9))
    model(ids[:, :-1], ids[:, 1:]).backward()
    optimizers.step(0, 0.5)
    rates = [optimizer.param_groups[0]["lr"] for optimizer in optimizers.all]
    assert rates == pytest.approx([0.015, 0.011, 0.01])
    assert optimizers.muon.param_groups[0]["momentum"] == 0.92
    assert all(p.grad is None for p in model.parameters())


def test_moving_average() -> None:
    """The average is decayed by its factor at each update, and applied it replaces the weights."""
    model = nn.Linear(1, 1, bias=False)
    with torch.no_grad():
        model.weight.fill_(1.0)
        average = MovingAverage(model, 0.75)
        model.weight.fill_(5.0)
    average.update()
    average.apply()
    assert model.weight.item() == pytest.approx(0.75 * 1.0 + 0.25 * 5.0)
