"""Renaming: every identifier that a script owns gets a name that says nothing; a library's names stay."""

import ast
from dataclasses import dataclass
from itertools import count

from tests.variants_owned import Names
from tests.variants_syntax import Function, all_parameters, class_names


def renamed(text: str) -> str | None:
    """The script with all its own identifiers renamed; None where it has none that may be."""
    tree = ast.parse(text)
    names = Names()
    names.visit(tree)
    attributes = names.attributes - names.kept_attributes()
    own = names.bound - names.kept_names()
    if not own and not attributes:
        return None
    fresh = (name for name in (f"n{i}" for i in count()) if name not in names.spelled)
    return ast.unparse(
        _Renamer(
            names, {name: next(fresh) for name in sorted(own)}, {name: next(fresh) for name in sorted(attributes)}
        ).visit(tree)
    )


@dataclass
class _Renamer(ast.NodeTransformer):
    """Puts the new names in place."""

    names: Names
    own: dict[str, str]
    attributes: dict[str, str]
    _class: frozenset[str] = frozenset()

    def visit_Name(self, node: ast.Name) -> ast.Name:
        """A variable; inside a class body it may be a class variable."""
        node.id = (self.attributes if node.id in self._class else self.own).get(node.id, node.id)
        return node

    def visit_arg(self, node: ast.arg) -> ast.arg:
        """A parameter."""
        node.arg = self.own.get(node.arg, node.arg)
        self.generic_visit(node)
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.Attribute:
        """An attribute of an object; a module's stay."""
        if not self.names.of_module(node):
            node.attr = self.attributes.get(node.attr, node.attr)
        self.generic_visit(node)
        return node

    def visit_Call(self, node: ast.Call) -> ast.Call:
        """The keywords of the script's own functions."""
        takes = self.names.callee(node.func) or set()
        for keyword in node.keywords:
            if keyword.arg in takes:
                keyword.arg = self.own.get(keyword.arg, keyword.arg)
        self.generic_visit(node)
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.ClassDef:
        """A class."""
        outer = self._class
        node.decorator_list = [self.visit(one) for one in node.decorator_list]
        node.bases = [self.visit(one) for one in node.bases]
        node.keywords = [self.visit(one) for one in node.keywords]
        self._class = frozenset(class_names(node))
        node.name = self.own.get(node.name, node.name)
        node.body = [self.visit(one) for one in node.body]
        self._class = outer
        return node

    def _function(self, node: Function) -> Function:
        node.name = (self.attributes if node.name in self._class else self.own).get(node.name, node.name)
        node.decorator_list = [self.visit(one) for one in node.decorator_list]
        node.args.defaults = [self.visit(one) for one in node.args.defaults]
        node.args.kw_defaults = [one and self.visit(one) for one in node.args.kw_defaults]
        outer, self._class = self._class, frozenset()
        for one in all_parameters(node):
            self.visit(one)
        node.returns = node.returns and self.visit(node.returns)
        node.body = [self.visit(one) for one in node.body]
        self._class = outer
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> Function:
        """A function or method."""
        return self._function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> Function:
        """The same."""
        return self._function(node)

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> ast.ExceptHandler:
        """The name of a caught exception."""
        node.name = self.own.get(node.name, node.name) if node.name else None
        self.generic_visit(node)
        return node

    def visit_Global(self, node: ast.Global) -> ast.Global:
        """Names declared to be the module's."""
        node.names = [self.own.get(name, name) for name in node.names]
        return node

    def visit_Nonlocal(self, node: ast.Nonlocal) -> ast.Nonlocal:
        """Names declared to be an outer function's."""
        node.names = [self.own.get(name, name) for name in node.names]
        return node

    def visit_Import(self, node: ast.Import) -> ast.Import:
        """Modules under another name."""
        for alias in node.names:
            alias.asname = self.own.get(alias.asname, alias.asname) if alias.asname else None
        return node

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.ImportFrom:
        """A module's names under other names."""
        for alias in node.names:
            name = alias.asname or alias.name
            alias.asname = self.own.get(name, alias.asname)
        return node
