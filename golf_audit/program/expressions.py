"""What each kind of expression evaluates to."""

from __future__ import annotations

import ast
from abc import abstractmethod
from collections.abc import Callable
from typing import Any, Final

from golf_audit.program.access import Access
from golf_audit.program.objects import (
    DictLike,
    External,
    Function,
    ListLike,
)
from golf_audit.program.values import (
    EMPTY,
    FALSE,
    HOLE,
    NO,
    TRUE,
    UNKNOWN,
    V,
    const,
    merge_sets,
)


class Expressions(Access):
    """Evaluates expressions."""

    def eval(self, node: ast.expr) -> V:
        """The abstract value of an expression."""
        self.spent += 1
        if self.spent & 1023 == 0:
            self.spend()
        line = getattr(node, "lineno", 0)
        if line:
            self.line = line
        return _DISPATCH[type(node)](self, node)

    def _constant(self, node: ast.Constant) -> V:
        return const(node.value)

    def _name(self, node: ast.Name) -> V:
        found = self.scope.lookup(node.id)
        if found is not None:
            return found
        return self.builtin(node.id)

    def builtin(self, name: str) -> V:
        """A name that the submission does not define."""
        if name == "__name__":
            return const("__main__")
        if name == "__file__":
            return V(txt=self.texts[self.file].file, py=NO)
        return V(obj=External(name))

    def _fstring(self, node: ast.JoinedStr) -> V:
        text, known, parts = "", True, []
        for piece in node.values:
            if isinstance(piece, ast.Constant):
                text += str(piece.value)
                continue
            if not isinstance(piece, ast.FormattedValue):
                known = False
                continue
            v = self.eval(piece.value)
            parts.append(v)
            if v.py is not NO and piece.format_spec is None and piece.conversion == -1:
                text += str(v.py)
            elif v.txt is not None:
                text += v.txt
                known = False
            else:
                text += HOLE
                known = False
        mixed = self.mix(parts) if parts else UNKNOWN
        return mixed.but(py=text if known else NO, txt=text[:2000], raw=EMPTY, lin=None)

    def _tuple(self, node: ast.Tuple | ast.List | ast.Set) -> V:
        items: list[V] = []
        rest: V | None = None
        for element in node.elts:
            if isinstance(element, ast.Starred):
                v = self.eval(element.value)
                if isinstance(v.obj, ListLike) and v.obj.items is not None:
                    items.extend(v.obj.items)
                else:
                    rest = self.join(rest, self.element(v))
            else:
                items.append(self.eval(element))
        frozen = isinstance(node, ast.Tuple)
        if rest is None and len(items) <= 64:
            return V(obj=ListLike(items, frozen=frozen))
        joined = rest
        for item in items:
            joined = self.join(joined, item)
        return V(obj=ListLike(None, joined or UNKNOWN, frozen=frozen))

    def _dict(self, node: ast.Dict) -> V:
        mapping = DictLike()
        for key, value in zip(node.keys, node.values, strict=True):
            v = self.eval(value)
            if key is None:
                if isinstance(v.obj, DictLike):
                    mapping.items.update(v.obj.items)
                    if v.obj.rest is not None:
                        mapping.rest = self.join(mapping.rest, v.obj.rest)
                elif not v.plain:
                    mapping.rest = self.join(mapping.rest, v)
                continue
            k = self.eval(key)
            if k.py is not NO and isinstance(k.py, str | int | float | bool | type(None)):
                mapping.items[k.py] = v
            elif (data := self.flat(k)).raw:
                self.put(mapping, data, v)
            else:
                mapping.rest = self.join(mapping.rest, v)
        return V(obj=mapping)

    def _lambda(self, node: ast.Lambda) -> V:
        defaults = [self.eval(d) for d in node.args.defaults]
        kw = [None if d is None else self.eval(d) for d in node.args.kw_defaults]
        return V(obj=Function(node, self.scope, "<lambda>", defaults, kw))

    def _binop(self, node: ast.BinOp) -> V:
        return self.operate(node.op, self.eval(node.left), self.eval(node.right))

    def _boolop(self, node: ast.BoolOp) -> V:
        want = isinstance(node.op, ast.Or)
        seen: list[V] = []
        for value in node.values:
            v = self.eval(value)
            truth = self.truth(v)
            if truth is None:
                seen.append(v)
                continue
            if truth is want:
                if not seen:
                    return v
                if want:
                    return (
                        self._flagged(TRUE, [*seen, v])
                        if all(self.truth(s) is not None for s in seen)
                        else self.mix([*seen, v])
                    )
                return self._flagged(FALSE, [*seen, v])
            seen.append(v)
        unknown = [s for s in seen if self.truth(s) is None]
        if not unknown:
            return self._flagged(seen[-1], seen)
        mixed = self.mix(seen, keep_alias=True)
        if len(unknown) == 1 and unknown[0].obj is not None:
            return unknown[0]
        return mixed

    def _unary(self, node: ast.UnaryOp) -> V:
        v = self.eval(node.operand)
        if isinstance(node.op, ast.Not):
            truth = self.truth(v)
            if truth is None:
                return self.mix((v,)).but(raw=EMPTY)
            return self._flagged(const(not truth), [v])
        if v.py is not NO and isinstance(v.py, int | float):
            value = -v.py if isinstance(node.op, ast.USub) else ~int(v.py) if isinstance(node.op, ast.Invert) else v.py
            return self._folded(value, v, v)
        mixed = self.mix((v,))
        if isinstance(node.op, ast.USub) and v.lin is not None:
            return mixed.but(lin=v.lin.times(-1))
        if isinstance(node.op, ast.Invert):
            return mixed.but(raw=EMPTY)
        return mixed

    def _compare(self, node: ast.Compare) -> V:
        left = self.eval(node.left)
        result: V | None = None
        for op, comparator in zip(node.ops, node.comparators, strict=True):
            right = self.eval(comparator)
            one = self._compare_one(op, left, right)
            result = one if result is None else self._both(result, one)
            left = right
        return result or UNKNOWN

    def _ifexp(self, node: ast.IfExp) -> V:
        test = self.eval(node.test)
        truth = self.truth(test)
        if truth is not None:
            v = self.eval(node.body if truth else node.orelse)
            envs = frozenset(f for f in test.flags if f.startswith("env:"))
            return v.but(flags=merge_sets(v.flags, envs)) if envs and v.obj is None else v
        a, b = self.eval(node.body), self.eval(node.orelse)
        self.oracle(test, a, b)
        out = self.join(a, b)
        return out.but(flags=out.flags | {"told-weight"}) if out.look and self.told(test) else out

    def _attribute(self, node: ast.Attribute) -> V:
        return self.attribute(self.eval(node.value), node.attr)

    def _subscript(self, node: ast.Subscript) -> V:
        v = self.eval(node.value)
        return self.item(v, node.slice)

    def _starred(self, node: ast.Starred) -> V:
        return self.eval(node.value)

    def _await(self, node: ast.Await) -> V:
        return self.eval(node.value)

    def _yield(self, node: ast.Yield) -> V:
        v = self.eval(node.value) if node.value else UNKNOWN
        self.scope.names["<yield>"] = self.join(self.scope.names.get("<yield>"), v)
        return UNKNOWN

    def _yield_from(self, node: ast.YieldFrom) -> V:
        v = self.element(self.eval(node.value))
        self.scope.names["<yield>"] = self.join(self.scope.names.get("<yield>"), v)
        return UNKNOWN

    def _named(self, node: ast.NamedExpr) -> V:
        v = self.eval(node.value)
        self.scope.names[node.target.id] = v
        return v

    def _slice(self, node: ast.Slice) -> V:
        parts = [self.eval(p) for p in (node.lower, node.upper, node.step) if p is not None]
        return self.mix(parts) if parts else UNKNOWN

    @abstractmethod
    def put(self, mapping: DictLike, key: V, v: V) -> None:
        """`mapping[key] = v` at a key of tokens."""

    @abstractmethod
    def comprehension(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp) -> V:
        """A comprehension."""

    @abstractmethod
    def call_node(self, node: ast.Call) -> V:
        """A call, with its arguments still to be evaluated."""


