"""Statements that bind names: assignments, imports, declarations."""

import ast
import operator
from typing import TYPE_CHECKING

from golf_audit.decoding import library
from golf_audit.decoding.evaluate import combine, evaluate
from golf_audit.decoding.limits import Budget
from golf_audit.decoding.names import bind
from golf_audit.decoding.operations import native
from golf_audit.decoding.values import Dotted, Environ, Frame, ModuleObject, Raised, Unknown

if TYPE_CHECKING:
    from golf_audit.decoding.machine import Machine


def assign(machine: "Machine", target: ast.expr, value: object, frame: Frame) -> None:
    """Bind a target."""
    if isinstance(target, ast.Name):
        bind(target.id, value, frame)
    elif isinstance(target, ast.Tuple | ast.List):
        _unpack(machine, target, value, frame)
    elif isinstance(target, ast.Subscript):
        owner, key = evaluate(machine, target.value, frame), evaluate(machine, target.slice, frame)
        if isinstance(owner, Environ):
            machine.set_environment(key, value, overrides=True)
        elif isinstance(owner, dict | list | bytearray):
            _set_item(
                owner, key, Unknown("something that may not happen") if machine.doubt else value, machine.world.budget
            )
    elif isinstance(target, ast.Attribute):
        owner = evaluate(machine, target.value, frame)
        if isinstance(owner, ModuleObject):
            owner.names[target.attr] = value


def _unpack(machine: "Machine", target: ast.Tuple | ast.List, value: object, frame: Frame) -> None:
    names = target.elts
    if isinstance(value, Unknown):
        items: list[object] = [value] * len(names)
    else:
        items = machine.iterate(value)
    starred = next((i for i, name in enumerate(names) if isinstance(name, ast.Starred)), None)
    if starred is not None:
        after = len(names) - starred - 1
        end = len(items) - after
        items = [*items[:starred], items[starred:end], *items[end:]]
    if len(items) != len(names):
        raise Raised("unpacking to another number of names")
    for name, item in zip(names, items, strict=True):
        assign(machine, name.value if isinstance(name, ast.Starred) else name, item, frame)


def assignment(machine: "Machine", node: ast.Assign, frame: Frame) -> None:
    """`a = b = value`."""
    value = evaluate(machine, node.value, frame)
    for target in node.targets:
        assign(machine, target, value, frame)


def annotated_assignment(machine: "Machine", node: ast.AnnAssign, frame: Frame) -> None:
    """`a: kind = value`."""
    if node.value is not None:
        assign(machine, node.target, evaluate(machine, node.value, frame), frame)


def augmented_assignment(machine: "Machine", node: ast.AugAssign, frame: Frame) -> None:
    """`a += value` and its kin; `os.environ |= values` sets them."""
    place = ast.copy_location(_loaded(node.target), node)
    before, value = evaluate(machine, place, frame), evaluate(machine, node.value, frame)
    if isinstance(before, Environ) and isinstance(value, dict):
        for name, text in value.items():
            machine.set_environment(name, text, overrides=True)
        return
    assign(machine, node.target, combine(machine, node.op, before, value), frame)


def import_modules(machine: "Machine", node: ast.Import, frame: Frame) -> None:
    """`import a.b as c`; nothing is imported, the name stands for the module."""
    for alias in node.names:
        bind(
            alias.asname or alias.name.partition(".")[0],
            Dotted(alias.name if alias.asname else alias.name.partition(".")[0]),
            frame,
        )


def import_from(machine: "Machine", node: ast.ImportFrom, frame: Frame) -> None:
    """`from a import b as c`."""
    module = Dotted("." * node.level + (node.module or ""))
    for alias in node.names:
        if alias.name == "*":
            for name in library.members(module.name):
                bind(name, library.member(machine, module, name), frame)
        else:
            bind(alias.asname or alias.name, library.member(machine, module, alias.name), frame)


def declare(machine: "Machine", node: ast.Global | ast.Nonlocal, frame: Frame) -> None:
    """`global a` and `nonlocal a`."""
    place = frame.module
    if isinstance(node, ast.Nonlocal) and frame.outer is not None:
        place = frame.outer.names
    frame.elsewhere.update(dict.fromkeys(node.names, place))


def delete(machine: "Machine", node: ast.Delete, frame: Frame) -> None:
    """`del a`."""
    for target in node.targets:
        if isinstance(target, ast.Name):
            frame.elsewhere.get(target.id, frame.names).pop(target.id, None)


def bound_names(node: ast.stmt) -> list[str]:
    """The names that a statement would have bound."""
    targets: list[ast.expr] = []
    if isinstance(node, ast.Assign):
        targets = node.targets
    elif isinstance(node, ast.AugAssign | ast.AnnAssign | ast.For):
        targets = [node.target]
    return [part.id for target in targets for part in ast.walk(target) if isinstance(part, ast.Name)]


def _loaded(target: ast.expr) -> ast.expr:
    if isinstance(target, ast.Name):
        return ast.Name(target.id, ast.Load())
    if isinstance(target, ast.Subscript):
        return ast.Subscript(target.value, target.slice, ast.Load())
    if isinstance(target, ast.Attribute):
        return ast.Attribute(target.value, target.attr, ast.Load())
    return target


def _set_item(
    owner: "dict[object, object] | list[object] | bytearray", key: object, value: object, budget: Budget
) -> None:
    """`owner[key] = value`; where the key is not known, nothing in `owner` is from here on."""
    if isinstance(key, Unknown):
        owner.clear()
    if isinstance(key, Unknown) and isinstance(owner, list):
        owner.append(key)
    elif not isinstance(key, Unknown):
        budget.check_depth(key)
        native(operator.setitem, owner, key, value)
