"""The machine that follows a wrapper: what it runs, what it calls, without executing anything."""

import ast
from collections.abc import Callable
from contextlib import suppress
from pathlib import PurePosixPath

from golf_audit.decoding import bindings, library, methods
from golf_audit.decoding.calls import call_own
from golf_audit.decoding.entering import Entering
from golf_audit.decoding.evaluate import evaluate
from golf_audit.decoding.limits import LimitReached
from golf_audit.decoding.names import attribute
from golf_audit.decoding.source import Layer, Setting
from golf_audit.decoding.statements import Leave, Return, block
from golf_audit.decoding.values import Bound, Dotted, Environ, Frame, Function, Handle, Partial, Raised, Unknown
from golf_audit.decoding.world import Run, World
from golf_audit.finding import Location
from golf_audit.parsing import ParseFailure, parse

_CHANGING = frozenset({"append", "extend", "insert", "add", "update", "setdefault"})
_SHORT = 200
"""Characters of a text that may still be a setting rather than a payload."""


class Machine:
    """Follows one layer, and the layers that it runs."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.layer: Layer
        self.run: Run
        self._entering: Entering
        self._node: ast.AST = ast.Pass()
        self._depth = 0
        self.doubt = 0
        """How many conditions that are not known are around what is being followed."""
        self.guarded = 0
        """How many `try` bodies are around it."""
        self.perhaps_returned: list[Unknown | None] = []
        """For each function that is being followed: on what it depends whether it has returned already."""

    # Running texts

    def start(self, run: Run, frame: Frame) -> None:
        """Note that `run` is started by what is being followed, and follow it."""
        run.environment = dict(self.world.environ.settings)
        run.constants = _plain_constants(frame.names)
        run.doubtful = self.doubt > 0
        if run.layer is not None and run.layer.index > self.world.budget.limits.layers:
            raise LimitReached(f"more than {self.world.budget.limits.layers} wrappers are inside one another")
        self.run.runs.append(run)
        outer = self.layer, self.run, self._node, self._entering, self.guarded
        self.guarded = 0
        try:
            self.follow(run, frame)
        finally:
            self.layer, self.run, self._node, self._entering, self.guarded = outer

    def follow(self, run: Run, frame: Frame) -> None:
        """Follow the text of `run`, noting in it what it runs in turn."""
        if run.layer is None or isinstance(parsed := parse(run.layer.text), ParseFailure):
            return
        self.layer, self.run = run.layer, run
        self._entering = Entering(parsed.nodes)
        with suppress(Leave, Return):
            block(self, parsed.tree.body, frame)

    def evaluate(self, node: ast.expr, frame: Frame) -> object:
        """The value of an expression."""
        return evaluate(self, node, frame)

    def evaluate_text(self, text: str, frame: Frame) -> object:
        """The value of an expression given as a text."""
        parsed = parse(text.strip())
        if isinstance(parsed, ParseFailure) or len(parsed.tree.body) != 1:
            return Unknown("an expression that is none")
        statement = parsed.tree.body[0]
        return evaluate(self, statement.value, frame) if isinstance(statement, ast.Expr) else Unknown("a statement")

    def here(self) -> Location:
        """The place of the call that is being evaluated."""
        return self.layer.location(getattr(self._node, "lineno", 0), getattr(self._node, "col_offset", 0))

    def at(self, node: ast.AST) -> None:
        """Remember that `node` is being evaluated."""
        self._node = node

    def set_environment(self, name: object, value: object, *, overrides: bool) -> None:
        """Note that the wrapper sets an environment variable; only as a default where it looked for it before."""
        environ = self.world.environ
        if not isinstance(name, str) or not isinstance(value, str) or self.doubt:
            return
        if overrides or name not in environ.settings:
            environ.settings[name] = Setting(value, self.here(), overrides and name not in environ.looked_for)

    # Calls

    def call(self, function: object, arguments: list[object], keywords: dict[str, object], frame: Frame) -> object:
        """What calling `function` gives."""
        self.world.budget.step()
        if isinstance(function, Unknown):
            return function
        if isinstance(function, Dotted):
            return library.call(self, function.name, arguments, keywords, frame)
        if isinstance(function, Partial):
            joined = [*function.arguments, *arguments]
            return self.call(function.function, joined, {**function.keywords, **keywords}, frame)
        if isinstance(function, Function):
            return self._call_own(function, arguments, keywords)
        if isinstance(function, Bound):
            return self._call_method(function, arguments, keywords, frame)
        return Unknown(f"a call of a {type(function).__name__}")

    def call_named(self, name: str, arguments: list[object], keywords: dict[str, object] | None = None) -> object:
        """What calling a function of Python's own library gives, by its full name."""
        return library.call(self, name, arguments, keywords or {}, Frame({}, {}))

    def _call_own(self, function: Function, arguments: list[object], keywords: dict[str, object]) -> object:
        if not self._entering.worth(function, function.frame.module):
            return Unknown(f"what {getattr(function.node, 'name', 'a function')}() gives")
        self._depth += 1
        try:
            if self._depth > self.world.budget.limits.depth:
                raise LimitReached(f"its functions call each other more than {self._depth - 1} deep")
            return call_own(self, function, arguments, keywords)
        finally:
            self._depth -= 1

    def _call_method(self, bound: Bound, arguments: list[object], keywords: dict[str, object], frame: Frame) -> object:
        if self.doubt and bound.name in _CHANGING and isinstance(bound.owner, list | dict | set):
            arguments = [Unknown("something that may not happen") for _ in arguments]
        special = library.call_method(self, bound.owner, bound.name, arguments, keywords, frame)
        if special is not NotImplemented:
            return special
        result = methods.call_method(bound.owner, bound.name, arguments, keywords, self.world.budget)
        return self.world.trace(result, "translate" if bound.name == "translate" else "", bound.owner)

    def callback(self, function: object, frame: Frame) -> Callable[..., object]:
        """`function` in a form that Python's own functions can call."""
        return methods.callback(lambda *arguments: self.call(function, list(arguments), {}, frame))

    def iterate(self, value: object) -> list[object]:
        """The items of a value that is known."""
        if isinstance(value, Handle):
            return list(value.stream.readlines())
        if isinstance(value, PurePosixPath | Function | Dotted | Environ):
            raise Raised(f"iterating over a {type(value).__name__}")
        return methods.iterate(value, self.world.budget)

    def leave(self) -> None:
        """End the program, as `sys.exit` does."""
        raise Leave("end")

    def assign(self, target: ast.expr, value: object, frame: Frame) -> None:
        """Bind a target."""
        bindings.assign(self, target, value, frame)

    def attribute(self, owner: object, name: str) -> object:
        """`owner.name`."""
        return attribute(self, owner, name)


def _plain_constants(names: dict[object, object]) -> dict[str, object]:
    """The numbers and short texts among global names, Python's own left out."""
    return {
        name: value
        for name, value in names.items()
        if isinstance(name, str)
        and name not in {"__name__", "__file__", "<made>"}
        and (isinstance(value, int | float | bool) or (isinstance(value, str) and len(value) <= _SHORT))
    }
