"""What assignments do: variables, attributes, items, and changes in place."""

from __future__ import annotations

import ast
from typing import Final

from golf_audit.program.learning import Learning
from golf_audit.program.machine import Alternatives
from golf_audit.program.objects import (
    Bound,
    Class,
    DictLike,
    External,
    Instance,
    ListLike,
    Module,
    Table,
)
from golf_audit.program.values import (
    NO,
    UNKNOWN,
    V,
)

FALL: Final = ""
"""A block ran to its end."""


class Assignments(Learning):
    """Assigns."""

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
            self.assign(target.value, V(obj=ListLike(None, v)))

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

    def _unpack(self, targets: list[ast.expr], v: V) -> None:
        items = v.obj.items if isinstance(v.obj, ListLike) else None
        starred = [i for i, t in enumerate(targets) if isinstance(t, ast.Starred)]
        if items is not None and len(items) == len(targets) and not starred:
            for target, item in zip(targets, items, strict=True):
                self.assign(target, self.chosen(v, item))
            return
        if isinstance(v.obj, Alternatives):
            options = [o.obj.items for o in v.obj.options if isinstance(o.obj, ListLike) and o.obj.items is not None]
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

    def _store(self, owner: V, target: ast.Subscript, v: V) -> None:
        obj = owner.obj
        if isinstance(obj, DictLike):
            k = self.flat(self.eval(target.slice))
            if k.raw:
                self.insert(self._mapping_table(obj), k, v)
            elif k.py is not NO and isinstance(k.py, str | int | float | bool | type(None)):
                old = obj.items.get(k.py)
                obj.items[k.py] = self.join(old, v) if self.uncertain and old is not None else v
            else:
                obj.rest = self.join(obj.rest, v)
            return
        if isinstance(obj, ListLike):
            k = self.eval(target.slice)
            if k.raw and k.obj is None:
                self.insert(self._mapping_table(obj), k, v)
                return
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

    def _mapping_table(self, obj: DictLike | ListLike) -> Table:
        if obj.table is None:
            obj.table = self.new_table().obj
        return obj.table

    def put(self, mapping: DictLike, key: V, v: V) -> None:
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
            if isinstance(holder.obj, DictLike | ListLike):
                self._store(holder, target, v)

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
        if isinstance(old.obj, ListLike) and isinstance(node.op, ast.Add):
            if (
                old.obj.items is not None
                and isinstance(v.obj, ListLike)
                and v.obj.items is not None
                and not self.loops()
            ):
                old.obj.items.extend(v.obj.items)
            else:
                element = self.either(self.element(old), self.element(v)) if old.obj.items != [] else self.element(v)
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
        if isinstance(obj, DictLike | ListLike):
            k = self.flat(self.eval(target.slice))
            if k.raw:
                self.insert(self._mapping_table(obj), k, v)
                return FALL
        if owner.sites and owner.snap is None and not isinstance(obj, Instance | DictLike | ListLike):
            self.write(owner, v)
            return FALL
        old = self.item(owner, target.slice)
        self._store(owner, target, self.operate(node.op, old, v) if obj is None or v.obj is None else v)
        return FALL
