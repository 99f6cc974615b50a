"""Python's built-in functions, and a few of itertools, functools and operator."""

import ast
import builtins
import functools
import itertools
import math
import operator
from collections.abc import Callable
from pathlib import PurePosixPath

from golf_audit.decoding.library.registry import CONSTANTS, FUNCTIONS, Call, known
from golf_audit.decoding.methods import call_method as call_plain_method
from golf_audit.decoding.operations import PLAIN, binary, divide, native, power, show, subscript
from golf_audit.decoding.values import Dotted, Environ, ModuleObject, Partial, Unknown

BUILTINS = frozenset(dir(builtins))
CONSTANTS.update({"builtins.True": True, "builtins.False": False, "builtins.None": None, "sys.byteorder": "little"})
CONSTANTS.update({"sys.maxsize": 2**63 - 1, "sys.platform": "linux", "os.name": "posix", "math.pi": math.pi})

_DIRECT: dict[str, Callable[..., object]] = {
    f"builtins.{function.__name__}": function for function in (abs, bin, chr, float, hex, int, len, oct, ord, round)
} | {
    "builtins.str.maketrans": str.maketrans,
    "builtins.bytes.maketrans": bytes.maketrans,
    "builtins.int.from_bytes": int.from_bytes,
    "builtins.dict.fromkeys": dict.fromkeys,
    "operator.xor": operator.xor,
    "operator.add": operator.add,
    "operator.sub": operator.sub,
    "math.ceil": math.ceil,
    "math.floor": math.floor,
    "math.log": math.log,
    "math.sqrt": math.sqrt,
}
_OVER_ITEMS: dict[str, Callable[..., object]] = {
    "builtins.all": all,
    "builtins.any": any,
    "builtins.bytearray": bytearray,
    "builtins.bytes": bytes,
    "builtins.frozenset": frozenset,
    "builtins.list": list,
    "builtins.reversed": lambda items: list(reversed(items)),
    "builtins.set": set,
    "builtins.sum": sum,
    "builtins.tuple": tuple,
    "builtins.iter": list,
}
_SILENT = ("builtins.print", "builtins.super", "sys.stdout.write", "sys.stderr.write", "sys.stdout.flush", "time.sleep")


def _direct(call: Call) -> object:
    for value in (*call.arguments, *call.keywords.values()):
        if not isinstance(value, PLAIN):
            return Unknown(f"what {call.name.partition('.')[2]}() gives for an object")
    if call.name == "operator.add":
        call.budget.check_size(sum(len(value) for value in call.arguments if isinstance(value, str | bytes | list)))
    return call.world.trace(native(_DIRECT[call.name], *call.arguments, **call.keywords), "", call.get(0))


def _over_items(call: Call) -> object:
    """Functions that take one thing to iterate over; `bytes` and its kin also a size or a text."""
    function, name = _OVER_ITEMS[call.name], call.name.partition(".")[2]
    if not call.arguments:
        return native(function) if not call.keywords else Unknown(f"what {name}() gives")
    first, *rest = call.arguments
    if name in {"bytes", "bytearray"} and isinstance(first, int | str | bytes | bytearray):
        call.budget.check_size(first if isinstance(first, int) else 0)
        return call.world.trace(native(function, first, *rest, **call.keywords), "", first)
    items = call.machine.iterate(first)
    call.budget.check_depth(items)
    result = native(function, items, *rest, **call.keywords)
    return call.world.trace(result, "", first)


FUNCTIONS.update(dict.fromkeys(_DIRECT, _direct))
FUNCTIONS.update(dict.fromkeys(_OVER_ITEMS, _over_items))


@known(*_SILENT, tolerant=True)
def _silent(call: Call) -> object:
    return None


@known("builtins.str")
def _str(call: Call) -> object:
    value = call.get(0, "object", "")
    if isinstance(value, PurePosixPath):
        return value.as_posix()
    if isinstance(value, bytes | bytearray) and (len(call.arguments) > 1 or call.keywords):
        return call.world.trace(native(str, value, *call.arguments[1:], **call.keywords), "", value)
    return show(value, str, call.budget)


_SHOWING: dict[str, Callable[[object], object]] = {
    "builtins.repr": repr,
    "builtins.ascii": ascii,
    "builtins.bool": bool,
    "builtins.format": str,
}


@known(*_SHOWING)
def _repr(call: Call) -> object:
    if len(call.arguments) > 1:
        return native(format, show(call.get(0), str, call.budget), *call.arguments[1:])
    return show(call.get(0), _SHOWING[call.name], call.budget)


@known("builtins.divmod")
def _divmod(call: Call) -> object:
    return divide(call.get(0), call.get(1), call.budget)


@known("builtins.pow")
def _pow(call: Call) -> object:
    if isinstance(call.get(2), int):
        return power(*call.arguments)
    return binary(ast.Pow(), call.get(0), call.get(1), call.budget)


@known("builtins.dict", tolerant=True)
def _dict(call: Call) -> object:
    source = call.get(0, default={})
    pairs = source if isinstance(source, dict) else call.machine.iterate(source)
    call.budget.check_depth(pairs)
    result = native(dict, pairs)
    return {**result, **call.keywords} if isinstance(result, dict) else result


@known("builtins.range")
def _range(call: Call) -> object:
    return native(range, *call.arguments)


@known("builtins.enumerate")
def _enumerate(call: Call) -> object:
    return list(enumerate(call.machine.iterate(call.get(0)), int(str(call.get(1, "start", 0)))))


@known("builtins.zip")
def _zip(call: Call) -> object:
    return [*zip(*(call.machine.iterate(value) for value in call.arguments), strict=False)]


