"""
Submissions of the reference model's own making, at a scale that a test can afford.

`pack_preset(folder, "legal")` trains a recipe for two steps on a made-up language and gives the packed submission, its
decoded script, and the environment in which either script runs on a CPU within seconds.
"""

import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

SYLLABLES = ("ka", "lo", "mi", "ren", "tas", "ub", "vé", "zo", "q", "thé", "io")
SMALL = {
    "ITERATIONS": "2",
    "WARMUP_STEPS": "0",
    "TRAIN_BATCH_TOKENS": "512",
    "VAL_LOSS_EVERY": "0",
    "TTT_CHUNK_TOKENS": "256",
    "TTT_EPOCHS": "1",
    "LORA_CHUNK_TOKENS": "64",
    "PREQUANT_TTT_EPOCHS": "1",
}
"""Settings, beyond those of the toy scale, that make a run a matter of seconds."""


@dataclass(frozen=True, slots=True)
class Packed:
    """A packed submission, and how to run it again."""

    folder: Path
    """Script, artifact, log, README.md, submission.json and requirements.txt, as `reference pack` writes them."""
    decoded: Path
    """The script that the shipped one unpacks and runs, beside the submission and no part of it."""
    environment: dict[str, str]
    """Variables for either script: the data, the seed and the settings of this run; `OUT_DIR` and `PHASE` are free."""


def text_of(seed: int, documents: int) -> list[str]:
    """Documents of made-up words: a few hundred of them, used over and over, with marks, capitals and other scripts."""
    draw = random.Random(seed)
    words = ["".join(draw.choices(SYLLABLES, k=draw.randint(1, 4))) for _ in range(300)]
    texts = []
    for _ in range(documents):
        sentences = [" ".join(draw.choices(words, k=draw.randint(4, 12))).capitalize() + "." for _ in range(6)]
        texts.append(" ".join(sentences) + draw.choice(["", " 42%", " →", " 😀", "  two  spaces"]))
    return texts


def toy_data(folder: Path, documents: list[str]) -> Path:
    """Shards of `documents` and a tokenizer of 512 pieces in the contest's layout, under the name `toy`: `folder`."""
    from golf_audit.reference_model.prepare import prepare_text, train_tokenizer

    tokenizer = folder / "tokenizers" / "toy.model"
    train_tokenizer(documents, 512, tokenizer)
    prepare_text(documents, folder, "toy", tokenizer, val_documents=12, shard_tokens=1000)
    return folder


def pack_preset(folder: Path, name: str, data: Path | None = None, seed: int = 42, **settings: str) -> Packed:
    """Train, evaluate and pack the recipe `name` in `folder`; `settings` are variables, as `ITERATIONS="3"`."""
    from golf_audit.reference_model.bundle import bundle, packed_script, stripped
    from golf_audit.reference_model.claims import Author
    from golf_audit.reference_model.config import with_environment
    from golf_audit.reference_model.pack import SCRIPT, pack
    from golf_audit.reference_model.presets import preset
    from golf_audit.reference_model.train import main

    shipped, run = preset(name, "toy"), folder / "run"
    data = data or toy_data(folder / "data", text_of(1, 120))
    environment = SMALL | {"SEED": str(seed), "DATA_DIR": str(data)} | settings
    run.mkdir(parents=True)
    (run / SCRIPT).write_bytes(packed_script(shipped))
    with variable("PHASE", "train,eval"):
        main(replace(with_environment(shipped, environment), out_dir=str(run)), packed_script(shipped))
    out = pack(shipped, [run], folder / "submission", Author("A. Nobody", "anobody", "2026-05-01"))
    decoded = folder / "decoded" / SCRIPT
    decoded.parent.mkdir()
    decoded.write_text(stripped(bundle(shipped)), encoding="utf-8")
    return Packed(out, decoded, environment)


@contextmanager
def variable(name: str, value: str) -> Iterator[None]:
    """The environment with one variable changed."""
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        del os.environ[name]
        os.environ.update({} if before is None else {name: before})
