"""
Native code, read as text: does what is written for position i depend on the token at i?

A kernel that predicts walks over the tokens and writes its hints for each position before it takes the token in. Where
a condition around such a write reads a table at that very token, the hint knows something of what it predicts.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

SUFFIXES: Final = (".c", ".cc", ".cpp", ".cxx", ".cu", ".h", ".hpp", ".cuh")
_COMMENT: Final = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_LOOP: Final = re.compile(r"\bfor\s*\(\s*(?:[\w:]+\s+)*(\w+)\s*=[^;]*;[^;]*;[^)]*\)\s*\{")
_ASSIGN: Final = re.compile(r"(?<![\w\]\->.])(\w+)\s*=\s*([^=;{}][^;{}]*);")
_IF: Final = re.compile(r"\bif\s*\(")
_MOST: Final = 400_000


@dataclass(frozen=True, slots=True)
class Gate:
    """A condition on the token at the position that is being written."""

    line: int
    condition: str
    output: str
    """The array whose entry at that position it decides."""


def gates(text: str) -> Iterator[Gate]:
    """Every such condition of a C, C++ or CUDA text."""
    code = _COMMENT.sub(lambda m: re.sub(r"[^\n]", " ", m[0]), text[:_MOST])
    for loop in _LOOP.finditer(code):
        end = _closing(code, loop.end() - 1)
        yield from _in_loop(code, loop[1], loop.end(), end)


def _in_loop(code: str, index: str, start: int, end: int) -> Iterator[Gate]:
    body = code[start:end]
    at = rf"\b(\w+)\s*\[\s*{index}\s*\]"
    written = {m[1]: start + m.start() for m in re.finditer(at + r"\s*[-+|&^*/]?=(?!=)", body)}
    read = set(re.findall(at, body)) - set(written)
    tokens = {
        m[1]
        for m in _ASSIGN.finditer(body)
        if any(re.search(rf"^\(?[\w\s()]*\b{a}\s*\[\s*{index}\s*\]\s*$", m[2]) for a in read)
    }
    told = _told(body, tokens | {rf"{a}\s*\[\s*{index}\s*\]" for a in read})
    if not told:
        return
    for condition in _IF.finditer(body):
        opening = start + condition.end() - 1
        closing = _closing(code, opening, "()")
        text = " ".join(code[opening + 1 : closing].split())
        if not any(since < condition.start() and re.search(rf"\b{name}\b", text) for name, since in told.items()):
            continue
        reach = _reach(code, closing + 1, end)
        for output, place in written.items():
            if closing < place < reach:
                yield Gate(code.count("\n", 0, opening) + 1, text, output)
                break


def _told(body: str, tokens: set[str]) -> dict[str, int]:
    """Names that hold a property of the token (a table read at it, or something made from one), and from where on."""
    if not tokens:
        return {}
    direct = re.compile(r"\w+\s*\[\s*(?:\([\w\s]+\)\s*)?(?:" + "|".join(tokens) + r")\s*\]")
    names: dict[str, int] = {}
    for m in _ASSIGN.finditer(body):
        made = any(re.search(rf"\b{name}\b", m[2]) for name in names)
        if (direct.search(m[2]) or made) and m[1] not in tokens and not re.search(r"\w\s*\(", m[2]):
            names.setdefault(m[1], m.end())
    return names


def _reach(code: str, start: int, end: int) -> int:
    """Where the branches of an `if` whose condition closes before `start` end, the `else` included."""
    position = start
    while position < end:
        rest = code[position:end]
        block = re.match(r"\s*\{", rest)
        position = _closing(code, position + block.end() - 1) + 1 if block else position + rest.find(";") + 1
        other = re.match(r"\s*else\b(?:\s+if\s*\()?", code[position:end])
        if not other or position <= start:
            return position
        position += other.end()
        if other[0].endswith("("):
            position = _closing(code, position - 1, "()") + 1
    return end


def _closing(code: str, opening: int, pair: str = "{}") -> int:
    """The position of the bracket that closes the one at `opening`; the end of the text where none does."""
    depth = 0
    for position in range(opening, len(code)):
        if code[position] == pair[0]:
            depth += 1
        elif code[position] == pair[1]:
            depth -= 1
            if depth == 0:
                return position
    return len(code)
