"""
The contest's transformer, top to bottom.

What differs from the textbook:
- depth recurrence: layers 3 to 5 are run three times once looping is on, with the same weights (Universal
  Transformers, Dehghani et al. 2018; in the contest PR #1204)
- encoder and decoder halves joined by weighted, gated skips (U-Net; modded-nanogpt)
- every layer's input is a learned mix of the residual stream and the embedding (modded-nanogpt)
- queries and keys are normalised, and a learned gain per head sharpens them (QK-norm, Henry et al. 2020)
- only 16 of 64 dimensions are rotated (partial RoPE, as in GPT-J; PR #287)
- XSA: attention's result gives up its component along the position's own value (exclusive self-attention)
- attention and MLP side by side in the last layers (GPT-J; PR #1412), in one recipe on two separate streams
- LeakyReLU(0.5) squared in the MLP (after Primer's ReLU squared, So et al. 2021; PR #549)
- the input of layer i is scaled by 1/sqrt(i + 1); logits are capped by tanh (Gemma 2); embeddings are tied
- in one recipe, an embedding of the token itself is added to the values of the last layers

Legend: B batch, T time, C channels, H query heads, K key/value heads, D dimensions of a head, V vocabulary.
"""

import math
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .adapters import Adapters
from .attention import Kernel, attention_kernel, sdpa
from .config import Config
from .simctg import contrastive_loss
from .team import Team


def norm(x: Tensor) -> Tensor:
    """RMSNorm without a learned scale."""
    return F.rms_norm(x, (x.size(-1),))


