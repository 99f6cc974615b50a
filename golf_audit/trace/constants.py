"""
Sizes that a script has no environment switch for: literals, found by what they are sizes of, and rewritten in place.

Found are numbers bound to a name, defaults of command-line options, the number of micro-batches of a
step (a literal divided by the number of processes), and the least number of elements that a tensor must have to be
quantised (a literal that a count of elements is compared with). Anything else of the text stays as it is.
"""

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from golf_audit.parsing import Parsed, parse

ACCUMULATION, ELEMENTS = "micro-batches of a step", "least elements of a quantised tensor"
_OPTION = "--"
_FEWEST = 1024
"""A count of elements below it is no threshold of quantisation."""


@dataclass(frozen=True, slots=True)
class Literal:
    """A number in a text, with what it says the size of."""

    role: str
    """The name that it is bound to, in capitals, or `ACCUMULATION` or `ELEMENTS`."""
    value: float
    line: int
    start: int
    """Bytes from the line's beginning."""
    end: int


def read_literals(text: str) -> tuple[Literal, ...]:
    """The sizes that are written into a text; none where it cannot be parsed."""
    parsed = parse(text)
    if not isinstance(parsed, Parsed):
        return ()
    lines = text.encode().split(b"\n")
    found = [literal for node in ast.walk(parsed.tree) for literal in _found(node, parsed.tree)]
    return tuple(literal for literal in dict.fromkeys(found) if _stands(literal, lines))


def rewritten(text: str, changes: Mapping[Literal, str]) -> str:
    """The text with literals replaced."""
    lines = text.encode().split(b"\n")
    for literal in sorted(changes, key=lambda one: (one.line, one.start), reverse=True):
        line = lines[literal.line - 1]
        lines[literal.line - 1] = line[: literal.start] + changes[literal].encode() + line[literal.end :]
    return b"\n".join(lines).decode()


def constant(node: ast.expr | None) -> float | None:
    """A literal number, or what products, sums, powers and shifts of them come to."""
    match node:
        case ast.Constant(value=bool()):
            return None
        case ast.Constant(value=int() | float() as value):
            return float(value)
        case ast.UnaryOp(op=ast.USub(), operand=inner):
            negative = constant(inner)
            return None if negative is None else -negative
        case ast.BinOp(left=left, op=op, right=right):
            a, b = constant(left), constant(right)
            return None if a is None or b is None else _joined(op, a, b)
    return None


def _joined(op: ast.operator, a: float, b: float) -> float | None:
    if isinstance(op, ast.Pow | ast.LShift) and not 0 <= b < 64:  # noqa: PLR2004 -- no size is larger
        return None
    if isinstance(op, ast.Div | ast.FloorDiv) and not b:
        return None
    match op:
        case ast.Add():
            return a + b
        case ast.Sub():
            return a - b
        case ast.Mult():
            return a * b
        case ast.Div():
            return a / b
        case ast.FloorDiv():
            return a // b
        case ast.Pow():
            return float(a**b)
        case ast.LShift():
            return float(int(a) << int(b))
    return None


def _found(node: ast.AST, tree: ast.Module) -> Iterator[Literal]:
    match node:
        case (
            ast.Assign(targets=[ast.Name(id=name)], value=value) | ast.AnnAssign(target=ast.Name(id=name), value=value)
        ):
            if value is not None and (number := constant(value)) is not None:
                yield _literal(name.upper(), value, number)
        case ast.Call(func=ast.Attribute(attr="add_argument"), args=[ast.Constant(value=str() as name), *_]):
            yield from _option(name, node)
        case ast.BinOp(left=ast.Constant(value=int() as count), op=ast.FloorDiv(), right=right) if (
            count > 1 and _is_world(right)
        ):
            yield _literal(ACCUMULATION, node.left, float(count))
        case ast.Compare(left=left, comparators=[right]):
            for side, other in ((left, right), (right, left)):
                if _counts_elements(side):
                    yield from _threshold(other, tree)


def _option(name: str, call: ast.Call) -> Iterator[Literal]:
    if name.startswith(_OPTION):
        for keyword in call.keywords:
            if keyword.arg == "default" and (number := constant(keyword.value)) is not None:
                yield _literal(name.removeprefix(_OPTION).replace("-", "_").upper(), keyword.value, number)


def _is_world(node: ast.expr) -> bool:
    """Whether an expression is the number of processes."""
    return "world" in ast.unparse(node).lower()


def _counts_elements(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "numel"


def _threshold(node: ast.expr, tree: ast.Module) -> Iterator[Literal]:
    """The literal that a count of elements is compared with, there or where its name is bound."""
    if isinstance(node, ast.Name):
        values = [
            s.value
            for s in tree.body
            if isinstance(s, ast.Assign) and any(isinstance(t, ast.Name) and t.id == node.id for t in s.targets)
        ]
        node = values[0] if len(values) == 1 else node
    number = constant(node)
    if number is not None and number >= _FEWEST:
        yield _literal(ELEMENTS, node, number)


def _literal(role: str, node: ast.expr, value: float) -> Literal:
    one_line = node.end_lineno == node.lineno
    return Literal(role, value, node.lineno, node.col_offset, (node.end_col_offset or 0) if one_line else 0)


def _stands(literal: Literal, lines: Sequence[bytes]) -> bool:
    """Whether the literal lies where its position says: rewritten grammar may have moved it."""
    if literal.line > len(lines):
        return False
    try:
        tree = ast.parse(lines[literal.line - 1][literal.start : literal.end].decode().strip(), mode="eval")
    except (SyntaxError, ValueError):
        return False
    return constant(tree.body) == literal.value
