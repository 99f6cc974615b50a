"""Changes of layout: comments, docstrings and annotations dropped, lines joined, constants hoisted."""

import ast
import io
import tokenize
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import count

from tests.variants_syntax import Function, all_parameters, last_name

_LEAST_USES = 2
_HARMLESS = frozenset({"no_grad", "inference_mode", "enable_grad", "cache", "lru_cache", "wraps"})


def minified(text: str) -> str:
    """The script without comments, docstrings and annotations, on as few lines as Python allows."""
    return joined(ast.unparse(_Stripper().visit(ast.parse(text))))


class _Stripper(ast.NodeTransformer):
    """Drops docstrings, and annotations that mean nothing at run time."""

    def _body(self, node: ast.Module | ast.ClassDef | Function) -> None:
        if ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:] or [ast.Pass()]

    def visit_Module(self, node: ast.Module) -> ast.Module:
        """The script."""
        self._body(node)
        self.generic_visit(node)
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.ClassDef:
        """A class; its annotations may be what a decorator or base reads."""
        self._body(node)
        node.body = [one if isinstance(one, ast.AnnAssign) else self.visit(one) for one in node.body]
        return node

    def _function(self, node: Function) -> Function:
        self._body(node)
        if not node.decorator_list:
            node.returns = None
            for one in all_parameters(node):
                one.annotation = None
        self.generic_visit(node)
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> Function:
        """A function; a decorator may read its annotations."""
        return self._function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> Function:
        """The same."""
        return self._function(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.stmt:
        """An annotated variable; one without a value declares its scope, and stays."""
        if node.value is None:
            return node
        return ast.copy_location(ast.Assign([node.target], node.value), node)


def joined(text: str) -> str:
    """The script with simple statements on one line, after their header where they can be, and one space a level."""
    lines: list[tuple[int, str, bool]] = []
    for depth, statement, simple in _statements(text):
        if simple and lines and lines[-1][0] == depth and lines[-1][2]:
            lines[-1] = (depth, f"{lines[-1][1]};{statement}", True)
        else:
            lines.append((depth, statement, simple))
    out: list[str] = []
    for before, (depth, statement, simple), after in zip([None, *lines], lines, [*lines[1:], None], strict=False):
        alone = before and before[0] < depth and before[1].endswith(":") and (not after or after[0] < depth)
        if simple and alone:
            out[-1] += statement
        else:
            out.append(" " * depth + statement)
    return "\n".join(out) + "\n"


def _statements(text: str) -> Iterable[tuple[int, str, bool]]:
    """Each logical line: its level, its text, and whether it may share a line with others."""
    lines, depth, first, last = text.split("\n"), 0, None, None
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        match token.type:
            case tokenize.INDENT:
                depth += 1
            case tokenize.DEDENT:
                depth -= 1
            case tokenize.NEWLINE if first and last:
                rows = lines[first.start[0] - 1 : last.end[0]]
                rows[-1] = rows[-1][: last.end[1]]
                rows[0] = rows[0][first.start[1] :]
                yield depth, "\n".join(rows), first.string != "@" and last.string != ":"
                first = last = None
            case tokenize.NL | tokenize.COMMENT | tokenize.ENDMARKER:
                pass
            case _:
                first, last = first or token, token


def hoisted(text: str) -> str | None:
    """The script with constants that it uses more than once named at its top; None where there are none."""
    tree = ast.parse(text)
    finder = _Constants()
    finder.visit(tree)
    often = [key for key, uses in finder.uses.items() if uses >= _LEAST_USES]
    if not often:
        return None
    fresh = (name for name in (f"_K{i}" for i in count()) if name not in text)
    names = {key: next(fresh) for key in often}
    tree = _Hoister(names).visit(tree)
    first = next((i for i, one in enumerate(tree.body) if not _must_stay_first(i, one)), 0)
    values = {key: value for key, value in finder.values.items() if key in names}
    tree.body[first:first] = [
        ast.Assign([ast.Name(names[key], ast.Store())], ast.Constant(values[key])) for key in often
    ]
    return ast.unparse(ast.fix_missing_locations(tree))


def _must_stay_first(index: int, node: ast.stmt) -> bool:
    if isinstance(node, ast.ImportFrom):
        return node.module == "__future__"
    return index == 0 and isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


Key = tuple[str, str]
"""A constant's type and its text: `1`, `1.0` and `True` are three constants."""


def _key(node: ast.Constant) -> Key:
    return type(node.value).__name__, repr(node.value)


class _Places(ast.NodeTransformer):
    """Visits the places where a name may stand for a constant."""

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.JoinedStr:
        """A formatted string stays as it is."""
        return node

    def visit_Match(self, node: ast.Match) -> ast.Match:
        """A name in a pattern would bind."""
        return node

    def visit_Expr(self, node: ast.Expr) -> ast.Expr:
        """A constant that stands alone is a comment."""
        return node if isinstance(node.value, ast.Constant) else self._inside(node)

    def visit_arg(self, node: ast.arg) -> ast.arg:
        """An annotation stays."""
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AnnAssign:
        """As above; the value does not."""
        node.value = node.value and self.visit(node.value)
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        """A function that a decorator may compile stays."""
        if any(last_name(one) not in _HARMLESS for one in node.decorator_list):
            return node
        node.args = self.visit(node.args)
        node.body = [self.visit(one) for one in node.body]
        return node

    def _inside(self, node: ast.Expr) -> ast.Expr:
        self.generic_visit(node)
        return node


@dataclass
class _Constants(_Places):
    """Counts constants."""

    uses: Counter[Key] = field(default_factory=Counter)
    values: dict[Key, str | bytes | bool | complex | None] = field(default_factory=dict)

    def visit_Constant(self, node: ast.Constant) -> ast.Constant:
        """One use."""
        if node.value is not ...:
            self.uses[_key(node)] += 1
            self.values[_key(node)] = node.value
        return node


@dataclass
class _Hoister(_Places):
    """Puts names in place of constants."""

    names: dict[Key, str]

    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        """One use."""
        name = self.names.get(_key(node))
        return ast.Name(name, ast.Load()) if name else node
