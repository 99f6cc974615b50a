"""A small language, a tokenizer and shards of it, and recipes small enough for a test."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.toy import Packed, pack_preset, text_of, toy_data

if TYPE_CHECKING:
    from golf_audit.reference_model.config import Config

collect_ignore_glob = [] if find_spec("torch") and find_spec("sentencepiece") else ["test_*.py"]


class Log:
    """A log that keeps its lines."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def line(self, message: str, *, console: bool = True) -> None:
        """Keep a line."""
        self.lines.append(message)


@pytest.fixture
def log() -> Log:
    """A log that keeps its lines."""
    return Log()


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    """Small tensors are slower on two threads than on one, and much slower on a busy machine."""
    import torch

    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def documents() -> list[str]:
    """The documents of the small language."""
    return text_of(1, 120)


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory: pytest.TempPathFactory, documents: list[str]) -> Path:
    """Shards and a tokenizer of 512 pieces in the contest's layout, under the name `toy`."""
    return toy_data(tmp_path_factory.mktemp("data"), documents)


@pytest.fixture(scope="session")
def packed(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Packed]:
    """`packed("legal")`: that recipe, trained for two steps, evaluated and packed; made once for all tests."""

    @cache
    def make(name: str) -> Packed:
        return pack_preset(tmp_path_factory.mktemp(name), name, data_dir)

    return make


@pytest.fixture
def tiny(data_dir: Path, tmp_path: Path) -> "Callable[..., Config]":
    """`tiny("pr1858", ttt_lr=0.1)`: the recipe with four layers of 32 on the small language, and these settings."""
    from golf_audit.reference_model.presets import preset

    def make(name: str = "pr1858", **settings: object) -> "Config":
        small = replace(
            preset(name, "toy"),
            data_dir=str(data_dir),
            out_dir=str(tmp_path),
            num_layers=4,
            loop_start=1,
            loop_end=2,
            num_skips=2,
            parallel_residual_start=3,
            xsa_last_n=4,
            model_dim=32,
            num_heads=2,
            num_kv_heads=1,
            ve_layers="2,3" if name == "pr1487" else "",
            train_seq_len=32,
            eval_seq_len=32,
            rope_train_seq_len=32,
            eval_stride=8,
            train_batch_tokens=512,
            iterations=4,
            enable_looping_step=2 if name == "pr1487" else 0,
            warmup_steps=0,
            quantize_min_numel=256,
            ttt_chunk_tokens=128,
            lora_chunk_tokens=16,
        )
        return replace(small, **settings)

    return make
