"""What syntax binds and names: shared by the variants."""

import ast
from collections.abc import Iterable, Iterator

Function = ast.FunctionDef | ast.AsyncFunctionDef


def class_names(node: ast.ClassDef) -> set[str]:
    """What a class body binds."""
    return bound_in(node.body)


def bound_in(body: Iterable[ast.stmt]) -> set[str]:
    """What statements bind in their own scope: nested functions and classes count by their name alone."""
    return {name for statement in body for name in _bound(statement)}


def _bound(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
            return
        case ast.Lambda():
            return
        case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
            yield name
        case ast.ExceptHandler(name=str(name)):
            yield name
        case ast.alias(name=name, asname=alias):
            yield alias or name.split(".", maxsplit=1)[0]
    yield from pattern_names(node)
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.comprehension):
            yield from _bound(child)


def pattern_names(node: ast.AST) -> Iterator[str]:
    """What a pattern binds."""
    match node:
        case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)) | ast.MatchMapping(rest=str(name)):
            yield name


def names_in(node: ast.AST) -> set[str]:
    """Every variable that is spelled somewhere in a node."""
    return {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}


def all_parameters(node: Function) -> list[ast.arg]:
    """Every parameter of a function."""
    a = node.args
    return [*a.posonlyargs, *a.args, *a.kwonlyargs, *(one for one in (a.vararg, a.kwarg) if one)]


def parameters_of(node: Function) -> set[str]:
    """The names of its parameters."""
    return {one.arg for one in all_parameters(node)}


def last_name(decorator: ast.expr) -> str:
    """The last name of a decorator."""
    node = decorator.func if isinstance(decorator, ast.Call) else decorator
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
