"""A script without what only people read: its comments and docstrings."""

import ast

from golf_audit import lowering
from golf_audit.parsing import ParseFailure, parse, plain


def uncommented(text: str) -> str | None:
    """The same program without comments and docstrings, no name changed; None where it cannot be parsed and written again."""
    parsed = parse(text)
    if isinstance(parsed, ParseFailure):
        return None
    tree = lowering.parse_lowered(text) if parsed.lowered else plain(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            node.body = node.body[_documented(node) :] or [ast.Pass()]
    try:
        return ast.unparse(tree)
    except (ValueError, RecursionError):
        return None


def _documented(node: ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return ast.get_docstring(node, clean=False) is not None
