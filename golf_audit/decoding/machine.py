"""A wrapper's statements, followed one after another without executing anything."""

import ast
from collections.abc import Callable
from contextlib import suppress
from pathlib import PurePosixPath

from golf_audit.decoding import library, methods
from golf_audit.decoding.entering import Entering
from golf_audit.decoding.evaluate import attribute, bind, call_own, combine, evaluate, truth
from golf_audit.decoding.limits import LimitReached
from golf_audit.decoding.source import Layer, Setting
from golf_audit.decoding.values import (
    Bound,
    Dotted,
    Environ,
    Frame,
    Function,
    Handle,
    ModuleObject,
    Partial,
    Raised,
    Unknown,
)
from golf_audit.decoding.world import Run, World
from golf_audit.finding import Location
from golf_audit.parsing import ParseFailure, parse


_SHORT = 200


class _Return(Exception):  # noqa: N818 -- control flow, not an error
    def __init__(self, value: object) -> None:
        super().__init__()
        self.value = value


class _Leave(Exception):  # noqa: N818 -- control flow, not an error
    """`break`, `continue` or the end of the program."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind


class Machine:
    """Follows one layer, and the layers that it runs."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.layer: Layer
        self.run: Run
        self._entering: Entering
        self._node: ast.AST = ast.Pass()
        self._depth = 0
        self._doubt = 0
        self._guarded = 0

    # Running texts

    def start(self, run: Run, frame: Frame) -> None:
        """Note that `run` is started by what is being followed, and follow it."""
        run.environment = dict(self.world.environ.settings)
        run.constants = _plain_constants(frame.names)
        run.doubtful = self._doubt > 0
        self.run.runs.append(run)
        if run.layer is not None and run.layer.index > self.world.budget.limits.layers:
            raise LimitReached(f"more than {self.world.budget.limits.layers} wrappers are inside one another")
        outer = self.layer, self.run, self._node
        try:
            self.follow(run, frame)
        finally:
            self.layer, self.run, self._node = outer

    def follow(self, run: Run, frame: Frame) -> None:
        """Follow the text of `run`, noting in it what it runs in turn."""
        if run.layer is None or isinstance(parsed := parse(run.layer.text), ParseFailure):
            return
        self.layer, self.run = run.layer, run
        self._entering = Entering(parsed.tree)
        with suppress(_Leave, _Return):
            self.block(parsed.tree.body, frame)

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
        """Note that the wrapper sets an environment variable."""
        settings = self.world.environ.settings
        if isinstance(name, str) and isinstance(value, str) and not self._doubt and (overrides or name not in settings):
            settings[name] = Setting(value, self.here(), overrides)

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

    def call_named(
        self, name: str, arguments: list[object], keywords: dict[str, object] | None = None
    ) -> object:
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

    def _call_method(
        self, bound: Bound, arguments: list[object], keywords: dict[str, object], frame: Frame
    ) -> object:
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
            raise Raised(f"iterating over a {type(value).__name__}", "TypeError")
        return methods.iterate(value, self.world.budget)

    def run_body(self, node: ast.FunctionDef, frame: Frame) -> object:
        """The value that a function's body returns."""
        doubt = self._doubt
        try:
            self.block(node.body, frame)
        except _Return as returned:
            return returned.value
        finally:
            self._doubt = doubt
        return None

    # Statements

    def block(self, body: list[ast.stmt], frame: Frame) -> None:
        """Follow statements in order."""
        for statement in body:
            self.statement(statement, frame)

    def statement(self, node: ast.stmt, frame: Frame) -> None:
        """Follow one statement; what it would raise makes its targets unknown, unless a `try` is around it."""
        self.world.budget.step()
        self.at(node)
        handler = _STATEMENTS.get(type(node))
        if handler is None:
            return
        try:
            handler(self, node, frame)
        except Raised as error:
            if self._guarded:
                raise
            for name in _bound_names(node):
                bind(name, Unknown(error.why), frame)

    def assign(self, target: ast.expr, value: object, frame: Frame) -> None:
        """Bind a target."""
        if isinstance(target, ast.Name):
            bind(target.id, value, frame)
        elif isinstance(target, ast.Tuple | ast.List):
            self._unpack(target, value, frame)
        elif isinstance(target, ast.Subscript):
            owner, key = evaluate(self, target.value, frame), evaluate(self, target.slice, frame)
            if isinstance(owner, Environ):
                self.set_environment(key, value, overrides=True)
            elif isinstance(owner, dict | list) and not isinstance(key, Unknown):
                _set_item(owner, key, value)
        elif isinstance(target, ast.Attribute):
            owner = evaluate(self, target.value, frame)
            if isinstance(owner, ModuleObject):
                owner.names[target.attr] = value

    def _unpack(self, target: ast.Tuple | ast.List, value: object, frame: Frame) -> None:
        names = target.elts
        if isinstance(value, Unknown):
            items: list[object] = [value] * len(names)
        else:
            items = self.iterate(value)
        starred = next((i for i, name in enumerate(names) if isinstance(name, ast.Starred)), None)
        if starred is not None:
            after = len(names) - starred - 1
            end = len(items) - after
            items = [*items[:starred], items[starred:end], *items[end:]]
        if len(items) != len(names):
            raise Raised("unpacking to another number of names", "ValueError")
        for name, item in zip(names, items, strict=True):
            self.assign(name.value if isinstance(name, ast.Starred) else name, item, frame)

    def _assign(self, node: ast.Assign, frame: Frame) -> None:
        value = evaluate(self, node.value, frame)
        for target in node.targets:
            self.assign(target, value, frame)

    def _annotated(self, node: ast.AnnAssign, frame: Frame) -> None:
        if node.value is not None:
            self.assign(node.target, evaluate(self, node.value, frame), frame)

    def _augmented(self, node: ast.AugAssign, frame: Frame) -> None:
        place = ast.copy_location(_loaded(node.target), node)
        self.assign(node.target, combine(self, node.op, evaluate(self, place, frame), evaluate(self, node.value, frame)), frame)

    def _expression(self, node: ast.Expr, frame: Frame) -> None:
        evaluate(self, node.value, frame)

    def _import(self, node: ast.Import, frame: Frame) -> None:
        for alias in node.names:
            bind(alias.asname or alias.name.partition(".")[0], Dotted(alias.name if alias.asname else alias.name.partition(".")[0]), frame)

    def _import_from(self, node: ast.ImportFrom, frame: Frame) -> None:
        module = Dotted("." * node.level + (node.module or ""))
        for alias in node.names:
            if alias.name == "*":
                for name in library.members(module.name):
                    bind(name, library.member(self, module, name), frame)
            else:
                bind(alias.asname or alias.name, library.member(self, module, alias.name), frame)

    def _define(self, node: ast.FunctionDef, frame: Frame) -> None:
        bind(node.name, Function(node, frame), frame)

    def _define_other(self, node: ast.ClassDef | ast.AsyncFunctionDef, frame: Frame) -> None:
        bind(node.name, Unknown(f"{node.name}, which the script defines"), frame)

    def _if(self, node: ast.If, frame: Frame) -> None:
        test = evaluate(self, node.test, frame)
        if not isinstance(test, Unknown):
            self.block(node.body if truth(test) else node.orelse, frame)
            return
        before = dict(frame.names)
        self._perhaps(node.body, frame)
        taken = dict(frame.names)
        _restore(frame.names, before)
        self._perhaps(node.orelse, frame)
        _merge(frame.names, taken, test)

    def _perhaps(self, body: list[ast.stmt], frame: Frame) -> None:
        """Follow what may or may not happen."""
        self._doubt += 1
        try:
            self.block(body, frame)
        except (_Return, _Leave):
            pass
        finally:
            self._doubt -= 1

    def _for(self, node: ast.For, frame: Frame) -> None:
        source = evaluate(self, node.iter, frame)
        if isinstance(source, Unknown):
            self.assign(node.target, source, frame)
            self._perhaps(node.body, frame)
            return
        for item in self.iterate(source):
            self.assign(node.target, item, frame)
            try:
                self.block(node.body, frame)
            except _Leave as leave:
                if leave.kind == "break":
                    return
                if leave.kind != "continue":
                    raise
        self.block(node.orelse, frame)

    def _while(self, node: ast.While, frame: Frame) -> None:
        while True:
            test = evaluate(self, node.test, frame)
            if isinstance(test, Unknown):
                self._perhaps(node.body, frame)
                return
            if not truth(test):
                self.block(node.orelse, frame)
                return
            try:
                self.block(node.body, frame)
            except _Leave as leave:
                if leave.kind == "break":
                    return
                if leave.kind != "continue":
                    raise

    def _try(self, node: ast.Try, frame: Frame) -> None:
        if self._survives(node, frame):
            self.block(node.orelse, frame)
        elif node.handlers:
            handler = node.handlers[0]
            if handler.name:
                bind(handler.name, Unknown("an exception"), frame)
            self.block(handler.body, frame)
        self.block(node.finalbody, frame)

    def _survives(self, node: ast.Try, frame: Frame) -> bool:
        """Follow the body of a `try`; False where something in it would raise."""
        self._guarded += 1
        try:
            self.block(node.body, frame)
        except Raised:
            return False
        finally:
            self._guarded -= 1
        return True

    def _with(self, node: ast.With, frame: Frame) -> None:
        for item in node.items:
            value = evaluate(self, item.context_expr, frame)
            if item.optional_vars is not None:
                self.assign(item.optional_vars, value, frame)
        self.block(node.body, frame)

    def _global(self, node: ast.Global | ast.Nonlocal, frame: Frame) -> None:
        place = frame.module
        if isinstance(node, ast.Nonlocal) and frame.outer is not None:
            place = frame.outer.names
        frame.elsewhere.update(dict.fromkeys(node.names, place))

    def _delete(self, node: ast.Delete, frame: Frame) -> None:
        for target in node.targets:
            if isinstance(target, ast.Name):
                frame.elsewhere.get(target.id, frame.names).pop(target.id, None)

    def _return(self, node: ast.Return, frame: Frame) -> None:
        raise _Return(None if node.value is None else evaluate(self, node.value, frame))

    def _raise(self, node: ast.Raise, frame: Frame) -> None:
        if node.exc is not None:
            evaluate(self, node.exc, frame)
        if self._guarded:
            raise Raised("an exception that the script raises")
        raise _Leave("end")

    def _assert(self, node: ast.Assert, frame: Frame) -> None:
        evaluate(self, node.test, frame)

    def _break(self, node: ast.Break, frame: Frame) -> None:
        raise _Leave("break")

    def _continue(self, node: ast.Continue, frame: Frame) -> None:
        raise _Leave("continue")

    def leave(self) -> None:
        """End the program, as `sys.exit` does."""
        raise _Leave("end")

    def attribute(self, owner: object, name: str) -> object:
        """`owner.name`."""
        return attribute(self, owner, name)


