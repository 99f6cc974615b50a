"""What each kind of statement does, in program order: branches by configuration, loops turned twice."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any, Final

from golf_audit.events import Decision, Reset, Save, Update
from golf_audit.program.expressions import Expressions, describe_refs
from golf_audit.program.machine import Alternatives, unparse
from golf_audit.program.objects import (
    Bound,
    Buffer,
    Class,
    External,
    Function,
    GradOff,
    Instance,
    Iterating,
    Mapping_,
    Module,
    Optimizer,
    Range,
    Scope,
    Sequence_,
    Table,
)
from golf_audit.program.values import EMPTY, NO, UNKNOWN, Lin, V, const, fresh, merge_sets

FALL: Final = ""
"""The block ran to its end."""
_FEW: Final = 8


class Statements(Expressions):
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

    # -- simple statements --------------------------------------------------------------------------------------------

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

    def _assign(self, node: ast.Assign) -> str:
        v = self.eval(node.value)
        for target in node.targets:
            self.assign(target, v)
        return FALL

    def _annassign(self, node: ast.AnnAssign) -> str:
        if node.value is not None:
            self.assign(node.target, self.eval(node.value))
        return FALL

    def assign(self, target: ast.expr, v: V) -> None:
        """`target = v`."""
        if isinstance(target, ast.Name):
            self.bind(target.id, v)
        elif isinstance(target, ast.Attribute):
            self._assign_attribute(self.eval(target.value), target.attr, v)
        elif isinstance(target, ast.Subscript):
            self._assign_item(target, v)
        elif isinstance(target, ast.Tuple | ast.List):
            self._unpack(target.elts, v)
        elif isinstance(target, ast.Starred):
            self.assign(target.value, V(obj=Sequence_(None, v)))

    def bind(self, name: str, v: V) -> None:
        """Give a variable its value, with the log's echo where the name is a setting."""
        if v.flags and v.obj is None:
            v = self.echoed(name, v)
        outer = self.scope.names.get("<outer>")
        if outer is not None:
            for declared, is_global in outer.obj:
                if declared == name:
                    owner = self.scope.globals_ if is_global else (self.scope.parent and self.scope.parent.owner(name))
                    scope = owner or self.scope
                    scope.names[name] = self.join(scope.names.get(name), v) if self.uncertain else v
                    return
        self.scope.names[name] = v

    def echoed(self, name: str, v: V) -> V:
        """The value that the run's log shows for a setting; in the walker."""
        raise NotImplementedError(name)  # pragma: no cover - the walker knows the logs

    def _unpack(self, targets: list[ast.expr], v: V) -> None:
        items = v.obj.items if isinstance(v.obj, Sequence_) else None
        starred = [i for i, t in enumerate(targets) if isinstance(t, ast.Starred)]
        if items is not None and len(items) == len(targets) and not starred:
            for target, item in zip(targets, items, strict=True):
                self.assign(target, self.chosen(v, item))
            return
        if isinstance(v.obj, Alternatives):
            options = [o.obj.items for o in v.obj.options if isinstance(o.obj, Sequence_) and o.obj.items is not None]
            if options and all(len(o) == len(targets) for o in options) and not starred:
                for i, target in enumerate(targets):
                    out: V | None = None
                    for option in options:
                        out = self.join(out, option[i])
                    self.assign(target, out or UNKNOWN)
                return
        element = self.element(v)
        if element.lin is not None or element.py is not NO:
            element = element.but(lin=None, py=NO)
        for target in targets:
            self.assign(target, element)

    def _assign_attribute(self, owner: V, name: str, v: V) -> None:
        obj = owner.obj
        if isinstance(obj, Instance):
            if v.flags and v.obj is None:
                v = self.echoed(name, v)
            old = obj.attrs.get(name)
            obj.attrs[name] = self.join(old, v) if self.uncertain and old is not None else v
            return
        if isinstance(obj, Class):
            obj.scope.names[name] = v
            return
        if isinstance(obj, Module):
            obj.scope.names[name] = v
            return
        if isinstance(obj, Alternatives):
            for option in obj.options:
                self._assign_attribute(option, name, v)
            return
        if name == "data" and owner.sites and owner.snap is None:
            self.write(owner, v, whole=True)
        elif name == "grad" and owner.sites and v.py is None:
            for site in owner.sites:
                self.pending.pop(site, None)

    def _assign_item(self, target: ast.Subscript, v: V) -> None:
        owner = self.eval(target.value)
        obj = owner.obj
        if isinstance(obj, External):
            if obj.name == "os.environ":
                key = self.eval(target.slice)
                self.set_environment(key, v)
            return
        if isinstance(obj, Alternatives):
            for option in obj.options:
                self._store(option, target, v)
            return
        self._store(owner, target, v)

    def set_environment(self, key: V, v: V) -> None:
        """`os.environ[key] = v`; in the walker."""
        raise NotImplementedError  # pragma: no cover

    def _store(self, owner: V, target: ast.Subscript, v: V) -> None:
        obj = owner.obj
        if isinstance(obj, Mapping_):
            k = self.flat(self.eval(target.slice))
            if k.raw:
                self.insert(self._mapping_table(obj), k, v)
            elif k.py is not NO and isinstance(k.py, str | int | float | bool | type(None)):
                old = obj.items.get(k.py)
                obj.items[k.py] = self.join(old, v) if self.uncertain and old is not None else v
            else:
                obj.rest = self.join(obj.rest, v)
            return
        if isinstance(obj, Sequence_):
            k = self.eval(target.slice)
            if obj.items is not None and type(k.py) is int and -len(obj.items) <= k.py < len(obj.items):
                obj.items[k.py] = self.join(obj.items[k.py], v) if self.uncertain else v
                return
            element = self.join(self.element(owner), v)
            obj.items, obj.rest = None, element
            return
        if isinstance(obj, Instance):
            setter = obj.cls.find("__setitem__")
            if setter is not None:
                self.call(V(obj=Bound(setter.obj, [owner])), [self.eval(target.slice), v], {})
            return
        if isinstance(obj, Table):
            self._store_table(obj, target.slice, v)
            return
        self._index_parts(target.slice)
        if owner.sites and owner.snap is None:
            self.write(owner, v)
        elif not v.plain:
            self.assign_back(target.value, self.mix((owner, v)))

    def _mapping_table(self, obj: Mapping_) -> Table:
        if obj.table is None:
            table = self.new_table().obj
            obj.table = table
        return obj.table  # type: ignore[return-value]

    def put(self, mapping: Mapping_, key: V, v: V) -> None:
        """`mapping[key] = v` at a key of tokens."""
        self.insert(self._mapping_table(mapping), key, v)

    def _index_parts(self, index: ast.expr) -> list[V]:
        parts = index.elts if isinstance(index, ast.Tuple) else [index]
        return [self.flat(self.eval(p)) for p in parts if not isinstance(p, ast.Slice)]

    def _store_table(self, table: Table, index: ast.expr, v: V) -> None:
        parts = index.elts if isinstance(index, ast.Tuple) else [index]
        keys = self._index_parts(index)
        raw = [k for k in keys if k.raw]
        if raw and not (len(raw) < len(parts) and v.py is not NO):
            self.insert(table, self.mix(raw), v)
            return
        last = parts[-1] if parts else None
        if isinstance(last, ast.Slice) and v.py is not NO and v.py not in (0, False, 0.0):
            lower = self.number(self.eval(last.lower)) if last.lower else None
            upper = self.number(self.eval(last.upper)) if last.upper else None
            if (lower, upper) not in table.sel:
                table.sel = (*table.sel, (lower, upper))
        if not v.plain or v.nll:
            held = self.flat(v)
            table.content = self.join(table.content, held) if table.content is not UNKNOWN else held

    def insert(self, table: Table, key: V, v: V) -> None:
        """Write into a table at a key made of tokens: the table learns them."""
        table.keyed = True
        refs = merge_sets(key.raw or key.taint, self.flat(v).taint)
        if refs:
            update = Update(id=self.new_id(), kind="table", table=table.id, refs=refs, **self.where())
            self.updates[update.id] = update
            table.history = table.history | {update.id}
            if any(r.split == "val" for r in refs):
                self.emit(update, f"table learns {describe_refs(refs)}")
        if v.obj is not None and not isinstance(v.obj, Table):
            held = v.but(nll=EMPTY, look=EMPTY)
        elif v.plain:
            return
        else:
            held = self.flat(v).but(nll=EMPTY, look=EMPTY)
        table.content = self.join(table.content, held) if table.content is not UNKNOWN else held

    def assign_back(self, target: ast.expr, v: V) -> None:
        """An expression was changed in place: its variable now holds `v`."""
        if isinstance(target, ast.Name):
            owner = self.scope.owner(target.id)
            if owner is not None:
                owner.names[target.id] = v
        elif isinstance(target, ast.Attribute):
            holder = self.eval(target.value)
            if isinstance(holder.obj, Instance):
                holder.obj.attrs[target.attr] = v
        elif isinstance(target, ast.Subscript):
            holder = self.eval(target.value)
            if isinstance(holder.obj, Mapping_ | Sequence_):
                self._store(holder, target, v)

    def write(self, owner: V, v: V, *, whole: bool = False) -> None:
        """A parameter is written by hand: learned, restored, or cleared."""
        data = self.flat(v)
        if "grad" in data.flags or data.taint or data.nll:
            refs = data.taint
            if refs:
                update = Update(
                    id=self.new_id(), kind="write", sites=owner.sites, refs=refs, atoms=data.nll, **self.where()
                )
                self.learn(owner.sites, update, f"state written from {describe_refs(refs)}")
            return
        if data.sites:
            snap = self.prior(data)
            for site in owner.sites:
                self.history[site] = snap if whole else merge_sets(self.history.get(site, EMPTY), snap)
            return
        self.clear(owner, whole=whole or "whole" in owner.flags)

    def clear(self, owner: V, *, whole: bool) -> None:
        """A parameter is filled with fresh values: enough of them, and the state is new."""
        for site in owner.sites:
            if not self.history.get(site):
                continue
            done = self.cleared.setdefault(site, set())
            done.add((self.file, self.line))
            if whole or 3 * len(done) >= len(self.leaves.get(site, ())):
                self.history[site] = EMPTY
                self.emit(Reset(sites=frozenset((site,)), **self.where()), "state starts afresh")

    def _augassign(self, node: ast.AugAssign) -> str:
        target = node.target
        if isinstance(target, ast.Subscript):
            return self._augassign_item(node, target)
        old = self.eval(target)
        v = self.eval(node.value)
        if isinstance(old.obj, Table):
            data = self.flat(v)
            if not data.plain or data.nll:
                held = old.obj.content
                old.obj.content = self.operate(node.op, self.flat(held), data) if held is not UNKNOWN else data
            return FALL
        if isinstance(old.obj, Sequence_) and isinstance(node.op, ast.Add):
            if (
                old.obj.items is not None
                and isinstance(v.obj, Sequence_)
                and v.obj.items is not None
                and not self.loops()
            ):
                old.obj.items.extend(v.obj.items)
            else:
                element = self.join(self.element(old), self.element(v)) if old.obj.items != [] else self.element(v)
                old.obj.items, old.obj.rest = None, element
            return FALL
        if old.sites and old.snap is None and not isinstance(old.obj, Instance):
            self.write(old, v)
            return FALL
        out = self.operate(node.op, old, v)
        if out.nll and isinstance(node.op, ast.Add | ast.Sub):
            out = out.but(flags=out.flags | {"reduced"})
        self.assign(target, out)
        return FALL

    def _augassign_item(self, node: ast.AugAssign, target: ast.Subscript) -> str:
        owner = self.eval(target.value)
        v = self.eval(node.value)
        obj = owner.obj
        if isinstance(obj, Table):
            keys = [k for k in self._index_parts(target.slice) if k.raw]
            if keys:
                self.insert(obj, self.mix(keys), v)
            elif not v.plain or v.nll:
                data = self.flat(v)
                obj.content = self.mix((obj.content, data)) if obj.content is not UNKNOWN else data
            return FALL
        if isinstance(obj, Mapping_):
            k = self.flat(self.eval(target.slice))
            if k.raw:
                self.insert(self._mapping_table(obj), k, v)
                return FALL
        if owner.sites and owner.snap is None and not isinstance(obj, Instance | Mapping_ | Sequence_):
            self.write(owner, v)
            return FALL
        old = self.item(owner, target.slice)
        self._store(owner, target, self.operate(node.op, old, v) if obj is None or v.obj is None else v)
        return FALL

    # -- definitions --------------------------------------------------------------------------------------------------

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
                    _DISPATCH[type(statement)](self, statement)
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

    def import_module(self, name: str) -> V:
        """A module by name: the submission's own is walked, others are external; in the walker."""
        raise NotImplementedError(name)  # pragma: no cover

    # -- control ------------------------------------------------------------------------------------------------------

    def _if(self, node: ast.If) -> str:
        test = self.eval(node.test)
        truth = self.truth(test)
        if truth is not None:
            body = node.body if truth else node.orelse
            names = self.env_names(test)
            if names and not isinstance(node.test, ast.Constant):
                return self._decided(node, names, body, taken=truth)
            return self.run(body) if body else FALL
        return self._both_sides(node, test)

    def _decided(self, node: ast.If, names: tuple[str, ...], body: list[ast.stmt], *, taken: bool) -> str:
        if not body:
            return FALL
        values = tuple(f"{n}={self.setting_text(n)}" for n in names)
        self.because.append(Decision(unparse(node.test), taken, names, values, self.location(node.lineno)))
        depth = len(self.because)
        try:
            return self.run(body)
        finally:
            del self.because[depth - 1 :]

    def setting_text(self, name: str) -> str:
        """A setting's value and where it was read; in the walker."""
        raise NotImplementedError(name)  # pragma: no cover

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
                scope.names = self._merged(after, scope.names)
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
        scope.names = self._merged(after, scope.names)
        return FALL

    def oracle_branch(self, node: ast.If, test: V) -> None:
        """`if new < old:` over losses of the same tokens, with one of them kept."""
        if test.nll and "loss-order" in test.flags:
            assigned = [s.value for s in node.body if isinstance(s, ast.Assign)]
            values = [self.eval(a) for a in assigned]
            self.oracle(test, *[v for v in values if v.nll], test)

    def _merged(self, a: dict[str, V], b: dict[str, V]) -> dict[str, V]:
        if a is b:
            return a
        out = dict(b)
        for name, v in a.items():
            other = b.get(name)
            if other is not v:
                out[name] = v if other is None else self.join(v, other)
        return out

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

    def _match(self, node: ast.Match) -> str:
        self.eval(node.subject)
        for case in node.cases:
            self.run(case.body)
        return FALL

    # -- loops --------------------------------------------------------------------------------------------------------

    def _while(self, node: ast.While) -> str:
        loop = self.new_id()
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
            scope.names = self._merged(left, scope.names)
        return outcome

    def _for(self, node: ast.For | ast.AsyncFor) -> str:
        source = self.eval(node.iter)
        loop = self.new_id()
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

    def turns(self, source: V, loop: int) -> tuple[list[V], bool]:
        """The elements to turn a loop with, and whether they are all known one by one."""
        obj = source.obj
        if isinstance(obj, Range):
            return self._range_turns(obj, loop)
        if isinstance(obj, Sequence_):
            if obj.items is not None and len(obj.items) <= _FEW:
                return [self._turned(self.chosen(source, i), loop) for i in obj.items], True
            element = self.select(self.element(source), loop)
            return [element, element], False
        if isinstance(obj, Iterating):
            return self._iterating_turns(obj, loop)
        if isinstance(obj, Mapping_):
            keys = list(obj.items)
            if obj.rest is None and obj.table is None and len(keys) <= _FEW:
                return [const(k) for k in keys], True
            element = V(deps=frozenset((loop,)))
            return [element, element], False
        if isinstance(obj, Instance):
            return self._instance_turns(source, obj, loop)
        if isinstance(obj, Function | Class | Bound | External):
            element = V(deps=frozenset((loop,)))
            return [element, element], False
        if source.py is not NO and isinstance(source.py, str | tuple | list | dict | range):
            values = list(source.py)
            if len(values) <= _FEW:
                return [const(v) for v in values], True
            return [V(deps=frozenset((loop,)))] * 2, False
        element = self.select(self.flat(source), loop)
        if isinstance(source.obj, Table) and source.obj.keyed:
            element = element.but(raw=element.raw)
        return [element, element], False

    def _turned(self, v: V, loop: int) -> V:
        if v.obj is None and v.taint:
            return self.select(v, loop)
        return v

    def _instance_turns(self, source: V, obj: Instance, loop: int) -> tuple[list[V], bool]:
        maker = obj.cls.find("__iter__")
        if maker is not None:
            made = self.call(V(obj=Bound(maker.obj, [source])), [], {})
            if not (isinstance(made.obj, Instance) and made.obj is obj):
                return self.turns(made, loop)
            advance = obj.cls.find("__next__")
            if advance is not None:
                element = self.select(self.call(V(obj=Bound(advance.obj, [source])), [], {}), loop)
                return [element, element], False
        if source.sites:
            return [source.but(obj=None), source.but(obj=None)], False
        return [V(deps=frozenset((loop,)))] * 2, False

    def _range_turns(self, obj: Range, loop: int) -> tuple[list[V], bool]:
        mark = frozenset((loop,))
        known = all(type(b.py) is int for b in (obj.start, obj.stop, obj.step)) and obj.step.py != 0
        if known:
            values = range(obj.start.py, obj.stop.py, obj.step.py)
            if not values:
                return [], True
            first = V(values[0], lin=Lin(values[0]), deps=mark)
            if len(values) == 1:
                return [V(values[0], lin=Lin(values[0]))], True
            if len(values) == 2:  # noqa: PLR2004 - both turns are known
                return [first, V(values[1], lin=Lin(values[1]), deps=mark)], False
            symbol = fresh()
            self.bounds[symbol.terms[0][0]] = (min(values[1], values[-1]), max(values[1], values[-1]))
            return [first, V(lin=symbol, deps=mark)], False
        out = []
        deps = merge_sets(merge_sets(obj.start.deps, obj.stop.deps), mark)
        for turn in (1, 2):
            symbol = fresh()
            low = obj.start.py if type(obj.start.py) is int else None
            if low is not None and turn == 2 and type(obj.step.py) is int:  # noqa: PLR2004 - the second turn is later
                low += obj.step.py
            self.bounds[symbol.terms[0][0]] = (low, None)
            out.append(V(lin=symbol, deps=deps))
        return out, False

    def _iterating_turns(self, obj: Iterating, loop: int) -> tuple[list[V], bool]:
        columns = [self.turns(s, loop) for s in obj.sources]
        if obj.kind == "items":
            return self._item_turns(obj.sources[0], loop)
        if obj.kind == "values":
            out = self._values_of(obj.sources[0])
            if out is not None and len(out) <= _FEW:
                return out, True
            v = self.select(self.flat_values(obj.sources[0]), loop)
            return [v, v], False
        if obj.kind == "stream":
            return columns[0]
        if any(not rows for rows, _ in columns):
            return [], True
        count = min(len(rows) for rows, _ in columns)
        alike = all(known for _, known in columns)
        turns = []
        for i in range(count):
            row = [rows[i] for rows, _ in columns]
            if obj.kind == "enumerate":
                first = i == 0 and not alike
                number = (
                    const(i) if alike else V(0 if first else NO, lin=Lin(0) if first else None, deps=frozenset((loop,)))
                )
                if not alike and not first:
                    symbol = fresh()
                    self.bounds[symbol.terms[0][0]] = (1, None)
                    number = V(lin=symbol, deps=frozenset((loop,)))
                row = [number, *row]
            turns.append(V(obj=Sequence_(row, frozen=True)))
        return turns, alike

    def _item_turns(self, source: V, loop: int) -> tuple[list[V], bool]:
        obj = source.obj
        if isinstance(obj, Mapping_) and obj.rest is None and obj.table is None and len(obj.items) <= _FEW:
            return [V(obj=Sequence_([const(k), v], frozen=True)) for k, v in obj.items.items()], True
        value = self.flat_values(source)
        if value.obj is None and value.taint:
            value = self.select(value, loop)
        row = V(obj=Sequence_([V(deps=frozenset((loop,))), value], frozen=True))
        return [row, row], False

    def _values_of(self, source: V) -> list[V] | None:
        obj = source.obj
        if isinstance(obj, Mapping_) and obj.rest is None and obj.table is None:
            return list(obj.items.values())
        return None

    def flat_values(self, source: V) -> V:
        """Any value of a mapping."""
        obj = source.obj
        if isinstance(obj, Mapping_):
            out = obj.rest
            for item in list(obj.items.values())[:_FEW]:
                out = self.join(out, item)
            if out is None and obj.table is not None:
                out = obj.table.content
            return out or UNKNOWN
        return self.flat(source)

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

    def comprehension(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp) -> V:
        """A comprehension: its loops are turned once (or over each known element)."""
        outer = self.scope
        self.scope = Scope(outer, self.file, outer.globals_)
        out: list[V] = []
        mapping = Mapping_()
        try:
            exact = self._comprehend(node, list(node.generators), out, mapping)
        finally:
            self.scope = outer
        if isinstance(node, ast.DictComp):
            return V(obj=mapping)
        if exact and len(out) <= 64:  # noqa: PLR2004
            return V(obj=Sequence_(out))
        joined: V | None = None
        for v in out:
            joined = self.join(joined, v)
        return V(obj=Sequence_(None, joined or UNKNOWN))

    def _comprehend(
        self,
        node: Any,
        generators: list[ast.comprehension],
        out: list[V],
        mapping: Mapping_,
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
        turns, exact = self.turns(self.eval(first.iter), self.new_id())
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

    # -- files ----------------------------------------------------------------------------------------------------------

    def save(self, path: V, v: V) -> None:
        """Bytes go to a file or buffer."""
        data = self.flat(v)
        if isinstance(path.obj, Buffer):
            path.obj.content = self.join(path.obj.content, data) if path.obj.content is not UNKNOWN else data
            text = path.obj.path
            if not text:
                return
        else:
            text = path.txt or ""
        data = data.but(snap=self.prior(data), flags=merge_sets(data.flags, frozenset(("file",))))
        self.store[text] = self.join(self.store.get(text), data) if text in self.store and self.uncertain else data
        if data.sites or data.taint:
            event = Save(path_text=text, refs=data.taint, sites=data.sites, priors=data.snap or EMPTY, **self.where())
            self.emit(event, "saves a state" if data.sites else "saves data")


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


_CHANGES: dict[int, frozenset[str]] = {}


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
    node._changes = found  # type: ignore[union-attr]  # noqa: SLF001 - kept with the node it is about
    return found


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
