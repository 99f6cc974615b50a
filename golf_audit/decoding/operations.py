"""Operators on plain data, each checked for what it would make before it makes it."""

import ast
import operator
import re
import string
import struct
from collections.abc import Callable
from pathlib import PurePosixPath

from golf_audit.decoding.limits import Budget, LimitReached
from golf_audit.decoding.values import Raised, Unknown

PLAIN = (bool, int, float, str, bytes, bytearray, list, tuple, set, frozenset, dict, range, type(None))
"""Data that Python's own operators and methods may be applied to."""
_BITS = 200_000
_WIDTH = re.compile(r"\d{5,}")
_PERCENT_WIDTH = re.compile(r"%(?:\([^)]*\))?[-+ #0]*(?:\*|\d{5,}|\d*\.(?:\*|\d{5,}))")

_BINARY: dict[type[ast.operator], Callable[..., object]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
    ast.LShift: operator.lshift,
    ast.RShift: operator.rshift,
    ast.BitOr: operator.or_,
    ast.BitXor: operator.xor,
    ast.BitAnd: operator.and_,
}
_UNARY: dict[type[ast.unaryop], Callable[..., object]] = {
    ast.UAdd: operator.pos,
    ast.USub: operator.neg,
    ast.Not: operator.not_,
    ast.Invert: operator.invert,
}
_COMPARE: dict[type[ast.cmpop], Callable[..., object]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Is: operator.is_,
    ast.IsNot: operator.is_not,
    ast.In: lambda item, container: item in container,
    ast.NotIn: lambda item, container: item not in container,
}
_CONVERSIONS: dict[int, Callable[[object], str]] = {ord("s"): str, ord("r"): repr, ord("a"): ascii}
ERRORS = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, struct.error)
"""What an operation on data can raise."""


def native(function: Callable[..., object], *arguments: object, **keywords: object) -> object:
    """What `function` gives; raises Raised where it raises any ordinary exception."""
    try:
        return function(*arguments, **keywords)
    except ERRORS as error:
        raise Raised(f"a {type(error).__name__} ({error})") from error


def binary(kind: ast.operator, left: object, right: object, budget: Budget) -> object:
    """`left` and `right` under a binary operator."""
    if isinstance(left, PurePosixPath) and isinstance(kind, ast.Div) and isinstance(right, str | PurePosixPath):
        return left / right
    if isinstance(right, PurePosixPath) and isinstance(kind, ast.Div) and isinstance(left, str):
        return left / right
    if not isinstance(left, PLAIN) or not isinstance(right, PLAIN):
        return Unknown("an operation on something that is no plain data")
    _check_binary(kind, left, right, budget)
    return native(_BINARY[type(kind)], left, right) if type(kind) in _BINARY else Unknown("a matrix product")


def _check_binary(kind: ast.operator, left: object, right: object, budget: Budget) -> None:
    if isinstance(kind, ast.Add) and _sized(left) and _sized(right):
        budget.check_size(_length(left) + _length(right))
    elif isinstance(kind, ast.Mult):
        for one, other in ((left, right), (right, left)):
            if _sized(one) and isinstance(other, int):
                budget.check_size(_length(one) * max(0, other))
        _check_bits(_bits(left) + _bits(right))
    elif isinstance(kind, ast.Pow) and isinstance(right, int):
        _check_bits(_bits(left) * max(0, right))
    elif isinstance(kind, ast.LShift) and isinstance(right, int):
        _check_bits(_bits(left) + right)
    elif isinstance(kind, ast.FloorDiv | ast.Mod) and isinstance(left, int):
        _check_bits(min(_bits(left), _bits(right)))
    elif isinstance(kind, ast.Mod) and isinstance(left, str | bytes | bytearray):
        _check_percent(left if isinstance(left, str) else left.decode("latin-1"), right, budget)


def _check_bits(bits: int) -> None:
    if bits > _BITS:
        raise LimitReached(f"it computes a number of more than {_BITS:,} bits")


