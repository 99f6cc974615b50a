"""JSON with positions: every leaf with its pointer, its text as written and its line; bad JSON is reported, and read as far as it goes."""

import re
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from json.decoder import JSONDecodeError, scanstring  # type: ignore[attr-defined]
from typing import NoReturn

_SPACE = re.compile(r"[\s]*")
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?")
_WORD = re.compile(r"true|false|null|NaN|-?Infinity")
_WORDS: Mapping[str, bool | float | None] = {"true": True, "false": False, "null": None}
_DEPTH = 64

Value = str | float | bool | None


@dataclass(frozen=True, slots=True)
class Leaf:
    """One scalar: its value, its text as written and its one-based line."""

    value: Value
    raw: str
    line: int


@dataclass(frozen=True, slots=True)
class Document:
    """The leaves of one JSON text by pointer, in order, and what is wrong with it."""

    leaves: Mapping[str, Leaf] = field(default_factory=dict)
    problem: str = ""
    """Empty where the text is valid; else what the parser stumbled over."""
    line: int = 0
    """Where it stumbled."""
    is_object: bool = True
    """Whether the whole is an object, as a submission's metadata must be."""


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.leaves: dict[str, Leaf] = {}
        self._breaks = [match.start() for match in re.finditer("\n", text)]

    def line(self, offset: int) -> int:
        return bisect_right(self._breaks, offset - 1) + 1

    def fail(self, message: str, offset: int) -> NoReturn:
        raise JSONDecodeError(message, self.text, offset)

    def skip(self, offset: int) -> int:
        match = _SPACE.match(self.text, offset)
        return match.end() if match else offset

    def value(self, offset: int, pointer: str, depth: int = 0) -> int:
        offset = self.skip(offset)
        head = self.text[offset : offset + 1]
        if depth > _DEPTH:
            self.fail("nested too deeply", offset)
        if head == "{":
            return self._members(offset + 1, pointer, depth)
        if head == "[":
            return self._items(offset + 1, pointer, depth)
        return self._scalar(offset, pointer)

    def _scalar(self, offset: int, pointer: str) -> int:
        if self.text[offset : offset + 1] == '"':
            string, end = scanstring(self.text, offset + 1)
            self.leaves[pointer] = Leaf(string, string, self.line(offset))
            return int(end)
        if match := _WORD.match(self.text, offset):
            self.leaves[pointer] = Leaf(_WORDS.get(match[0], float("nan")), match[0], self.line(offset))
            return match.end()
        if match := _NUMBER.match(self.text, offset):
            self.leaves[pointer] = Leaf(float(match[0]), match[0], self.line(offset))
            return match.end()
        self.fail("a value is missing", offset)
        return None

    def _members(self, offset: int, pointer: str, depth: int) -> int:
        offset = self.skip(offset)
        if self.text[offset : offset + 1] == "}":
            return offset + 1
        while True:
            offset = self.skip(offset)
            if self.text[offset : offset + 1] != '"':
                self.fail("a property name in double quotes is missing", offset)
            key, offset = scanstring(self.text, offset + 1)
            offset = self.skip(offset)
            if self.text[offset : offset + 1] != ":":
                self.fail("a colon is missing", offset)
            offset = self.value(offset + 1, f"{pointer}/{key.replace('~', '~0').replace('/', '~1')}", depth + 1)
            offset = self.skip(offset)
            if self.text[offset : offset + 1] == "}":
                return offset + 1
            if self.text[offset : offset + 1] != ",":
                self.fail("a comma is missing", offset)
            offset += 1

    def _items(self, offset: int, pointer: str, depth: int) -> int:
        index, offset = 0, self.skip(offset)
        if self.text[offset : offset + 1] == "]":
            return offset + 1
        while True:
            offset = self.skip(self.value(offset, f"{pointer}/{index}", depth + 1))
            if self.text[offset : offset + 1] == "]":
                return offset + 1
            if self.text[offset : offset + 1] != ",":
                self.fail("a comma is missing", offset)
            index, offset = index + 1, offset + 1


def read_json(text: str) -> Document:
    """Read `text`; what was read before a mistake is kept beside the mistake."""
    reader = _Reader(text)
    is_object = text.lstrip()[:1] == "{"
    try:
        end = reader.skip(reader.value(0, ""))
        if end < len(text):
            reader.fail("there is more after the end of the object", end)
    except JSONDecodeError as error:
        return Document(reader.leaves, error.msg, reader.line(error.pos), is_object)
    return Document(reader.leaves, is_object=is_object)
