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
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import sentencepiece
import torch

from .data import HEADER, MAGIC, SPACE, VERSION, DataError, byte_table, open_shard, open_tokenizer

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
    texts = [part.strip() for path in paths for part in _text_of(path).split("\n\n")]
    documents = [text for text in texts if text]
    if len(documents) < 2:
        raise DataError(f"{len(documents)} documents are too few: one part is validation, one training")
    return documents


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8: {error}") from None


@dataclass(frozen=True, slots=True)
class Prepared:
    """What became of one split."""

    tokens: int
    text_bytes: int
    """Of the documents as they were given."""
    counted_bytes: int
    """Of the documents as bits per byte will count them; fewer or more where the tokenizer changes the text."""


def prepare_text(
    documents: list[str], data_dir: Path, dataset: str, tokenizer: Path, *, val_documents: int, shard_tokens: int
) -> dict[str, Prepared]:
    """
    Write `documents` as shards: the first `val_documents` are the validation split, the rest is for training.

    Every document begins with the tokenizer's mark of a beginning, if it has one. The folder of the shards appears
    whole or not at all; one that exists is not added to.
    """
    pieces = open_tokenizer(tokenizer)
    if pieces.vocab_size() > np.iinfo(np.uint16).max + 1:
        raise DataError(f"{tokenizer} has {pieces.vocab_size()} pieces; a shard's tokens are 16 bits")
    folder = shards_folder(data_dir, dataset)
    splits = {"val": documents[:val_documents], "train": documents[val_documents:]}
    for split, part in splits.items():
        if not part:
            raise DataError(f"no documents are left for the {split} split")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".prepare-") as parent:
        made = Path(parent, "shards")
        prepared = {
            split: _write_split(part, pieces, made / f"fineweb_{split}", shard_tokens) for split, part in splits.items()
        }
        made.rename(folder)
    return prepared


def shards_folder(data_dir: Path, dataset: str) -> Path:
    """Where the shards of a new dataset go; raises `DataError` where there are some already."""
    folder = data_dir / "datasets" / dataset
    if folder.exists():
        raise DataError(f"{folder} exists already")
    return folder


def _write_split(
    documents: list[str], pieces: sentencepiece.SentencePieceProcessor, stem: Path, shard_tokens: int
) -> Prepared:
    # The shards `<stem>_000000.bin` and so on.
    mark = [pieces.bos_id()] if pieces.bos_id() >= 0 else []
    tokens = np.concatenate([[*mark, *pieces.encode(text)] for text in documents]).astype(np.uint16)
    for number, start in enumerate(range(0, len(tokens), shard_tokens)):
        write_shard(stem.with_name(f"{stem.name}_{number:06d}.bin"), tokens[start : start + shard_tokens])
    ids = torch.from_numpy(tokens.astype(np.int64))
    first = ids.new_tensor([pieces.bos_id() if mark else pieces.unk_id()])  # nothing comes before the first token
    counted = byte_table(pieces, ids.device).count(torch.cat([first, ids[:-1]]), ids)
    return Prepared(len(tokens), sum(len(text.encode()) for text in documents), int(counted.sum().item()))


def download(data_dir: Path, dataset: str, train_shards: int, say: Say) -> list[Path]:
    """
    Fetch the published export: all validation shards, the first `train_shards` for training, and the tokenizer.

    What is there already is kept. `HF_ENDPOINT` names another hub and `MATCHED_FINEWEB_REPO_ID` another repository,
    as for the contest's own script. Raises `DataError` where the export lacks something, or what came is no shard.
    """
    repository = os.environ.get("MATCHED_FINEWEB_REPO_ID", EXPORT)
    hub = f"{os.environ.get('HF_ENDPOINT', 'https://huggingface.co')}/datasets/{repository}/resolve/main/{ROOT}"
    manifest = _manifest(f"{hub}/manifest.json")
    try:
        wanted = _files(manifest, dataset, train_shards)
    except (KeyError, TypeError) as error:
        raise DataError(f"{hub}/manifest.json does not say where {dataset} is: {error!r}") from None
    for place, name in wanted.items():
        path, url = data_dir / place, f"{hub}/{name}"
        if path.exists():
            continue
        say(f"{url} -> {path}")
        _write_whole(path, _fetch(url))
        if path.suffix == ".bin":
            _check(path)
    return [data_dir / place for place in wanted]


def _manifest(url: str) -> dict[str, Any]:
    try:
        return dict(json.loads(b"".join(_fetch(url))))
    except (TypeError, ValueError) as error:
        raise DataError(f"{url} is not the manifest of an export: {error}") from None


def _files(manifest: dict[str, Any], dataset: str, train_shards: int) -> dict[str, str]:
    # Path in the data folder -> path in the export, of everything that a run needs.
    entry = _named(manifest, "datasets", dataset)
    published = int(entry["stats"]["files_train"])
    if train_shards > published:
        raise DataError(f"{dataset} has {published} training shards, not {train_shards}")
    shards = [f"fineweb_val_{number:06d}.bin" for number in range(int(entry["stats"]["files_val"]))]
    shards += [f"fineweb_train_{number:06d}.bin" for number in range(train_shards)]
    places = [f"datasets/{dataset}/{name}" for name in shards]
    model = str(_named(manifest, "tokenizers", entry["tokenizer_name"])["model_path"])
    return {place: place for place in places} | {f"tokenizers/{Path(model).name}": model}


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
