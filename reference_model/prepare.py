"""
Data for a run: shards made of any text, or the contest's published export.

This is the only module that writes shards or uses the network, and no submission contains it.
"""

import json
import os
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import sentencepiece

from .data import HEADER, MAGIC, SPACE, VERSION, DataError, open_shard

EXPORT = "willdepueoai/parameter-golf"
"""The dataset repository that the contest's own download script names."""
ROOT = "datasets"
"""The folder of that repository that holds the manifest, the shards and the tokenizers."""
Say = Callable[[str], None]


def write_shard(path: Path, tokens: npt.NDArray[np.uint16]) -> None:
    """Write `tokens` as one shard; the file appears whole or not at all."""
    header = np.zeros(HEADER, dtype="<i4")
    header[:3] = MAGIC, VERSION, len(tokens)
    _write_whole(path, [header.tobytes(), tokens.astype("<u2").tobytes()])


def _write_whole(path: Path, parts: Iterable[bytes]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".part-", delete=False) as file:
        try:
            for part in parts:
                file.write(part)
        except BaseException:
            Path(file.name).unlink()
            raise
    Path(file.name).chmod(0o644)
    Path(file.name).replace(path)


def train_tokenizer(texts: list[str], vocab_size: int, path: Path) -> None:
    """Train a byte-pair SentencePiece model with a space of its own and byte fallback, as the contest's are."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        try:
            sentencepiece.SentencePieceTrainer.train(
                sentence_iterator=iter(line for text in texts for line in text.splitlines() if line),
                model_prefix=str(Path(folder, "model")),
                vocab_size=vocab_size,
                model_type="bpe",
                byte_fallback=True,
                normalization_rule_name="identity",
                remove_extra_whitespaces=False,
                allow_whitespace_only_pieces=True,
                user_defined_symbols=[SPACE],
                minloglevel=2,
            )
        except RuntimeError as error:
            raise DataError(f"no tokenizer of {vocab_size} pieces can be made of this text: {error}") from None
        Path(folder, "model.model").replace(path)


def documents_of(paths: list[Path]) -> list[str]:
    """The documents of text files: each paragraph, cut at blank lines, is one."""
    texts = [part.strip() for path in paths for part in path.read_text(encoding="utf-8").split("\n\n")]
    documents = [text for text in texts if text]
    if len(documents) < 2:
        raise DataError(f"{len(documents)} documents are too few: one part is validation, one training")
    return documents


def prepare_text(
    documents: list[str], data_dir: Path, dataset: str, tokenizer: Path, *, val_documents: int, shard_tokens: int
) -> dict[str, int]:
    """
    Write `documents` as shards: the first `val_documents` are the validation split, the rest is for training.

    Every document begins with the tokenizer's mark of a beginning. Returns the tokens of each split.
    """
    pieces = sentencepiece.SentencePieceProcessor(model_file=str(tokenizer))
    if pieces.vocab_size() > np.iinfo(np.uint16).max + 1:
        raise DataError(f"{tokenizer} has {pieces.vocab_size()} pieces; a shard's tokens are 16 bits")
    folder = data_dir / "datasets" / dataset
    splits = {"val": documents[:val_documents], "train": documents[val_documents:]}
    for split, part in splits.items():
        if not part:
            raise DataError(f"no documents are left for the {split} split")
    counts = {}
    for split, part in splits.items():
        tokens = np.concatenate([[pieces.bos_id(), *pieces.encode(text)] for text in part]).astype(np.uint16)
        counts[split] = len(tokens)
        for number, start in enumerate(range(0, len(tokens), shard_tokens)):
            write_shard(folder / f"fineweb_{split}_{number:06d}.bin", tokens[start : start + shard_tokens])
    return counts


def download(data_dir: Path, dataset: str, train_shards: int, say: Say, repository: str = EXPORT) -> list[Path]:
    """
    Fetch the published export: all validation shards, the first `train_shards` for training, and the tokenizer.

    What is there already is kept. `HF_ENDPOINT` names another hub. Raises `DataError` where the export lacks
    something, or what came is no shard.
    """
    hub = f"{os.environ.get('HF_ENDPOINT', 'https://huggingface.co')}/datasets/{repository}/resolve/main/{ROOT}"
    manifest = json.loads(b"".join(_fetch(f"{hub}/manifest.json")))
    entry = _named(manifest, "datasets", dataset)
    published = int(entry["stats"]["files_train"])
    if train_shards > published:
        raise DataError(f"{dataset} has {published} training shards, not {train_shards}")
    shards = [f"fineweb_val_{number:06d}.bin" for number in range(int(entry["stats"]["files_val"]))]
    shards += [f"fineweb_train_{number:06d}.bin" for number in range(train_shards)]
    wanted = {data_dir / "datasets" / dataset / name: f"{hub}/datasets/{dataset}/{name}" for name in shards}
    model = _named(manifest, "tokenizers", entry["tokenizer_name"])["model_path"]
    wanted[data_dir / "tokenizers" / Path(model).name] = f"{hub}/{model}"
    for path, url in wanted.items():
        if path.exists():
            continue
        say(f"{url} -> {path}")
        _write_whole(path, _fetch(url))
        if path.suffix == ".bin":
            _check(path)
    return list(wanted)


def _check(path: Path) -> None:
    try:
        open_shard(path)
    except DataError:
        path.unlink()
        raise


def _named(manifest: dict[str, Any], kind: str, name: str) -> dict[str, Any]:
    for entry in manifest.get(kind, []):
        if entry.get("name") == name:
            return dict(entry)
    known = ", ".join(str(entry.get("name")) for entry in manifest.get(kind, []))
    raise DataError(f"the export has no {name} among its {kind}: {known or 'there are none'}")


def _fetch(url: str, block: int = 1 << 20) -> Iterator[bytes]:
    try:
        with urllib.request.urlopen(url, timeout=60) as answer:
            while part := answer.read(block):
                yield part
    except (urllib.error.URLError, TimeoutError) as error:
        raise DataError(f"{url} cannot be had: {error}") from error
