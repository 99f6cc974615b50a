"""
Tables of how many bytes a token stands for, as the program builds them from a SentencePiece model.

Each loop that asks the tokenizer for its pieces is played through for two pieces of text: a word with a leading space
(`▁word`) and a byte fallback (`<0x41>`). What the loop stores for them says what it counts. Names play no part.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

MARK: Final = "\u2581"
_PIECE: Final = ("id_to_piece", "IdToPiece")
_NOT_TEXT: Final = ("is_control", "is_unknown", "is_unused", "IsControl", "IsUnknown", "IsUnused")
_WRAPPERS: Final = ("int", "float", "str", "max", "tensor", "int16", "int32", "int64", "float32", "array", "bytes")


@dataclass(frozen=True, slots=True)
class ByteTable:
    """What one loop counts."""

    file: str
    line: int
    word: int | None
    """Bytes counted for `▁word` beyond those of `word`: 0 the scorer adds the space, 1 it is in, 3 the mark is spelled out."""
    marks_space: bool
    """Whether the loop also records which pieces start with a space."""
    fallback: int | None
    """Bytes counted for `<0x41>`: 1, or 6 where it is taken for text."""


@dataclass(frozen=True, slots=True)
class _Text:
    """A piece, or a part of it: what stands before the word, in bytes."""

    extra: int


@dataclass(frozen=True, slots=True)
class _Length:
    """Bytes beyond those of the bare word."""

    extra: int


_Value = _Text | _Length | int | str | bool | None
"""None is not known."""


class _GivenUpError(Exception):
    """The loop does something that is not understood."""


def byte_tables(modules: Mapping[str, ast.Module]) -> tuple[ByteTable, ...]:
    """Every table that the program builds from pieces, as far as it is understood."""
    return tuple(table for file, tree in modules.items() for table in _in_module(file, tree))


def _in_module(file: str, tree: ast.Module) -> Iterator[ByteTable]:
    for loop in ast.walk(tree):
        if isinstance(loop, ast.For) and any(_asks_for_piece(n) for s in loop.body for n in ast.walk(s)):
            if any(isinstance(inner, ast.For) and _asks(inner) for s in loop.body for inner in ast.walk(s)):
                continue
            table = _play(file, loop)
            if table is not None:
                yield table


def _asks(node: ast.AST) -> bool:
    return any(_asks_for_piece(n) for n in ast.walk(node))


def _asks_for_piece(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _PIECE


def _play(file: str, loop: ast.For) -> ByteTable | None:
    word, fallback = _Player(fallback=False), _Player(fallback=True)
    for player in (word, fallback):
        try:
            player.run(loop.body)
        except _GivenUpError:
            player.stores.clear()
    lengths = [(name, line, v.extra) for name, (line, v) in word.stores.items() if isinstance(v, _Length)]
    if len(lengths) != 1:
        return None
    name, line, extra = lengths[0]
    held = fallback.stores.get(name, (0, None))[1]
    counted = held.extra if isinstance(held, _Length) else held if isinstance(held, int) else None
    marks = any(v is True for _, v in word.stores.values())
    return ByteTable(file, line, extra, marks, counted)


class _Player:
    """Plays a loop's body for one piece and keeps what it stores."""

    def __init__(self, *, fallback: bool) -> None:
        self.fallback = fallback
        self.names: dict[str, _Value] = {}
        self.stores: dict[str, tuple[int, _Value]] = {}

    def run(self, body: list[ast.stmt]) -> bool:
        """Run statements; False where the turn of the loop ended."""
        return all(self.step(statement) for statement in body)

    def step(self, node: ast.stmt) -> bool:
        """Run one statement; False where the turn of the loop ended."""
        match node:
            case ast.Assign(targets=[target], value=value):
                self.put(target, self.value(value), node.lineno)
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                self.put(target, self.value(value), node.lineno)
            case ast.AugAssign(target=target, op=ast.Add(), value=value):
                self.put(target, self.plus(self.held(target), self.value(value)), node.lineno)
            case ast.If(test=test, body=body, orelse=orelse):
                return self.branch(self.truth(test), body, orelse)
            case ast.Continue() | ast.Break() | ast.Return():
                return False
            case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="append"), args=[value])):
                self.stores[name] = (node.lineno, self.value(value))
            case ast.Try(body=body) | ast.With(body=body):
                return self.run(body)
            case _:
                pass
        return True

    def branch(self, truth: bool | None, body: list[ast.stmt], orelse: list[ast.stmt]) -> bool:
        """Take the side that the piece takes; an open condition that skips the piece is taken not to."""
        if truth is None:
            truth = not isinstance(body[-1], ast.Continue | ast.Break | ast.Return)
            if truth and orelse:
                raise _GivenUpError
        return self.run(body if truth else orelse)

    def put(self, target: ast.expr, value: _Value, line: int) -> None:
        """Assign to a name, or store into an array."""
        if isinstance(target, ast.Name):
            self.names[target.id] = value
        elif isinstance(target, ast.Subscript):
            self.stores[ast.dump(target.value)] = (line, value)
        elif isinstance(target, ast.Tuple):
            for part in target.elts:
                self.put(part, None, line)

    def held(self, target: ast.expr) -> _Value:
        """What a name or an array's entry holds."""
        if isinstance(target, ast.Name):
            return self.names.get(target.id)
        if isinstance(target, ast.Subscript):
            return self.stores.get(ast.dump(target.value), (0, None))[1]
        return None

    def value(self, node: ast.expr) -> _Value:
        """What an expression is for this piece."""
        match node:
            case ast.Constant(value=bool() | int() | str() as value):
                return value
            case ast.Name(id=name):
                return self.names.get(name)
            case ast.Call(func=ast.Attribute(value=base, attr=name), args=args):
                return self.method(name, base, args)
            case ast.Call(func=ast.Name(id="len"), args=[inner]):
                held = self.value(inner)
                return _Length(held.extra) if isinstance(held, _Text) else None
            case ast.Call(func=ast.Name(id=name), args=[*_, inner]) if name in _WRAPPERS:
                return self.value(inner)
            case ast.Subscript(value=base, slice=ast.Slice(lower=ast.expr(), upper=None)):
                held = self.value(base)
                return _Text(0) if isinstance(held, _Text) and not self.fallback else None
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return self.plus(self.value(left), self.value(right))
            case ast.IfExp(test=test, body=body, orelse=orelse):
                truth = self.truth(test)
                return None if truth is None else self.value(body if truth else orelse)
            case ast.Compare() | ast.BoolOp() | ast.UnaryOp(op=ast.Not()):
                return self.truth(node)
        return None

    def method(self, name: str, base: ast.expr, args: list[ast.expr]) -> _Value:
        """A method of the tokenizer, of a piece, or of a library that wraps its argument."""
        if name in _PIECE:
            return _Text(6 if self.fallback else 3)
        if name in ("startswith", "is_byte", "IsByte", *_NOT_TEXT):
            return self.truth(ast.Call(func=ast.Attribute(value=base, attr=name), args=args, keywords=[]))
        held = self.value(base)
        if not isinstance(held, _Text):
            return self.value(args[-1]) if args and name in _WRAPPERS else None
        if name == "encode":
            return held
        if name in ("lstrip", "removeprefix") and args:
            return _Text(0) if not self.fallback else held
        if name == "replace" and len(args) == 2:
            return held if self.fallback else self.replaced(args)
        return None

    def replaced(self, args: list[ast.expr]) -> _Value:
        """The word with its mark replaced."""
        new = args[1].value if isinstance(args[1], ast.Constant) else None
        return _Text(len(new.encode())) if isinstance(new, str) else None

    @staticmethod
    def plus(a: _Value, b: _Value) -> _Value:
        """A sum of lengths and numbers."""
        for length, other in ((a, b), (b, a)):
            if isinstance(length, _Length) and isinstance(other, int):
                return _Length(length.extra + int(other))
        return a + b if type(a) is int and type(b) is int else None

    def truth(self, node: ast.expr) -> bool | None:
        """Whether a condition holds for this piece."""
        match node:
            case ast.UnaryOp(op=ast.Not(), operand=inner):
                truth = self.truth(inner)
                return None if truth is None else not truth
            case ast.BoolOp(op=op, values=values):
                return self.several(isinstance(op, ast.Or), [self.truth(v) for v in values])
            case ast.Call(func=ast.Attribute(attr=name)) if name in _NOT_TEXT:
                return False
            case ast.Call(func=ast.Attribute(attr="is_byte" | "IsByte")):
                return self.fallback
            case ast.Call(func=ast.Attribute(value=base, attr="startswith"), args=[prefix]):
                return self.starts(base, prefix)
            case ast.Call(args=[ast.Constant(value=str() as pattern), *_]) if "<0x" in pattern:
                return self.fallback
            case ast.Compare(left=left, ops=[ast.Eq() | ast.In() as op], comparators=[right]):
                return self.compared(left, op, right)
            case ast.Name(id=name):
                held = self.names.get(name)
                return held if isinstance(held, bool) else None
        return None

    @staticmethod
    def several(any_of: bool, truths: list[bool | None]) -> bool | None:
        """`or` / `and` of conditions; open ones beside a true one are details (`startswith(mark) and len(piece) > 1`)."""
        if any_of in truths:
            return any_of
        if not any_of and True in truths:
            return True
        return None if None in truths else not any_of

    def starts(self, base: ast.expr, prefix: ast.expr) -> bool | None:
        """Whether the piece starts with a text."""
        held = self.value(base)
        text = self.value(prefix)
        if not isinstance(held, _Text):
            return None
        if not isinstance(text, str):
            return not self.fallback if isinstance(prefix, ast.Name) else None
        return text.startswith("<") if self.fallback else text == MARK and held.extra > 0

    def compared(self, left: ast.expr, op: ast.cmpop, right: ast.expr) -> bool | None:
        """`piece[0] == mark`, `mark in piece`."""
        text, other = (left, right) if isinstance(op, ast.In) else (right, left)
        if not isinstance(text, ast.Constant) or text.value != MARK:
            return None
        inner = other.value if isinstance(other, ast.Subscript) else other
        return not self.fallback if isinstance(self.value(inner), _Text) else None


def space_additions(modules: Mapping[str, ast.Module]) -> Iterator[tuple[str, int]]:
    """Where a scorer adds one byte for a space: `… + (space[y] & ~boundary[x])`, as file and line."""
    for file, tree in modules.items():
        for node in ast.walk(tree):
            match node:
                case ast.AugAssign(op=ast.Add(), value=value):
                    parts = [value]
                case ast.BinOp(op=ast.Add(), left=left, right=right):
                    parts = [left, right]
                case _:
                    continue
            if any(_space_of(inner) for part in parts for inner in _outside_sums(part)):
                yield file, node.lineno


def _outside_sums(part: ast.expr) -> Iterator[ast.AST]:
    stack: list[ast.AST] = [part]
    while stack:
        node = stack.pop()
        yield node
        if not isinstance(node, ast.BinOp) or not isinstance(node.op, ast.Add):
            stack.extend(ast.iter_child_nodes(node))


def _space_of(node: ast.AST) -> bool:
    match node:
        case ast.BinOp(
            op=ast.BitAnd(), left=ast.Subscript(), right=ast.UnaryOp(op=ast.Invert(), operand=ast.Subscript())
        ):
            return True
    return False
