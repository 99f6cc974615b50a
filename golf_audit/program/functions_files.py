"""Functions that open, read and write files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from golf_audit.program.handlers import Args, Kwargs
from golf_audit.program.objects import (
    Buffer,
    ListLike,
)
from golf_audit.program.values import (
    HOLE,
    NO,
    UNKNOWN,
    V,
    const,
    merge_sets,
)

if TYPE_CHECKING:
    from golf_audit.program.library import Library


def open_file(self: Library, name: str, args: Args, kwargs: Kwargs) -> V:
    """A file opened, with its path and mode."""
    del name
    path = args[0] if args else UNKNOWN
    mode = args[1].py if len(args) > 1 else kwargs.get("mode", const("r")).py
    if isinstance(path.obj, ListLike):
        path = self.element(path)
    return V(obj=Buffer(path.txt or "", str(mode)))


def _read_file(self: Library, name: str, args: Args, kwargs: Kwargs) -> V:
    del name
    path = args[0] if args else kwargs.get("file", kwargs.get("filename", UNKNOWN))
    return self.read_path(path)


def _glob(self: Library, name: str, args: Args, kwargs: Kwargs) -> V:
    del name, kwargs
    path = args[0] if args else UNKNOWN
    return V(obj=ListLike(None, path.but(py=NO, flags=path.flags | {"path"}) if path.txt is not None else UNKNOWN))


def _path(self: Library, name: str, args: Args, kwargs: Kwargs) -> V:
    del name, kwargs
    if not args:
        return V(txt=".", flags=frozenset(("path",)))
    v = args[0]
    if v.txt is None:
        return v.but(txt=HOLE, flags=v.flags | {"path"}) if v.obj is None else v
    text = "/".join(a.txt if a.txt is not None else HOLE for a in args)
    return V(txt=text, flags=v.flags | {"path"}, deps=v.deps)


def _join_path(self: Library, name: str, args: Args, kwargs: Kwargs) -> V:
    del name, kwargs
    flags: frozenset[str] = frozenset(("path",))
    for a in args:
        flags = merge_sets(flags, a.flags)
    return V(txt="/".join(a.txt if a.txt is not None else HOLE for a in args), flags=flags)


def _save(self: Library, name: str, args: Args, kwargs: Kwargs) -> V:
    del kwargs
    if len(args) >= 2:
        what, where = (args[1], args[0]) if name.startswith("numpy.") else (args[0], args[1])
        self.save(where, what)
    return V(None)


def _savez(self: Library, name: str, args: Args, kwargs: Kwargs) -> V:
    del name
    if args:
        self.save(args[0], self.mix([*args[1:], *kwargs.values()], keep_alias=True))
    return V(None)


def _load(self: Library, name: str, args: Args, kwargs: Kwargs) -> V:
    del name
    return self.read_path(args[0] if args else kwargs.get("f", UNKNOWN))
