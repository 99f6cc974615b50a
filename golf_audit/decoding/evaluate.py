"""Expressions of a wrapper, evaluated by reading: what is not constant is Unknown, with the reason."""

import ast
from collections.abc import Callable, Iterable
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from golf_audit.decoding import library, methods, operations
from golf_audit.decoding.limits import LimitReached
from golf_audit.decoding.values import (
    Bound,
    Decompressor,
    Dotted,
    Environ,
    Frame,
    Function,
    Handle,
    ModuleObject,
    Partial,
    Raised,
    Spec,
    Unknown,
)

if TYPE_CHECKING:
    from golf_audit.decoding.machine import Machine

Comprehension = ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp


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


def look_up(name: str, frame: Frame) -> object:
    """What a name is bound to."""
    place: Frame | None = frame
    while place is not None:
        if name in (names := place.elsewhere.get(name, place.names)):
            return names[name]
        place = place.outer
    if name in frame.module:
        return frame.module[name]
    if name == "__builtins__":
        return Dotted("builtins")
    if library.is_builtin(name):
        return library.constant(f"builtins.{name}")
    return Unknown(f"the name {name}, which is not defined")


def bind(name: str, value: object, frame: Frame) -> None:
    """Bind a name."""
    frame.elsewhere.get(name, frame.names)[name] = value


def _attribute(machine: "Machine", node: ast.Attribute, frame: Frame) -> object:
    return attribute(machine, evaluate(machine, node.value, frame), node.attr)


def attribute(machine: "Machine", owner: object, name: str) -> object:
    """`owner.name`."""
    if isinstance(owner, Unknown):
        return owner
    if isinstance(owner, Dotted):
        return owner if name == "__dict__" else library.member(machine, owner, name)
    if isinstance(owner, PurePosixPath):
        value = methods.path_attribute(owner, name)
        return Bound(owner, name) if isinstance(value, Unknown) else value
    if isinstance(owner, ModuleObject):
        return owner.names if name == "__dict__" else owner.names.get(name, Unknown(f"the attribute {name}"))
    if isinstance(owner, Spec):
        known = {"loader": owner, "name": owner.name, "origin": owner.path.as_posix()}
        return known.get(name, Bound(owner, name))
    if isinstance(owner, Handle) and name == "name":
        return Unknown("the name of a file") if owner.path is None else owner.path.as_posix()
    return Bound(owner, name)


def _subscript(machine: "Machine", node: ast.Subscript, frame: Frame) -> object:
    owner, key = evaluate(machine, node.value, frame), evaluate(machine, node.slice, frame)
    if isinstance(owner, Unknown) or isinstance(key, Unknown):
        return owner if isinstance(owner, Unknown) else key
    if isinstance(owner, Dotted) and isinstance(key, str):
        return library.member(machine, owner, key)
    if isinstance(owner, Environ):
        setting = owner.settings.get(str(key))
        return setting.value if setting else Unknown(f"the environment variable {key}")
    return machine.world.trace(operations.subscript(owner, key), parent=owner)


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
            values.append(evaluate(machine, node, frame))
            continue
        inner = evaluate(machine, node.value, frame)
        if isinstance(inner, Unknown):
            return inner
        values.extend(methods.iterate(inner, machine.world.budget))
    return values


def _keywords(machine: "Machine", nodes: Iterable[ast.keyword], frame: Frame) -> dict[str, object] | Unknown:
    values: dict[str, object] = {}
    for node in nodes:
        value = evaluate(machine, node.value, frame)
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
        if isinstance(value, Unknown) or truth(value) != isinstance(node.op, ast.And):
            return value
    return value


def truth(value: object) -> bool:
    """Whether a known value counts as true; objects do."""
    return bool(value) if isinstance(value, operations.PLAIN) else True


def _compare(machine: "Machine", node: ast.Compare, frame: Frame) -> object:
    left, result = evaluate(machine, node.left, frame), True
    for operator, part in zip(node.ops, node.comparators, strict=True):
        right = evaluate(machine, part, frame)
        for side in (left, right):
            if isinstance(side, Unknown):
                return side
        if isinstance(right, Environ):
            return Unknown("which environment variables are set")
        if not (result := bool(operations.compare(operator, left, right))):
            return False
        left = right
    return result


def _conditional(machine: "Machine", node: ast.IfExp, frame: Frame) -> object:
    test = evaluate(machine, node.test, frame)
    if isinstance(test, Unknown):
        return test
    return evaluate(machine, node.body if truth(test) else node.orelse, frame)


