"""Decompression that stops at a limit while it runs, so that a bomb costs no memory."""

import bz2
import lzma
import zlib
from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

from golf_audit.decoding.limits import Budget

_CHUNK = 2**20
_MEMORY = 256 * 2**20
"""Of the LZMA decoder, which a header can ask to be gigabytes."""


class UnpackError(ValueError):
    """Data that is not what it is unpacked as."""


class _Decoder(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int) -> bytes: ...


def unpack_zlib(data: bytes, budget: Budget, wbits: int = zlib.MAX_WBITS) -> bytes:
    """Zlib data; `wbits` as in the zlib module (negative: raw deflate, 31: gzip, 47: either)."""
    pieces: list[bytes] = []
    size, rest = 0, data
    try:
        decoder = zlib.decompressobj(wbits)
        while not decoder.eof:
            piece = decoder.decompress(rest, _CHUNK)
            rest = decoder.unconsumed_tail
            if not piece and not rest:
                break
            pieces.append(piece)
            size += len(piece)
            _check(budget, data, 0, size)
    except (zlib.error, ValueError, OverflowError) as error:
        raise UnpackError(str(error)) from error
    if not decoder.eof:
        raise UnpackError("zlib data ends too early")
    return b"".join(pieces)


def unpack_gzip(data: bytes, budget: Budget) -> bytes:
    """Gzip data of one member."""
    return unpack_zlib(data, budget, 16 + zlib.MAX_WBITS)


def unpack_bz2(data: bytes, budget: Budget) -> bytes:
    """Bzip2 data, of one stream or several."""
    return _streams(data, budget, bz2.BZ2Decompressor)


def unpack_lzma(
    data: bytes,
    budget: Budget,
    kind: int = lzma.FORMAT_AUTO,
    filters: "Sequence[dict[str, int]] | None" = None,
) -> bytes:
    """LZMA data: .xz, .lzma, or raw with the `filters` that it was packed with."""
    if kind != lzma.FORMAT_RAW:
        return _streams(data, budget, lambda: lzma.LZMADecompressor(kind, _MEMORY))
    for stage in filters or ():
        budget.check_size(int(stage.get("dict_size", 0)))
    return _streams(data, budget, lambda: lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=filters))


def unpack_brotli(data: bytes, budget: Budget) -> bytes:
    """Brotli data."""
    import brotli

    decoder, pieces, size, rest = brotli.Decompressor(), [], 0, data
    try:
        while not decoder.is_finished():
            piece = decoder.process(rest, output_buffer_limit=_CHUNK)
            rest = b""
            if not piece and decoder.can_accept_more_data():
                raise UnpackError("brotli data ends too early")
            pieces.append(piece)
            size += len(piece)
            _check(budget, data, 0, size)
    except brotli.error as error:
        raise UnpackError(str(error)) from error
    return b"".join(pieces)


def _streams(data: bytes, budget: Budget, decoder: Callable[[], _Decoder]) -> bytes:
    """One stream after another, as the bz2 and lzma modules read them; junk after the first is ignored, as there."""
    done: list[bytes] = []
    rest = data
    while rest or not done:
        try:
            stream = decoder()
            done.append(_stream(stream, rest, partial(_check, budget, data, sum(map(len, done)))))
        except (OSError, lzma.LZMAError, OverflowError, TypeError, ValueError) as error:
            if done and not isinstance(error, UnpackError):
                break
            raise UnpackError(str(error)) from error
        rest = stream.unused_data
    return b"".join(done)


def _stream(decoder: _Decoder, data: bytes, check: Callable[[int], None]) -> bytes:
    pieces = [decoder.decompress(data, _CHUNK)]
    size = len(pieces[0])
    while not decoder.eof:
        if decoder.needs_input:
            raise UnpackError("compressed data ends too early")
        check(size)
        pieces.append(decoder.decompress(b"", _CHUNK))
        size += len(pieces[-1])
    check(size)
    return b"".join(pieces)


def _check(budget: Budget, data: bytes, before: int, size: int) -> None:
    budget.check()
    budget.check_unpacked(len(data), before + size)
