"""Methods of plain data that may be called, each checked for what it would make before it makes it."""

from collections.abc import Callable, Iterable, Mapping, Sized
from pathlib import PurePosixPath

from golf_audit.decoding.limits import Budget
from golf_audit.decoding.operations import PLAIN, format_text, native
from golf_audit.decoding.values import Raised, Unknown, unknown_in

_TEXT = frozenset(
    [
        "capitalize",
        "casefold",
        "count",
        "endswith",
        "find",
        "index",
        "isalnum",
        "isalpha",
        "isascii",
        "isdecimal",
        "isdigit",
        "islower",
        "isnumeric",
        "isspace",
        "istitle",
        "isupper",
        "lower",
        "lstrip",
        "partition",
        "removeprefix",
        "removesuffix",
        "rfind",
        "rindex",
        "rpartition",
        "rsplit",
        "rstrip",
        "split",
        "splitlines",
        "startswith",
        "strip",
        "swapcase",
        "title",
        "upper",
    ]
)
_PADDING = frozenset({"center", "expandtabs", "ljust", "rjust", "zfill"})
_SPLITTING = frozenset({"split", "rsplit", "splitlines"})
_SEARCHING = frozenset({"rfind", "rindex", "rpartition", "strip", "lstrip", "rstrip"})
"""Methods that may take time in proportion to both texts' lengths."""
_NEEDLE = 1_000
_ITEM = 32
"""Bytes that an item of a list takes."""
_PIECE = 64
"""Bytes that a short piece of a text takes."""
_GROWING = frozenset({"join", "replace", "translate"})
_ALLOWED: Mapping[type, frozenset[str]] = {
    str: _TEXT | _PADDING | _GROWING | {"encode", "format", "format_map", "isidentifier", "isprintable"},
    bytes: _TEXT | _PADDING | _GROWING | {"decode", "hex"},
    bytearray: _TEXT | _PADDING | _GROWING | {"append", "clear", "decode", "extend", "hex", "pop", "reverse"},
    int: frozenset({"bit_count", "bit_length", "to_bytes"}),
    float: frozenset({"hex", "is_integer"}),
    list: frozenset({"append", "clear", "copy", "count", "extend", "index", "insert", "pop", "remove", "reverse"}),
    tuple: frozenset({"count", "index"}),
    set: frozenset({"add", "copy", "discard", "intersection", "issubset", "issuperset", "remove", "union", "update"}),
    frozenset: frozenset({"intersection", "issubset", "issuperset", "union"}),
    dict: frozenset({"clear", "copy", "get", "items", "keys", "pop", "setdefault", "update", "values"}),
}
_VIEWS: Mapping[str, Callable[[dict[object, object]], Iterable[object]]] = {
    "items": dict.items,
    "keys": dict.keys,
    "values": dict.values,
}
_KEEP_UNKNOWNS = frozenset({"add", "append", "extend", "get", "insert", "setdefault", "update"})
"""Methods that may be given what is not known, and only store it or hand it back."""
_PURE_PATH = frozenset(
    {"as_posix", "is_relative_to", "joinpath", "relative_to", "with_name", "with_stem", "with_suffix"}
)
_PATH_ATTRIBUTES = frozenset({"anchor", "name", "parent", "parts", "root", "stem", "suffix", "suffixes"})


def call_method(
    owner: object, name: str, arguments: list[object], keywords: dict[str, object], budget: Budget
) -> object:
    """What `owner.name(...)` gives; Unknown where the method is not one that may be called."""
    if isinstance(owner, PurePosixPath):
        return _call_path(owner, name, arguments, keywords)
    allowed = next((names for kind, names in _ALLOWED.items() if type(owner) is kind), frozenset[str]())
    if name not in allowed or isinstance(owner, bool):
        return Unknown(f"the method {name} of a {type(owner).__name__}")
    if name not in _KEEP_UNKNOWNS and (unknown := unknown_in(*arguments, *keywords.values())):
        return unknown
    if isinstance(owner, str) and name in {"format", "format_map"}:
        return _call_format(owner, name, arguments, keywords, budget)
    _check_growth(owner, name, arguments, budget)
    if isinstance(owner, dict) and name in _VIEWS:
        return list(_VIEWS[name](owner))
    return native(getattr(owner, name), *arguments, **keywords)


def _call_format(
    template: str, name: str, arguments: list[object], keywords: dict[str, object], budget: Budget
) -> object:
    if name == "format_map":
        if len(arguments) != 1 or not isinstance(arguments[0], dict):
            return Unknown("a format from something that is no dictionary")
        source: dict[object, object] = arguments[0]
        arguments, keywords = [], {str(key): value for key, value in source.items()}
    return format_text(template, arguments, keywords, budget)


def _call_path(path: PurePosixPath, name: str, arguments: list[object], keywords: dict[str, object]) -> object:
    if name not in _PURE_PATH:
        return Unknown(f"the method {name} of a path")
    return unknown_in(*arguments) or native(getattr(path, name), *arguments, **keywords)


def path_attribute(path: PurePosixPath, name: str) -> object:
    """A path's attribute; Unknown where it is none that is known."""
    if name == "parents":
        return list(path.parents)
    return getattr(path, name) if name in _PATH_ATTRIBUTES else Unknown(f"the attribute {name} of a path")


def _check_growth(owner: object, name: str, arguments: list[object], budget: Budget) -> None:
    """Raises LimitReached where the method would make too large a value, or take too long."""
    first = arguments[0] if arguments else None
    if name in _PADDING and isinstance(first, int):
        width = first * (owner.count("\t") if name == "expandtabs" and isinstance(owner, str) else 1)
        budget.check_size(max(width, _length(owner)))
    elif name == "replace" and len(arguments) > 1:
        budget.check_size(_length(owner) + _occurrences(owner, first) * _length(arguments[1]))
    elif name == "join" and isinstance(first, list | tuple):
        budget.check_size(sum(_length(owner) + _length(item) for item in first))
    elif name == "translate" and isinstance(first, dict):
        widest = max((_length(value) for value in first.values()), default=0)
        budget.check_size(_length(owner) * max(1, widest))
    elif name == "to_bytes" and isinstance(first, int):
        budget.check_size(first)
    elif name in _SPLITTING:
        pieces = _length(owner) // 2 if not _length(first) else _occurrences(owner, first)
        budget.check_size(_PIECE * pieces)
    elif name in _SEARCHING and _length(first) > _NEEDLE:
        budget.check_size(_length(owner) * _length(first))
    elif not isinstance(owner, str | bytes):
        budget.check_depth(first, *([owner] if name in {"count", "index", "remove"} else []))


def _occurrences(owner: object, old: object) -> int:
    if isinstance(owner, str) and isinstance(old, str):
        return owner.count(old)
    if isinstance(owner, bytes | bytearray) and isinstance(old, bytes | bytearray):
        return owner.count(old)
    return 0


def _length(value: object) -> int:
    return len(value) if isinstance(value, str | bytes | bytearray) else 0


def iterate(value: object, budget: Budget) -> list[object]:
    """The items of a value that can be iterated over; raises Raised where it cannot be."""
    if isinstance(value, Sized):
        budget.check_size(_ITEM * len(value))
    if isinstance(value, PLAIN) and not isinstance(value, int | float | type(None)):
        return list(value)
    raise Raised(f"iterating over a {type(value).__name__}")


def callback(function: Callable[..., object]) -> Callable[..., object]:
    """A function of the wrapper's own in a form that Python's own functions can call."""

    def call(*arguments: object) -> object:
        result = function(*arguments)
        if isinstance(result, Unknown):
            raise Raised(result.why)
        return result

    return call