def _sequence(machine: "Machine", node: ast.List | ast.Tuple | ast.Set, frame: Frame) -> object:
    items = _arguments(machine, node.elts, frame)
    if isinstance(items, Unknown) or isinstance(node, ast.List):
        return items
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
    return operations.format_value(value, node.conversion, specifier)


def _lambda(machine: "Machine", node: ast.Lambda, frame: Frame) -> object:
    return Function(node, frame)


def _walrus(machine: "Machine", node: ast.NamedExpr, frame: Frame) -> object:
    value = evaluate(machine, node.value, frame)
    place = frame
    while place.elsewhere.get(_COMPREHENSION) is not None and place.outer is not None:
        place = place.outer
    bind(node.target.id, value, place)
    return value


_COMPREHENSION = "<comprehension>"


def _comprehension(machine: "Machine", node: Comprehension, frame: Frame) -> object:
    inner = Frame({}, frame.module, frame, {_COMPREHENSION: {}})
    results: list[object] = []

    def produce() -> None:
        if isinstance(node, ast.DictComp):
            pair = evaluate(machine, node.key, inner), evaluate(machine, node.value, inner)
            results.append(pair)
        else:
            results.append(evaluate(machine, node.elt, inner))

    failure = _generate(machine, node.generators, inner, produce)
    if failure is not None:
        return failure
    if isinstance(node, ast.ListComp | ast.GeneratorExp):
        return results
    for item in results:
        if isinstance(key := item[0] if isinstance(item, tuple) and isinstance(node, ast.DictComp) else item, Unknown):
            return key
    return operations.native(dict if isinstance(node, ast.DictComp) else set, results)


def _generate(
    machine: "Machine", generators: list[ast.comprehension], frame: Frame, produce: Callable[[], None]
) -> Unknown | None:
    """Call `produce` for each combination that the generators give; gives what stops it, where something does."""
    if not generators:
        produce()
        return None
    first, *rest = generators
    source = evaluate(machine, first.iter, frame)
    if isinstance(source, Unknown):
        return source
    for item in machine.iterate(source):
        machine.assign(first.target, item, frame)
        tests = [evaluate(machine, test, frame) for test in first.ifs]
        if unknown := next((test for test in tests if isinstance(test, Unknown)), None):
            return unknown
        if all(map(truth, tests)) and (failure := _generate(machine, rest, frame, produce)) is not None:
            return failure
    return None


def _starred(machine: "Machine", node: ast.Starred, frame: Frame) -> object:
    return evaluate(machine, node.value, frame)


def call_own(machine: "Machine", function: Function, arguments: list[object], keywords: dict[str, object]) -> object:
    """Call a function of the wrapper's own."""
    names = _bind_arguments(machine, function, arguments, keywords)
    frame = Frame(names, function.frame.module, function.frame if function.frame.names is not function.frame.module else None)
    if isinstance(function.node, ast.Lambda):
        return evaluate(machine, function.node.body, frame)
    return machine.run_body(function.node, frame)


def _bind_arguments(
    machine: "Machine", function: Function, arguments: list[object], keywords: dict[str, object]
) -> dict[object, object]:
    spec = function.node.args
    positional = [*spec.posonlyargs, *spec.args]
    names: dict[object, object] = {}
    for parameter, default in zip(reversed(positional), reversed(spec.defaults), strict=False):
        names[parameter.arg] = evaluate(machine, default, function.frame)
    for parameter, missing in zip(spec.kwonlyargs, spec.kw_defaults, strict=True):
        if missing is not None:
            names[parameter.arg] = evaluate(machine, missing, function.frame)
    names.update({parameter.arg: value for parameter, value in zip(positional, arguments, strict=False)})
    known = {parameter.arg for parameter in (*positional, *spec.kwonlyargs)}
    names.update({name: value for name, value in keywords.items() if name in known})
    if spec.vararg is not None:
        names[spec.vararg.arg] = tuple(arguments[len(positional) :])
    if spec.kwarg is not None:
        names[spec.kwarg.arg] = {name: value for name, value in keywords.items() if name not in known}
    for parameter in (*positional, *spec.kwonlyargs):
        if parameter.arg not in names:
            raise Raised(f"a call without its argument {parameter.arg}", "TypeError")
    return names


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
    ast.NamedExpr: _walrus,
    ast.ListComp: _comprehension,
    ast.SetComp: _comprehension,
    ast.GeneratorExp: _comprehension,
    ast.DictComp: _comprehension,
    ast.Starred: _starred,
}
