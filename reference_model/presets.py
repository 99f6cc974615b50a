"""
The recipes: four published systems rebuilt, and one of ours that keeps every rule.

    pr1971   SimCTG and three-fold recurrence, a fixed model scored by sliding windows
    pr1972   the same, with the forbidden training on validation tokens before quantisation
    pr1858   score-first test-time training, chunk by chunk
    pr1487   two-fold recurrence, two lanes, value embeddings, and the forbidden training
    legal    pr1858's model with Polar Express and per-document adapters

The limits come from the rulebook; everything else of a recipe stands here.
"""

import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from golf_audit.rulebook import Rulebook

from .config import Config, with_environment

_RULES = Rulebook.load()
_LIMITS: dict[str, Any] = {
    "rulebook_date": _RULES.date,
    "max_wallclock_seconds": float(_RULES.limit("train_seconds")),
    "eval_wallclock_seconds": float(_RULES.limit("eval_seconds")),
    "artifact_bytes": int(_RULES.limit("artifact_bytes")),
}

PR1971 = Config(
    preset="pr1971",
    **_LIMITS,
    dataset="fineweb10B_sp10240_casefold",
    tokenizer="fineweb_10240_casefold_bpe.model",
    vocab_size=10240,
    embed_bits=7,
    simctg_lambda=0.3,
)

PR1972 = replace(PR1971, preset="pr1972", prequant_ttt_enabled=True)

PR1858 = Config(
    preset="pr1858",
    **_LIMITS,
    qk_gain_init=5.25,
    ttt_enabled=True,
    ttt_epochs=2,
)

PR1487 = Config(
    preset="pr1487",
    **_LIMITS,
    qk_gain_init=5.25,
    num_loops=1,
    num_skips=5,
    enable_looping_at=2.0,
    enable_looping_step=3000,
    parallel_lanes=True,
    ve_layers="9,10",
    warmdown_frac=0.667,
    embed_wd=0.095,
    gptq_reserve_seconds=10.0,
    embed_gptq=False,
    clip_floor=1.0,
    prune_to_fit=True,
    prequant_ttt_enabled=True,
    prequant_ttt_epochs=10,
    prequant_ttt_lr=0.00045,
    prequant_ttt_freeze_blocks=1,
    prequant_ttt_freeze_embedding=False,
    prequant_ttt_federated=False,
)

LEGAL = replace(
    PR1858,
    preset="legal",
    muon_coefficients="polar_express",
    embed_bits=7,
    ttt_enabled=False,
    lora_ttt_enabled=True,
)

PRESETS: Mapping[str, Config] = {config.preset: config for config in (PR1971, PR1972, PR1858, PR1487, LEGAL)}


def toy(config: Config) -> Config:
    """The same recipe, small enough for two CPU cores: as many layers, loops, phases and quantised tensors."""
    return replace(
        config,
        dataset="toy",
        tokenizer="toy.model",
        vocab_size=512,
        model_dim=64,
        num_heads=4,
        num_kv_heads=2,
        rope_dims=8,
        ve_dim=16,
        mlp_mult=2.0,
        train_seq_len=64,
        rope_train_seq_len=64,
        eval_seq_len=64,
        eval_stride=16,
        train_batch_tokens=4096,
        iterations=16,
        enable_looping_step=6 if config.enable_looping_step else 0,
        warmup_steps=1,
        muon_momentum_warmup_steps=10,
        ema_decay=0.8,
        train_log_every=4,
        val_loss_every=8,
        simctg_block=64,
        gptq_calibration_batches=8,
        quantize_min_numel=1024,
        ttt_chunk_tokens=1024,
        ttt_batch_seqs=8,
        lora_rank=2,
        lora_chunk_tokens=48,
        prequant_ttt_epochs=2,
        prequant_ttt_batch_seqs=8,
    )


SCALES = ("full", "toy")


def preset(name: str, scale: str = "full") -> Config:
    """The recipe called `name` at `scale`; raises `ValueError` where there is none."""
    if name not in PRESETS or scale not in SCALES:
        raise ValueError(
            f"no preset {name!r} at scale {scale!r}: presets are {', '.join(PRESETS)}; scales {', '.join(SCALES)}"
        )
    return toy(PRESETS[name]) if scale == "toy" else PRESETS[name]


def preset_from_environment(environment: Mapping[str, str] = os.environ) -> Config:
    """The recipe that `PRESET` and `SCALE` name (`legal`, `full`), with the settings that other variables override."""
    chosen = preset(environment.get("PRESET", "legal"), environment.get("SCALE", "full"))
    return with_environment(chosen, {name: text for name, text in environment.items() if name != "PRESET"})
