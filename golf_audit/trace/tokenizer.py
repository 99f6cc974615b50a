"""
A SentencePiece model of a given vocabulary, written down piece by piece.

Byte counts of a toy run must be well defined, not typical: the pieces are made up, some with a leading space and some
without, of one to six bytes. The file is a protocol buffer (`sentencepiece_model.proto`), small enough to write by hand.
"""

import struct
from collections.abc import Iterator

_NORMAL, _UNKNOWN, _CONTROL, _BYTE = 1, 2, 3, 6
_UNIGRAM = 1
SPACE = "\u2581"


def pieces(vocab: int) -> Iterator[tuple[str, int]]:
    """Text and type of each piece, in the order of their ids."""
    head = [("<unk>", _UNKNOWN), ("<s>", _CONTROL), ("</s>", _CONTROL)]
    if _has_bytes(vocab):
        head += [(f"<0x{value:02X}>", _BYTE) for value in range(256)]
    yield from head
    for index in range(max(vocab - len(head), 0)):
        yield _word(index), _NORMAL


def _has_bytes(vocab: int) -> bool:
    """Whether there is room for a piece of every byte."""
    return vocab > 2 * 259


def _word(index: int) -> str:
    if index == 0:
        return SPACE
    letters, number = "", index // 2
    while True:
        letters += "abcdefghijklmnopqrstuvwxyzé"[number % 27]
        number //= 27
        if not number:
            break
    return (SPACE if index % 2 else "") + letters


def model_bytes(vocab: int) -> bytes:
    """The model file's bytes."""
    out = b""
    for index, (text, kind) in enumerate(pieces(vocab)):
        score = struct.pack("<f", -float(index))
        piece = _field(1, text.encode()) + b"\x15" + score + (b"\x18" + _varint(kind) if kind != _NORMAL else b"")
        out += _field(1, piece)
    trainer = b"\x18" + _varint(_UNIGRAM) + b"\x20" + _varint(vocab)
    trainer += b"\x98\x02" + _varint(_has_bytes(vocab))
    normalizer = _field(1, b"identity") + b"\x18\x01\x20\x00\x28\x01"
    return out + _field(2, trainer) + _field(3, normalizer)


def piece_bytes(vocab: int) -> list[int]:
    """Bytes of text that each id stands for after another piece: a leading space counts one, control tokens none."""
    return [
        0 if kind in (_CONTROL, _UNKNOWN) else 1 if kind == _BYTE else len(text.replace(SPACE, " ").encode())
        for text, kind in pieces(vocab)
    ]


def _field(number: int, data: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def _varint(value: int) -> bytes:
    out = b""
    while value >> 7:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])
