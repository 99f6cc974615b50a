"""Encodings and compressions: base64 and its kin, zlib, gzip, bz2, lzma, brotli, json, hashes."""

import base64
import binascii
import codecs
import hashlib
import json
import lzma
import string
import struct
import zlib
from collections.abc import Callable

from golf_audit.decoding import unpack
from golf_audit.decoding.library.registry import CONSTANTS, FUNCTIONS, Call, known
from golf_audit.decoding.operations import native
from golf_audit.decoding.values import Decompressor, Handle, Raised, Unknown

CONSTANTS.update(
    {f"lzma.{name}": value for name, value in vars(lzma).items() if name.isupper() and isinstance(value, int)}
)
CONSTANTS.update(
    {f"zlib.{name}": value for name, value in vars(zlib).items() if name.isupper() and isinstance(value, int)}
)
CONSTANTS.update(
    {f"string.{name}": value for name, value in vars(string).items() if isinstance(value, str) and name[0] != "_"}
)

_ENCODINGS: dict[str, tuple[str, Callable[..., object]]] = {
    "base64.b85decode": ("base85", base64.b85decode),
    "base64.a85decode": ("ascii85", base64.a85decode),
    "base64.b64decode": ("base64", base64.b64decode),
    "base64.standard_b64decode": ("base64", base64.standard_b64decode),
    "base64.urlsafe_b64decode": ("base64", base64.urlsafe_b64decode),
    "base64.decodebytes": ("base64", base64.decodebytes),
    "base64.b32decode": ("base32", base64.b32decode),
    "base64.b32hexdecode": ("base32", base64.b32hexdecode),
    "base64.b16decode": ("hex", base64.b16decode),
    "binascii.a2b_base64": ("base64", binascii.a2b_base64),
    "binascii.a2b_hex": ("hex", binascii.a2b_hex),
    "binascii.unhexlify": ("hex", binascii.unhexlify),
    "builtins.bytes.fromhex": ("hex", bytes.fromhex),
    "builtins.bytearray.fromhex": ("hex", bytearray.fromhex),
}
_SAFE_CODECS = frozenset({"rot13", "rot_13", "hex", "hex_codec", "base64", "base64_codec", "base_64"})
_XZ_MAGIC = b"\xfd7zXZ\x00"


def _decode(call: Call) -> object:
    label, function = _ENCODINGS[call.name]
    try:
        result = native(function, *call.arguments, **call.keywords)
    except Raised as error:
        raise Raised(f"{label} text that is broken: {error.why}") from error
    return call.world.trace(result, label, call.get(0))


FUNCTIONS.update(dict.fromkeys(_ENCODINGS, _decode))


def _unpacked(call: Call, label: str, unpacker: Callable[..., bytes], *arguments: object) -> object:
    data = call.get(0, "data", call.keywords.get("string"))
    if not isinstance(data, bytes | bytearray):
        raise Raised(f"{label} data that is no bytes")
    try:
        result = unpacker(bytes(data), call.budget, *arguments)
    except unpack.UnpackError as error:
        raise Raised(f"{label} data that is broken ({error})") from error
    return call.world.trace(result, label, data)


@known("lzma.decompress")
def _lzma(call: Call) -> object:
    kind = call.get(1, "format", lzma.FORMAT_AUTO)
    filters = call.get(3, "filters")
    data = call.get(0, "data")
    if not isinstance(kind, int) or not _are_filters(filters):
        raise Raised("lzma data in a format that is none")
    raw = kind == lzma.FORMAT_RAW
    label = "lzma raw" if raw else "xz" if isinstance(data, bytes) and data.startswith(_XZ_MAGIC) else "lzma alone"
    return _unpacked(call, label, unpack.unpack_lzma, kind, filters)


def _are_filters(filters: object) -> bool:
    """Whether a value is what the lzma module takes for filters: None, or dictionaries of numbers."""
    return filters is None or (
        isinstance(filters, list | tuple)
        and all(
            isinstance(stage, dict) and all(isinstance(value, int) for value in stage.values()) for stage in filters
        )
    )


@known("zlib.decompress")
def _zlib(call: Call) -> object:
    wbits = call.get(1, "wbits", zlib.MAX_WBITS)
    if not isinstance(wbits, int):
        raise Raised("zlib data with a window that is no number")
    return _unpacked(call, "zlib", unpack.unpack_zlib, wbits)


@known("gzip.decompress")
def _gzip(call: Call) -> object:
    return _unpacked(call, "gzip", unpack.unpack_gzip)


@known("bz2.decompress")
def _bz2(call: Call) -> object:
    return _unpacked(call, "bzip2", unpack.unpack_bz2)


@known("brotli.decompress", "brotlicffi.decompress")
def _brotli(call: Call) -> object:
    return _unpacked(call, "brotli", unpack.unpack_brotli)


