"""Statements of a wrapper, followed one after another without executing anything."""

import ast
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING

from golf_audit.decoding import bindings
from golf_audit.decoding.evaluate import evaluate
from golf_audit.decoding.names import bind
from golf_audit.decoding.operations import ERRORS, truth
from golf_audit.decoding.values import Dotted, Frame, Function, ModuleObject, Raised, Unknown

if TYPE_CHECKING:
    from golf_audit.decoding.machine import Machine


class Return(Exception):  # noqa: N818 -- control flow, not an error
    """`return`, with its value."""

    def __init__(self, value: object) -> None:
        super().__init__()
        self.value = value


class Leave(Exception):  # noqa: N818 -- control flow, not an error
    """`break`, `continue` or the end of the program."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind


def block(machine: "Machine", body: list[ast.stmt], frame: Frame) -> None:
    """Follow statements in order."""
    for statement in body:
        _statement(machine, statement, frame)


def _statement(machine: "Machine", node: ast.stmt, frame: Frame) -> None:
    """Follow one statement; what it would raise makes its targets unknown, unless a `try` is around it."""
    machine.world.budget.step()
    machine.at(node)
    handler = _STATEMENTS.get(type(node))
    if handler is None:
        return
    try:
        handler(machine, node, frame)
    except (Raised, *ERRORS) as error:
        why = error.why if isinstance(error, Raised) else f"a {type(error).__name__}"
        if machine.guarded:
            raise Raised(why) from error
        if isinstance(node, ast.Return):
            raise Return(Unknown(why)) from error
        for name in bindings.bound_names(node):
            bind(name, Unknown(why), frame)


def perhaps(machine: "Machine", body: list[ast.stmt], frame: Frame, why: Unknown) -> None:
    """Follow what may or may not happen, depending on `why`."""
    machine.doubt += 1
    try:
        with suppress(Leave):
            block(machine, body, frame)
    except Return:
        machine.perhaps_returned[-1:] = [why]
    finally:
        machine.doubt -= 1


def _alternatives(machine: "Machine", bodies: Iterable[list[ast.stmt]], frame: Frame, why: Unknown) -> None:
    """Follow each of several bodies from the same start; what they leave different is unknown."""
    before = dict(frame.names)
    ends = []
    for body in bodies:
        _restore(frame.names, before)
        perhaps(machine, body, frame, why)
        ends.append(dict(frame.names))
    for end in ends:
        _merge(frame.names, end, why)


def survives(machine: "Machine", body: list[ast.stmt], frame: Frame) -> bool:
    """Follow the body of a `try`; False where something in it would raise."""
    machine.guarded += 1
    try:
        block(machine, body, frame)
    except Raised:
        return False
    finally:
        machine.guarded -= 1
    return True


def returned(machine: "Machine", body: list[ast.stmt], frame: Frame) -> object:
    """The value that a function's body returns."""
    value: object = None
    machine.perhaps_returned.append(None)
    try:
        block(machine, body, frame)
    except Return as result:
        value = result.value
    finally:
        uncertain = machine.perhaps_returned.pop()
    return value if uncertain is None else uncertain


def _expression(machine: "Machine", node: ast.Expr, frame: Frame) -> None:
    evaluate(machine, node.value, frame)


def _define(machine: "Machine", node: ast.FunctionDef, frame: Frame) -> None:
    bind(node.name, Function(node, frame), frame)


def _define_coroutine(machine: "Machine", node: ast.AsyncFunctionDef, frame: Frame) -> None:
    bind(node.name, Unknown(f"the coroutine {node.name}"), frame)


def _define_class(machine: "Machine", node: ast.ClassDef, frame: Frame) -> None:
    """A class: its body is followed, and its functions can be called as those of a module can."""
    names: dict[object, object] = {}
    block(machine, node.body, Frame(names, frame.module, frame if frame.names is not frame.module else None))
    bind(node.name, ModuleObject(names), frame)


def _if(machine: "Machine", node: ast.If, frame: Frame) -> None:
    test = evaluate(machine, node.test, frame)
    if not isinstance(test, Unknown):
        block(machine, node.body if truth(test) else node.orelse, frame)
        return
    _alternatives(machine, (node.body, node.orelse), frame, test)