def _bound_names(node: ast.stmt) -> list[str]:
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


def _set_item(owner: "dict[object, object] | list[object]", key: object, value: object) -> None:
    try:
        owner[key] = value  # type: ignore[index,call-overload]
    except (LookupError, TypeError, ValueError) as error:
        raise Raised(f"a {type(error).__name__} ({error})", type(error).__name__) from error


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
    ast.Assign: Machine._assign,
    ast.AnnAssign: Machine._annotated,
    ast.AugAssign: Machine._augmented,
    ast.Expr: Machine._expression,
    ast.Import: Machine._import,
    ast.ImportFrom: Machine._import_from,
    ast.FunctionDef: Machine._define,
    ast.AsyncFunctionDef: Machine._define_other,
    ast.ClassDef: Machine._define_other,
    ast.If: Machine._if,
    ast.For: Machine._for,
    ast.While: Machine._while,
    ast.Try: Machine._try,
    ast.With: Machine._with,
    ast.Global: Machine._global,
    ast.Nonlocal: Machine._global,
    ast.Delete: Machine._delete,
    ast.Return: Machine._return,
    ast.Raise: Machine._raise,
    ast.Assert: Machine._assert,
    ast.Break: Machine._break,
    ast.Continue: Machine._continue,
}


def _plain_constants(names: dict[object, object]) -> dict[str, object]:
    """The numbers and short texts among global names, Python's own left out."""
    return {
        name: value
        for name, value in names.items()
        if isinstance(name, str)
        and name not in {"__name__", "__file__"}
        and (isinstance(value, int | float | bool) or (isinstance(value, str) and len(value) <= _SHORT))
    }
