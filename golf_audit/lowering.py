"""
Grammar newer than Python 3.11, rewritten so that 3.11 parses it: f-strings of PEP 701, type parameters of PEP 695.

A replacement field that 3.11 cannot read is parsed by itself and put into the tree where a stand-in name was, so the
tree is the one that a newer Python would give, and every line keeps its number.
"""

import ast
import re
import warnings
from dataclasses import dataclass, field

from golf_audit.strings import Literal, UnterminatedError, literals

_DIFFICULT = re.compile(r"""["'\\#\n]""")
"""What 3.11 cannot have in a replacement field, or not always."""
_TRIPLE = '"""'
_STAND_IN = re.compile(r"_+\d+")
"""What a stand-in name looks like."""
_NEW_STATEMENT = re.compile(r"\b(?:def|class|type)\s+\w+\s*[\[=]")
_GENERIC = re.compile(r"\b(?:def|class)\s+\w+\s*(?=\[)")
_ALIAS = re.compile(r"(?:^|(?<=[;:\n]))([ \t]*)type[ \t]+(\w+)[ \t]*(?=[=\[])")


class Unreadable(SyntaxError):  # noqa: N818 -- a kind of SyntaxError, which says it already
    """A text in which not even the string literals can be told."""


def parse_lowered(text: str) -> ast.Module:
    """
    The tree of a text that may use newer grammar than this Python's.

    Raises SyntaxError where that does not help; its line is one of `text`.
    """
    lowering = _Lowering.of(text)
    tree = _parse(lowering.text)
    lowering.restore(tree)
    return tree


@dataclass(frozen=True, slots=True)
class _Field:
    """A replacement field's expression that is parsed by itself."""

    name: str
    """The name that stands in for it."""
    stand_in: str
    """That name with the padding that was put after it."""
    source: str
    line: int
    """One-based line of its first character."""
    column: int
    """Zero-based, in bytes of UTF-8, as `ast` counts."""


@dataclass(slots=True)
class _Lowering:
    """A text under rewriting."""

    text: str
    fields: list[_Field] = field(default_factory=list)

    @classmethod
    def of(cls, text: str) -> "_Lowering":
        if _NEW_STATEMENT.search(text):
            text = _without_type_parameters(text)
        lowering = cls(text)
        lowering._replace_fields(_literals(text))
        return lowering

    def _replace_fields(self, found: list[Literal]) -> None:
        """Put a stand-in for each difficult field, and pad so that lines (and mostly columns) stay where they are."""
        text, done = self.text, 0
        pieces: list[str] = []
        prefix = _unused_prefix(text)
        cursor = _Cursor(text)
        for literal in found:
            lost = 0
            for start, end in literal.fields:
                if start < done or not _DIFFICULT.search(text, start, end):
                    continue
                stand_in, newlines = _stand_in(f"{prefix}{len(self.fields)}", text[start:end], literal.quote)
                cursor.move(start)
                self.fields.append(
                    _Field(f"{prefix}{len(self.fields)}", stand_in, text[start:end], cursor.line, cursor.column)
                )
                pieces += text[done:start], stand_in
                lost += newlines
                done = end
            if lost:
                cursor.move(literal.end)
                pieces += text[done : literal.end], "\\\n" * lost, " " * cursor.column
                done = literal.end
        self.text = "".join((*pieces, text[done:]))

    def restore(self, tree: ast.AST) -> None:
        """Put the expressions, each parsed by itself, where their stand-ins are."""
        if not self.fields:
            return
        by_name = {item.name: item for item in self.fields}
        for node in ast.walk(tree):
            if isinstance(node, ast.FormattedValue) and isinstance(node.value, ast.Name):
                if (item := by_name.get(node.value.id)) is not None:
                    node.value = _expression(item)
            elif isinstance(node, ast.JoinedStr):
                _restore_sources(node.values, by_name)


def _stand_in(name: str, source: str, quote: str) -> tuple[str, int]:
    """What stands for the expression, and how many lines are lost by it that must be made up after the literal."""
    newlines = source.count("\n")
    if not newlines:
        return name.ljust(len(source.encode("utf-8", "surrogatepass"))), 0
    return (name + "\n" * newlines, 0) if len(quote) == len(_TRIPLE) else (name, newlines)