@known("lzma.LZMADecompressor", "zlib.decompressobj", "bz2.BZ2Decompressor", "brotli.Decompressor")
def _decompressor(call: Call) -> object:
    names = {"lzma": ("format", "memlimit", "filters"), "zlib": ("wbits",)}.get(call.name.partition(".")[0], ())
    keywords = {**dict(zip(names, call.arguments, strict=False)), **call.keywords}
    return Decompressor(f"{call.name.partition('.')[0]}.decompress", keywords)


@known("lzma.open", "lzma.LZMAFile", "gzip.open", "gzip.GzipFile", "bz2.open", "bz2.BZ2File")
def _open_packed(call: Call) -> object:
    """A packed file, or a stream of packed bytes, opened for reading."""
    source = call.keywords.get("fileobj", call.get(0, "filename"))
    mode = str(call.get(1, "mode", "rb"))
    data = (
        source.stream.read() if isinstance(source, Handle) else call.machine.call_named("builtins.open", [source, "rb"])
    )
    if isinstance(data, Handle):
        data = data.stream.read()
    if not isinstance(data, bytes):
        return data if isinstance(data, Unknown) else Unknown("a packed file that cannot be read")
    keywords = {name: value for name, value in call.keywords.items() if name in {"format", "filters"}}
    plain = call.machine.call_named(f"{call.name.partition('.')[0]}.decompress", [data], keywords)
    if not isinstance(plain, bytes):
        return plain
    return Handle(None, call.world.stream(plain, mode if "t" in mode else "rb"))


@known("codecs.decode", "codecs.encode")
def _codecs(call: Call) -> object:
    value, encoding = call.get(0, "obj"), str(call.get(1, "encoding", "utf-8")).lower()
    if isinstance(value, str | bytes) and encoding in _SAFE_CODECS:
        function = codecs.decode if call.name.endswith("decode") else codecs.encode
        return call.world.trace(native(function, value, encoding), encoding.replace("_", ""), value)
    if isinstance(value, bytes) and encoding in {"zlib", "zip", "bz2"}:
        return call.machine.call_named("bz2.decompress" if encoding == "bz2" else "zlib.decompress", [value])
    if isinstance(value, bytes if call.name.endswith("decode") else str):
        result = native(getattr(value, call.name.rpartition(".")[2]), encoding)
        return call.world.trace(result, "", value)
    return Unknown(f"what codecs makes of {encoding}")


@known("base64.b64encode", "base64.b85encode", "base64.a85encode", "base64.b32encode", "base64.b16encode")
def _encode(call: Call) -> object:
    return native(getattr(base64, call.name.partition(".")[2]), *call.arguments, **call.keywords)


@known("json.loads")
def _json(call: Call) -> object:
    return call.world.trace(native(json.loads, call.get(0, "s")), "json", call.get(0, "s"))


@known("json.load")
def _json_file(call: Call) -> object:
    source = call.get(0, "fp")
    if not isinstance(source, Handle):
        return Unknown("JSON from something that is no file")
    text = source.stream.read()
    return call.world.trace(native(json.loads, text), "json", text)


@known("struct.unpack", "struct.unpack_from", "struct.calcsize")
def _struct(call: Call) -> object:
    return native(getattr(struct, call.name.partition(".")[2]), *call.arguments)


@known("hashlib.sha256", "hashlib.sha1", "hashlib.md5", "hashlib.sha512", "hashlib.blake2b", "hashlib.sha3_256")
def _hash(call: Call) -> object:
    data = call.get(0, "string", b"")
    if not isinstance(data, bytes | bytearray):
        raise Raised("a hash of something that is no bytes")
    return _Digest(hashlib.new(call.name.partition(".")[2], data).digest())


@known("zlib.crc32", "zlib.adler32", "binascii.crc32")
def _checksum(call: Call) -> object:
    return native(getattr(zlib, call.name.partition(".")[2]), *call.arguments)


class _Digest:
    """A hash object that has been given all its data."""

    def __init__(self, digest: bytes) -> None:
        self.digest = digest


def call_method(owner: object, call: Call) -> object:
    """Methods of decompressors and hashes."""
    if isinstance(owner, _Digest):
        if call.name in {"digest", "hexdigest"}:
            return owner.digest if call.name == "digest" else owner.digest.hex()
        return Unknown(f"the method {call.name} of a hash")
    if isinstance(owner, Decompressor):
        if call.name in {"decompress", "process"} and call.arguments:
            return call.machine.call_named(owner.function, call.arguments[:1], owner.keywords)
        return b"" if call.name in {"flush", "finish"} else Unknown(f"the method {call.name} of a decompressor")
    return NotImplemented
