"""A helper that is called in one place goes back there."""

import ast
from collections import Counter
from collections.abc import Iterator

from tests.variants_plain import functions_of, is_plain, locals_of
from tests.variants_scope import free
from tests.variants_syntax import Function, parameters_of


def inlined(text: str) -> str | None:
    """The script with every helper that is called in one place put there; None where there is none."""
    tree, done = ast.parse(text), 0
    while _inline_one(tree, done):
        done += 1
    return ast.unparse(ast.fix_missing_locations(tree)) if done else None


def _inline_one(tree: ast.Module, number: int) -> bool:
    uses = Counter(one.id for one in ast.walk(tree) if isinstance(one, ast.Name))
    names = Counter(one.name for one in ast.walk(tree) if isinstance(one, Function | ast.ClassDef))
    for helper in tree.body:
        if not isinstance(helper, ast.FunctionDef) or uses[helper.name] != 1 or names[helper.name] != 1:
            continue
        if not _may_be_inlined(helper):
            continue
        for host in (one for statement in tree.body for one in functions_of(statement)):
            if (
                host is not helper
                and not (free(helper) - {helper.name}) & locals_of(host)
                and _put(helper, host, number)
            ):
                tree.body.remove(helper)
                return True
    return False


def _may_be_inlined(helper: ast.FunctionDef) -> bool:
    """Whether it is a block with parameters, and a value at its end at most."""
    arguments = helper.args
    if helper.decorator_list or arguments.vararg or arguments.kwarg or arguments.posonlyargs or not is_plain(helper):
        return False
    if any(not isinstance(one, ast.Constant) for one in (*arguments.defaults, *filter(None, arguments.kw_defaults))):
        return False
    inner = [one for one in ast.walk(helper) if one is not helper]
    return not any(isinstance(one, Function | ast.Lambda | ast.ClassDef) for one in inner) and not any(
        isinstance(one, ast.Return) and one is not helper.body[-1] for one in inner
    )


def _put(helper: ast.FunctionDef, host: ast.FunctionDef, number: int) -> bool:
    """Put the helper's body where the host calls it; False where the host does not, or not as a statement."""
    for block in _blocks(host):
        for position, statement in enumerate(block):
            value = getattr(statement, "value", None)
            if not isinstance(statement, ast.Expr | ast.Assign | ast.Return) or not isinstance(value, ast.Call):
                continue
            if isinstance(value.func, ast.Name) and value.func.id == helper.name:
                given = _arguments(helper, value)
                if given is None or any(helper.name in free(one) for one in given.values()):
                    return False
                block[position : position + 1] = _pasted(helper, given, statement, number)
                return True
    return False


def _blocks(node: ast.AST) -> Iterator[list[ast.stmt]]:
    """Every block of statements of a function, without those of functions inside."""
    for name in ("body", "orelse", "finalbody"):
        block = getattr(node, name, None)
        if isinstance(block, list):
            yield block
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, Function | ast.ClassDef | ast.expr):
            yield from _blocks(child)


def _arguments(helper: ast.FunctionDef, call: ast.Call) -> dict[str, ast.expr] | None:
    """What each parameter gets, in the order of the call; None where the call does not say."""
    places = [one.arg for one in helper.args.args]
    if any(isinstance(one, ast.Starred) for one in call.args) or not all(k.arg for k in call.keywords):
        return None
    given = dict(zip(places, call.args, strict=False)) | {str(k.arg): k.value for k in call.keywords}
    defaults = dict(zip(reversed(places), reversed(helper.args.defaults), strict=False))
    only = zip(helper.args.kwonlyargs, helper.args.kw_defaults, strict=True)
    defaults |= {one.arg: default for one, default in only if default is not None}
    whole = given | {name: value for name, value in defaults.items() if name not in given}
    return whole if set(whole) == parameters_of(helper) else None


def _pasted(helper: ast.FunctionDef, given: dict[str, ast.expr], statement: ast.stmt, number: int) -> list[ast.stmt]:
    """The helper's statements under names of their own, and the call's statement with its value."""
    fresh = {name: f"_in{number}_{name}" for name in locals_of(helper)}
    body = [_Spelled(fresh).visit(one) for one in helper.body]
    value: ast.expr = ast.Constant(None)
    if isinstance(body[-1], ast.Return):
        last = body.pop()
        value = last.value or value
    assert isinstance(statement, ast.Expr | ast.Assign | ast.Return)
    statement.value = value
    return [*(ast.Assign([ast.Name(fresh[name], ast.Store())], one) for name, one in given.items()), *body, statement]


class _Spelled(ast.NodeTransformer):
    """Puts other names for variables."""

    def __init__(self, names: dict[str, str]) -> None:
        self.names = names

    def visit_Name(self, node: ast.Name) -> ast.Name:
        """A variable."""
        node.id = self.names.get(node.id, node.id)
        return node

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> ast.ExceptHandler:
        """A caught exception."""
        node.name = self.names.get(node.name, node.name) if node.name else None
        self.generic_visit(node)
        return node
