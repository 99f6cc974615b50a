"""The stand-in of FlashAttention against attention written out, query by query."""

import math
from typing import Any

import pytest
import torch

from golf_audit.trace.inside.standins.attention import dense, packed_dense, packed_keys, packed_varlen, varlen

HEADS, SHARED, WIDTH = 4, 2, 8


def written_out(
    q: Any, k: Any, v: Any, *, causal: bool, window: tuple[int, int] = (-1, -1), scale: float | None = None
) -> Any:
    """Each query of each head on its own; the last query sees the last key."""
    out = torch.zeros(q.shape)
    share, late = q.shape[2] // k.shape[2], k.shape[1] - q.shape[1]
    for batch in range(q.shape[0]):
        for head in range(q.shape[2]):
            for at in range(q.shape[1]):
                now = at + late
                first = max(now - window[0], 0) if window[0] >= 0 else 0
                last = now if causal else k.shape[1] - 1 if window[1] < 0 else min(now + window[1], k.shape[1] - 1)
                keys, values = (x[batch, first : last + 1, head // share] for x in (k, v))
                weights = (keys @ q[batch, at, head] * (scale or 1 / math.sqrt(q.shape[3]))).softmax(0)
                out[batch, at, head] = weights @ values
    return out


def tensors(queries: int, keys: int) -> tuple[Any, Any, Any]:
    """Random queries, and keys and values of fewer heads."""
    torch.manual_seed(0)
    q = torch.randn(2, queries, HEADS, WIDTH)
    return q, torch.randn(2, keys, SHARED, WIDTH), torch.randn(2, keys, SHARED, WIDTH)


@pytest.mark.parametrize("window", [(-1, -1), (3, 0), (2, 2), (0, 0)])
@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize("queries", [9, 4])
def test_dense(queries: int, causal: bool, window: tuple[int, int]) -> None:
    """Causal or not, with a window or without, with as many queries as keys or only the last ones."""
    q, k, v = tensors(queries, 9)
    expected = written_out(q, k, v, causal=causal, window=window)
    torch.testing.assert_close(dense(q, k, v, causal=causal, window_size=window), expected)


def test_scale() -> None:
    """A scale of the submission's own is used."""
    q, k, v = tensors(5, 5)
    torch.testing.assert_close(
        dense(q, k, v, causal=True, softmax_scale=0.7), written_out(q, k, v, causal=True, scale=0.7)
    )


def test_varlen() -> None:
    """Each sequence attends to itself alone; an empty one does no harm."""
    q, k, v = (x[0] for x in tensors(12, 12))
    ends = torch.tensor([0, 5, 5, 12], dtype=torch.int32)
    out = varlen(q, k, v, ends, ends, 7, 7, causal=True)
    parts = [written_out(q[None, a:b], k[None, a:b], v[None, a:b], causal=True)[0] for a, b in ((0, 5), (5, 12))]
    torch.testing.assert_close(out, torch.cat(parts))


def test_packed() -> None:
    """Packed forms are the plain ones, unpacked."""
    q, k, v = (torch.randn(2, 6, HEADS, WIDTH) for _ in range(3))
    expected = dense(q, k, v, causal=True)
    torch.testing.assert_close(packed_dense(torch.stack((q, k, v), 2), causal=True), expected)
    torch.testing.assert_close(packed_keys(q, torch.stack((k, v), 2), causal=True), expected)
    ends = torch.tensor([0, 6], dtype=torch.int32)
    flat = torch.stack((q[0], k[0], v[0]), 1)
    torch.testing.assert_close(packed_varlen(flat, ends, 6, causal=True), expected[0])


def test_gradients() -> None:
    """Learning goes through it."""
    q, k, v = (x.requires_grad_() for x in tensors(5, 5))
    dense(q, k, v, causal=True).square().sum().backward()
    assert all(x.grad.abs().sum() > 0 for x in (q, k, v))
