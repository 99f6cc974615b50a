"""
Tokens in, bytes out: the contest's shards, the order of training, and bits per byte.

A shard is 256 int32 of header (magic, version, number of tokens) and then uint16 tokens, little endian.

What differs from the baseline: training draws from one permutation of all sequences of all shards. Every rank knows
the whole order and reads only its own micro-batches, so the data of a step do not depend on how many ranks there are.
And a space is one byte wherever it is in a piece: tokenizers that join words have it in the middle.
"""

import glob
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import sentencepiece
import torch
from torch import Tensor

from .config import Config
from .team import Team

MAGIC, VERSION, HEADER = 20240520, 1, 256
SPACE = "\u2581"
"""SentencePiece's mark of a leading space."""


class DataError(ValueError):
    """Shards or a tokenizer that cannot be what the run needs."""


def open_shard(path: Path) -> npt.NDArray[np.uint16]:
    """The tokens of one shard, mapped and not read; raises `DataError` where the file is not a whole shard."""
    header = np.fromfile(path, dtype="<i4", count=HEADER)
    if header.size != HEADER or header[0] != MAGIC or header[1] != VERSION:
        raise DataError(f"{path} is not a token shard: it must begin with magic {MAGIC} and version {VERSION}")
    count = int(header[2])
    expected = 4 * HEADER + 2 * count
    if path.stat().st_size != expected:
        raise DataError(f"{path} holds {path.stat().st_size} bytes, but its header announces {expected}")
    return np.memmap(path, dtype="<u2", mode="r", offset=4 * HEADER, shape=(count,))


def find_shards(pattern: str) -> list[Path]:
    """The files that match, in order; raises `DataError` where there are none."""
    paths = [Path(name) for name in sorted(glob.glob(pattern))]  # noqa: PTH207 -- the pattern is a whole path
    if not paths:
        raise DataError(f"no shards match {pattern}; `reference prepare` makes or downloads them")
    return paths


def open_tokenizer(path: Path) -> sentencepiece.SentencePieceProcessor:
    """The SentencePiece model at `path`; raises `DataError` where there is none."""
    if not path.is_file():
        raise DataError(f"no tokenizer at {path}; `reference prepare` makes or downloads it")
    try:
        return sentencepiece.SentencePieceProcessor(model_file=str(path))
    except (OSError, RuntimeError) as error:
        raise DataError(f"{path} is not a SentencePiece model: {error}") from None


