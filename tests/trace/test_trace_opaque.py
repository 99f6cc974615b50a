"""Scores and learning are seen though they are computed in operators, autograd functions and kernels of a submission's own."""

from pathlib import Path

import numpy as np
import pytest

from golf_audit.trace.ledger import Ledger
from tests.trace.observed import adapts_in, observe, scores_in, stream

FIRST, COUNT = 100, 96
SCRIPT = f"""
import numpy as np, torch, torch.nn.functional as F
import triton, triton.language as tl

val = torch.from_numpy(np.load("val.npy"))
y = val[{FIRST}:{FIRST + COUNT}]
train = torch.arange(300, 300 + len(y)) * 7 % 300
logits = torch.randn(len(y), 600, generator=torch.Generator().manual_seed(0))

def capped(rows, targets):
    return F.cross_entropy(5 * torch.tanh(rows / 5), targets, reduction="none")

@torch.library.custom_op("golf_audit_tests::capped_ce", mutates_args=(), device_types="cuda")
def capped_ce(rows: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    return capped(rows, targets)

@capped_ce.register_fake
def _(rows, targets):
    return rows.new_empty(targets.shape)

def remember(ctx, inputs, output):
    ctx.save_for_backward(*inputs)

def gradient(ctx, grad):
    rows, targets = ctx.saved_tensors
    return grad[:, None] * (rows.softmax(-1) - F.one_hot(targets, rows.shape[-1])), None

capped_ce.register_autograd(gradient, setup_context=remember)

class Written(torch.autograd.Function):
    @staticmethod
    def forward(ctx, rows, targets):
        ctx.save_for_backward(rows, targets)
        hot = F.one_hot(targets, rows.shape[-1]).float()
        return (torch.logsumexp(rows, -1) - (rows * hot).sum(-1)).mean()

    @staticmethod
    def backward(ctx, grad):
        rows, targets = ctx.saved_tensors
        return grad * (rows.softmax(-1) - F.one_hot(targets, rows.shape[-1])) / len(targets), None

@triton.jit
def two_logs(rows, targets, hints, out, other, width: "tl.constexpr"):
    row = tl.program_id(0)
    values = tl.load(rows + row * width + tl.arange(0, width))
    total = tl.log(tl.sum(tl.exp(values), axis=0))
    tl.store(other + row, tl.load(rows + row * width + tl.load(hints + row)) - total)
    tl.store(out + row, tl.load(rows + row * width + tl.load(targets + row)) - total)

def by_operator():
    with torch.no_grad():
        capped_ce(logits, y)

def by_kernel():
    out, other = torch.empty(len(y)), torch.empty(len(y))
    two_logs[(len(y),)](logits, y, torch.full_like(y, 3), out, other, 600)

def of_other_tokens():
    with torch.no_grad():
        capped_ce(logits, train)
        capped_ce(logits[: len(y)], torch.randint(300, 600, (len(y),)))

def learned(loss):
    weight = torch.nn.Parameter(torch.zeros(600))
    optimizer = torch.optim.SGD([weight], lr=0.1)
    loss(logits + weight).mean().backward()
    optimizer.step()
    with torch.no_grad():
        F.cross_entropy((logits + weight)[:64], y[:64])

def by_steps_of_the_operator():
    learned(lambda rows: capped_ce(rows, y))

def by_steps_of_the_function():
    learned(lambda rows: Written.apply(rows, y))

def by_steps_on_other_tokens():
    learned(lambda rows: capped_ce(rows, train))

by_operator()
by_kernel()
of_other_tokens()
by_steps_of_the_operator()
by_steps_of_the_function()
by_steps_on_other_tokens()
"""


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Ledger:
    """What the script did."""
    folder: Path = tmp_path_factory.mktemp("opaque")
    return observe(SCRIPT, folder)


def cross_entropy(cap: float) -> "np.ndarray[tuple[int, ...], np.dtype[np.float64]]":
    """The likelihoods that the script computes, by torch alone."""
    import torch
    import torch.nn.functional as F  # noqa: N812 -- torch's own name

    rows = torch.randn(COUNT, 600, generator=torch.Generator().manual_seed(0))
    rows = cap * torch.tanh(rows / cap) if cap else rows
    found = F.cross_entropy(rows, torch.from_numpy(stream()[FIRST : FIRST + COUNT]), reduction="none")
    return np.asarray(found.double())


def test_operator(ledger: Ledger) -> None:
    """One number for each token, whatever the operator did to the logits, is that token's score."""
    [score] = scores_in(ledger, "by_operator")
    assert np.array_equal(score.positions, np.arange(FIRST, FIRST + COUNT))
    np.testing.assert_allclose(score.nll, cross_entropy(5.0), rtol=1e-5)


def test_kernel(ledger: Ledger) -> None:
    """Of two outputs of a kernel the one that is about the realised tokens is their score."""
    [score] = scores_in(ledger, "by_kernel")
    assert np.array_equal(score.positions, np.arange(FIRST, FIRST + COUNT))
    np.testing.assert_allclose(score.nll, cross_entropy(0.0), rtol=1e-4, atol=1e-5)


def test_other_tokens(ledger: Ledger) -> None:
    """What is not about the validation stream is no score."""
    assert scores_in(ledger, "of_other_tokens") == []


@pytest.mark.parametrize("function", ["by_steps_of_the_operator", "by_steps_of_the_function"])
def test_learning(ledger: Ledger, function: str) -> None:
    """A step along the gradient of such a loss is learning from its positions."""
    [adapt] = adapts_in(ledger, function)
    assert np.array_equal(np.sort(adapt.positions), np.arange(FIRST, FIRST + COUNT))


def test_learning_from_other_tokens(ledger: Ledger) -> None:
    """A step on other tokens is none."""
    assert adapts_in(ledger, "by_steps_on_other_tokens") == []
