"""
Switches that the claimed run must have had on, where nothing says so: its log shows a line that is printed under them only.

Followed are the conditions around each place that prints the label, and around the calls of the functions that these places
are in; a condition counts where it is a name or attribute that the script sets from an environment variable.
"""

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from golf_audit.parsing import Parsed, parse
from golf_audit.trace.knobs import Knob

_CALLERS = 3
_OFF = {"0": "1", "False": "True", "false": "true"}
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True, slots=True)
class _Test:
    """A condition, and whether it must hold or fail."""

    node: ast.expr
    holds: bool


def forced(text: str, labels: Iterable[str], knobs: Mapping[str, Knob]) -> Mapping[str, str]:
    """Environment variables that are off by default and must have been on for a line with one of the labels."""
    parsed = parse(text)
    if not isinstance(parsed, Parsed):
        return {}
    program = _Program(parsed.tree)
    variables = _variables(parsed.tree, knobs)
    found: dict[str, str] = {}
    for label in labels:
        for place in program.saying(label):
            for name in _needed(program.tests(place, _CALLERS), variables):
                knob = knobs[name]
                if knob.source == "code" and knob.value in _OFF:
                    found[name] = _OFF[knob.value]
    return found


class _Program:
    """A tree with the way up from each node."""

    def __init__(self, tree: ast.Module) -> None:
        self._tree = tree
        self._above = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}

    def saying(self, label: str) -> Iterator[ast.AST]:
        """The places where a text begins with the label or holds it as a word."""
        for node in ast.walk(self._tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and _holds(node.value, label):
                yield node

    def tests(self, node: ast.AST, callers: int) -> Iterator[_Test]:
        """The conditions under which a node is reached."""
        while (above := self._above.get(node)) is not None:
            if isinstance(above, ast.If) and node in above.body:
                yield _Test(above.test, holds=True)
            elif isinstance(above, ast.If) and node in above.orelse:
                yield _Test(above.test, holds=False)
            elif isinstance(above, _FUNCTIONS) and callers:
                calls = [
                    call
                    for call in ast.walk(self._tree)
                    if isinstance(call, ast.Call) and _is_named(call.func, above.name)
                ]
                if len(calls) == 1:
                    yield from self.tests(calls[0], callers - 1)
                return
            node = above


def _holds(text: str, label: str) -> bool:
    start = text.find(label)
    end = start + len(label)
    return (
        start >= 0
        and not text[end : end + 1].replace("_", "a").isalnum()
        and not text[max(start - 1, 0) : start].replace("_", "a").isalnum()
    )


def _is_named(node: ast.expr, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _variables(tree: ast.Module, knobs: Mapping[str, Knob]) -> Mapping[str, str]:
    """Names and attributes by the one environment variable that they are set from."""
    found: dict[str, set[str]] = {}
    for node in ast.walk(tree):
        match node:
            case (
                ast.Assign(targets=[ast.Name(id=name) | ast.Attribute(attr=name)], value=value)
                | ast.AnnAssign(target=ast.Name(id=name), value=value)
            ):
                if value is not None:
                    read = {
                        text for c in ast.walk(value) if isinstance(c, ast.Constant) and (text := str(c.value)) in knobs
                    }
                    found.setdefault(name, set()).update(read)
    return {name: next(iter(read)) for name, read in found.items() if len(read) == 1}


def _needed(tests: Iterable[_Test], variables: Mapping[str, str]) -> Iterator[str]:
    """The variables that must be on for the tests."""
    for test in tests:
        match test.node, test.holds:
            case ast.Name(id=name) | ast.Attribute(attr=name), True:
                if name in variables:
                    yield variables[name]
            case ast.BoolOp(op=ast.And(), values=values), True:
                yield from _needed((_Test(value, holds=True) for value in values), variables)
            case ast.UnaryOp(op=ast.Not(), operand=inner), holds:
                yield from _needed((_Test(inner, holds=not holds),), variables)
            case ast.Call(args=[inner]), True:
                yield from _needed((_Test(inner, holds=True),), variables)
