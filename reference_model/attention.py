"""
Causal attention: FlashAttention 3 where it is installed and the GPU can run it, torch's own kernel elsewhere.

Legend: B batch, T time, H query heads, K key/value heads (H is a multiple of K), D dimensions of a head.
"""

from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

Kernel = Callable[[Tensor, Tensor, Tensor], Tensor]
"""(B, T, H, D), (B, T, K, D), (B, T, K, D) -> (B, T, H, D); every position sees itself and what came before."""


def sdpa(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Torch's scaled-dot-product attention, which wants heads before time."""
    q, k, v = q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2)  # (B, H | K, T, D)
    y = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)
    return y.transpose(1, 2)


def flash3(function: Callable[..., Tensor | tuple[Tensor, ...]], q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """FlashAttention 3 (Shah et al. 2024), which takes tensors as they are; some builds return more than the result."""
    y = function(q, k, v, causal=True)
    return y[0] if isinstance(y, tuple) else y


def attention_kernel(device: torch.device) -> Kernel:
    """The fastest kernel that this machine has: FlashAttention 3 wants a Hopper GPU."""
    if device.type == "cuda" and torch.cuda.get_device_capability(device)[0] == 9:
        try:
            from flash_attn_interface import flash_attn_func  # type: ignore[import-not-found]  # comes with the GPU
        except ImportError:
            return sdpa
        return partial(flash3, flash_attn_func)
    return sdpa
