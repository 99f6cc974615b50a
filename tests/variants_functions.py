"""Changes of structure: a block becomes a helper of its own, functions become methods."""

import ast
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import count

from tests.variants_plain import CONTEXTS, functions_of, is_plain, locals_of, tells
from tests.variants_scope import captured, exposed, free, leaves, loops
from tests.variants_syntax import bound_in, last_name, parameters_of

_LEAST = 4
"""Statements that a block must have to be split."""
Split = Callable[[ast.FunctionDef, str], ast.FunctionDef | None]


def tail_split(text: str) -> str | None:
    """The script in which the second half of each function is a helper of its own; None where none can be split."""
    return _outlined(text, _split_tail)


def loop_split(text: str) -> str | None:
    """The script in which the body of a loop of each function is a helper; None where none can be."""
    return _outlined(text, _split_loop)


def _outlined(text: str, split: Split) -> str | None:
    tree = ast.parse(text)
    names = (name for name in (f"_part{i}" for i in count()) if name not in text)
    body: list[ast.stmt] = []
    for statement in tree.body:
        cut = (split(function, next(names)) for function in functions_of(statement) if is_plain(function))
        body += [*(helper for helper in cut if helper is not None), statement]
    if len(body) == len(tree.body):
        return None
    tree.body = body
    return ast.unparse(ast.fix_missing_locations(tree))


def _split_tail(function: ast.FunctionDef, name: str) -> ast.FunctionDef | None:
    """Cut off the second half of the body; of the last `with` block, where the function ends in one."""
    block, done = function.body, parameters_of(function)
    while len(block) < _LEAST and isinstance(last := block[-1], ast.With):
        exposed([*block[:-1], ast.With(last.items, [ast.Pass()])], done)
        block = last.body
    for cut in range(max(1, len(block) // 2), len(block) - 1) if len(block) >= _LEAST else ():
        head, tail = block[:cut], block[cut:]
        bound = set(done)
        exposed(head, bound)
        needed = exposed(tail, set()) & locals_of(function)
        if needed <= bound and not bound_in(tail) & captured(head):
            block[cut:] = [ast.Return(_call(name, sorted(needed)))]
            return _define(name, sorted(needed), tail)
    return None


def _split_loop(function: ast.FunctionDef, name: str) -> ast.FunctionDef | None:
    """Cut out the body of the first loop for which that can be done."""
    for loop, before in loops(function.body, parameters_of(function)):
        if len(loop.body) > 1 and not leaves(loop.body) and not captured(loop.body):
            helper = _cut_loop(function, loop, before, name)
            if helper is not None:
                return helper
    return None


def _cut_loop(
    function: ast.FunctionDef, loop: ast.For | ast.While, before: set[str], name: str
) -> ast.FunctionDef | None:
    body, done = loop.body, set[str]()
    needed = exposed(body, done) & locals_of(function)
    loop.body = [ast.Pass()]
    read = {one for statement in function.body for one in free(statement)}
    bound = bound_in(body)
    kept = bound & (read | needed)
    given = needed | (kept - done)
    if given <= before and not bound & captured([*function.body]):
        loop.body = [_assigned(sorted(kept), _call(name, sorted(given)))]
        return _define(name, sorted(given), [*body, *_returned(sorted(kept))])
    loop.body = body
    return None


def _define(name: str, parameters: Sequence[str], body: list[ast.stmt]) -> ast.FunctionDef:
    arguments = ast.arguments([], [ast.arg(one) for one in parameters], None, [], [], None, [])
    return ast.FunctionDef(name, arguments, body, [])


def _call(name: str, parameters: Sequence[str]) -> ast.Call:
    return ast.Call(ast.Name(name, ast.Load()), [ast.Name(one, ast.Load()) for one in parameters], [])


def _assigned(names: Sequence[str], call: ast.Call) -> ast.stmt:
    targets: list[ast.expr] = [ast.Name(one, ast.Store()) for one in names]
    if not targets:
        return ast.Expr(call)
    return ast.Assign([targets[0] if len(targets) == 1 else ast.Tuple(targets, ast.Store())], call)


def _returned(names: Sequence[str]) -> Iterator[ast.stmt]:
    values: list[ast.expr] = [ast.Name(one, ast.Load()) for one in names]
    if values:
        yield ast.Return(values[0] if len(values) == 1 else ast.Tuple(values, ast.Load()))


def methods(text: str) -> str | None:
    """The script with neighbouring functions moved into a class, of which there is one object; None without any."""
    tree = ast.parse(text)
    movable = _movable(tree)
    body: list[ast.stmt] = []
    team: list[ast.FunctionDef] = []
    owners: dict[str, str] = {}
    names = (name for name in (f"_Team{i}" for i in count()) if name not in text)

    def close() -> None:
        if team:
            name = next(names)
            body.append(ast.ClassDef(name, [], [], list(team), []))
            body.append(ast.Assign([ast.Name(name.lower(), ast.Store())], ast.Call(ast.Name(name, ast.Load()), [], [])))
            owners.update((one.name, name.lower()) for one in team)
            team.clear()

    for statement in tree.body:
        if isinstance(statement, ast.FunctionDef) and statement.name in movable:
            statement.args.args.insert(0, ast.arg("_team"))
            team.append(statement)
        else:
            close()
            body.append(statement)
    close()
    tree.body = body
    return ast.unparse(ast.fix_missing_locations(_Owned(owners).visit(tree))) if owners else None


def _movable(tree: ast.Module) -> set[str]:
    """Functions of the module that nothing else is called like."""
    bound = Counter(name for one in ast.walk(tree) for name in _binds(one))
    return {
        one.name
        for one in tree.body
        if isinstance(one, ast.FunctionDef)
        and bound[one.name] == 1
        and not one.name.startswith("__")
        and not one.args.posonlyargs
        and all(last_name(decorator) in CONTEXTS for decorator in one.decorator_list)
        and not any(tells(inner) for inner in ast.walk(one))
    }


def _binds(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Name(id=name, ctx=ast.Store() | ast.Del()) | ast.arg(arg=name) | ast.ExceptHandler(name=str(name)):
            yield name
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
        case ast.alias(name=name, asname=alias):
            yield alias or name.split(".", maxsplit=1)[0]
        case ast.Global(names=names):
            yield from names


class _Owned(ast.NodeTransformer):
    """Asks the object for what was a function."""

    def __init__(self, owners: dict[str, str]) -> None:
        self.owners = owners

    def visit_Name(self, node: ast.Name) -> ast.expr:
        """A variable."""
        owner = self.owners.get(node.id)
        return ast.Attribute(ast.Name(owner, ast.Load()), node.id, ast.Load()) if owner else node