def _bits(value: object) -> int:
    return value.bit_length() if isinstance(value, int) else 0


def _sized(value: object) -> bool:
    return isinstance(value, str | bytes | bytearray | list | tuple)


def _length(value: object) -> int:
    """How much of the limit on a value's size it takes: bytes or characters, and eight for each item of a list."""
    if isinstance(value, list | tuple):
        return 8 * len(value)
    return len(value) if isinstance(value, str | bytes | bytearray) else 0


def _check_percent(template: str, right: object, budget: Budget) -> None:
    if _PERCENT_WIDTH.search(template):
        raise LimitReached("it formats to an absurd width")
    budget.check_depth(right)
    values = right if isinstance(right, tuple) else tuple(right.values()) if isinstance(right, dict) else (right,)
    budget.check_size(len(template) + template.count("%") * max((_length(value) for value in values), default=0))


def divide(left: object, right: object, budget: Budget) -> object:
    """Quotient and remainder."""
    _check_binary(ast.Mod(), left, right, budget)
    return native(divmod, left, right)


def power(base: object, exponent: object, modulus: object) -> object:
    """`pow` of three whole numbers."""
    _check_bits(16 * max(map(_bits, (base, exponent, modulus))))
    return native(pow, base, exponent, modulus)


def unary(kind: ast.unaryop, value: object) -> object:
    """`value` under a unary operator."""
    return native(_UNARY[type(kind)], value) if isinstance(value, PLAIN) else Unknown("an operation on an object")


def compare(kind: ast.cmpop, left: object, right: object, budget: Budget) -> object:
    """`left` compared with `right`."""
    budget.check_depth(left, right)
    return native(_COMPARE[type(kind)], left, right)


def show(value: object, conversion: Callable[[object], object], budget: Budget) -> object:
    """What `str`, `repr` or `ascii` make of plain data."""
    if not isinstance(value, PLAIN):
        return Unknown("the text of an object")
    budget.check_depth(value)
    return native(conversion, value)


def format_value(value: object, conversion: int, specifier: str, budget: Budget) -> object:
    """A replacement field's text."""
    if not isinstance(value, (*PLAIN, PurePosixPath)):
        return Unknown("the text of an object")
    if _WIDTH.search(specifier):
        raise LimitReached("it formats to an absurd width")
    budget.check_depth(value)
    shown = value if conversion == -1 else _CONVERSIONS[conversion](value)
    return native(format, shown, specifier)


def format_text(template: str, arguments: list[object], keywords: dict[str, object], budget: Budget) -> object:
    """`template.format(...)`, without the attribute and item access that templates allow."""
    for _, name, specifier, _ in native_parse(template):
        if name is not None and re.search(r"[.\[]", name):
            return Unknown("a format template that looks into its arguments")
        if specifier and (_WIDTH.search(specifier) or "{" in specifier):
            raise LimitReached("it formats to an absurd width")
    for value in (*arguments, *keywords.values()):
        if not isinstance(value, PLAIN):
            return Unknown("the text of an object")
        budget.check_depth(value)
        if isinstance(value, str):
            budget.check_size(len(value) * (template.count("{") + 1))
    return native(template.format, *arguments, **keywords)


def native_parse(template: str) -> list[tuple[str, str | None, str | None, str | None]]:
    """The fields of a format template; raises Raised where it is none."""
    try:
        return list(string.Formatter().parse(template))
    except ValueError as error:
        raise Raised(f"a format template that is broken ({error})") from error


def subscript(value: object, key: object, budget: Budget) -> object:
    """`value[key]` of plain data."""
    budget.check_depth(key)
    if isinstance(value, (str, bytes, bytearray, list, tuple, dict, range)):
        return native(operator.getitem, value, key)
    return Unknown("an item of an object")


def truth(value: object) -> bool:
    """Whether a known value counts as true; objects do."""
    return bool(value) if isinstance(value, PLAIN) else True