_DISPATCH: Final[dict[type[ast.AST], Callable[[Any, Any], V]]] = {
    ast.Constant: Expressions._constant,
    ast.Name: Expressions._name,
    ast.JoinedStr: Expressions._fstring,
    ast.Tuple: Expressions._tuple,
    ast.List: Expressions._tuple,
    ast.Set: Expressions._tuple,
    ast.Dict: Expressions._dict,
    ast.Lambda: Expressions._lambda,
    ast.BinOp: Expressions._binop,
    ast.BoolOp: Expressions._boolop,
    ast.UnaryOp: Expressions._unary,
    ast.Compare: Expressions._compare,
    ast.IfExp: Expressions._ifexp,
    ast.Attribute: Expressions._attribute,
    ast.Subscript: Expressions._subscript,
    ast.Call: lambda self, node: self.call_node(node),
    ast.ListComp: lambda self, node: self.comprehension(node),
    ast.SetComp: lambda self, node: self.comprehension(node),
    ast.GeneratorExp: lambda self, node: self.comprehension(node),
    ast.DictComp: lambda self, node: self.comprehension(node),
    ast.Starred: Expressions._starred,
    ast.Await: Expressions._await,
    ast.Yield: Expressions._yield,
    ast.YieldFrom: Expressions._yield_from,
    ast.NamedExpr: Expressions._named,
    ast.Slice: Expressions._slice,
    ast.FormattedValue: lambda self, node: self.eval(node.value),
}
