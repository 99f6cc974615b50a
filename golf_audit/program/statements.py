"""What each kind of statement does, in program order: branches are decided by configuration."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any, Final

from golf_audit.events import (
    Decision,
)
from golf_audit.program.assignments import FALL
from golf_audit.program.definitions import Definitions
from golf_audit.program.machine import unparse
from golf_audit.program.objects import (
    GradOff,
)
from golf_audit.program.values import (
    V,
)


class Statements(Definitions):
    """Runs statements."""

    def run(self, body: list[ast.stmt]) -> str:
        """Run a block; the answer says how it ended: `` (fell through), `return`, `break`, `continue`, `raise`."""
        for statement in body:
            self.spent += 1
            self.line = statement.lineno
            outcome: str = _DISPATCH[type(statement)](self, statement)
            if outcome:
                return outcome
        return FALL

    def _expr(self, node: ast.Expr) -> str:
        if isinstance(node.value, ast.Constant):
            return FALL
        v = self.eval(node.value)
        return "raise" if v.flags and "exit" in v.flags else FALL

    def _pass(self, _: ast.stmt) -> str:
        return FALL

    def _return(self, node: ast.Return) -> str:
        v = self.eval(node.value) if node.value else V(None)
        names = self.scope.names
        names["<return>"] = self.join(names["<return>"], v) if "<return>" in names else v
        return "return"

    def _raise(self, _: ast.Raise) -> str:
        """The claimed run got past: a `raise` that the settings alone would reach is a setting misread, and is skipped."""
        return "raise" if self.uncertain or self.trying else FALL

    def _break(self, _: ast.Break) -> str:
        return "break"

    def _continue(self, _: ast.Continue) -> str:
        return "continue"

    def _delete(self, node: ast.Delete) -> str:
        for target in node.targets:
            if isinstance(target, ast.Name):
                self.scope.names.pop(target.id, None)
        return FALL

    def _global(self, node: ast.Global | ast.Nonlocal) -> str:
        declared = self.scope.names.setdefault("<outer>", V(obj=set()))
        declared.obj.update((name, isinstance(node, ast.Global)) for name in node.names)
        return FALL

    def _if(self, node: ast.If) -> str:
        test = self.eval(node.test)
        truth = self.truth(test)
        if truth is not None:
            names = self.env_names(test)
            if names and not isinstance(node.test, ast.Constant):
                line = self.contradicted(node, names, taken=truth)
                taken = truth != bool(line)
                return self._decided(node, names, node.body if taken else node.orelse, taken=taken, line=line)
            body = node.body if truth else node.orelse
            return self.run(body) if body else FALL
        before = dict(self.scope.names) if self.told(test) else None
        outcome = self._both_sides(node, test)
        if before is not None:
            self._told_apart(before)
        return outcome

    def _told_apart(self, before: dict[str, V]) -> None:
        """Counts in variables that a branch changed, where the realised token chose the branch."""
        names = self.scope.names
        for name, v in names.items():
            if v is not before.get(name) and v.look:
                names[name] = v.but(flags=v.flags | {"told-weight"})

    def _decided(
        self, node: ast.If, names: tuple[str, ...], body: list[ast.stmt], *, taken: bool, line: str = ""
    ) -> str:
        if not body:
            return FALL
        values = (f"the log prints “{line}”",) if line else tuple(f"{n}={self.setting_text(n)}" for n in names)
        self.because.append(Decision(unparse(node.test), taken, names, values, self.location(node.lineno)))
        depth = len(self.because)
        try:
            return self.run(body)
        finally:
            del self.because[depth - 1 :]

    def _both_sides(self, node: ast.If, test: V) -> str:
        scope = self.scope
        before = dict(scope.names)
        branch = self.new_id()
        mark = len(self.frames)
        self.branch_deps[branch] = test.deps
        names = () if test.deps or test.taint or test.obj is not None else self.env_names(test)
        if names:
            self.doubts.append(unparse(node.test))
        self.uncertain += 1
        self.oracle_branch(node, test)
        self.frames.append(("if", branch, 1))
        first = self.run(node.body)
        del self.frames[mark:]
        after = scope.names
        scope.names = before
        self.frames.append(("if", branch, 0))
        second = self.run(node.orelse) if node.orelse else FALL
        del self.frames[mark:]
        self.uncertain -= 1
        if names:
            self.doubts.pop()
        if first and second:
            if self.exits and "return" in (first, second) and first != second:
                scope.names = after if second == "return" else scope.names
            else:
                scope.names = self.merged(after, scope.names)
            return first if first == second else ("continue" if "continue" in (first, second) else first)
        if first or second:
            kept = scope.names if first else after
            gone = after if first else scope.names
            for special in ("<return>", "<yield>"):
                if special in gone:
                    kept[special] = self.join(kept.get(special), gone[special])
            if (first or second) in ("break", "continue") and self.exits:
                self.exits[-1].append(gone)
            scope.names = kept
            if first or second != FALL:
                self.frames.append(("if", branch, 0 if first else 1))
            return FALL
        scope.names = self.merged(after, scope.names)
        return FALL

    def oracle_branch(self, node: ast.If, test: V) -> None:
        """`if new < old:` over losses of the same tokens, with one of them kept."""
        if test.nll and "loss-order" in test.flags:
            assigned = [s.value for s in node.body if isinstance(s, ast.Assign)]
            values = [self.eval(a) for a in assigned]
            self.oracle(test, *[v for v in values if v.nll], test)

    def _with(self, node: ast.With | ast.AsyncWith) -> str:
        grad = self.grad
        for item in node.items:
            v = self.eval(item.context_expr)
            if isinstance(v.obj, GradOff):
                self.grad = not v.obj.off
            if item.optional_vars is not None:
                self.assign(item.optional_vars, v)
        try:
            return self.run(node.body)
        finally:
            self.grad = grad

    def _try(self, node: ast.Try) -> str:
        self.trying += bool(node.handlers)
        outcome = self.run(node.body)
        self.trying -= bool(node.handlers)
        for handler in node.handlers if not outcome else ():
            self._stand_in(handler.body)
        if outcome == "raise" and node.handlers:
            for handler in node.handlers:
                outcome = self.run(handler.body)
                if outcome != "raise":
                    break
        if not outcome and node.orelse:
            outcome = self.run(node.orelse)
        if node.finalbody:
            return self.run(node.finalbody) or outcome
        return outcome

    def _stand_in(self, body: list[ast.stmt]) -> None:
        """What is defined where an import (or anything else) fails, as far as nothing else has the name."""
        for statement in body:
            if isinstance(statement, ast.FunctionDef | ast.ClassDef) and self.scope.lookup(statement.name) is None:
                self.line = statement.lineno
                _DISPATCH[type(statement)](self, statement)

    def _match(self, node: ast.Match) -> str:
        self.eval(node.subject)
        for case in node.cases:
            self.run(case.body)
        return FALL


_DISPATCH: Final[dict[type[ast.AST], Callable[[Any, Any], str]]] = {
    ast.Expr: Statements._expr,
    ast.Pass: Statements._pass,
    ast.Assert: Statements._pass,
    ast.Return: Statements._return,
    ast.Raise: Statements._raise,
    ast.Break: Statements._break,
    ast.Continue: Statements._continue,
    ast.Delete: Statements._delete,
    ast.Global: Statements._global,
    ast.Nonlocal: Statements._global,
    ast.Assign: Statements._assign,
    ast.AnnAssign: Statements._annassign,
    ast.AugAssign: Statements._augassign,
    ast.FunctionDef: Statements._function,
    ast.AsyncFunctionDef: Statements._function,
    ast.ClassDef: Statements._class,
    ast.Import: Statements._import,
    ast.ImportFrom: Statements._import_from,
    ast.If: Statements._if,
    ast.With: Statements._with,
    ast.AsyncWith: Statements._with,
    ast.Try: Statements._try,
    ast.TryStar: Statements._try,
    ast.Match: Statements._match,
    ast.While: Statements._while,
    ast.For: Statements._for,
    ast.AsyncFor: Statements._for,
}
