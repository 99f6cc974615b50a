"""Expressions of a wrapper, evaluated by reading: what is not constant is Unknown, with the reason."""

import ast
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from golf_audit.decoding import comprehensions, library, methods, operations
from golf_audit.decoding.names import attribute, look_up
from golf_audit.decoding.values import (
    Dotted,
    Environ,
    Frame,
    Function,
    Raised,
    Unknown,
)

if TYPE_CHECKING:
    from golf_audit.decoding.machine import Machine


def evaluate(machine: "Machine", node: ast.expr, frame: Frame) -> object:
    """The value of an expression; raises Raised where running it would raise, LimitReached where it costs too much."""
    machine.world.budget.step()
    if isinstance(node, ast.Constant):
        return node.value
    handler = _HANDLERS.get(type(node))
    if handler is None:
        return Unknown(f"a {type(node).__name__} expression")
    return handler(machine, node, frame)


def _name(machine: "Machine", node: ast.Name, frame: Frame) -> object:
    return look_up(node.id, frame)


def _attribute(machine: "Machine", node: ast.Attribute, frame: Frame) -> object:
    return attribute(machine, evaluate(machine, node.value, frame), node.attr)


def _subscript(machine: "Machine", node: ast.Subscript, frame: Frame) -> object:
    owner, key = evaluate(machine, node.value, frame), evaluate(machine, node.slice, frame)
    if isinstance(owner, Unknown) or isinstance(key, Unknown):
        return owner if isinstance(owner, Unknown) else key
    if isinstance(owner, Dotted) and isinstance(key, str):
        return library.member(machine, owner, key)
    if isinstance(owner, Environ):
        setting = owner.settings.get(str(key))
        return setting.value if setting else Unknown(f"the environment variable {key}")
    return machine.world.trace(operations.subscript(owner, key, machine.world.budget), parent=owner)


def _slice(machine: "Machine", node: ast.Slice, frame: Frame) -> object:
    parts = [None if part is None else evaluate(machine, part, frame) for part in (node.lower, node.upper, node.step)]
    return next((part for part in parts if isinstance(part, Unknown)), slice(*parts))


def _call(machine: "Machine", node: ast.Call, frame: Frame) -> object:
    function = evaluate(machine, node.func, frame)
    arguments = _arguments(machine, node.args, frame)
    keywords = _keywords(machine, node.keywords, frame)
    machine.at(node)
    if isinstance(arguments, Unknown) or isinstance(keywords, Unknown):
        return arguments if isinstance(arguments, Unknown) else keywords
    return machine.call(function, arguments, keywords, frame)


def _arguments(machine: "Machine", nodes: Iterable[ast.expr], frame: Frame) -> list[object] | Unknown:
    """The values of arguments or of a list's items, starred ones unpacked."""
    values: list[object] = []
    for node in nodes:
        if not isinstance(node, ast.Starred):
            values.append(_passed(machine, node, frame))
            continue
        inner = evaluate(machine, node.value, frame)
        if isinstance(inner, Unknown):
            return inner
        values.extend(methods.iterate(inner, machine.world.budget))
    return values


def _passed(machine: "Machine", node: ast.expr, frame: Frame) -> object:
    """A value that is passed on; what would raise is unknown, unless a `try` is around it."""
    try:
        return evaluate(machine, node, frame)
    except Raised as error:
        if machine.guarded:
            raise
        return Unknown(error.why)


def _keywords(machine: "Machine", nodes: Iterable[ast.keyword], frame: Frame) -> dict[str, object] | Unknown:
    values: dict[str, object] = {}
    for node in nodes:
        value = _passed(machine, node.value, frame)
        if node.arg is not None:
            values[node.arg] = value
        elif isinstance(value, dict):
            values.update({str(key): item for key, item in value.items()})
        else:
            return value if isinstance(value, Unknown) else Unknown("keywords from something that is no dictionary")
    return values


def _binary(machine: "Machine", node: ast.BinOp, frame: Frame) -> object:
    """A binary operation; a long chain of them is not descended into, but walked."""
    chain: list[ast.BinOp] = []
    place: ast.expr = node
    while isinstance(place, ast.BinOp):
        chain.append(place)
        place = place.left
    value = evaluate(machine, place, frame)
    for link in reversed(chain):
        machine.world.budget.step()
        value = combine(machine, link.op, value, evaluate(machine, link.right, frame))
    return value


def combine(machine: "Machine", operator: ast.operator, left: object, right: object) -> object:
    """Two values under a binary operator."""
    for side in (left, right):
        if isinstance(side, Unknown):
            return side
    result = operations.binary(operator, left, right, machine.world.budget)
    parent = left if machine.world.how(left) else right
    return machine.world.trace(result, parent=parent)


