"""Functions that call, inspect or start other code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from golf_audit.events import (
    Exec,
    Fetch,
)
from golf_audit.program.handlers import Args, Handler, Kwargs
from golf_audit.program.objects import (
    Bound,
    Class,
    DictLike,
    External,
    Function,
    GradOff,
    Instance,
    ListLike,
    ParserArgs,
)
from golf_audit.program.values import (
    EMPTY,
    FALSE,
    HOLE,
    NO,
    TRUE,
    UNKNOWN,
    V,
)

if TYPE_CHECKING:
    from golf_audit.program.library import Library


def _partial(self: Library, name: str, args: Args, kwargs: Kwargs) -> V:
    del name
    if not args:
        return UNKNOWN
    function = args[0]
    target = function.obj if isinstance(function.obj, Function) else function
    return V(obj=Bound(target, list(args[1:]), kwargs))


def _getattr(self: Library, name: str, args: Args, kwargs: Kwargs) -> V:
    del name, kwargs
    if len(args) < 2:
        return UNKNOWN
    if isinstance(args[1].py, str):
        if isinstance(args[0].obj, Instance) and len(args) > 2:
            known = args[1].py in args[0].obj.attrs or args[0].obj.cls.find(args[1].py) is not None
            return self.attribute(args[0], args[1].py) if known else args[2]
        return self.attribute(args[0], args[1].py)
    return self.flat(args[0]).but(obj=None)


def _setattr(self: Library, name: str, args: Args, kwargs: Kwargs) -> V:
    del name, kwargs
    if len(args) == 3 and isinstance(args[1].py, str):
        self._assign_attribute(args[0], args[1].py, args[2])
    return V(None)


def _hasattr(self: Library, name: str, args: Args, kwargs: Kwargs) -> V:
    del name, kwargs
    if len(args) == 2 and isinstance(args[0].obj, Instance) and isinstance(args[1].py, str):
        obj, attr = args[0].obj, args[1].py
        if attr in obj.attrs or obj.cls.find(attr) is not None:
            return TRUE
        return FALSE if not obj.cls.is_module else UNKNOWN
    return UNKNOWN


def _isinstance(self: Library, name: str, args: Args, kwargs: Kwargs) -> V:
    del name, kwargs
    if len(args) == 2 and isinstance(args[0].obj, Instance) and isinstance(args[1].obj, Class):
        stack, seen = [args[0].obj.cls], []
        while stack:
            cls = stack.pop()
            if cls is args[1].obj:
                return TRUE
            seen.append(cls)
            stack += [b.obj for b in cls.bases if isinstance(b.obj, Class)]
        return FALSE
    return UNKNOWN


def _vars(self: Library, name: str, args: Args, kwargs: Kwargs) -> V:
    del name, kwargs
    if args and isinstance(args[0].obj, Instance):
        return V(obj=DictLike(dict(args[0].obj.attrs)))
    if args and isinstance(args[0].obj, ParserArgs):
        return V(obj=DictLike(dict(args[0].obj.values)))
    return V(obj=DictLike({}, UNKNOWN))


def _globals(self: Library, name: str, args: Args, kwargs: Kwargs) -> V:
    del name, args, kwargs
    mapping = DictLike()
    mapping.items = self.scope.globals_.names
    return V(obj=mapping)


def _parser(self: Library, name: str, args: Args, kwargs: Kwargs) -> V:
    del self, name, args, kwargs
    return V(obj=ParserArgs())


def _thread(self: Library, name: str, args: Args, kwargs: Kwargs) -> V:
    del name
    target = kwargs.get("target")
    if target is not None:
        given = kwargs.get("args", UNKNOWN)
        values = given.obj.items if isinstance(given.obj, ListLike) and given.obj.items is not None else []
        self.call(target, list(values), {})
    return UNKNOWN


def _exit(self: Library, name: str, args: Args, kwargs: Kwargs) -> V:
    del self, name, args, kwargs
    return V(flags=frozenset(("exit",)))


def _run_program(self: Library, name: str, args: Args, kwargs: Kwargs) -> V:
    command = self.flat(args[0]) if args else UNKNOWN
    words: list[str] = []
    if args and isinstance(args[0].obj, ListLike) and args[0].obj.items is not None:
        words = [str(i.py) if i.py is not NO else (i.txt or "…") for i in args[0].obj.items]
    elif command.txt:
        words = command.txt.replace(HOLE, "…").split()
    text = " ".join(words)[:200]
    installs = (
        any(w in ("pip", "pip3", "apt", "apt-get", "conda", "uv", "npm") or w.endswith("/pip") for w in words)
        and "install" in words
    )
    fetches = any(w.rsplit("/", 1)[-1] in ("curl", "wget", "git", "huggingface-cli", "aria2c") for w in words[:1])
    if installs or (fetches and any(w in ("clone", "download") or "://" in w for w in words)):
        self.emit(Fetch(what=text, **self.where()), f"installs or downloads: {text[:60]}")
    else:
        self.emit(Exec(what=text or name, **self.where()), f"runs {text[:60] or name}")
    return V(txt=HOLE, flags=frozenset(("file",)))


def _exec_code(self: Library, name: str, args: Args, kwargs: Kwargs) -> V:
    self.emit(Exec(what=f"{name} of text", **self.where()), f"{name}()")
    return UNKNOWN


def _checkpoint(self: Library, name: str, args: Args, kwargs: Kwargs) -> V:
    del name
    keep = {k: v for k, v in kwargs.items() if k not in ("use_reentrant", "preserve_rng_state")}
    return self.call(args[0], args[1:], keep) if args else UNKNOWN


def _functional_call(self: Library, name: str, args: Args, kwargs: Kwargs) -> V:
    del name, kwargs
    if len(args) < 3:
        return self.mix(args)
    inputs = args[2].obj.items if isinstance(args[2].obj, ListLike) and args[2].obj.items is not None else [args[2]]
    out = self.call(args[0], list(inputs), {})
    state = self.flat(args[1])
    return self.mix((out, state.but(raw=EMPTY)))


def _custom_function(self: Library, name: str, args: Args, kwargs: Kwargs) -> V:
    del name
    return args[0] if args and isinstance(args[0].obj, Function) else V(obj=External("<decorator>"))


def _no_grad(off: bool) -> Handler:
    def handler(self: Library, name: str, args: Args, kwargs: Kwargs) -> V:
        del name, kwargs
        if args and isinstance(args[0].obj, Function):
            args[0].obj.grad_off = off
            return args[0]
        return V(obj=GradOff(off if not args or args[0].py is not False else not off))

    return handler
