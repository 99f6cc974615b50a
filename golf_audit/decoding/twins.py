"""Readable files beside a packed script: do they say what the payload says?"""

import ast
import re

from golf_audit.decoding.source import Note, NoteKind, Source
from golf_audit.folder import File, Folder
from golf_audit.parsing import ParseFailure, parse

_WORD = re.compile(r"[A-Za-z_]\w{2,}")
_ALIKE = 0.5
"""Share of words in common from which a file is taken to be the payload's readable form."""
_SHOWN = 5
_SILENT = frozenset({"annotation", "returns", "type_comment", "type_params", "ctx", "kind"})
"""Fields of nodes that say nothing about what runs."""


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
    try:
        mine, other = _definitions(parsed.tree), _definitions(payload)
    except RecursionError:
        message = f"{file.path} looks like the payload but is nested too deeply to be compared with it."
        return Note(NoteKind.DIFFERS, message, file.location(0))
    names = sorted(name for name in mine.keys() | other.keys() if mine.get(name) != other.get(name))
    if not names:
        return Note(NoteKind.TWIN, f"{file.path} says the same as the payload, which is what runs.", file.location(0))
    shown = ", ".join(name or "the code outside functions" for name in names[:_SHOWN])
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    message = f"{file.path} differs from the payload, which is what runs: {shown}{more}."
    return Note(NoteKind.DIFFERS, message, file.location(0))


def _definitions(tree: ast.Module) -> dict[str, list[object]]:
    """What is defined at the top, by name, in a form that can be compared; everything else under the empty name."""
    found: dict[str, list[object]] = {"": []}
    for statement in tree.body:
        named = isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        name = statement.name if named else ""  # type: ignore[attr-defined]
        if (shape := _shape(statement)) is not None:
            found.setdefault(name, []).append(shape)
    return found


def _shape(value: object) -> object:
    """A node as nested tuples, without what does not run: docstrings, annotations, `from __future__` imports."""
    if isinstance(value, list):
        return tuple(shape for item in value if (shape := _shape(item)) is not None)
    if not isinstance(value, ast.AST):
        return (type(value), value)
    if isinstance(value, ast.Expr) and isinstance(value.value, ast.Constant):
        return None
    if isinstance(value, ast.ImportFrom) and value.module == "__future__":
        return None
    if isinstance(value, ast.AnnAssign) and value.value is not None:
        return _shape(ast.Assign([value.target], value.value, None))
    return (type(value), *(_shape(getattr(value, name, None)) for name in value._fields if name not in _SILENT))