class TrainLoader:
    """Micro-batches of training sequences for one rank, without end."""

    def __init__(self, config: Config, team: Team) -> None:
        self.length = config.train_seq_len
        self.sequences = config.train_batch_tokens // (team.world_size * team.grad_accum_steps * self.length)
        if self.sequences < 1:
            raise DataError(f"a micro-batch of TRAIN_BATCH_TOKENS holds no sequence of {self.length} tokens")
        self.shards = [open_shard(path) for path in find_shards(config.train_files)]
        self.counts = [(len(shard) - 1) // self.length for shard in self.shards]
        self.total = sum(self.counts)
        if self.total < 1:
            raise DataError(f"no training shard holds a sequence of {self.length} tokens")
        if int(self.shards[0].max()) >= config.vocab_size:
            raise DataError(f"{config.train_files} holds tokens beyond VOCAB_SIZE={config.vocab_size}")
        self.shard = np.repeat(np.arange(len(self.shards)), self.counts)
        self.team = team
        self.next_batch = team.rank
        self._shuffle(0)

    def _shuffle(self, pass_number: int) -> None:
        # The order of one pass over all shards. Seeded by the pass alone: ranks and seeds see the same data.
        random = np.random.default_rng(pass_number)
        self.pass_number = pass_number
        slack = [(len(shard) - 1) % self.length for shard in self.shards]
        starts = [
            int(random.integers(spare + 1)) + self.length * np.arange(count)
            for spare, count in zip(slack, self.counts, strict=True)
        ]
        self.start = np.concatenate(starts)
        self.order = random.permutation(self.total)

    def _window(self, position: int) -> npt.NDArray[np.int64]:
        # The `position`th sequence of the whole run.
        pass_number, index = divmod(position, self.total)
        if pass_number != self.pass_number:
            self._shuffle(pass_number)
        chosen = self.order[index]
        start = int(self.start[chosen])
        window: npt.NDArray[np.int64] = self.shards[self.shard[chosen]][start : start + self.length + 1].astype(
            np.int64
        )
        return window

    def micro_batch(self) -> tuple[Tensor, Tensor]:
        """The next inputs and targets of this rank, (B, T) int64 each, on its device."""
        first = self.next_batch * self.sequences
        self.next_batch += self.team.world_size
        windows = np.stack([self._window(first + i) for i in range(self.sequences)])
        tokens = torch.from_numpy(windows).to(self.team.device, non_blocking=True)
        return tokens[:, :-1], tokens[:, 1:]


@dataclass(frozen=True, slots=True)
class ByteTable:
    """How many bytes of text each token stands for: the one definition that every bits-per-byte uses."""

    base: Tensor
    """(V,) bytes of the piece without its leading space."""
    leading_space: Tensor
    """(V,) whether the piece begins with a space."""
    boundary: Tensor
    """(V,) control tokens and the like: no bytes of their own, and no space after them."""

    def count(self, previous: Tensor, target: Tensor) -> Tensor:
        """Bytes of each target token, given the token before it: int64 of the same shape."""
        space = self.leading_space[target] & ~self.boundary[previous]
        return self.base[target] + space


def piece_bytes(pieces: sentencepiece.SentencePieceProcessor, token: int) -> bytes | None:
    """The bytes of a token without its leading space; `None` for control, unknown and unused pieces."""
    if pieces.is_control(token) or pieces.is_unknown(token) or pieces.is_unused(token):
        return None
    piece = pieces.id_to_piece(token)
    if pieces.is_byte(token):
        return bytes([int(piece[3:-1], 16)])  # <0x41>
    return bytes(piece.removeprefix(SPACE).replace(SPACE, " ").encode())


def byte_table(pieces: sentencepiece.SentencePieceProcessor, device: torch.device) -> ByteTable:
    """
    The byte table of a tokenizer.

    A space is one byte, except the first of a document, which the tokenizer adds itself; a byte-fallback piece is one
    byte; control, unknown and unused pieces are none.
    """
    if pieces.piece_to_id(SPACE) == pieces.unk_id():
        raise DataError("the tokenizer has no piece for a lone space, so its bytes cannot be counted")
    size = pieces.vocab_size()
    base, space, boundary = np.zeros(size, np.int64), np.zeros(size, np.bool_), np.ones(size, np.bool_)
    for token in range(size):
        text = piece_bytes(pieces, token)
        boundary[token] = text is None
        if text is not None:
            space[token] = pieces.id_to_piece(token).startswith(SPACE)
            base[token] = len(text)
    tensors = [torch.from_numpy(table).to(device) for table in (base, space, boundary)]
    return ByteTable(*tensors)


def bits_per_byte(loss_sum: float, token_count: float, byte_count: float) -> tuple[float, float]:
    """Mean loss (nats per token) and bits per byte, from sums over the scored tokens."""
    val_loss = loss_sum / token_count
    return val_loss, val_loss / math.log(2.0) * (token_count / byte_count)


@dataclass(frozen=True, slots=True)
class Validation:
    """The validation split, whole."""

    tokens: Tensor
    """(N + 1,) int32 on the device: N scored tokens and the one before them."""
    table: ByteTable
    pieces: sentencepiece.SentencePieceProcessor

    @property
    def count(self) -> int:
        """N, the number of tokens that are scored."""
        return self.tokens.numel() - 1


def load_validation(config: Config, team: Team) -> Validation:
    """All validation shards, cut to whole sequences as the contest's baseline does, and the byte table."""
    pieces = open_tokenizer(Path(config.tokenizer_path))
    if pieces.vocab_size() != config.vocab_size:
        raise DataError(
            f"{config.tokenizer_path} has {pieces.vocab_size()} pieces, but VOCAB_SIZE is {config.vocab_size}"
        )
    val_shards = [open_shard(path) for path in find_shards(config.val_files)]
    val_tokens = np.concatenate(val_shards).astype(np.int32)
    usable = (len(val_tokens) - 1) // config.eval_seq_len * config.eval_seq_len
    if not usable:
        raise DataError(f"the validation split holds no sequence of {config.eval_seq_len} tokens")
    if int(val_tokens.max()) >= config.vocab_size:
        raise DataError(f"the validation split holds token {val_tokens.max()}, beyond VOCAB_SIZE={config.vocab_size}")
    tokens = torch.from_numpy(val_tokens[: usable + 1]).to(team.device)
    return Validation(tokens, byte_table(pieces, team.device), pieces)
