"""Readable files beside a packed script: do they say what the payload says?"""

import ast
import copy
import re

from golf_audit.decoding.source import Note, NoteKind, Source
from golf_audit.folder import File, Folder
from golf_audit.parsing import ParseFailure, parse

_WORD = re.compile(r"[A-Za-z_]\w{2,}")
_ALIKE = 0.5
"""Share of words in common from which a file is taken to be the payload's readable form."""
_SHOWN = 5


def compare_twins(folder: Folder, source: Source) -> list[Note]:
    """A note for each Python file of the folder that looks like the payload but is not what runs."""
    used = {layer.file for layer in (*source.layers, *source.modules.values())}
    payload = parse(source.text)
    if isinstance(payload, ParseFailure):
        return []
    words = set(_WORD.findall(source.text))
    others = [file for file in folder.scripts if file.path not in used]
    return [
        _same(file) if file.text == source.text else _compare(file, payload.tree)
        for file in others
        if file.text == source.text or _alike(words, set(_WORD.findall(file.text)))
    ]


def _alike(words: set[str], others: set[str]) -> bool:
    return bool(others) and len(words & others) >= _ALIKE * len(words | others)


def _same(file: File) -> Note:
    return Note(NoteKind.TWIN, f"{file.path} is the payload's text; the payload is what runs.", file.location(0))


def _compare(file: File, payload: ast.Module) -> Note:
    parsed = parse(file.text)
    if isinstance(parsed, ParseFailure):
        message = f"{file.path} looks like the payload but cannot be parsed; the payload is what runs."
        return Note(NoteKind.DIFFERS, message, file.location(parsed.line))
    mine, other = _definitions(parsed.tree), _definitions(payload)
    names = sorted(name for name in mine.keys() | other.keys() if not _equal(mine.get(name, []), other.get(name, [])))
    if not names:
        return Note(NoteKind.TWIN, f"{file.path} says the same as the payload, which is what runs.", file.location(0))
    shown = ", ".join(name or "the code outside functions" for name in names[:_SHOWN])
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    message = f"{file.path} differs from the payload, which is what runs: {shown}{more}."
    return Note(NoteKind.DIFFERS, message, file.location(0))


def _definitions(tree: ast.Module) -> dict[str, list[ast.stmt]]:
    """What is defined at the top, by name; everything else under the empty name."""
    found: dict[str, list[ast.stmt]] = {}
    for statement in tree.body:
        named = isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        found.setdefault(statement.name if named else "", []).append(statement)  # type: ignore[attr-defined]
    return found


def _equal(mine: list[ast.stmt], other: list[ast.stmt]) -> bool:
    """Whether two lists of statements do the same, whatever they say in docstrings and annotations."""
    return _dump(mine) == _dump(other) or _dump(_bare(mine)) == _dump(_bare(other))


def _dump(statements: list[ast.stmt]) -> str:
    return "\n".join(map(ast.dump, statements))


def _bare(statements: list[ast.stmt]) -> list[ast.stmt]:
    """Copies of statements without what does not run."""
    module = _Bare().visit(ast.Module(copy.deepcopy(statements), []))
    return list(module.body)


class _Bare(ast.NodeTransformer):
    """Takes away docstrings, annotations and `from __future__` imports."""

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        return None if isinstance(node.value, ast.Constant) else self.generic_visit(node)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST | None:
        return None if node.module == "__future__" else node

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = None
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns = None
        return self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        if node.value is None:
            return node
        return self.generic_visit(ast.Assign([node.target], node.value, lineno=node.lineno))
