"""Calls: into the submission's own functions, and to the library's."""

from __future__ import annotations

import ast
from typing import Any, Final

from golf_audit.events import Call
from golf_audit.program.machine import MAX_DEPTH, Alternatives
from golf_audit.program.objects import (
    Bound,
    Class,
    DictLike,
    External,
    Function,
    GradOff,
    Instance,
    Leaf,
    ListLike,
    Optimizer,
    Scope,
    Super,
    Table,
)
from golf_audit.program.statements import Statements
from golf_audit.program.values import EMPTY, NO, UNKNOWN, V, merge_sets

_RECURSION: Final = 2
_FEW_SETTINGS: Final = 2
"""A function that reads no more settings than this, and returns a constant, returns a setting."""


class Calls(Statements):
    """Calls functions, methods, classes and modules."""

    def call_node(self, node: ast.Call) -> V:
        """Evaluate a call's function and arguments, then call it."""
        function = self.eval(node.func)
        if isinstance(function.obj, External) and function.obj.name == "super":
            return self._super(node)
        args: list[V] = []
        for a in node.args:
            if isinstance(a, ast.Starred):
                v = self.eval(a.value)
                if isinstance(v.obj, ListLike) and v.obj.items is not None:
                    args.extend(v.obj.items)
                else:
                    args.append(self.element(v).but(flags=merge_sets(self.element(v).flags, frozenset(("star",)))))
            else:
                args.append(self.eval(a))
        kwargs: dict[str, V] = {}
        for k in node.keywords:
            v = self.eval(k.value)
            if k.arg is not None:
                kwargs[k.arg] = v
            elif isinstance(v.obj, DictLike):
                kwargs.update({key: value for key, value in v.obj.items.items() if isinstance(key, str)})
        self.line = node.lineno
        out = self.call(function, args, kwargs)
        if isinstance(function.obj, Bound) and isinstance(function.obj.func, External):
            self._in_place(node, function.obj, args, kwargs)
        elif isinstance(function.obj, Function) and function.obj.kind == "jit":
            self._kernel(node, args, kwargs)
        elif isinstance(function.obj, External) and function.obj.name in _CHANGES_FIRST:
            self._change_first(node, args)
        return out

    def _super(self, node: ast.Call) -> V:
        scope: Scope | None = self.scope
        while scope is not None:
            if "<class>" in scope.names:
                receiver = scope.names.get("<self>", UNKNOWN)
                return V(obj=Super(scope.names["<class>"].obj, receiver))
            scope = scope.parent
        return UNKNOWN

    def call(self, function: V, args: list[V], kwargs: dict[str, V]) -> V:
        """Call a value."""
        obj = function.obj
        if isinstance(obj, Function):
            return self.enter(obj, args, kwargs)
        if isinstance(obj, Bound):
            if isinstance(obj.func, External):
                return self.method(obj.func.name.removeprefix("."), obj.args[0], args, kwargs)
            if isinstance(obj.func, Function):
                return self.enter(obj.func, [*obj.args, *args], {**obj.kwargs, **kwargs})
            return self.call(
                V(obj=obj.func) if not isinstance(obj.func, V) else obj.func,
                [*obj.args, *args],
                {**obj.kwargs, **kwargs},
            )
        if isinstance(obj, External):
            return self.external(obj.name, args, kwargs)
        if isinstance(obj, Class):
            return self.construct(obj, args, kwargs)
        if isinstance(obj, Instance):
            return self._call_instance(function, obj, args, kwargs)
        if isinstance(obj, Leaf):
            return self.layer(function, obj, args)
        if isinstance(obj, Alternatives):
            out: V | None = None
            for option in obj.options:
                out = self.join(out, self.call(option, args, kwargs))
            return out or UNKNOWN
        if isinstance(obj, GradOff):
            if args and isinstance(args[0].obj, Function):
                args[0].obj.grad_off = obj.off
                return args[0]
            return function
        if isinstance(obj, ListLike) and obj.items is not None and function.sites:
            x = args
            for item in obj.items:
                x = [self.call(item, x, {})]
            return x[0] if x else UNKNOWN
        return self._opaque(function, args, kwargs)

    def _opaque(self, function: V, args: list[V], kwargs: dict[str, V]) -> V:
        """A call of something unknown: functions among its arguments may be called, results derive from the rest."""
        values = [*args, *kwargs.values()]
        return self.mix([function.but(obj=None), *values])

    # -- the submission's functions -----------------------------------------------------------------------------------

    def enter(self, f: Function, args: list[V], kwargs: dict[str, V]) -> V:
        """Walk into a function of the submission."""
        if f.kind == "jit":
            return self.mix([*args, *kwargs.values()])
        if len(self.active) >= MAX_DEPTH or self.active.count(f) >= _RECURSION:
            return self.mix([*args, *kwargs.values()])
        self.spend()
        scope = Scope(f.scope, f.scope.file, f.scope.globals_)
        self._bind_arguments(f, scope, args, kwargs)
        outer, line, file, grad = self.scope, self.line, self.file, self.grad
        mark = len(self.frames)
        uncertain, exits, trying = self.uncertain, self.exits, self.trying
        self.trying = 0
        read = len(self.env_log)
        self.exits = []
        where = self.location()
        self.scope, self.file = scope, f.scope.file
        self.active.append(f)
        in_model = f.owner is not None and f.owner.is_module and not self.building
        if in_model and not self.inside_model:
            self.model_since, self.model_mark = self.new_id(), len(self.frames)
        self.inside_model += in_model
        if f.grad_off:
            self.grad = False
        self.calls.append(Call(f.name, where))
        try:
            if isinstance(f.node, ast.Lambda):
                return self.eval(f.node.body)
            with self.inside("call", f"{f.name}()", where.line):
                self.run(f.node.body)
        finally:
            self.calls.pop()
            self.active.pop()
            self.scope, self.line, self.file, self.grad = outer, line, file, grad
            del self.frames[mark:]
            self.uncertain, self.exits, self.trying = uncertain, exits, trying
            self.inside_model -= in_model
        if f.generator:
            yielded = scope.names.get("<yield>", UNKNOWN)
            if f.kind == "context":
                return yielded
            return V(obj=ListLike(None, yielded))
        out = scope.names.get("<return>", V(None))
        if out.obj is None and out.py is not NO and 0 < len(self.env_log) - read <= _FEW_SETTINGS:
            out = out.but(flags=out.flags | {f"env:{name}" for name in self.env_log[read:]})
        return out

    def _bind_arguments(self, f: Function, scope: Scope, args: list[V], kwargs: dict[str, V]) -> None:
        a = f.node.args
        names = [p.arg for p in (*a.posonlyargs, *a.args)]
        bound = scope.names
        if args and "star" in args[-1].flags and len(args) <= len(names):
            filler = args[-1].but(flags=args[-1].flags - {"star"})
            args = [*args[:-1], *([filler] * (len(names) - len(args) + 1))]
        for name, v in zip(names, args, strict=False):
            bound[name] = v
        if a.vararg is not None:
            bound[a.vararg.arg] = V(obj=ListLike(list(args[len(names) :]), frozen=True))
        extra: dict[Any, V] = {}
        keyword_only = {p.arg for p in a.kwonlyargs}
        for name, v in kwargs.items():
            if name in names or name in keyword_only:
                bound[name] = v
            else:
                extra[name] = v
        if a.kwarg is not None:
            bound[a.kwarg.arg] = V(obj=DictLike(extra))
        first_default = len(names) - len(f.defaults)
        for i, name in enumerate(names):
            if name not in bound:
                bound[name] = f.defaults[i - first_default] if i >= first_default else UNKNOWN
        for p, default in zip(a.kwonlyargs, f.kw_defaults, strict=True):
            if p.arg not in bound:
                bound[p.arg] = default or UNKNOWN
        if f.owner is not None:
            bound["<class>"] = V(obj=f.owner)
            if args:
                bound["<self>"] = args[0]

    # -- classes --------------------------------------------------------------------------------------------------------

    def construct(self, cls: Class, args: list[V], kwargs: dict[str, V]) -> V:
        """`cls(...)`."""
        if cls.is_optimizer:
            return self.make_optimizer([*args, *kwargs.values()])
        instance = Instance(cls)
        v = V(obj=instance)
        if cls.is_module:
            instance.site = self.new_site()
            v = V(obj=instance, sites=frozenset((instance.site,)), snap=None)
        maker = cls.find("__init__")
        if cls.is_module:
            self.building.append(self.building[0] if self.building else instance.site)
        try:
            if maker is not None and isinstance(maker.obj, Function):
                self.enter(maker.obj, [v, *args], kwargs)
            else:
                self._fill_fields(cls, instance, args, kwargs)
        finally:
            if cls.is_module:
                self.building.pop()
        after = cls.find("__post_init__")
        if after is not None and isinstance(after.obj, Function):
            self.enter(after.obj, [v], {})
        return v

    def _fill_fields(self, cls: Class, instance: Instance, args: list[V], kwargs: dict[str, V]) -> None:
        fields = [s.target.id for s in cls.node.body if isinstance(s, ast.AnnAssign) and isinstance(s.target, ast.Name)]
        for name, v in zip(fields, args, strict=False):
            instance.attrs[name] = v
        instance.attrs.update(kwargs)
        for name in fields:
            if name in instance.attrs:
                continue
            default = cls.find(name)
            if default is not None and isinstance(default.obj, Bound) and isinstance(default.obj.func, External):
                factory = default.obj.kwargs.get("default_factory")
                default = (
                    self.call(factory, [], {}) if factory is not None else default.obj.kwargs.get("default", UNKNOWN)
                )
            if default is not None:
                instance.attrs[name] = self.echoed(name, default) if default.flags and default.obj is None else default

    def _call_instance(self, function: V, obj: Instance, args: list[V], kwargs: dict[str, V]) -> V:
        cls = obj.cls
        method = cls.find("forward") if cls.is_module else cls.find("__call__")
        if method is None:
            return self._opaque(function, args, kwargs)
        out = self.call(
            V(obj=Bound(method.obj, [function])) if isinstance(method.obj, Function) else method, args, kwargs
        )
        if obj.site and self.hooks.get(obj.site):
            self.run_hooks(obj.site, function, args, out)
        return out

    def run_hooks(self, site: int, module: V, args: list[V], out: V) -> None:
        """Forward hooks see what flows through the model."""
        hooks = self.hooks[site]
        self.hooks[site] = []
        data = self.mix([*args, V(sites=frozenset((site,)), snap=None)], raw=False)
        shown = V(obj=ListLike([data], frozen=True))
        for hook in hooks:
            self.call(hook, [module, shown, data], {})
        self.hooks[site] = hooks

    def layer(self, function: V, leaf: Leaf, args: list[V]) -> V:
        """A layer of the library on its input."""
        name = leaf.name.rsplit(".", 1)[-1]
        if "Loss" in name and len(args) >= 2:
            return self.external("torch.nn.functional.cross_entropy", args, {})
        if leaf.site and self.hooks.get(leaf.site) and not self.building:
            out = self.mix([*args, V(sites=frozenset((leaf.site,)), snap=None)], raw=False)
            self.run_hooks(leaf.site, function, args, out)
            return out
        if not leaf.site:
            return self.mix(args)
        return self.mix([*args, V(sites=frozenset((leaf.site,)), snap=None)], raw=False)

    def make_optimizer(self, values: list[V]) -> V:
        """An optimizer over all trainable states found in its arguments."""
        sites: frozenset[int] = EMPTY
        for v in values:
            sites = merge_sets(sites, self.flat(v).sites)
        return V(obj=Optimizer(sites, self.line, self.file), sites=EMPTY)

    # -- changes in place -------------------------------------------------------------------------------------------------

    def _in_place(self, node: ast.Call, bound: Bound, args: list[V], kwargs: dict[str, V]) -> None:
        """`x.add_(y)`: the variable behind x holds the result."""
        name = bound.func.name.rsplit(".", 1)[-1]
        if not name.endswith("_") or name.startswith("_") or name == "requires_grad_":
            return
        receiver = bound.args[0]
        if receiver.obj is not None or (receiver.sites and receiver.snap is None):
            return
        data = self.mix([*args, *kwargs.values()])
        if data.plain and not data.nll:
            return
        if isinstance(node.func, ast.Attribute):
            self.assign_back(_base(node.func.value), self.mix((receiver, data)))

    def _kernel(self, node: ast.Call, args: list[V], kwargs: dict[str, V]) -> None:
        """A Triton kernel writes into whatever tensors it is given."""
        values = [*args, *kwargs.values()]
        out = self.kernel_result(values)
        if out.plain:
            return
        for target, v in zip(node.args, args, strict=False):
            if isinstance(v.obj, Table):
                v.obj.content = self.mix((v.obj.content, out))
            elif v.plain and v.py is NO and v.lin is None:
                self.assign_back(_base(target), out)

    def kernel_result(self, values: list[V]) -> V:
        """What opaque code computes from model output and targets: a loss, if both are there."""
        flat = [self.flat(v) for v in values]
        scores = [v for v in flat if v.sites and v.taint and not v.raw]
        targets = [v for v in flat if v.raw and not v.sites]
        out = self.mix(flat)
        if scores and targets and not out.nll:
            loss = self.likelihood(self.mix(scores), self.mix(targets))
            return self.mix((out.but(raw=EMPTY), loss))
        return out.but(raw=EMPTY) if out.sites else out

    def _change_first(self, node: ast.Call, args: list[V]) -> None:
        """`np.add.at(t, k, 1)`, `np.copyto(t, x)`: the first argument changes."""
        if not args or not node.args:
            return
        first = args[0]
        name = self.eval(node.func).obj.name
        rest = args[1:]
        if isinstance(first.obj, Table):
            keys = [a for a in rest[:1] if self.flat(a).raw]
            if keys and name.endswith(".at"):
                self.insert(first.obj, self.flat(keys[0]), self.mix(rest[1:]) if rest[1:] else UNKNOWN)
                return
            data = self.mix(rest) if rest else UNKNOWN
            if not data.plain:
                first.obj.content = self.mix((first.obj.content, data))
        elif first.obj is None and not first.sites and rest:
            self.assign_back(_base(node.args[0]), self.mix(args))


_CHANGES_FIRST: Final = frozenset(
    ("numpy.add.at", "numpy.subtract.at", "numpy.maximum.at", "numpy.copyto", "numpy.put", "numpy.put_along_axis")
)


def _base(node: ast.expr) -> ast.expr:
    """The variable behind a chain of views: `x.data[1:].view(-1)` is x's."""
    while True:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            node = node.func.value
        elif (isinstance(node, ast.Attribute) and node.attr in ("data", "T", "grad")) or isinstance(
            node, ast.Subscript
        ):
            node = node.value
        else:
            return node