class _Cursor:
    """Line and column of an offset that only moves forward, so that finding them all costs one pass."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._offset = 0
        self.line = 1
        """One-based."""
        self.column = 0
        """Zero-based, in bytes of UTF-8."""

    def move(self, offset: int) -> None:
        """Go forward to `offset`."""
        passed = self._text[self._offset : offset]
        before, newline, rest = passed.rpartition("\n")
        self.line += before.count("\n") + len(newline)
        self.column = len(rest.encode("utf-8", "surrogatepass")) + (0 if newline else self.column)
        self._offset = offset


def _restore_sources(parts: list[ast.expr], by_name: dict[str, _Field]) -> None:
    """Give self-documenting fields (`{x=}`) the text that they show."""
    for part in parts:
        if isinstance(part, ast.Constant) and isinstance(part.value, str) and "=" in part.value:
            for name in _STAND_IN.findall(part.value):
                if (item := by_name.get(name)) is not None:
                    part.value = part.value.replace(item.stand_in, item.source)


def _expression(item: _Field) -> ast.expr:
    """The tree of a replacement field's expression, at its place in the whole text."""
    source = f"({item.source}\n)"
    try:
        module = _parse(source)
    except SyntaxError:
        try:
            module = parse_lowered(source)
        except SyntaxError as error:
            line = (error.lineno or 1) + item.line - 1
            raise SyntaxError(error.msg, ("<text>", line, error.offset, error.text)) from error
    if len(module.body) != 1 or not isinstance(statement := module.body[0], ast.Expr):
        raise SyntaxError("invalid replacement field", ("<text>", item.line, item.column, None))
    for node in ast.walk(statement.value):
        if isinstance(node, ast.expr | ast.keyword | ast.arg):
            _shift(node, item)
    return statement.value


def _shift(node: ast.expr | ast.keyword | ast.arg, item: _Field) -> None:
    """Move a node from the parenthesised expression to where the expression is."""
    if node.lineno == 1:
        node.col_offset += item.column - 1
    if node.end_lineno == 1 and node.end_col_offset is not None:
        node.end_col_offset += item.column - 1
    node.lineno += item.line - 1
    node.end_lineno = (node.end_lineno or 1) + item.line - 1


def _parse(text: str) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(text)


def _unused_prefix(text: str) -> str:
    """A short start of a name that does not occur in `text`."""
    prefix = "_"
    while re.search(rf"\b{prefix}\d", text):
        prefix += "_"
    return prefix


def _literals(text: str) -> list[Literal]:
    try:
        return list(literals(text))
    except UnterminatedError as error:
        line = text.count("\n", 0, error.offset) + 1
        raise Unreadable("unterminated string literal", ("<text>", line, 0, None)) from error


def _without_type_parameters(text: str) -> str:
    """`text` with `def f[T](...)`, `class C[T]:` and `type X[T] = ...` turned into their forms without parameters."""
    code = _masked(text, _literals(text))
    edits = [(match.end(), _bracket_end(code, match.end()), "") for match in _GENERIC.finditer(code)]
    for match in _ALIAS.finditer(code):
        parameters = _bracket_end(code, match.end()) if code[match.end()] == "[" else match.end()
        edits.append((match.end(1), parameters, match[2]))
    for start, end, kept in sorted(edits, reverse=True):
        text = text[:start] + kept + _blank(text[start + len(kept) : end]) + text[end:]
    return text


def _masked(text: str, found: list[Literal]) -> str:
    """`text` with what is inside literals blanked, newlines kept."""
    pieces: list[str] = []
    done = 0
    for literal in found:
        pieces += text[done : literal.start], re.sub(r"[^\n]", " ", text[literal.start : literal.end])
        done = literal.end
    return "".join((*pieces, text[done:]))


def _bracket_end(code: str, start: int) -> int:
    """Past the bracket that closes the one at `start`; `start` where none does."""
    depth = 0
    for match in re.compile(r"[\[\](){}]").finditer(code, start):
        depth += 1 if match[0] in "[({" else -1
        if depth == 0:
            return match.end()
    return start


def _blank(text: str) -> str:
    """As many columns and lines of nothing, joined to the line they are on."""
    return "\\\n".join(" " * max(0, len(line) - 1) for line in text.split("\n")) if "\n" in text else " " * len(text)
