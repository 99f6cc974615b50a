"""Methods of tensors, files, parsers and tokenizers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from golf_audit.program.functions_python import map_over
from golf_audit.program.functions_tensors import copy_of, gather
from golf_audit.program.handlers import Args, Kwargs
from golf_audit.program.objects import (
    Bound,
    Buffer,
    Class,
    DictLike,
    External,
    Function,
    Instance,
    Leaf,
    ListLike,
    ParserArgs,
    Table,
)
from golf_audit.program.values import (
    EMPTY,
    FALSE,
    NO,
    TRUE,
    UNKNOWN,
    Ref,
    V,
    merge_sets,
)

if TYPE_CHECKING:
    from golf_audit.program.library import Library


def same_data(self: Library, v: V, args: Args, kwargs: Kwargs) -> V | None:
    """Methods that give the same data in another form."""
    del self, kwargs
    if isinstance(v.obj, Table | Instance | Leaf | ListLike | DictLike):
        return v
    if v.obj is not None:
        return None
    deps: frozenset[int] = EMPTY
    for a in args:
        deps = merge_sets(deps, a.deps)
    return v


def _m_snapshot(self: Library, v: V, args: Args, kwargs: Kwargs) -> V | None:
    del args, kwargs
    if isinstance(v.obj, Table):
        return copy_of(self, v)
    if v.obj is None and v.snap is None and v.sites:
        return v.but(snap=self.prior(v))
    return same_data(self, v, [], {})


def _m_write(self: Library, v: V, args: Args, kwargs: Kwargs) -> V | None:
    del kwargs
    if not isinstance(v.obj, Buffer) or not args:
        return None
    data = self.flat(args[0])
    if data.txt is not None or isinstance(data.py, str):
        self.tell([data], {})
        return V(None)
    self.save(v, args[0])
    return V(None)


def _m_read(self: Library, v: V, args: Args, kwargs: Kwargs) -> V | None:
    del args, kwargs
    return self.read_path(v) if isinstance(v.obj, Buffer) else None


def _m_gather(self: Library, v: V, args: Args, kwargs: Kwargs) -> V | None:
    return gather(self, "gather", [v, *args], kwargs)


def _m_apply(self: Library, v: V, args: Args, kwargs: Kwargs) -> V | None:
    obj = v.obj
    if isinstance(obj, Class) and obj.is_autograd:
        forward = obj.find("forward")
        if forward is not None:
            return self.call(forward, [UNKNOWN, *args], kwargs)
    if isinstance(obj, Class):
        return None
    if args and isinstance(args[0].obj, Function):
        return v
    return None


def _m_add_argument(self: Library, v: V, args: Args, kwargs: Kwargs) -> V | None:
    if not isinstance(v.obj, ParserArgs) or not args:
        return None
    names = [a.py for a in args if isinstance(a.py, str)]
    if names:
        long = next((n for n in names if n.startswith("--")), names[0])
        dest = kwargs["dest"].py if "dest" in kwargs else long.lstrip("-").replace("-", "_")
        action = kwargs["action"].py if "action" in kwargs else None
        default = kwargs.get(
            "default", FALSE if action == "store_true" else TRUE if action == "store_false" else V(None)
        )
        kind = kwargs.get("type")
        if kind is not None and isinstance(kind.obj, External) and default.py not in (None, NO):
            default = self.call(kind, [default], {})
        v.obj.values[str(dest)] = self.argument(long, str(dest), default)
    return V(None)


def _m_parse_args(self: Library, v: V, args: Args, kwargs: Kwargs) -> V | None:
    del self, args, kwargs
    if not isinstance(v.obj, ParserArgs):
        return None
    return v


def _m_parse_known(self: Library, v: V, args: Args, kwargs: Kwargs) -> V | None:
    found = _m_parse_args(self, v, args, kwargs)
    return V(obj=ListLike([found, UNKNOWN], frozen=True)) if found is not None else None


def _m_item(self: Library, v: V, args: Args, kwargs: Kwargs) -> V | None:
    del args, kwargs
    data = self.flat(v)
    return data.but(flags=data.flags | {"reduced"}) if data.nll and isinstance(v.obj, Table) else data


def _m_submit(self: Library, v: V, args: Args, kwargs: Kwargs) -> V | None:
    if args and isinstance(args[0].obj, Function | Bound):
        return self.call(args[0], args[1:], kwargs)
    return None


def _m_map(self: Library, v: V, args: Args, kwargs: Kwargs) -> V | None:
    if len(args) > 1 and isinstance(args[0].obj, Function | Bound):
        return map_over(self, "map", args, kwargs)
    return None


def _m_piece(self: Library, v: V, args: Args, kwargs: Kwargs) -> V | None:
    del self, v, kwargs
    return V(flags=frozenset(("piece",)), txt=None)


def _m_encode(self: Library, v: V, args: Args, kwargs: Kwargs) -> V | None:
    del self, args, kwargs
    return v if "piece" in v.flags else None


def _m_unfold(self: Library, v: V, args: Args, kwargs: Kwargs) -> V | None:
    return same_data(self, self.flat(v), args, kwargs)


def _m_multinomial(self: Library, v: V, args: Args, kwargs: Kwargs) -> V | None:
    """A sample from the model's own output is text of its own, whatever its prompt."""
    del args, kwargs
    data = self.flat(v)
    if data.sites:
        ref = frozenset((Ref("self"),))
        return V(raw=ref, taint=ref)
    return None
