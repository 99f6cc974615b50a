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
        return Note(
            NoteKind.DIFFERS,
            f"{file.path} looks like the payload but cannot be parsed; the payload is what runs.",
            file.location(parsed.line),
        )
    mine, other = _definitions(parsed.tree), _definitions(payload)
    if mine == other:
        return Note(NoteKind.TWIN, f"{file.path} says the same as the payload, which is what runs.", file.location(0))
    names = [
        name or "the code outside functions"
        for name in sorted(mine.keys() | other.keys())
        if mine.get(name) != other.get(name)
    ]
    shown = ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
    return Note(
        NoteKind.DIFFERS, f"{file.path} differs from the payload, which is what runs: {shown}.", file.location(0)
    )


def _definitions(tree: ast.Module) -> dict[str, str]:
    """What is defined at the top, by name, as comparable text; everything else under the empty name."""
    found: dict[str, str] = {}
    for statement in tree.body:
        named = isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        name = statement.name if named else ""  # type: ignore[attr-defined]
        found[name] = found.get(name, "") + _dump(statement)
    return found


def _dump(statement: ast.stmt) -> str:
    """A statement without what does not run: its docstrings and annotations."""
    return ast.dump(statement)
