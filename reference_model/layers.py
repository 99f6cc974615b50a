"""
The layers of the contest's transformer: attention, MLP, and the block that joins them.

What differs from the textbook:
- every layer's input is a learned mix of the residual stream and the embedding (modded-nanogpt)
- queries and keys are normalised, and a learned gain per head sharpens them (QK-norm, Henry et al. 2020)
- only 16 of 64 dimensions are rotated (partial RoPE, as in GPT-J; PR #287)
- XSA: attention's result gives up its component along the position's own value (Zhai 2026, arXiv 2603.09078)
- attention and MLP side by side in the last layers (GPT-J; PR #1412)
- LeakyReLU(0.5) squared in the MLP (after Primer's ReLU squared, So et al. 2021; PR #549)
- the input of layer i is scaled by 1/sqrt(i + 1)

Legend: B batch, T time, C channels, H query heads, K key/value heads, D dimensions of a head.
"""

import math
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .adapters import Adapter
from .attention import Kernel
from .config import Config


def norm(x: Tensor) -> Tensor:
    """RMSNorm without a learned scale."""
    return F.rms_norm(x, (x.size(-1),))


class Linear(nn.Linear):
    """A matrix kept in float32 and used in the type of its input; `adapter` adds a document's own correction."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, bias=False)

    def forward(self, x: Tensor, adapter: Adapter | None = None) -> Tensor:
        """(..., inputs) -> (..., outputs)."""
        y = F.linear(x, self.weight.to(x.dtype))
        return y if adapter is None else y + adapter(x)


def rotary_table(config: Config, length: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Cosines and sines (T, 1, rope_dims / 2) of each position's angles (RoPE, Su et al. 2021)."""
    dims = config.rope_dims
    # Beyond the training length the base grows, so that the slowest angle stays within what was seen (NTK scaling).
    stretch = max(1.0, length / config.rope_train_seq_len)
    base = config.rope_base * stretch ** (dims / (dims - 2))
    frequency = base ** (-torch.arange(0, dims, 2, dtype=torch.float32, device=device) / dims)
    angle = torch.outer(torch.arange(length, dtype=torch.float32, device=device), frequency)
    return angle.cos()[:, None, :], angle.sin()[:, None, :]


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotate the first dimensions of each head of `x` (B, T, heads, D) and leave the rest."""
    half = cos.size(-1)
    a, b, rest = x.split_with_sizes([half, half, x.size(-1) - 2 * half], dim=-1)
    cos, sin = cos.to(x.dtype), sin.to(x.dtype)
    return torch.cat((a * cos + b * sin, b * cos - a * sin, rest), dim=-1)


class Attention(nn.Module):
    """Grouped-query causal attention with QK-norm, partial RoPE and XSA."""

    def __init__(self, config: Config, layer: int, kernel: Kernel) -> None:
        super().__init__()
        self.kernel = kernel
        self.head_dim = config.model_dim // config.num_heads
        self.exclusive = layer >= config.num_layers - config.xsa_last_n
        kv_dim = config.num_kv_heads * self.head_dim
        self.c_q = Linear(config.model_dim, config.model_dim)
        self.c_k = Linear(config.model_dim, kv_dim)
        self.c_v = Linear(config.model_dim, kv_dim)
        self.proj = Linear(config.model_dim, config.model_dim)
        self.q_gain = nn.Parameter(torch.empty(config.num_heads))

    def forward(
        self, x: Tensor, rotary: tuple[Tensor, Tensor], value: Tensor | None, adapter: Mapping[str, Adapter]
    ) -> Tensor:
        """(B, T, C) -> (B, T, C); `value` (B, T, K * D) is added to the values."""
        B, T, _ = x.shape
        # queries, keys, values
        q = self.c_q(x, adapter.get("q")).view(B, T, -1, self.head_dim)  # (B, T, H, D)
        k = self.c_k(x).view(B, T, -1, self.head_dim)  # (B, T, K, D)
        v = self.c_v(x, adapter.get("v"))
        v = (v if value is None else v + value).view(B, T, -1, self.head_dim)  # (B, T, K, D)
        # QK-norm, then position, then the learned sharpness
        q, k = rotate(norm(q), *rotary), rotate(norm(k), *rotary)
        q = q * self.q_gain.to(q.dtype)[:, None]
        y = self.kernel(q, k, v)  # (B, T, H, D)
        # XSA: what a position says about itself is the residual stream's business
        if self.exclusive:
            own = F.normalize(v, dim=-1)[:, :, :, None, :]  # (B, T, K, 1, D)
            grouped = y.view(B, T, v.size(2), -1, self.head_dim)  # (B, T, K, H / K, D)
            y = grouped - (grouped * own).sum(-1, keepdim=True) * own
        out: Tensor = self.proj(y.reshape(B, T, -1))
        return out


class MLP(nn.Module):
    """Two matrices with LeakyReLU(0.5) squared between them."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        hidden = int(config.mlp_mult * config.model_dim)
        self.fc = Linear(config.model_dim, hidden)
        self.proj = Linear(hidden, config.model_dim)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, C) -> (B, T, C)."""
        out: Tensor = self.proj(F.leaky_relu(self.fc(x), 0.5).square())
        return out


class Block(nn.Module):
    """One layer: attention and MLP, each scaled per channel, on a mix of the stream and the embedding."""

    def __init__(self, config: Config, layer: int, kernel: Kernel) -> None:
        super().__init__()
        self.attn = Attention(config, layer, kernel)
        self.mlp = MLP(config)
        self.attn_scale = nn.Parameter(torch.empty(config.model_dim))
        self.mlp_scale = nn.Parameter(torch.empty(config.model_dim))
        self.resid_mix = nn.Parameter(torch.empty(2, config.model_dim))
        self.depth_scale = 1.0 / math.sqrt(layer + 1) if config.ln_scale else 1.0
        self.parallel = layer >= config.parallel_residual_start

    def mixed(self, x: Tensor, x0: Tensor) -> Tensor:
        """The layer's input: the stream `x` and the embedding `x0`, each weighted per channel."""
        mix = self.resid_mix.to(x.dtype)
        return mix[0] * x + mix[1] * x0

    def attended(
        self, x: Tensor, rotary: tuple[Tensor, Tensor], value: Tensor | None, adapter: Mapping[str, Adapter]
    ) -> Tensor:
        """What attention adds."""
        y: Tensor = self.attn(norm(x) * self.depth_scale, rotary, value, adapter)
        return self.attn_scale.to(x.dtype) * y

    def thought(self, x: Tensor) -> Tensor:
        """What the MLP adds."""
        y: Tensor = self.mlp(norm(x) * self.depth_scale)
        return self.mlp_scale.to(x.dtype) * y

    def forward(
        self, x: Tensor, x0: Tensor, rotary: tuple[Tensor, Tensor], value: Tensor | None, adapter: Mapping[str, Adapter]
    ) -> Tensor:
        """(B, T, C) -> (B, T, C)."""
        x = self.mixed(x, x0)
        if self.parallel:
            return x + self.attended(x, rotary, value, adapter) + self.thought(x)
        x = x + self.attended(x, rotary, value, adapter)
        return x + self.thought(x)


class ValueEmbedding(nn.Module):
    """An embedding of the token for the values of a few layers (value residuals, Zhou et al. 2024, by look-up)."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.embed = nn.Embedding(config.vocab_size, config.ve_dim)
        self.proj = Linear(config.ve_dim, config.num_kv_heads * config.model_dim // config.num_heads)
        self.scale = nn.Parameter(torch.empty(()))

    def forward(self, ids: Tensor) -> Tensor:
        """(B, T) -> (B, T, K * D)."""
        x: Tensor = self.proj(self.embed(ids))
        return x * self.scale.to(x.dtype)