@known("builtins.map")
def _map(call: Call) -> object:
    function, *sources = call.arguments
    columns = [call.machine.iterate(source) for source in sources]
    return [call.machine.call(function, list(items), {}, call.frame) for items in zip(*columns, strict=False)]


@known("builtins.filter")
def _filter(call: Call) -> object:
    function, source = call.get(0), call.get(1)
    keep = call.machine.callback(function, call.frame) if function is not None else bool
    return [item for item in call.machine.iterate(source) if keep(item)]


_ORDERING: dict[str, Callable[..., object]] = {"builtins.sorted": sorted, "builtins.min": min, "builtins.max": max}


@known("builtins.sorted", "builtins.min", "builtins.max")
def _ordered(call: Call) -> object:
    key = call.keywords.get("key")
    keywords = {name: value for name, value in call.keywords.items() if name in {"reverse", "default"}}
    if key is not None:
        keywords["key"] = call.machine.callback(key, call.frame)
    values = call.machine.iterate(call.get(0)) if len(call.arguments) == 1 else call.arguments
    call.budget.check_depth(values)
    return native(_ORDERING[call.name], values, **keywords)


@known("builtins.next")
def _next(call: Call) -> object:
    items = call.get(0)
    if isinstance(items, list) and items:
        return items.pop(0)
    return call.arguments[1] if len(call.arguments) > 1 else Unknown("an iterator that has ended")


@known("builtins.getattr", "operator.getitem")
def _getattr(call: Call) -> object:
    owner, name = call.get(0), call.get(1)
    if call.name == "operator.getitem":
        return subscript(owner, name, call.budget)
    return call.machine.attribute(owner, name) if isinstance(name, str) else Unknown("an attribute")


@known("builtins.setattr", tolerant=True)
def _setattr(call: Call) -> object:
    owner, name, value = call.get(0), call.get(1), call.get(2)
    if isinstance(owner, ModuleObject) and isinstance(name, str):
        owner.names[name] = value
    return None


@known("builtins.hasattr")
def _hasattr(call: Call) -> object:
    return True if isinstance(call.get(0), Dotted) else Unknown("whether an object has an attribute")


@known("builtins.isinstance")
def _isinstance(call: Call) -> object:
    value, kinds = call.get(0), call.get(1)
    names = [kind.name for kind in (kinds if isinstance(kinds, tuple) else (kinds,)) if isinstance(kind, Dotted)]
    if isinstance(value, Dotted):
        return False
    if not isinstance(value, PLAIN):
        return Unknown("the type of an object")
    return any(f"builtins.{kind.__name__}" in names for kind in type(value).__mro__)


@known("builtins.globals", "builtins.locals", "builtins.vars", "builtins.__dict__")
def _globals(call: Call) -> object:
    if call.name == "builtins.vars" and call.arguments:
        return call.machine.attribute(call.get(0), "__dict__")
    return call.frame.names if call.name == "builtins.locals" else call.frame.module


@known("functools.partial", tolerant=True)
def _partial(call: Call) -> object:
    return Partial(call.get(0), tuple(call.arguments[1:]), call.keywords)


@known("functools.reduce")
def _reduce(call: Call) -> object:
    function = call.machine.callback(call.get(0), call.frame)
    return native(functools.reduce, function, call.machine.iterate(call.get(1)), *call.arguments[2:])


@known("itertools.chain", "itertools.chain.from_iterable")
def _chain(call: Call) -> object:
    sources = call.machine.iterate(call.get(0)) if call.name.endswith("from_iterable") else call.arguments
    return [item for source in sources for item in call.machine.iterate(source)]


@known("itertools.cycle")
def _cycle(call: Call) -> object:
    items = call.machine.iterate(call.get(0))
    call.budget.check_size(8 * _CYCLED)
    return list(itertools.islice(itertools.cycle(items), _CYCLED))


_CYCLED = 2**20
"""Items of an endless iterator that are made; no text is longer."""


def call_method(owner: object, call: Call) -> object:
    """Methods of the environment, and of modules' classes called with their object: `str.join(a, b)`."""
    if isinstance(owner, Environ):
        return _environ(owner, call)
    return NotImplemented


def _environ(environ: Environ, call: Call) -> object:
    machine, name = call.machine, call.get(0)
    if call.name == "setdefault":
        machine.set_environment(name, call.get(1), overrides=False)
    elif call.name == "update":
        for key, value in (*_items(name), *call.keywords.items()):
            machine.set_environment(key, value, overrides=True)
        return None
    elif call.name in {"copy", "items", "keys", "values"}:
        return Unknown("the environment")
    if call.name not in {"get", "setdefault", "pop"} or not isinstance(name, str):
        return Unknown(f"the method {call.name} of the environment")
    if name in environ.looked_at(name):
        return environ.settings[name].value
    return call.get(1) if len(call.arguments) > 1 else Unknown(f"the environment variable {name}")


def _items(source: object) -> list[tuple[object, object]]:
    return list(source.items()) if isinstance(source, dict) else []


@known("os.getenv")
def _getenv(call: Call) -> object:
    return _environ(call.world.environ, Call(call.machine, "get", call.arguments, call.keywords, call.frame))


@known("os.putenv", tolerant=True)
def _putenv(call: Call) -> object:
    call.machine.set_environment(call.get(0), call.get(1), overrides=True)
    return None


def call_unbound(call: Call) -> object:
    """What a method taken off a built-in class and given its object: `str.join(a, b)`."""
    kind, _, method = call.name.removeprefix("builtins.").partition(".")
    if call.arguments and type(call.arguments[0]).__name__ == kind:
        return call_plain_method(call.arguments[0], method, call.arguments[1:], call.keywords, call.budget)
    return Unknown(f"what {kind}.{method}() gives")
