"""What logs prove about branches: a line that only one side of a branch prints shows that the run took that side."""

from __future__ import annotations

import ast
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import Final

_LEAST: Final = 8
"""Characters that the constant beginning of a line must have to tell it from others."""


class _Program:
    """What a program prints and names as a whole; looked up once."""

    def __init__(self, tree: ast.Module) -> None:
        self.tree = tree
        self.heads, self.names = _read(tree.body)
        self.functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}


class Witness:
    """The lines that the claimed runs printed, log by log; read when first asked for."""

    def __init__(self, logs: Callable[[], Iterable[Iterable[str]]]) -> None:
        self._read = logs
        self._programs: list[_Program] = []

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
        program = self._program(tree)
        heads, within = _read(body)
        if line := self._line(heads, program):
            return line
        alone = [name for name in within.keys() & program.functions.keys() if within[name] == program.names[name]]
        lines = (self._line(_read([program.functions[name]])[0], program) for name in sorted(alone))
        return next(filter(None, lines), "")

    def _program(self, tree: ast.Module) -> _Program:
        """What is known of a program; every question is about one of a few."""
        found = next((program for program in self._programs if program.tree is tree), None)
        if found is None:
            found = _Program(tree)
            self._programs.append(found)
        return found

    def _line(self, heads: Sequence[str], program: _Program) -> str:
        """The beginning of a line in the logs that of all the program only the part with these beginnings prints."""
        for head in dict.fromkeys(heads):
            if self.saw(head) and _count(program.heads, head) == _count(heads, head):
                return head
        return ""


def _begins(lines: list[str], head: str) -> bool:
    place = bisect_left(lines, head)
    return place < len(lines) and lines[place].startswith(head)


def _count(heads: Sequence[str], head: str) -> int:
    """How many of the beginnings may be of a line that begins so."""
    return sum(other.startswith(head) or head.startswith(other) for other in heads)


def _read(body: Sequence[ast.stmt]) -> tuple[list[str], Counter[str]]:
    """
    What statements print and name.

    Printed are the constant beginnings of texts that are handed to a call and to nothing else; names count as often as they
    are read.
    """
    heads: list[str] = []
    names: Counter[str] = Counter()
    for node in body:
        for found in ast.walk(node):
            if isinstance(found, ast.Name):
                names[found.id] += isinstance(found.ctx, ast.Load)
            elif isinstance(found, ast.Expr) and isinstance(found.value, ast.Call) and found.value.args:
                head = _beginning(found.value.args[0])
                if len(head) >= _LEAST and any(c.isalpha() for c in head):
                    heads.append(head)
    return heads, names


def _beginning(node: ast.expr) -> str:
    """The constant beginning of a text, up to its first line's end."""
    while isinstance(node, ast.BinOp):
        node = node.left
    if isinstance(node, ast.JoinedStr) and node.values:
        node = node.values[0]
    text = node.value if isinstance(node, ast.Constant) else ""
    return text.lstrip().split("\n", 1)[0] if isinstance(text, str) else ""
