"""Changes of structure: a block becomes a helper, a helper goes back to where it is called, functions become methods."""

import ast
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import count

from tests.variants_names import Function, bound_in, last_name, parameters_of
from tests.variants_scope import captured, exposed, free, leaves, loops

_LEAST = 4
"""Statements that a block must have to be split."""
_CONTEXTS = frozenset({"no_grad", "inference_mode", "enable_grad"})
_TELLING = frozenset({"super", "locals", "globals", "vars", "eval", "exec", "__class__"})
_FORBIDDEN = ast.Yield | ast.YieldFrom | ast.Await | ast.Global | ast.Nonlocal | ast.Delete | ast.NamedExpr | ast.Match
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
        cut = (split(function, next(names)) for function in _functions(statement) if _is_plain(function))
        body += [*(helper for helper in cut if helper is not None), statement]
    if len(body) == len(tree.body):
        return None
    tree.body = body
    return ast.unparse(ast.fix_missing_locations(tree))


def _functions(statement: ast.stmt) -> Iterator[ast.FunctionDef]:
    """A function at module level, or the methods of a class there."""
    if isinstance(statement, ast.FunctionDef):
        yield statement
    elif isinstance(statement, ast.ClassDef):
        yield from (one for one in statement.body if isinstance(one, ast.FunctionDef))


def _is_plain(function: ast.FunctionDef) -> bool:
    """Whether its variables are its own alone, and it runs from top to bottom."""
    if any(last_name(one) not in _CONTEXTS for one in function.decorator_list):
        return False
    return not any(isinstance(one, _FORBIDDEN) or _tells(one) for one in ast.walk(function))


def _tells(node: ast.AST) -> bool:
    """Whether it matters for a name in which function or class it stands."""
    if isinstance(node, ast.Attribute):
        return node.attr.startswith("__") and not node.attr.endswith("__")
    return isinstance(node, ast.Name) and node.id in _TELLING


def _locals(function: ast.FunctionDef) -> set[str]:
    return parameters_of(function) | bound_in(function.body)


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
        needed = exposed(tail, set()) & _locals(function)
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
    needed = exposed(body, done) & _locals(function)
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
        for host in (one for statement in tree.body for one in _functions(statement)):
            if host is not helper and not (free(helper) - {helper.name}) & _locals(host) and _put(helper, host, number):
                tree.body.remove(helper)
                return True
    return False


def _may_be_inlined(helper: ast.FunctionDef) -> bool:
    """Whether it is a block with parameters, and a value at its end at most."""
    arguments = helper.args
    if helper.decorator_list or arguments.vararg or arguments.kwarg or arguments.posonlyargs or not _is_plain(helper):
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
    fresh = {name: f"_in{number}_{name}" for name in _locals(helper)}
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
        and all(last_name(decorator) in _CONTEXTS for decorator in one.decorator_list)
        and not any(_tells(inner) for inner in ast.walk(one))
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
