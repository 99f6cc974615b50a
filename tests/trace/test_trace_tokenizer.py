"""The toy tokenizer is a SentencePiece model as the library itself reads it."""

from pathlib import Path

import pytest
import sentencepiece as spm

from golf_audit.trace.tokenizer import SPACE, model_bytes, piece_bytes, pieces


@pytest.mark.parametrize("vocab", [260, 1024, 8192])
def test_model(tmp_path: Path, vocab: int) -> None:
    """The library reads the file and finds the pieces, their kinds and the special ids that were written down."""
    path = tmp_path / "toy.model"
    path.write_bytes(model_bytes(vocab))
    model = spm.SentencePieceProcessor(model_file=str(path))
    written = list(pieces(vocab))
    assert model.vocab_size() == vocab
    assert [model.id_to_piece(index) for index in range(vocab)] == [text for text, _ in written]
    assert len({text for text, _ in written}) == vocab
    assert (model.unk_id(), model.bos_id(), model.eos_id()) == (0, 1, 2)
    assert [index for index in range(vocab) if model.is_byte(index)] == (list(range(3, 259)) if vocab > 518 else [])


def test_bytes(tmp_path: Path) -> None:
    """The count of bytes is what a script would count: control tokens none, a leading space one."""
    path = tmp_path / "toy.model"
    path.write_bytes(model_bytes(1024))
    model = spm.SentencePieceProcessor(model_file=str(path))
    counts = piece_bytes(1024)
    for index in range(1024):
        if model.is_control(index) or model.is_unknown(index):
            assert counts[index] == 0
        elif model.is_byte(index):
            assert counts[index] == 1
        else:
            assert counts[index] == len(model.id_to_piece(index).replace(SPACE, " ").encode())


def test_round_trip(tmp_path: Path) -> None:
    """Text that the pieces spell is encoded and decoded again."""
    path = tmp_path / "toy.model"
    path.write_bytes(model_bytes(1024))
    model = spm.SentencePieceProcessor(model_file=str(path))
    assert model.decode(model.encode("abc ba é")) == "abc ba é"
