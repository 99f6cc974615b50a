"""Functions that can be cut and moved: whose variables are their own alone, and that run from top to bottom."""

import ast
from collections.abc import Iterator

from tests.variants_syntax import bound_in, last_name, parameters_of

CONTEXTS = frozenset({"no_grad", "inference_mode", "enable_grad"})
"""Decorators that only set how autograd records."""
_TELLING = frozenset({"super", "locals", "globals", "vars", "eval", "exec", "__class__"})
_FORBIDDEN = ast.Yield | ast.YieldFrom | ast.Await | ast.Global | ast.Nonlocal | ast.Delete | ast.NamedExpr | ast.Match


def functions_of(statement: ast.stmt) -> Iterator[ast.FunctionDef]:
    """A function at module level, or the methods of a class there."""
    if isinstance(statement, ast.FunctionDef):
        yield statement
    elif isinstance(statement, ast.ClassDef):
        yield from (one for one in statement.body if isinstance(one, ast.FunctionDef))


def is_plain(function: ast.FunctionDef) -> bool:
    """Whether its variables are its own alone, and it runs from top to bottom."""
    if any(last_name(one) not in CONTEXTS for one in function.decorator_list):
        return False
    return not any(isinstance(one, _FORBIDDEN) or tells(one) for one in ast.walk(function))


def tells(node: ast.AST) -> bool:
    """Whether it matters for a name in which function or class it stands."""
    if isinstance(node, ast.Attribute):
        return node.attr.startswith("__") and not node.attr.endswith("__")
    return isinstance(node, ast.Name) and node.id in _TELLING


def locals_of(function: ast.FunctionDef) -> set[str]:
    """Its parameters and what it binds."""
    return parameters_of(function) | bound_in(function.body)
