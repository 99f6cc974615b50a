"""Loops and comprehensions: turned twice, so that what an earlier turn learned reaches a later one."""

from __future__ import annotations

import ast
from typing import Any

from golf_audit.program.assignments import FALL
from golf_audit.program.machine import unparse
from golf_audit.program.objects import (
    DictLike,
    ListLike,
    Scope,
)
from golf_audit.program.turns import Turns
from golf_audit.program.values import (
    NO,
    UNKNOWN,
    V,
)


class Loops(Turns):
    """Turns loops."""

    def _while(self, node: ast.While) -> str:
        loop = self.new_loop()
        self._loosen(node, loop)
        with self.inside("loop", f"while {unparse(node.test, 60)}", node.lineno):
            for turn in (1,) if self.inside_model else (1, 2):
                mark = len(self.frames)
                self.frames.append(("loop", loop, turn))
                test = self.eval(node.test)
                truth = self.truth(test)
                if truth is False:
                    del self.frames[mark:]
                    break
                outcome = self._turn(node.body)
                del self.frames[mark:]
                if outcome in ("return", "raise") and not self.uncertain:
                    return outcome
                if outcome in ("break", "return", "raise"):
                    break
        return FALL

    def _turn(self, body: list[ast.stmt]) -> str:
        """One turn of a loop; what a `continue` or `break` on the way left in the variables is joined at its end."""
        self.exits.append([])
        scope = self.scope
        outcome = self.run(body)
        for left in self.exits.pop():
            scope.names = self.merged(left, scope.names)
        return outcome

    def _for(self, node: ast.For | ast.AsyncFor) -> str:
        source = self.eval(node.iter)
        loop = self.new_loop()
        turns, alike = self.turns(source, loop)
        if not turns:
            return self.run(node.orelse) if node.orelse else FALL
        if not alike:
            self._loosen(node, loop)
        if self.inside_model:
            turns = [self._any_of(turns)]
        with self.inside("loop", f"for {unparse(node.target, 30)} in {unparse(node.iter, 60)}", node.lineno):
            for number, element in enumerate(turns, start=1):
                mark = len(self.frames)
                self.frames.append(("loop", loop, number))
                self.assign(node.target, element)
                outcome = self._turn(node.body)
                del self.frames[mark:]
                if outcome == "return":
                    return outcome
                if outcome in ("break", "raise"):
                    break
        return FALL

    def _any_of(self, turns: list[V]) -> V:
        """Inside a model every layer is like another: one turn, with any of the elements, shows them all."""
        out: V | None = None
        for element in turns:
            out = self.join(out, element)
        return out or UNKNOWN

    def comprehension(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp) -> V:
        """A comprehension: its loops are turned once (or over each known element)."""
        outer = self.scope
        self.scope = Scope(outer, self.file, outer.globals_)
        out: list[V] = []
        mapping = DictLike()
        try:
            exact = self._comprehend(node, list(node.generators), out, mapping)
        finally:
            self.scope = outer
        if isinstance(node, ast.DictComp):
            return V(obj=mapping)
        if exact and len(out) <= 64:
            return V(obj=ListLike(out))
        joined: V | None = None
        for v in out:
            joined = self.join(joined, v)
        return V(obj=ListLike(None, joined or UNKNOWN))

    def _comprehend(
        self,
        node: Any,
        generators: list[ast.comprehension],
        out: list[V],
        mapping: DictLike,
    ) -> bool:
        if not generators:
            if isinstance(node, ast.DictComp):
                k, v = self.eval(node.key), self.eval(node.value)
                if k.py is not NO and isinstance(k.py, str | int):
                    mapping.items[k.py] = v
                elif k.raw:
                    self.insert(self._mapping_table(mapping), k, v)
                else:
                    mapping.rest = self.join(mapping.rest, v)
            else:
                out.append(self.eval(node.elt))
            return True
        first, rest = generators[0], generators[1:]
        turns, exact = self.turns(self.eval(first.iter), self.new_loop())
        if not exact:
            turns = turns[-1:]
        for element in turns:
            self.assign(first.target, element)
            keep = True
            for condition in first.ifs:
                truth = self.truth(self.eval(condition))
                if truth is False:
                    keep = False
                    break
                exact = exact and truth is True
            if keep:
                exact = self._comprehend(node, rest, out, mapping) and exact
        return exact

    def _loosen(self, node: ast.For | ast.AsyncFor | ast.While, loop: int) -> None:
        """Numbers that the loop changes are not what they were before it."""
        mark = frozenset((loop,))
        for name in loop_changes(node):
            owner = self.scope.owner(name)
            if owner is None:
                continue
            v = owner.names[name]
            if v.obj is None and (isinstance(v.py, int | float) or (v.lin is not None and not v.taint)):
                owner.names[name] = V(deps=v.deps | mark, flags=v.flags)


def loop_changes(node: ast.For | ast.AsyncFor | ast.While) -> frozenset[str]:
    """Names that a loop's body assigns (inner functions aside)."""
    cached = getattr(node, "_changes", None)
    if cached is not None:
        return cached  # type: ignore[no-any-return]
    names: set[str] = set()
    stack: list[ast.AST] = list(node.body)
    while stack:
        n = stack.pop()
        if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store):
            names.add(n.id)
        elif isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            continue
        stack.extend(ast.iter_child_nodes(n))
    found = frozenset(names)
    node._changes = found  # type: ignore[union-attr]
    return found
