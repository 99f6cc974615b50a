"""Which variables statements read before they bind them: what moving a block needs to know."""

import ast
from collections.abc import Iterable, Iterator, Sequence

from tests.variants_syntax import Function, bound_in, parameters_of

_LEAVING = ast.Return | ast.Raise | ast.Continue | ast.Break
Block = Sequence[ast.stmt]


def free(node: ast.AST) -> set[str]:
    """The variables that a node reads and does not bind in a scope of its own."""
    match node:
        case ast.Name(id=name, ctx=ast.Load() | ast.Del()):
            return {name}
        case ast.AugAssign(target=ast.Name(id=name)):
            return {name} | free(node.value)
        case ast.Lambda():
            return _all(_defaults(node.args)) | (
                free(node.body) - {one.arg for one in ast.walk(node.args) if isinstance(one, ast.arg)}
            )
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            inside = _all(node.body) - bound_in(node.body) - parameters_of(node)
            return inside | _all(_defaults(node.args)) | _all(node.decorator_list)
        case ast.ListComp() | ast.SetComp() | ast.GeneratorExp() | ast.DictComp():
            return _comprehension(node)
    return _all(ast.iter_child_nodes(node))


def _all(nodes: Iterable[ast.AST]) -> set[str]:
    return {name for node in nodes for name in free(node)}


def _defaults(arguments: ast.arguments) -> Iterator[ast.expr]:
    yield from arguments.defaults
    yield from (one for one in arguments.kw_defaults if one is not None)


def _comprehension(node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp) -> set[str]:
    own = {one.id for g in node.generators for one in ast.walk(g.target) if isinstance(one, ast.Name)}
    first, *rest = node.generators
    inner = _all([*first.ifs, *rest]) | _all([node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt])
    return free(first.iter) | (inner - own)


def stored(node: ast.AST) -> set[str]:
    """The variables that a target binds."""
    return {one.id for one in ast.walk(node) if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)}


def exposed(block: Block, done: set[str]) -> set[str]:
    """The variables that `block` may read before it binds them; adds to `done` what it has bound for sure."""
    return {name for statement in block for name in _exposed(statement, done)}


def _exposed(node: ast.stmt, done: set[str]) -> set[str]:
    match node:
        case ast.If():
            return _branches(node, done)
        case ast.For() | ast.AsyncFor():
            early = free(node.iter) - done
            return early | exposed(node.body, done | stored(node.target)) | exposed(node.orelse, set(done))
        case ast.While():
            return (free(node.test) - done) | exposed(node.body, set(done)) | exposed(node.orelse, set(done))
        case ast.With() | ast.AsyncWith():
            early = _all(item.context_expr for item in node.items) - done
            done |= {name for item in node.items if item.optional_vars for name in stored(item.optional_vars)}
            return early | exposed(node.body, done)
        case ast.Try():
            return _tried(node, done)
    early = free(node) - done
    done |= bound_in([node])
    return early


def _branches(node: ast.If, done: set[str]) -> set[str]:
    one, other = set(done), set(done)
    early = (free(node.test) - done) | exposed(node.body, one) | exposed(node.orelse, other)
    if isinstance(node.body[-1], _LEAVING):
        one = other
    elif node.orelse and isinstance(node.orelse[-1], _LEAVING):
        other = one
    done |= one & other
    return early


def _tried(node: ast.Try, done: set[str]) -> set[str]:
    inside = set(done)
    early = exposed(node.body, inside) | exposed(node.orelse, inside)
    for handler in node.handlers:
        early |= exposed(handler.body, done | ({handler.name} if handler.name else set()))
    early |= exposed(node.finalbody, done)
    if not node.handlers:
        done |= inside
    return early


def loops(block: Block, done: set[str]) -> Iterator[tuple[ast.For | ast.While, set[str]]]:
    """Every loop below, outer ones first, with the variables that are bound for sure when its body starts."""
    for node in block:
        match node:
            case ast.For():
                inside = done | stored(node.target)
                yield node, inside
                yield from loops(node.body, set(inside))
            case ast.While():
                yield node, set(done)
                yield from loops(node.body, set(done))
            case ast.If():
                yield from loops(node.body, set(done))
                yield from loops(node.orelse, set(done))
            case ast.With():
                names = {name for item in node.items if item.optional_vars for name in stored(item.optional_vars)}
                yield from loops(node.body, done | names)
            case ast.Try():
                yield from loops(node.body, set(done))
        _exposed(node, done)


def captured(nodes: Iterable[ast.AST]) -> set[str]:
    """The variables that functions, lambdas and generators below read when they run, not when they are made."""
    late = (Function, ast.Lambda, ast.GeneratorExp)
    return {name for node in nodes for one in ast.walk(node) if isinstance(one, late) for name in free(one)}


def leaves(block: Block) -> bool:
    """Whether a loop's body may leave the loop, or go on to its next turn, before its end."""
    return any(_leaves(node, inner=False) for node in block)


def _leaves(node: ast.AST, *, inner: bool) -> bool:
    if isinstance(node, ast.Return) or (isinstance(node, ast.Break | ast.Continue) and not inner):
        return True
    if isinstance(node, Function | ast.Lambda | ast.ClassDef):
        return False
    inner = inner or isinstance(node, ast.For | ast.While)
    return any(_leaves(child, inner=inner) for child in ast.iter_child_nodes(node))
