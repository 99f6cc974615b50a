"""Functions, classes and imports."""

from __future__ import annotations

import ast

from golf_audit.program.assignments import FALL
from golf_audit.program.loops import Loops
from golf_audit.program.objects import (
    Bound,
    Class,
    External,
    Function,
    GradOff,
    Instance,
    Module,
    Scope,
)
from golf_audit.program.values import (
    V,
)


class Definitions(Loops):
    """Defines names."""

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
        self.scope.names[node.name] = self.make_function(node)
        return FALL

    def make_function(self, node: ast.FunctionDef | ast.AsyncFunctionDef, owner: Class | None = None) -> V:
        """The value of a `def`, its decorators applied."""
        defaults = [self.eval(d) for d in node.args.defaults]
        kw = [None if d is None else self.eval(d) for d in node.args.kw_defaults]
        function = Function(node, self.scope, node.name, defaults, kw, owner)
        function.generator = is_generator(node)
        v = V(obj=function)
        for decorator in reversed(node.decorator_list):
            v = self._decorate(decorator, function, v)
        return v

    def _decorate(self, decorator: ast.expr, function: Function, v: V) -> V:
        d = self.eval(decorator)
        obj = d.obj
        if isinstance(obj, GradOff):
            function.grad_off = function.grad_off or obj.off
        elif isinstance(obj, External | Bound):
            name = obj.name if isinstance(obj, External) else getattr(obj.func, "name", "")
            last = name.rsplit(".", 1)[-1]
            if last in ("no_grad", "inference_mode"):
                function.grad_off = True
            elif last in ("staticmethod", "classmethod", "property", "cached_property"):
                function.kind = {"staticmethod": "static", "classmethod": "class"}.get(last, "property")
            elif last in ("jit", "autotune", "heuristics") and "triton" in name:
                function.kind = "jit"
            elif last == "contextmanager":
                function.kind = "context"
        elif isinstance(obj, Function):
            made = self.call(d, [v], {})
            if isinstance(made.obj, Function | Bound | Instance):
                return made
        return v

    def _class(self, node: ast.ClassDef) -> str:
        bases = [self.eval(b) for b in node.bases]
        scope = Scope(self.scope, self.file, self.scope.globals_)
        cls = Class(node.name, bases, scope, node)
        for base in bases:
            if isinstance(base.obj, External):
                name = base.obj.name
                cls.is_module = cls.is_module or name.startswith("torch.nn.")
                cls.is_optimizer = cls.is_optimizer or (name.startswith("torch.optim") and "lr_scheduler" not in name)
                cls.is_autograd = cls.is_autograd or name == "torch.autograd.Function"
            elif isinstance(base.obj, Class):
                cls.is_module |= base.obj.is_module
                cls.is_optimizer |= base.obj.is_optimizer
                cls.is_autograd |= base.obj.is_autograd
        cls.counters = class_counters(node)
        for decorator in node.decorator_list:
            d = self.eval(decorator)
            name = d.obj.name if isinstance(d.obj, External) else getattr(getattr(d.obj, "func", None), "name", "")
            cls.is_dataclass = cls.is_dataclass or name.rsplit(".", 1)[-1] == "dataclass" or "dataclass" in d.flags
        outer, self.scope = self.scope, scope
        try:
            for statement in node.body:
                self.line = statement.lineno
                if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
                    v = self.make_function(statement, cls)
                    if isinstance(v.obj, Function):
                        v.obj.scope = outer
                    scope.names[statement.name] = v
                else:
                    self.run([statement])
        finally:
            self.scope = outer
        self.scope.names[node.name] = V(obj=cls)
        return FALL

    def _import(self, node: ast.Import) -> str:
        for alias in node.names:
            if alias.asname:
                self.scope.names[alias.asname] = self.import_module(alias.name)
            else:
                first = alias.name.split(".", 1)[0]
                self.scope.names[first] = self.import_module(first)
                if first != alias.name:
                    self.import_module(alias.name)
        return FALL

    def _import_from(self, node: ast.ImportFrom) -> str:
        module = self.import_module(("." * node.level) + (node.module or ""))
        for alias in node.names:
            if alias.name == "*":
                if isinstance(module.obj, Module):
                    self.scope.names.update({k: v for k, v in module.obj.scope.names.items() if not k.startswith("_")})
                continue
            found = self.attribute(module, alias.name)
            if isinstance(module.obj, External) and not module.obj.name:
                found = self.import_module(alias.name)
            self.scope.names[alias.asname or alias.name] = found
        return FALL


def is_generator(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether a function yields (its inner functions aside)."""
    stack: list[ast.AST] = list(node.body)
    while stack:
        n = stack.pop()
        if isinstance(n, ast.Yield | ast.YieldFrom):
            return True
        if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            continue
        stack.extend(ast.iter_child_nodes(n))
    return False


def class_counters(node: ast.ClassDef) -> frozenset[str]:
    """Attributes of `self` that methods other than `__init__` move on."""
    names: set[str] = set()
    for method in node.body:
        if not isinstance(method, ast.FunctionDef) or method.name == "__init__" or not method.args.args:
            continue
        me = method.args.args[0].arg
        for n in ast.walk(method):
            targets = [n.target] if isinstance(n, ast.AugAssign) else n.targets if isinstance(n, ast.Assign) else []
            for target in targets:
                for t in target.elts if isinstance(target, ast.Tuple) else [target]:
                    if isinstance(t, ast.Attribute) and isinstance(t.value, ast.Name) and t.value.id == me:
                        names.add(t.attr)
    return frozenset(names)
