"""Comprehensions, and the names that they bind."""

import ast
from collections.abc import Callable
from typing import TYPE_CHECKING

from golf_audit.decoding import operations
from golf_audit.decoding.names import bind
from golf_audit.decoding.operations import truth
from golf_audit.decoding.values import Frame, Unknown

if TYPE_CHECKING:
    from golf_audit.decoding.machine import Machine

Comprehension = ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp
_COMPREHENSION = "<comprehension>"
"""Marks a frame as that of a comprehension."""


def walrus(machine: "Machine", node: ast.NamedExpr, frame: Frame) -> object:
    """`name := value`, bound outside the comprehensions that it is in."""
    value = machine.evaluate(node.value, frame)
    place = frame
    while place.elsewhere.get(_COMPREHENSION) is not None and place.outer is not None:
        place = place.outer
    bind(node.target.id, value, place)
    return value


def comprehension(machine: "Machine", node: Comprehension, frame: Frame) -> object:
    """A list, set or dictionary comprehension, or a generator, made whole at once."""
    inner = Frame({}, frame.module, frame, {_COMPREHENSION: {}})
    results: list[object] = []

    def produce() -> None:
        if isinstance(node, ast.DictComp):
            pair = machine.evaluate(node.key, inner), machine.evaluate(node.value, inner)
            results.append(pair)
        else:
            results.append(machine.evaluate(node.elt, inner))

    failure = _generate(machine, node.generators, inner, produce)
    if failure is not None:
        return failure
    if isinstance(node, ast.ListComp | ast.GeneratorExp):
        return results
    for item in results:
        if isinstance(key := item[0] if isinstance(item, tuple) and isinstance(node, ast.DictComp) else item, Unknown):
            return key
    machine.world.budget.check_depth(results)
    return operations.native(dict if isinstance(node, ast.DictComp) else set, results)


def _generate(
    machine: "Machine", generators: list[ast.comprehension], frame: Frame, produce: Callable[[], None]
) -> Unknown | None:
    """Call `produce` for each combination that the generators give; gives what stops it, where something does."""
    if not generators:
        produce()
        return None
    first, *rest = generators
    source = machine.evaluate(first.iter, frame)
    if isinstance(source, Unknown):
        return source
    for item in machine.iterate(source):
        machine.assign(first.target, item, frame)
        tests = [machine.evaluate(test, frame) for test in first.ifs]
        if unknown := next((test for test in tests if isinstance(test, Unknown)), None):
            return unknown
        if all(map(truth, tests)) and (failure := _generate(machine, rest, frame, produce)) is not None:
            return failure
    return None
