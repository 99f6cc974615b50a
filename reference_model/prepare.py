"""
Data for a run, made of any text: a tokenizer and shards.

This is the only module that writes shards, and no submission contains it.
"""

import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import sentencepiece
import torch

from .data import HEADER, MAGIC, SPACE, VERSION, DataError, byte_table, open_tokenizer


def write_shard(path: Path, tokens: npt.NDArray[np.uint16]) -> None:
    """Write `tokens` as one shard; the file appears whole or not at all."""
    header = np.zeros(HEADER, dtype="<i4")
    header[:3] = MAGIC, VERSION, len(tokens)
    write_whole(path, [header.tobytes(), tokens.astype("<u2").tobytes()])


def write_whole(path: Path, parts: Iterable[bytes]) -> None:
    """Write the file of `parts`, which appears whole or not at all."""
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
    splits = split_documents(documents, val_documents)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".prepare-") as parent:
        made = Path(parent, "shards")
        prepared = {
            split: _write_split(part, pieces, made / f"fineweb_{split}", shard_tokens) for split, part in splits.items()
        }
        made.rename(folder)
    return prepared


def split_documents(documents: list[str], val_documents: int) -> dict[str, list[str]]:
    """The documents of each split; raises `DataError` where one would have none."""
    splits = {"val": documents[:val_documents], "train": documents[val_documents:]}
    for split, part in splits.items():
        if not part:
            raise DataError(f"no documents are left for the {split} split")
    return splits


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