class Linear(nn.Linear):
    """A matrix kept in float32 and used in the type of its input; `adapter` adds a document's own correction."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, bias=False)

    def forward(self, x: Tensor, adapter: nn.Module | None = None) -> Tensor:
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
    a, b, rest = x.split([half, half, x.size(-1) - 2 * half], dim=-1)
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
        self, x: Tensor, rotary: tuple[Tensor, Tensor], value: Tensor | None, adapter: Mapping[str, nn.Module]
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
        return self.proj(y.reshape(B, T, -1))


class MLP(nn.Module):
    """Two matrices with LeakyReLU(0.5) squared between them."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        hidden = int(config.mlp_mult * config.model_dim)
        self.fc = Linear(config.model_dim, hidden)
        self.proj = Linear(hidden, config.model_dim)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, C) -> (B, T, C)."""
        return self.proj(F.leaky_relu(self.fc(x), 0.5).square())


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

    def attended(self, x: Tensor, rotary: tuple[Tensor, Tensor], value: Tensor | None, adapter: Mapping[str, nn.Module]) -> Tensor:
        """What attention adds."""
        return self.attn_scale.to(x.dtype) * self.attn(norm(x) * self.depth_scale, rotary, value, adapter)

    def thought(self, x: Tensor) -> Tensor:
        """What the MLP adds."""
        return self.mlp_scale.to(x.dtype) * self.mlp(norm(x) * self.depth_scale)

    def forward(
        self, x: Tensor, x0: Tensor, rotary: tuple[Tensor, Tensor], value: Tensor | None, adapter: Mapping[str, nn.Module]
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
        x = self.proj(self.embed(ids))
        return x * self.scale.to(x.dtype)


class GPT(nn.Module):
    """The whole model: token ids in, capped logits or a loss out."""

    def __init__(self, config: Config, kernel: Kernel = sdpa) -> None:
        super().__init__()
        if config.model_dim % config.num_heads or config.num_heads % config.num_kv_heads:
            raise ValueError("MODEL_DIM must be a multiple of NUM_HEADS, and NUM_HEADS of NUM_KV_HEADS")
        if config.rope_dims > config.model_dim // config.num_heads:
            raise ValueError(f"ROPE_DIMS={config.rope_dims} is more than a head has")
        self.config = config
        self.looping = False
        self.tok_emb = nn.Embedding(config.vocab_size, config.model_dim)
        self.blocks = nn.ModuleList([Block(config, layer, kernel) for layer in range(config.num_layers)])
        self.skip_weights = nn.Parameter(torch.empty(config.num_skips, config.model_dim))
        self.skip_gates = nn.Parameter(torch.empty(config.num_skips, config.model_dim))
        self.value_layers = [int(layer) for layer in config.ve_layers.split(",") if layer]
        if self.value_layers:
            self.value_embedding = ValueEmbedding(config)
            self.value_scales = nn.Parameter(torch.empty(len(self.value_layers)))
        if config.parallel_lanes:
            self.lane_merge = nn.Parameter(torch.empty(()))
        self.init_weights()

    @torch.no_grad()
    def init_weights(self) -> None:
        """Every initial value. Layers begin as the identity: what they add is projected by zeros."""
        nn.init.normal_(self.tok_emb.weight, std=self.config.tied_embed_init_std)
        for name, module in self.named_modules():
            if isinstance(module, Linear):
                nn.init.zeros_(module.weight) if name.endswith("proj") else nn.init.orthogonal_(module.weight)
            if isinstance(module, Block):
                module.attn_scale.fill_(1.0)
                module.mlp_scale.fill_(1.0)
                module.resid_mix.copy_(torch.tensor([[1.0], [0.0]]).expand_as(module.resid_mix))
                module.attn.q_gain.fill_(self.config.qk_gain_init)
        self.skip_weights.fill_(1.0)
        self.skip_gates.fill_(0.0)
        if self.value_layers:
            nn.init.normal_(self.value_embedding.embed.weight, std=0.01)
            self.value_embedding.scale.fill_(0.1)
            self.value_scales.fill_(1.0)
        if self.config.parallel_lanes:
            self.lane_merge.fill_(0.5)

    def order(self) -> tuple[list[int], list[int]]:
        """Which layers run, in order: the encoder's and the decoder's."""
        start, end, layers = self.config.loop_start, self.config.loop_end + 1, list(range(self.config.num_layers))
        if self.looping:
            layers = layers[:start] + layers[start:end] * (1 + self.config.num_loops) + layers[end:]
        half = len(layers) // 2
        return layers[:half], layers[half:]

    def hidden(self, ids: Tensor, adapters: Adapters | None = None) -> Tensor:
        """(B, T) -> (B, T, C): the normalised stream that the head reads."""
        config = self.config
        x = x0 = norm(self.tok_emb(ids))
        rotary = rotary_table(config, ids.size(1), ids.device)
        values = self._values(ids)
        encoder, decoder = self.order()

        skips: list[Tensor] = []
        for layer in encoder:
            x = self.blocks[layer](x, x0, rotary, values.get(layer), adapters.block(layer) if adapters else {})
            skips.append(x)

        lane = None  # the MLPs' own stream, where the recipe has one
        for step, layer in enumerate(decoder):
            if step < config.num_skips and skips and lane is None:
                x = self._skip(step, x, skips.pop())
            block, adapter = self.blocks[layer], adapters.block(layer) if adapters else {}
            if config.parallel_lanes and block.parallel:
                lane = x if lane is None else lane
                x = block.mixed(x, x0)
                x = x + block.attended(x, rotary, values.get(layer), adapter)
                lane = lane + block.thought(lane)
            else:
                x = block(x, x0, rotary, values.get(layer), adapter)

        if lane is not None:
            x = torch.lerp(lane, x, self.lane_merge.to(x.dtype))
        return norm(x)

    def _values(self, ids: Tensor) -> dict[int, Tensor]:
        if not self.value_layers:
            return {}
        value = self.value_embedding(ids)
        return {layer: value * self.value_scales[i].to(value.dtype) for i, layer in enumerate(self.value_layers)}

    def _skip(self, step: int, x: Tensor, skip: Tensor) -> Tensor:
        gate = torch.sigmoid(self.skip_gates[step].to(x.dtype))
        return torch.lerp(self.skip_weights[step].to(x.dtype) * skip, x, gate)

    def head(self, x: Tensor, adapter: nn.Module | None = None) -> Tensor:
        """(B, T, C) -> (B, T, V): logits by the tied embedding, softly capped."""
        logits = F.linear(x, self.tok_emb.weight.to(x.dtype))
        if adapter is not None:
            logits = logits + adapter(x)
        return self.config.logit_softcap * torch.tanh(logits / self.config.logit_softcap)

    def losses(self, ids: Tensor, targets: Tensor, last: int) -> Tensor:
        """The loss in nats of the `last` targets of each row: (B, T) twice -> (B, last). Other logits are not made."""
        x = self.hidden(ids)[:, -last:]
        return token_losses(self.head(x), targets[:, -last:])

    def forward(self, ids: Tensor, targets: Tensor) -> Tensor:
        """Mean cross-entropy in nats of `targets` (B, T); in training with the contrastive term where it is on."""
        x = self.hidden(ids)
        loss = token_losses(self.head(x), targets).mean()
        if self.training and self.config.simctg_lambda > 0:
            loss = loss + self.config.simctg_lambda * contrastive_loss(x, self.config.simctg_margin, self.config.simctg_block)
        return loss


def token_losses(logits: Tensor, targets: Tensor) -> Tensor:
    """The loss of every target in nats: (B, T, V) and (B, T) -> (B, T)."""
    losses = F.cross_entropy(logits.float().flatten(0, -2), targets.flatten(), reduction="none")
    return losses.view_as(targets)


def build_model(config: Config, team: Team) -> GPT:
    """A new model on the team's device; on a GPU its embeddings are bfloat16 and everything else float32."""
    model = GPT(config, attention_kernel(team.device)).to(team.device)
    if team.on_gpu:
        for module in model.modules():
            if isinstance(module, nn.Embedding):
                module.bfloat16()
    return model
