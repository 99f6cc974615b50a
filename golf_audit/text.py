"""Bytes of a submission as text, read the way Python itself would read them."""

import codecs
import re

_COOKIE = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")
_BLANK = re.compile(rb"^[ \t\f]*(?:#.*)?$")
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_COOKIE_CODECS = frozenset(
    codecs.lookup(name).name
    for name in (
        *("utf-8", "utf-7", "ascii", "latin-1", "iso8859-15", "cp1252", "cp1251", "cp437", "mac-roman"),
        *("unicode_escape", "raw_unicode_escape", "gbk", "gb18030", "big5", "shift_jis", "euc_jp", "euc_kr", "koi8-r"),
    )
)
"""Encodings a script may declare: those that are plain tables, or escapes that could hide something."""


def decode_text(data: bytes, *, python: bool = False) -> str:
    """
    `data` as text: by its byte order mark, else as UTF-8, with U+FFFD for what is not.

    Every line ends in a single newline character, so that a line number means the same here, in Python's parser and in
    an editor. With `python`, an encoding declared in one of the first two lines (PEP 263) is honoured.
    """
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            text = data.decode(encoding, "replace").removeprefix("\ufeff")
            break
    else:
        text = data.decode(_declared(data) if python else "utf-8", "replace")
    return normalise_newlines(text)


def normalise_newlines(text: str) -> str:
    """`text` with every CRLF and every lone CR turned into a newline."""
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def shorten(line: str, width: int = 200) -> str:
    """A line for showing: stripped, and cut where it is longer than `width`."""
    line = line.strip()
    return line if len(line) <= width else f"{line[: width - 1]}\u2026"


def _declared(data: bytes) -> str:
    for line in data[:1000].splitlines()[:2]:
        if match := _COOKIE.match(line):
            try:
                name = codecs.lookup(match[1].decode("ascii")).name
            except LookupError:
                return "utf-8"
            return name if name in _COOKIE_CODECS else "utf-8"
        if not _BLANK.match(line):
            break
    return "utf-8"
