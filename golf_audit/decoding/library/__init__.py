"""What a wrapper may use of Python's own library, done safely."""

from typing import TYPE_CHECKING

from golf_audit.decoding.library import basics, files, packing, running
from golf_audit.decoding.library.registry import CONSTANTS, FUNCTIONS, TOLERANT, Call, constant
from golf_audit.decoding.operations import native
from golf_audit.decoding.values import Dotted, Frame, Unknown, unknown_in

if TYPE_CHECKING:
    from golf_audit.decoding.machine import Machine

__all__ = ["call", "call_method", "constant", "is_builtin", "member", "members"]

_ALIASES = {"posixpath": "os.path", "ntpath": "os.path", "Path": "pathlib.Path"}
_CLASSES = ("builtins.str.", "builtins.bytes.", "builtins.list.", "builtins.dict.")
_ON_OBJECTS = (basics.call_method, files.call_method, packing.call_method, running.call_method)


def is_builtin(name: str) -> bool:
    """Whether `name` is a name of Python's own."""
    return name in basics.BUILTINS


def member(machine: "Machine", owner: Dotted, name: str) -> object:
    """`owner.name` of a module or of something in one."""
    module = _ALIASES.get(owner.name, owner.name)
    full = f"{module}.{name}"
    if full == "os.environ":
        return machine.world.environ
    if full in machine.world.interpreter:
        return machine.world.interpreter[full]
    if module == "builtins" and not is_builtin(name):
        return Unknown(f"the name {name}, which is not defined")
    return constant(full)


def members(module: str) -> list[str]:
    """The names that `from module import *` would bring and that are understood."""
    start = f"{module}."
    return [
        name[len(start) :]
        for name in (*FUNCTIONS, *CONSTANTS)
        if name.startswith(start) and "." not in name[len(start) :]
    ]


def call(machine: "Machine", name: str, arguments: list[object], keywords: dict[str, object], frame: Frame) -> object:
    """What calling the function of that full name gives."""
    function = FUNCTIONS.get(name)
    if function is None and name.startswith(_CLASSES):
        return basics.call_unbound(Call(machine, name, arguments, keywords, frame))
    if function is None:
        return Unknown(f"what {name.removeprefix('builtins.')}() gives")
    if name not in TOLERANT and (unknown := unknown_in(*arguments, *keywords.values())):
        return unknown
    return native(function, Call(machine, name, arguments, keywords, frame))


def call_method(
    machine: "Machine", owner: object, name: str, arguments: list[object], keywords: dict[str, object], frame: Frame
) -> object:
    """What a method of one of this package's objects gives; NotImplemented where `owner` is plain data."""
    for handle in _ON_OBJECTS:
        result = handle(owner, Call(machine, name, arguments, keywords, frame))
        if result is not NotImplemented:
            return result
    return NotImplemented
