"""FlashAttention becomes scaled dot-product attention: dense, with keys and values packed, and of variable lengths."""

import dis
import functools
import sys
import types
from typing import Any

import torch
import torch.nn.functional as F

from golf_audit.trace.inside.standins import Used


def dense(
    q: Any,
    k: Any,
    v: Any,
    *args: Any,
    causal: bool = False,
    softmax_scale: float | None = None,
    window_size: Any = (-1, -1),
    **_: Any,
) -> Any:
    """Attention of (batch, tokens, heads, width), as FlashAttention takes it; fewer key heads are shared."""
    if args and isinstance(args[-1], bool):
        causal = args[-1]
    mask = _window(q.shape[1], k.shape[1], causal, window_size, q.device)
    q, k, v = (tensor.transpose(1, 2) for tensor in (q, k, v))
    if k.shape[1] != q.shape[1]:
        k, v = (tensor.repeat_interleave(q.shape[1] // tensor.shape[1], dim=1) for tensor in (k, v))
    k, v = k.to(q.dtype), v.to(q.dtype)
    if mask is not None:
        out = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, scale=softmax_scale)
    else:
        out = F.scaled_dot_product_attention(q, k, v, is_causal=causal and q.shape[2] > 1, scale=softmax_scale)
    return out.transpose(1, 2)


def _window(queries: int, keys: int, causal: bool, size: Any, device: Any) -> Any:
    left, right = size if size is not None else (-1, -1)
    if left < 0 and right < 0 and queries == keys:
        return None
    if left < 0 and right < 0 and not causal:
        return None
    at = torch.arange(queries, device=device)[:, None] + (keys - queries)
    to = torch.arange(keys, device=device)[None]
    mask = torch.ones(queries, keys, dtype=torch.bool, device=device)
    if causal:
        mask &= to <= at
    elif right >= 0:
        mask &= to <= at + right
    if left >= 0:
        mask &= to >= at - left
    return mask


def varlen(
    q: Any,
    k: Any,
    v: Any,
    cu_seqlens_q: Any,
    cu_seqlens_k: Any = None,
    *args: Any,
    causal: bool = False,
    softmax_scale: float | None = None,
    window_size: Any = (-1, -1),
    **_: Any,
) -> Any:
    """Attention of (tokens, heads, width) within each sequence that the cumulative lengths delimit."""
    cu_seqlens_k = cu_seqlens_q if cu_seqlens_k is None or not torch.is_tensor(cu_seqlens_k) else cu_seqlens_k
    out = torch.zeros_like(q)
    ends_q, ends_k = cu_seqlens_q.tolist(), cu_seqlens_k.tolist()
    for from_q, to_q, from_k, to_k in zip(ends_q, ends_q[1:], ends_k, ends_k[1:], strict=False):
        if to_q > from_q:
            part = dense(
                q[None, from_q:to_q],
                k[None, from_k:to_k],
                v[None, from_k:to_k],
                causal=causal,
                softmax_scale=softmax_scale,
                window_size=window_size,
            )
            out[from_q:to_q] = part[0]
    return out


def packed_dense(qkv: Any, **options: Any) -> Any:
    """Attention of (batch, tokens, 3, heads, width)."""
    return dense(*qkv.unbind(2), **options)


def packed_keys(q: Any, kv: Any, **options: Any) -> Any:
    """Attention with keys and values stacked as (batch, tokens, 2, heads, width)."""
    return dense(q, *kv.unbind(2), **options)


def packed_varlen(qkv: Any, cu_seqlens: Any, *_: Any, **options: Any) -> Any:
    """Attention of (tokens, 3, heads, width) within sequences."""
    return varlen(*qkv.unbind(1), cu_seqlens, **options)


_FUNCTIONS = {
    "flash_attn_func": dense,
    "flash_attn_varlen_func": varlen,
    "flash_attn_qkvpacked_func": packed_dense,
    "flash_attn_kvpacked_func": packed_keys,
    "flash_attn_varlen_qkvpacked_func": packed_varlen,
}


def install(used: Used) -> None:
    """Offer the modules that FlashAttention 2 and 3 are imported from."""
    for name in (
        "flash_attn_interface",
        "flash_attn",
        "flash_attn.flash_attn_interface",
        "flash_attn_3",
        "flash_attn_3.flash_attn_interface",
        "hopper",
        "hopper.flash_attn_interface",
    ):
        module = types.ModuleType(name)
        module.__version__ = "3.0.0"  # type: ignore[attr-defined]
        module.__path__ = []
        module.__spec__ = None
        for function, stand_in in _FUNCTIONS.items():
            setattr(module, function, _told(stand_in, used))
        sys.modules[name] = module
        parent, _, child = name.rpartition(".")
        if parent:
            setattr(sys.modules[parent], child, module)


def _told(function: Any, used: Used) -> Any:
    def attention(*args: Any, **kwargs: Any) -> Any:
        used("flash-attention")
        frame = sys._getframe(1)
        out = function(*args, **kwargs)
        return (out, None) if _is_unpacked(frame.f_code, frame.f_lasti) else out

    return attention


@functools.cache
def _is_unpacked(code: types.CodeType, call: int) -> bool:
    """Whether what a call gives is taken apart in two: the first versions gave the logarithms of the sums, too."""
    after = next((step for step in dis.get_instructions(code) if step.offset > call), None)
    return after is not None and after.opname == "UNPACK_SEQUENCE" and after.arg == 2
