"""Names and attributes: what they are bound to."""

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from golf_audit.decoding import library, methods
from golf_audit.decoding.values import Bound, Dotted, Frame, Handle, ModuleObject, Spec, Unknown

if TYPE_CHECKING:
    from golf_audit.decoding.machine import Machine


def look_up(name: str, frame: Frame) -> object:
    """What a name is bound to."""
    place: Frame | None = frame
    while place is not None:
        if name in (names := place.elsewhere.get(name, place.names)):
            return names[name]
        place = place.outer
    if name in frame.module:
        return frame.module[name]
    if name == "__builtins__":
        return Dotted("builtins")
    if library.is_builtin(name):
        return library.constant(f"builtins.{name}")
    return Unknown(f"the name {name}, which is not defined")


def bind(name: str, value: object, frame: Frame) -> None:
    """Bind a name."""
    frame.elsewhere.get(name, frame.names)[name] = value


def attribute(machine: "Machine", owner: object, name: str) -> object:
    """`owner.name`."""
    if isinstance(owner, Unknown):
        return owner
    if isinstance(owner, Dotted):
        return owner if name == "__dict__" else library.member(machine, owner, name)
    if isinstance(owner, PurePosixPath):
        value = methods.path_attribute(owner, name)
        return Bound(owner, name) if isinstance(value, Unknown) else value
    if isinstance(owner, ModuleObject):
        return owner.names if name == "__dict__" else owner.names.get(name, Unknown(f"the attribute {name}"))
    if isinstance(owner, Spec):
        known = {"loader": owner, "name": owner.name, "origin": owner.path.as_posix()}
        return known.get(name, Bound(owner, name))
    if isinstance(owner, Handle) and name == "name":
        return Unknown("the name of a file") if owner.path is None else owner.path.as_posix()
    return Bound(owner, name)