def _match(machine: "Machine", node: ast.Match, frame: Frame) -> None:
    bodies = [case.body for case in node.cases]
    _alternatives(machine, [*bodies, []], frame, Unknown("a match statement"))


def _for(machine: "Machine", node: ast.For, frame: Frame) -> None:
    source = evaluate(machine, node.iter, frame)
    if isinstance(source, Unknown):
        bindings.assign(machine, node.target, source, frame)
        _alternatives(machine, (node.body, []), frame, source)
        return
    for item in machine.iterate(source):
        bindings.assign(machine, node.target, item, frame)
        try:
            block(machine, node.body, frame)
        except Leave as leave:
            if leave.kind == "break":
                return
            if leave.kind != "continue":
                raise
    block(machine, node.orelse, frame)


def _while(machine: "Machine", node: ast.While, frame: Frame) -> None:
    while True:
        test = evaluate(machine, node.test, frame)
        if isinstance(test, Unknown):
            _alternatives(machine, (node.body, []), frame, test)
            return
        if not truth(test):
            block(machine, node.orelse, frame)
            return
        try:
            block(machine, node.body, frame)
        except Leave as leave:
            if leave.kind == "break":
                return
            if leave.kind != "continue":
                raise


def _try(machine: "Machine", node: ast.Try | ast.TryStar, frame: Frame) -> None:
    if survives(machine, node.body, frame):
        block(machine, node.orelse, frame)
    elif node.handlers:
        handler = node.handlers[0]
        if handler.name:
            bind(handler.name, Unknown("an exception"), frame)
        block(machine, handler.body, frame)
    block(machine, node.finalbody, frame)


def _with(machine: "Machine", node: ast.With, frame: Frame) -> None:
    for item in node.items:
        value = evaluate(machine, item.context_expr, frame)
        if item.optional_vars is not None:
            bindings.assign(machine, item.optional_vars, value, frame)
    block(machine, node.body, frame)


def _return(machine: "Machine", node: ast.Return, frame: Frame) -> None:
    raise Return(None if node.value is None else evaluate(machine, node.value, frame))


def _raise(machine: "Machine", node: ast.Raise, frame: Frame) -> None:
    if node.exc is not None:
        evaluate(machine, node.exc, frame)
    if machine.guarded:
        raise Raised("an exception that the script raises")
    raise Leave("end")


def _assert(machine: "Machine", node: ast.Assert, frame: Frame) -> None:
    evaluate(machine, node.test, frame)


def _break(machine: "Machine", node: ast.Break, frame: Frame) -> None:
    raise Leave("break")


def _continue(machine: "Machine", node: ast.Continue, frame: Frame) -> None:
    raise Leave("continue")


def _restore(names: dict[object, object], before: dict[object, object]) -> None:
    names.clear()
    names.update(before)


def _merge(names: dict[object, object], other: dict[object, object], test: Unknown) -> None:
    """Make unknown what the two ways leave different."""
    for name in names.keys() | other.keys():
        if name not in names:
            names[name] = other[name]
        elif name in other and names[name] is not other[name] and not _same(names[name], other[name]):
            names[name] = Unknown(test.why)


def _same(one: object, other: object) -> bool:
    return type(one) is type(other) and isinstance(one, str | bytes | int | float | Dotted) and one == other


_STATEMENTS: dict[type[ast.stmt], Callable[..., None]] = {
    ast.Assign: bindings.assignment,
    ast.AnnAssign: bindings.annotated_assignment,
    ast.AugAssign: bindings.augmented_assignment,
    ast.Expr: _expression,
    ast.Import: bindings.import_modules,
    ast.ImportFrom: bindings.import_from,
    ast.FunctionDef: _define,
    ast.AsyncFunctionDef: _define_coroutine,
    ast.ClassDef: _define_class,
    ast.If: _if,
    ast.For: _for,
    ast.While: _while,
    ast.Try: _try,
    ast.TryStar: _try,
    ast.Match: _match,
    ast.With: _with,
    ast.Global: bindings.declare,
    ast.Nonlocal: bindings.declare,
    ast.Delete: bindings.delete,
    ast.Return: _return,
    ast.Raise: _raise,
    ast.Assert: _assert,
    ast.Break: _break,
    ast.Continue: _continue,
}