def _unary(machine: "Machine", node: ast.UnaryOp, frame: Frame) -> object:
    value = evaluate(machine, node.operand, frame)
    return value if isinstance(value, Unknown) else operations.unary(node.op, value)


def _boolean(machine: "Machine", node: ast.BoolOp, frame: Frame) -> object:
    value: object = None
    for part in node.values:
        value = evaluate(machine, part, frame)
        if isinstance(value, Unknown) or operations.truth(value) != isinstance(node.op, ast.And):
            return value
    return value


def _compare(machine: "Machine", node: ast.Compare, frame: Frame) -> object:
    left, result = evaluate(machine, node.left, frame), True
    for operator, part in zip(node.ops, node.comparators, strict=True):
        right = evaluate(machine, part, frame)
        for side in (left, right):
            if isinstance(side, Unknown):
                return side
        if isinstance(right, Environ):
            right = right.looked_at(left)
        if not (result := bool(operations.compare(operator, left, right, machine.world.budget))):
            return False
        left = right
    return result


def _conditional(machine: "Machine", node: ast.IfExp, frame: Frame) -> object:
    test = evaluate(machine, node.test, frame)
    if isinstance(test, Unknown):
        return test
    return evaluate(machine, node.body if operations.truth(test) else node.orelse, frame)


def _sequence(machine: "Machine", node: ast.List | ast.Tuple | ast.Set, frame: Frame) -> object:
    items = _arguments(machine, node.elts, frame)
    if isinstance(items, Unknown) or isinstance(node, ast.List):
        return items
    machine.world.budget.check_depth(items)
    return tuple(items) if isinstance(node, ast.Tuple) else operations.native(set, items)


def _dictionary(machine: "Machine", node: ast.Dict, frame: Frame) -> object:
    result: dict[object, object] = {}
    for key_node, value_node in zip(node.keys, node.values, strict=True):
        value = evaluate(machine, value_node, frame)
        if key_node is None:
            if not isinstance(value, dict):
                return value if isinstance(value, Unknown) else Unknown("a dictionary made from something else")
            result.update(value)
            continue
        key = evaluate(machine, key_node, frame)
        if isinstance(key, Unknown):
            return key
        machine.world.budget.check_depth(key)
        operations.native(result.__setitem__, key, value)
    return result


def _joined(machine: "Machine", node: ast.JoinedStr, frame: Frame) -> object:
    pieces: list[str] = []
    for part in node.values:
        piece = evaluate(machine, part, frame)
        if not isinstance(piece, str):
            return piece if isinstance(piece, Unknown) else Unknown("an f-string")
        pieces.append(piece)
    machine.world.budget.check_size(sum(map(len, pieces)))
    return "".join(pieces)


def _formatted(machine: "Machine", node: ast.FormattedValue, frame: Frame) -> object:
    value = evaluate(machine, node.value, frame)
    specifier = "" if node.format_spec is None else evaluate(machine, node.format_spec, frame)
    if isinstance(value, Unknown) or not isinstance(specifier, str):
        return value if isinstance(value, Unknown) else specifier
    return operations.format_value(value, node.conversion, specifier, machine.world.budget)


def _lambda(machine: "Machine", node: ast.Lambda, frame: Frame) -> object:
    return Function(node, frame)


def _starred(machine: "Machine", node: ast.Starred, frame: Frame) -> object:
    return evaluate(machine, node.value, frame)


_HANDLERS: dict[type[ast.expr], Callable[..., object]] = {
    ast.Name: _name,
    ast.Attribute: _attribute,
    ast.Subscript: _subscript,
    ast.Slice: _slice,
    ast.Call: _call,
    ast.BinOp: _binary,
    ast.UnaryOp: _unary,
    ast.BoolOp: _boolean,
    ast.Compare: _compare,
    ast.IfExp: _conditional,
    ast.List: _sequence,
    ast.Tuple: _sequence,
    ast.Set: _sequence,
    ast.Dict: _dictionary,
    ast.JoinedStr: _joined,
    ast.FormattedValue: _formatted,
    ast.Lambda: _lambda,
    ast.NamedExpr: comprehensions.walrus,
    ast.ListComp: comprehensions.comprehension,
    ast.SetComp: comprehensions.comprehension,
    ast.GeneratorExp: comprehensions.comprehension,
    ast.DictComp: comprehensions.comprehension,
    ast.Starred: _starred,
}
