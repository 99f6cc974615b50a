"""Calls of the wrapper's own functions."""

import ast
from typing import TYPE_CHECKING

from golf_audit.decoding.evaluate import evaluate
from golf_audit.decoding.statements import returned
from golf_audit.decoding.values import Frame, Function, Raised

if TYPE_CHECKING:
    from golf_audit.decoding.machine import Machine


def call_own(machine: "Machine", function: Function, arguments: list[object], keywords: dict[str, object]) -> object:
    """Call a function of the wrapper's own."""
    names = _bind_arguments(machine, function, arguments, keywords)
    frame = Frame(
        names, function.frame.module, function.frame if function.frame.names is not function.frame.module else None
    )
    if isinstance(function.node, ast.Lambda):
        return evaluate(machine, function.node.body, frame)
    return returned(machine, function.node.body, frame)


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
            raise Raised(f"a call without its argument {parameter.arg}")
    return names
