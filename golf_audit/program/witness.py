"""What logs prove about branches: a line that only one side of a branch prints shows that the run took that side."""

from __future__ import annotations

import ast
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from typing import Final

_LEAST: Final = 8
"""Characters that the constant beginning of a line must have to tell it from others."""


class Witness:
    """The lines that the claimed runs printed, log by log; read when first asked for."""

    def __init__(self, logs: Callable[[], Iterable[Iterable[str]]]) -> None:
        self._read = logs

    @cached_property
    def _logs(self) -> list[list[str]]:
        return [sorted(line.strip() for line in log) for log in self._read()]

    def saw(self, head: str) -> bool:
        """Whether every log holds a line that begins so."""
        return bool(self._logs) and all(_begins(lines, head) for lines in self._logs)

    def only(self, body: Sequence[ast.stmt], tree: ast.Module) -> str:
        """
        The beginning of a printed line that only `body` prints, or a function that only `body` calls; empty where there is
        none.
        """
        if not body or not self._logs:
            return ""
        defined = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
        called = {name for node in body for name in _named(node)} & defined.keys()
        if line := self._line(body, tree):
            return line
        lines = ((function, self._line([defined[function]], tree)) for function in sorted(called))
        return next((line for function, line in lines if line and not _named_elsewhere(function, body, tree)), "")

    def _line(self, part: Sequence[ast.stmt], tree: ast.Module) -> str:
        """The beginning of a line in the logs that of all the program only this part prints."""
        heads = [head for node in part for head in _heads(node)]
        for head in dict.fromkeys(heads):
            if self.saw(head) and _printed(tree, head) == sum(_alike(other, head) for other in heads):
                return head
        return ""


def _begins(lines: list[str], head: str) -> bool:
    place = bisect_left(lines, head)
    return place < len(lines) and lines[place].startswith(head)


def _named(node: ast.AST) -> Iterator[str]:
    """The names that a statement reads, as often as it does."""
    return (n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load))


def _named_elsewhere(name: str, body: Sequence[ast.stmt], tree: ast.Module) -> bool:
    """Whether a program names a function outside of `body`, too."""
    within = sum(found == name for node in body for found in _named(node))
    return sum(found == name for found in _named(tree)) > within


def _printed(tree: ast.Module, head: str) -> int:
    """How many statements of a program may print a line that begins so."""
    return sum(_alike(other, head) for node in tree.body for other in _heads(node))


def _alike(one: str, other: str) -> bool:
    return one.startswith(other) or other.startswith(one)


def _heads(node: ast.stmt) -> Iterator[str]:
    """The constant beginnings of the texts that statements hand to a call and to nothing else, as printing does."""
    for found in ast.walk(node):
        if isinstance(found, ast.Expr) and isinstance(found.value, ast.Call) and found.value.args:
            head = _beginning(found.value.args[0])
            if len(head) >= _LEAST and any(c.isalpha() for c in head):
                yield head


def _beginning(node: ast.expr) -> str:
    """The constant beginning of a text, up to its first line's end."""
    while isinstance(node, ast.BinOp):
        node = node.left
    if isinstance(node, ast.JoinedStr) and node.values:
        node = node.values[0]
    text = node.value if isinstance(node, ast.Constant) else ""
    return text.lstrip().split("\n", 1)[0] if isinstance(text, str) else ""
