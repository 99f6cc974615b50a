"""
Every setting of a run, in one frozen value.

The names are the contest's own: a field `matrix_lr` is set by the environment variable `MATRIX_LR` and echoed by the
log as `matrix_lr`, so that the settings of a published run can be read, compared and repeated without a dictionary.
All fields are plain numbers, words and switches; `presets.py` fills them in.
"""

# ruff: noqa: PTH118 -- a submission computes its paths as the contest's scripts do: from strings
import os
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """One run: its model, its training, its artifact and its evaluation. Frozen: nothing changes a run under way."""

    preset: str
    """The recipe these settings stand for."""
    rulebook_date: str = ""
    """The day of the rules that the limits were taken from, as YYYY-MM-DD."""
    seed: int = 1337
    """Of the initial weights and of everything else that is drawn, but not of the order of the data."""

    # --- files -----------------------------------------------------------------------------------------------------
    data_dir: str = "./data/"
    """Holds `datasets/<dataset>/fineweb_*.bin` and `tokenizers/<tokenizer>`."""
    out_dir: str = "."
    """Where the log and the artifact go."""
    dataset: str = "fineweb10B_sp8192"
    tokenizer: str = "fineweb_8192_bpe.model"

    # --- limits ----------------------------------------------------------------------------------------------------
    max_wallclock_seconds: float
    """The first clock: training steps and the calibration of the quantiser."""
    eval_wallclock_seconds: float
    """The second clock: everything after the artifact exists."""
    artifact_bytes: int
    """Code and compressed model together."""

    # --- model -----------------------------------------------------------------------------------------------------
    vocab_size: int = 8192
    num_layers: int = 11
    model_dim: int = 512
    num_heads: int = 8
    num_kv_heads: int = 4
    """Grouped-query attention: each key/value head serves `num_heads / num_kv_heads` query heads."""
    mlp_mult: float = 4.0
    rope_base: float = 10000.0
    rope_dims: int = 16
    """How many of a head's dimensions are rotated; the rest carry no position."""
    rope_train_seq_len: int = 2048
    """Beyond this length the rotary base grows (NTK scaling)."""
    qk_gain_init: float = 5.0
    """Initial sharpness of attention, learned per head; queries and keys are normalised first."""
    xsa_last_n: int = 11
    """How many of the last layers take their own value out of attention's result."""
    ln_scale: bool = True
    """Whether layer i's inputs are scaled by 1/sqrt(i + 1)."""
    logit_softcap: float = 30.0
    num_loops: int = 2
    """How many further times the looped layers are run once looping is on."""
    loop_start: int = 3
    loop_end: int = 5
    """Both inclusive."""
    enable_looping_at: float = 0.35
    """The fraction of training at which looping is switched on; above 1 it is left to `enable_looping_step`."""
    enable_looping_step: int = 0
    """The step at which looping is switched on; 0 leaves it to `enable_looping_at`."""
    num_skips: int = 8
    """How many encoder outputs are mixed into the decoder."""
    parallel_residual_start: int = 7
    """From this layer on attention and MLP run side by side."""
    parallel_lanes: bool = False
    """Side by side on two residual streams that meet at the end, instead of on one."""
    ve_layers: str = ""
    """Layers whose values get an embedding of the token added, as `9,10`."""
    ve_dim: int = 128

    # --- training --------------------------------------------------------------------------------------------------
    iterations: int = 20000
    """Steps at most; whichever of clock and steps is nearer its end drives the schedules."""
    train_seq_len: int = 2048
    train_batch_tokens: int = 786432
    """Tokens of one step over all ranks and micro-batches."""
    warmup_steps: int = 20
    """Throw-away steps before the clock: they compile the kernels, and their effect is undone."""
    warmdown_frac: float = 0.72
    """The last fraction of training, over which learning rates fall linearly."""
    min_lr: float = 0.0
    """Floor of the falling multiplier."""
    tied_embed_lr: float = 0.03
    tied_embed_init_std: float = 0.005
    matrix_lr: float = 0.022
    scalar_lr: float = 0.02
    muon_momentum: float = 0.99
    muon_momentum_warmup_start: float = 0.92
    muon_momentum_warmup_steps: int = 1500
    muon_backend_steps: int = 5
    muon_coefficients: str = "newton_schulz"
    """`newton_schulz` or `polar_express`."""
    muon_row_normalize: bool = True
    muon_wd: float = 0.095
    embed_wd: float = 0.085
    adam_wd: float = 0.02
    beta1: float = 0.9
    beta2: float = 0.95
    adam_eps: float = 1e-8
    grad_clip_norm: float = 0.3
    ema_decay: float = 0.9965
    simctg_lambda: float = 0.0
    """Weight of the contrastive regulariser; 0 switches it off."""
    simctg_margin: float = 0.4
    simctg_block: int = 256
    """How many positions of a micro-batch the regulariser compares."""
    train_log_every: int = 500
    val_loss_every: int = 4000

    # --- artifact --------------------------------------------------------------------------------------------------
    gptq_reserve_seconds: float = 12.0
    """Kept back from the first clock for collecting Hessians."""
    gptq_calibration_batches: int = 64
    """Micro-batches of training data, over all ranks."""
    matrix_bits: int = 6
    embed_bits: int = 8
    matrix_clip_sigmas: float = 12.85
    embed_clip_sigmas: float = 20.0
    embed_gptq: bool = True
    """Whether embeddings are quantised with their Hessian; otherwise they are rounded."""
    clip_floor: float = 0.0
    """The least that a row's largest level stands for. One recipe has 1, and so coarser steps than it seems."""
    quantize_min_numel: int = 65536
    """Tensors of this many elements or fewer are kept as float16."""
    prune_to_fit: bool = False
    """Whether the cheapest ±1 levels are zeroed when the artifact is too large."""

    # --- evaluation ------------------------------------------------------------------------------------------------
    eval_seq_len: int = 2048
    eval_stride: int = 64
    sliding_window_enabled: bool = True
    ttt_enabled: bool = False
    """Score-first test-time training, chunk by chunk: every chunk is scored before it is learned from."""
    ttt_chunk_tokens: int = 32768
    ttt_lr: float = 0.005
    ttt_momentum: float = 0.9
    ttt_epochs: int = 3
    ttt_batch_seqs: int = 32
    lora_ttt_enabled: bool = False
    """Score-first test-time training of low-rank adapters, begun anew for every document."""
    lora_rank: int = 8
    lora_lr: float = 0.01
    lora_chunk_tokens: int = 256
    lora_batch_docs: int = 32

    # --- exhibits: what the rules forbid ---------------------------------------------------------------------------
    prequant_ttt_enabled: bool = False
    """FORBIDDEN: trains on the validation tokens before the artifact is made."""
    prequant_ttt_epochs: int = 21
    prequant_ttt_lr: float = 0.0005
    prequant_ttt_freeze_blocks: int = 2
    prequant_ttt_freeze_embedding: bool = True
    prequant_ttt_federated: bool = True
    """Ranks train apart and average their weights each epoch; otherwise they average gradients each step."""
    prequant_ttt_batch_seqs: int = 32
    prequant_ttt_grad_clip: float = 1.0
    ppm_enabled: bool = False
    """FORBIDDEN: mixes in a byte model whose gate and probability look at the byte to be scored."""
    ppm_order: int = 5
    ppm_lambda_hi: float = 0.9
    ppm_lambda_lo: float = 0.05
    ppm_conf_threshold: float = 0.9
    ppm_skip_nats: float = 0.277
    ppm_subset_tokens: int = 8000000

    @property
    def datasets_dir(self) -> str:
        """The folder of the shards."""
        return os.path.join(self.data_dir, "datasets", self.dataset)

    @property
    def train_files(self) -> str:
        """The pattern of the training shards."""
        return os.path.join(self.datasets_dir, "fineweb_train_*.bin")

    @property
    def val_files(self) -> str:
        """The pattern of the validation shards: the whole split, whatever its number of files."""
        return os.path.join(self.datasets_dir, "fineweb_val_*.bin")

    @property
    def tokenizer_path(self) -> str:
        """The SentencePiece model."""
        return os.path.join(self.data_dir, "tokenizers", self.tokenizer)

    @property
    def artifact_path(self) -> str:
        """The compressed model."""
        return os.path.join(self.out_dir, "final_model.int6.ptz")

    @property
    def log_path(self) -> str:
        """The log of this seed."""
        return os.path.join(self.out_dir, f"train_seed{self.seed}.log")


DERIVED = ("datasets_dir", "train_files", "val_files", "tokenizer_path", "artifact_path", "log_path")
"""The paths that follow from the settings."""


def with_environment(config: Config, environment: Mapping[str, str]) -> Config:
    """`config` with every field replaced whose name, in capitals, is set; switches are 0 or 1. Raises `ValueError`."""
    changed: dict[str, object] = {}
    for field in fields(config):
        text = environment.get(field.name.upper())
        if text is not None:
            changed[field.name] = _parse(field.name, text, getattr(config, field.name))
    return replace(config, **changed)  # type: ignore[arg-type]  # each value has its field's own type


def _parse(name: str, text: str, current: object) -> object:
    try:
        if isinstance(current, bool):
            return bool(int(text))
        return type(current)(text)  # type: ignore[call-arg]  # int, float or str
    except ValueError:
        raise ValueError(f"{name.upper()}={text!r} is not a {type(current).__name__}") from None


def settings(config: Config) -> dict[str, object]:
    """All settings and derived paths by name: what the log echoes."""
    names = (*(field.name for field in fields(config)), *DERIVED)
    return {name: getattr(config, name) for name in sorted(names)}
