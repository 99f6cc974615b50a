"""A text as Python's own syntax tree, whichever Python runs the auditor and whichever the text was written for."""

import ast
import sys
import warnings
from dataclasses import dataclass
from functools import lru_cache

from golf_audit import lowering

MAX_DEPTH = 200
"""Deeper trees are refused: no honest script comes near, and walking them would exhaust the stack."""
MAX_LENGTH = 4_000_000
"""Longer texts are refused; the longest real script has 1.6 million characters, nearly all in one literal."""
_KEPT = 8
"""Trees kept, so that whoever asks for the same text again gets the same tree."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """A text that is Python."""

    tree: ast.Module
    """Line numbers are those of the text; shared between callers, so it must not be changed."""
    nodes: int
    """How many nodes the tree has; a literal counts one, however long it is."""
    lowered: bool = False
    """Whether the text uses grammar newer than the Python that runs the auditor."""


@dataclass(frozen=True, slots=True)
class ParseFailure:
    """A text that could not be parsed."""

    reason: str
    line: int
    """One-based; 0 where the whole text is meant."""
    broken: bool
    """True where no Python parses it; False where only this auditor cannot."""


def parse(text: str) -> Parsed | ParseFailure:
    """
    The syntax tree of `text`, or why there is none.

    Python 3.11 is taught the f-strings of 3.12 (PEP 701) and its type parameters (PEP 695); never raises.
    """
    if len(text) > MAX_LENGTH:
        return ParseFailure(f"it is longer than {MAX_LENGTH:,} characters", 0, broken=False)
    try:
        return _parse(text)
    except (RecursionError, MemoryError):
        return ParseFailure("it is nested too deeply to be parsed here", 0, broken=False)


@lru_cache(maxsize=_KEPT)
def _parse(text: str) -> Parsed | ParseFailure:
    try:
        tree, lowered = plain(text), False
    except SyntaxError as error:
        if sys.version_info >= (3, 12):
            return _failure(text, error)
        try:
            tree, lowered = lowering.parse_lowered(text), True
        except lowering.Unreadable:
            return _failure(text, error)
        except SyntaxError as newer:
            return _failure(text, newer)
    except ValueError as error:
        return ParseFailure(f"it holds characters that no Python source may hold ({error})", 0, broken=True)
    nodes = _count(tree)
    if nodes is None and _fold_chains(tree):
        nodes = _count(tree)
    if nodes is None:
        return ParseFailure(f"it is nested more than {MAX_DEPTH} levels deep", 0, broken=False)
    return Parsed(tree, nodes, lowered)


def plain(text: str) -> ast.Module:
    """What this Python makes of `text`; raises SyntaxError or ValueError, and never warns."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(text)


def _failure(text: str, error: SyntaxError) -> ParseFailure:
    reason = f"{error.msg or 'invalid syntax'}"
    if "too many nested" in reason or "too complex" in reason:
        return ParseFailure(reason, error.lineno or 0, broken=False)
    return ParseFailure(reason, error.lineno or 0, broken=not _newer_grammar(text))


def _newer_grammar(text: str) -> bool:
    """Whether libcst, whose grammar does not depend on the Python that runs it, can parse `text`."""
    import libcst

    try:
        libcst.parse_module(text)
    except Exception:  # noqa: BLE001 -- whatever stops libcst, it has not parsed the text
        return False
    return True


def _count(tree: ast.Module) -> int | None:
    """How many nodes `tree` has, or None where some lie deeper than `MAX_DEPTH`."""
    count, level = 1, list[ast.AST]([tree])
    for _ in range(MAX_DEPTH):
        below: list[ast.AST] = []
        for node in level:
            for value in vars(node).values():
                if isinstance(value, list):
                    below += [item for item in value if isinstance(item, ast.AST)]
                elif isinstance(value, ast.AST):
                    below.append(value)
        if not below:
            return count
        count += len(below)
        level = below
    return None


def _fold_chains(tree: ast.Module) -> bool:
    """Turn each sum of literal texts, which nests once for each part, into the one literal that it is."""
    folded = False
    for node in ast.walk(tree):
        for name, value in ast.iter_fields(node):
            if isinstance(value, ast.BinOp) and (literal := _literal_sum(value)) is not None:
                setattr(node, name, literal)
                folded = True
            elif isinstance(value, list):
                for index, item in enumerate(value):
                    if isinstance(item, ast.BinOp) and (literal := _literal_sum(item)) is not None:
                        value[index] = literal
                        folded = True
    return folded


def _literal_sum(node: ast.BinOp) -> ast.Constant | None:
    """The literal that a sum of literal texts, or of literal bytes, is."""
    parts: list[str | bytes] = []
    place: ast.expr = node
    while isinstance(place, ast.BinOp):
        if not isinstance(place.op, ast.Add) or (part := _text(place.right)) is None:
            return None
        parts.append(part)
        place = place.left
    if (first := _text(place)) is None or any(type(part) is not type(first) for part in parts):
        return None
    whole = type(first)().join((first, *reversed(parts)))  # type: ignore[arg-type]
    return ast.copy_location(ast.Constant(whole), node)


def _text(node: ast.expr) -> str | bytes | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str | bytes) else None
