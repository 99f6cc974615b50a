"""Token shifts in the code: where an activation is mixed with that of the token before it."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


@dataclass(frozen=True, slots=True)
class Shift:
    """One mixing of `x[:, 1:]` with `x[:, :-1]`."""

    file: str
    line: int
    masked: bool
    """Whether its function compares tokens with something, as a mask by the start of documents must."""


def shifts(modules: Mapping[str, ast.Module]) -> tuple[Shift, ...]:
    """Every token shift of the program."""
    return tuple(shift for file, tree in modules.items() for shift in _in_module(file, tree))


def separates_documents(modules: Mapping[str, ast.Module]) -> Iterator[tuple[str, int]]:
    """Where attention is given the bounds of documents (variable-length attention), as file and line."""
    for file, tree in modules.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and any((k.arg or "").startswith("cu_seqlens") for k in node.keywords):
                yield file, node.lineno


def _in_module(file: str, tree: ast.Module) -> Iterator[Shift]:
    for function in ast.walk(tree):
        if isinstance(function, _FUNCTIONS):
            nodes = list(_own(function))
            lines = sorted({node.lineno for node in nodes if isinstance(node, ast.Call) and _is_shift(node)})
            masked = any(_compares_tokens(node) for node in nodes)
            for line in lines:
                yield Shift(file, line, masked)


def _own(function: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a function, those of inner functions left out."""
    stack = list(ast.iter_child_nodes(function))
    while stack:
        node = stack.pop()
        yield node
        if not isinstance(node, _FUNCTIONS):
            stack.extend(ast.iter_child_nodes(node))


def _is_shift(node: ast.Call) -> bool:
    """`cat([x[:, :1], x[:, 1:] + … x[:, :-1] …], dim=1)`."""
    called = node.func
    name = called.attr if isinstance(called, ast.Attribute) else called.id if isinstance(called, ast.Name) else ""
    if (
        name not in ("cat", "concat", "concatenate")
        or not node.args
        or not isinstance(node.args[0], ast.List | ast.Tuple)
    ):
        return False
    return any(_adds_before(part) for part in node.args[0].elts)


def _adds_before(part: ast.expr) -> bool:
    if not isinstance(part, ast.BinOp) or not isinstance(part.op, ast.Add | ast.Sub):
        return False
    later = {ast.dump(s.value) for s in ast.walk(part) if isinstance(s, ast.Subscript) and _slice(s) == (1, None)}
    earlier = {ast.dump(s.value) for s in ast.walk(part) if isinstance(s, ast.Subscript) and _slice(s) == (None, -1)}
    return bool(later & earlier)


def _slice(node: ast.Subscript) -> tuple[object, object] | None:
    """The bounds of the slice of the second axis, where it is one."""
    index = node.slice
    if not isinstance(index, ast.Tuple) or len(index.elts) < 2:
        return None
    part = index.elts[1]
    return (_number(part.lower), _number(part.upper)) if isinstance(part, ast.Slice) and part.step is None else None


def _number(node: ast.expr | None) -> object:
    if node is None:
        return None
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) and isinstance(node.operand, ast.Constant):
        return -node.operand.value if isinstance(node.operand.value, int) else "?"
    return node.value if isinstance(node, ast.Constant) else "?"


def _compares_tokens(node: ast.AST) -> bool:
    """`ids[:, 1:] != mark`, or the whole of it compared before it is sliced."""
    if not isinstance(node, ast.Compare) or not isinstance(node.ops[0], ast.Eq | ast.NotEq):
        return False
    sides = (node.left, node.comparators[0])
    return any(isinstance(side, ast.Subscript) and _slice(side) == (1, None) for side in sides)
