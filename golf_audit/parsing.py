"""A text as Python's own syntax tree, whichever Python runs the auditor and whichever the text was written for."""

import ast
import sys
import warnings
from dataclasses import dataclass
from functools import lru_cache

from golf_audit import lowering

MAX_DEPTH = 400
"""Deeper trees are refused: no honest script comes near, and walking them would exhaust the stack."""
_KEPT = 32
"""Trees kept, so that whoever asks for the same text again gets the same tree."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """A text that is Python."""

    tree: ast.Module
    """Line numbers are those of the text; shared between callers, so it must not be changed."""
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
        except SyntaxError as newer:
            return _failure(text, newer)
    except ValueError as error:
        return ParseFailure(f"it holds characters that no Python source may hold ({error})", 0, broken=True)
    if (line := _too_deep(tree)) is not None:
        return ParseFailure(f"it is nested more than {MAX_DEPTH} levels deep", line, broken=False)
    return Parsed(tree, lowered)


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
    import libcst  # noqa: PLC0415 -- slow to import, and hardly ever needed

    try:
        libcst.parse_module(text)
    except (libcst.ParserSyntaxError, ValueError, RecursionError):
        return False
    return True


def _too_deep(tree: ast.Module) -> int | None:
    """The line of the first node found deeper than `MAX_DEPTH`, or None."""
    level: list[ast.AST] = [tree]
    for _ in range(MAX_DEPTH):
        level = [child for node in level for child in ast.iter_child_nodes(node)]
        if not level:
            return None
    return next((node.lineno for node in level if isinstance(node, ast.stmt | ast.expr)), 0)
