"""
The contest's transformer, top to bottom.

What differs from the textbook (and see `layers.py`):
- depth recurrence: layers 3 to 5 are run three times once looping is on, with the same weights (Universal
  Transformers, Dehghani et al. 2018; in the contest PR #1204)
- encoder and decoder halves joined by weighted, gated skips (U-Net; modded-nanogpt)
- in one recipe, attention and MLP of the last layers have residual streams of their own that meet at the end
- in one recipe, an embedding of the token itself is added to the values of the last layers
- logits are capped by tanh (Gemma 2); embeddings are tied

Legend: B batch, T time, C channels, K key/value heads, D dimensions of a head, V vocabulary.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .adapters import Adapter, Adapters
from .attention import Kernel, attention_kernel, sdpa
from .config import Config
from .layers import Block, Linear, ValueEmbedding, norm, rotary_table
from .simctg import contrastive_loss
from .team import Team


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
        layers = range(config.num_layers)
        self.blocks: Sequence[Block] = nn.ModuleList(Block(config, layer, kernel) for layer in layers)  # type: ignore[assignment]  # all are blocks
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

    def head(self, x: Tensor, adapter: Adapter | None = None) -> Tensor:
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
            loss = loss + self.config.simctg_lambda * contrastive_loss(
                x, self.config.simctg_margin, self.config.simctg_block
            )
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
