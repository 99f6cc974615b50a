"""Triton's kernels give, program by program, what the same computation in torch gives."""

from typing import TYPE_CHECKING, Any

import pytest
import torch

from golf_audit.trace.inside.standins.kernels.language import Here, modules
from golf_audit.trace.inside.standins.kernels.launch import Config, Kernel, autotune
from golf_audit.trace.inside.standins.kernels.memory import Descriptor

if TYPE_CHECKING:
    Constexpr = Any
else:
    from golf_audit.trace.inside.standins.kernels.language import Constexpr

HERE = Here()
tl: Any = modules(HERE)["triton.language"]
LAUNCHES: list[str] = []
ARGUMENTS: list[Any] = []


def jit(function: Any) -> Kernel:
    """A kernel of these tests."""
    return Kernel(function, HERE, lambda: LAUNCHES.append(function.__name__), ARGUMENTS.append)


@jit
def cross_entropy(logits: Any, targets: Any, out: Any, stride: Any, width: Any, cap: Any, block: Constexpr) -> None:
    """Soft-capped cross-entropy of one row, in blocks with a running maximum."""
    row = tl.program_id(0).to(tl.int64)
    top, total = -float("inf"), 0.0
    for start in range(0, width, block):
        columns = start + tl.arange(0, block)
        mask = columns < width
        values = tl.load(logits + row * stride + columns, mask=mask, other=-float("inf")).to(tl.float32)
        capped = tl.where(mask, cap * (2 * tl.sigmoid(2 * values / cap) - 1), -float("inf"))
        now = tl.maximum(top, tl.max(capped, axis=0))
        total = total * tl.exp(top - now) + tl.sum(tl.exp(capped - now), axis=0)
        top = now
    target = tl.load(targets + row)
    chosen = tl.load(logits + row * stride + target).to(tl.float32)
    tl.store(out + row, tl.log(total) + top - cap * (2 * tl.sigmoid(2 * chosen / cap) - 1))


def test_cross_entropy() -> None:
    """Masks, scalars, running reductions and gathers at a target agree with torch on rows that do not fill a block."""
    logits, targets = torch.randn(7, 50), torch.randint(50, (7,))
    out = torch.empty(7)
    cross_entropy[(7,)](logits, targets, out, logits.stride(0), 50, 30.0, block=16, num_warps=4)
    expected = torch.nn.functional.cross_entropy(30 * torch.tanh(logits / 30), targets, reduction="none")
    torch.testing.assert_close(out, expected)


@jit
def product(
    a: Any,
    b: Any,
    c: Any,
    height: Any,
    width: Any,
    inner: Any,
    rows: Constexpr,
    across: Constexpr,
    depth: Constexpr,
    programs: Constexpr,
) -> None:
    """A product of tiles by persistent programs, stored in two halves."""
    tiles_n = tl.cdiv(width, across)
    for tile in tl.range(tl.program_id(axis=0), tl.cdiv(height, rows) * tiles_n, programs, flatten=True):
        m, n = tile // tiles_n, tile % tiles_n
        sums = tl.zeros((rows, across), dtype=tl.float32)
        for k in range(tl.cdiv(inner, depth)):
            sums = tl.dot(a.load([m * rows, k * depth]), b.load([n * across, k * depth]).T, sums)
        halves = tl.permute(tl.reshape(sums, (rows, 2, across // 2)), (0, 2, 1))
        left, right = tl.split(halves)
        c.store([m * rows, n * across], tl.where(left > 0, left, 0.5 * left).to(tl.bfloat16))
        c.store([m * rows, n * across + across // 2], right.to(tl.bfloat16))


def test_descriptors() -> None:
    """Tiles read zeros beyond their tensor and write nothing there; bfloat16 is computed with as what it is."""
    a, b = torch.randn(20, 12, dtype=torch.bfloat16), torch.randn(10, 12, dtype=torch.bfloat16)
    c = torch.zeros(20, 10, dtype=torch.bfloat16)
    tiles = [Descriptor.from_tensor(one, shape) for one, shape in ((a, [8, 8]), (b, [8, 8]), (c, [8, 4]))]
    product[lambda meta: (min(2, meta["height"]),)](*tiles, 20, 10, 12, rows=8, across=8, depth=8, programs=2)
    expected = a.float() @ b.float().T
    left = torch.tensor([True] * 4 + [False] * 4 + [True] * 2)
    expected = torch.where(left & (expected < 0), 0.5 * expected, expected)
    torch.testing.assert_close(c.float(), expected, atol=0.05, rtol=0.01)


@jit
def add(x: Any, y: Any, n: Any, block: Constexpr) -> None:
    """Adds one tensor to another."""
    at = tl.program_id(0) * block + tl.arange(0, block)
    tl.store(y + at, tl.load(x + at, mask=at < n) + tl.load(y + at, mask=at < n), mask=at < n)


def test_views() -> None:
    """A pointer begins at its tensor's own first element, and writes into the tensor that it was made of."""
    whole = torch.arange(20.0)
    autotune([Config({"block": 4}), Config({"block": 64})], key=[])(add)[(3,)](whole[10:], whole[5:10], 5)
    assert whole.tolist()[5:10] == [5.0 + 10, 6 + 11, 7 + 12, 8 + 13, 9 + 14]
    assert whole.tolist()[10:] == list(range(10, 20))


@jit
def unknown(x: Any) -> None:
    """Uses what has no stand-in."""
    tl.store(x, tl.inline_asm_elementwise("nop", [x]))


def test_unknown_functions_are_named() -> None:
    """What has no stand-in may be named in dead code, and stops a kernel that uses it with its name."""
    assert tl.extra.cuda.libdevice.fast_sinf is not None
    with pytest.raises(NotImplementedError, match=r"triton\.language\.inline_asm_elementwise"):
        unknown[(1,)](torch.zeros(1))


def test_bits() -> None:
    """Bits are counted in negative numbers, too."""
    numbers = torch.tensor([0, 1, -1, 2**31 - 1, -(2**31), 0b1011], dtype=torch.int32)
    expected = [(int(number) & 0xFFFFFFFF).bit_count() for number in numbers]
    assert tl.extra.cuda.libdevice.popc(numbers).tolist() == expected
