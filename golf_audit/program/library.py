"""What the functions of Python, numpy and torch do to origins, as far as a rule can depend on it."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable
from typing import Any, Final

from golf_audit.events import Choose, Exec, Fetch, Load, Read, Report
from golf_audit.program.calls import Calls
from golf_audit.program.expressions import describe_refs, is_activation, mask_slices
from golf_audit.program.machine import Alternatives, Site
from golf_audit.program.objects import (
    Bound,
    Buffer,
    Class,
    External,
    Function,
    GradOff,
    Instance,
    Iterating,
    Leaf,
    Mapping_,
    Optimizer,
    ParserArgs,
    Range,
    Sequence_,
    Table,
)
from golf_audit.program.paths import looks_like_artifact, split_of
from golf_audit.program.values import EMPTY, FALSE, HOLE, NO, TRUE, UNKNOWN, Lin, Ref, V, const, fresh, merge_sets

Args = list[V]
Kwargs = dict[str, V]
Handler = Callable[["Library", str, Args, Kwargs], V]

_ALLOCATE: Final = frozenset(
    f"{m}.{f}"
    for m in ("torch", "numpy")
    for f in ("zeros", "ones", "empty", "full", "zeros_like", "ones_like", "empty_like", "full_like", "new_zeros")
)
_TRANSPARENT: Final = frozenset(
    (
        "torch.compile",
        "torch.jit.script",
        "torch.nn.DataParallel",
        "torch.nn.parallel.DistributedDataParallel",
        "torch.nn.parallel.distributed.DistributedDataParallel",
        "torch._dynamo.disable",
        "torch.compiler.disable",
        "functools.lru_cache",
        "functools.cache",
        "functools.wraps",
        "torch.jit.trace",
        "tqdm.tqdm",
        "tqdm.auto.tqdm",
        "iter",
        "reversed",
        "torch.as_tensor",
        "numpy.asarray",
        "numpy.ascontiguousarray",
        "torch.distributed.fsdp.FullyShardedDataParallel",
    )
)
_SIZES: Final = frozenset(("numel", "size", "dim", "element_size", "nelement", "stride", "data_ptr", "storage_offset"))
_NETWORK: Final = (
    "urllib.request.",
    "requests.",
    "huggingface_hub.",
    "httpx.",
    "aiohttp.",
    "wget.",
    "gdown.",
    "datasets.load_dataset",
    "socket.create_connection",
    "socket.socket",
    "torch.hub.",
    "boto3.",
    "ftplib.",
    "http.client.",
    "kernels.get_kernel",
)
_NOT_NETWORK: Final = ("urllib.request.Request", "requests.exceptions")
_REDUCE: Final = frozenset(("sum", "mean", "item", "nansum", "nanmean", "fsum", "average"))
_FILL: Final = frozenset(
    (
        "zero_",
        "fill_",
        "normal_",
        "uniform_",
        "zeros_",
        "ones_",
        "trunc_normal_",
        "kaiming_uniform_",
        "orthogonal_",
        "constant_",
        "kaiming_normal_",
        "xavier_uniform_",
        "xavier_normal_",
        "eye_",
    )
)
_ARITHMETIC_IN_PLACE: Final = frozenset(
    (
        "add_",
        "sub_",
        "mul_",
        "div_",
        "copy_",
        "addcmul_",
        "addcdiv_",
        "lerp_",
        "addmm_",
        "baddbmm_",
        "clamp_",
        "set_",
        "lerp",
    )
)
_INSERT: Final = frozenset(
    ("scatter_add_", "index_add_", "index_put_", "scatter_", "scatter_reduce_", "put_", "index_copy_")
)
_COUNTS: Final = frozenset(("scatter_add_", "index_add_", "scatter_reduce_"))


class Library(Calls):
    """Functions and methods of libraries."""

    # -- functions ------------------------------------------------------------------------------------------------------

    def external(self, name: str, args: Args, kwargs: Kwargs) -> V:  # noqa: C901, PLR0911, PLR0912 - a table in order
        """Call a library's function by its qualified name."""
        handler = _FUNCTIONS.get(name)
        if handler is not None:
            return handler(self, name, args, kwargs)
        if name in _ALLOCATE or name.rsplit(".", 1)[-1] in ("new_zeros", "new_empty"):
            return self._allocate(args, kwargs)
        if name in _TRANSPARENT:
            return args[0] if args else V(obj=External(name))
        last = name.rsplit(".", 1)[-1]
        if name.startswith("torch.nn.init."):
            return self.method(last, args[0], args[1:], kwargs) if args else UNKNOWN
        if name.startswith("torch.nn.functional."):
            return self._functional(last, args, kwargs)
        if name.startswith("torch.nn.") and last[:1].isupper():
            return self._layer_of(name, args, kwargs)
        if name.startswith("torch.optim.") and "lr_scheduler" not in name and last[:1].isupper():
            return self.make_optimizer([*args, *kwargs.values()])
        if name.startswith(_NETWORK) and not name.startswith(_NOT_NETWORK):
            self.emit(Fetch(what=name, **self.where()), f"fetches with {name}")
            return V(txt=HOLE, flags=frozenset(("file",)))
        if name.startswith(("torch.", "numpy.")) and hasattr(Library, "_m_" + last.rstrip("_")) and args:
            return self.method(last, args[0], args[1:], kwargs)
        if name.startswith(("torch.", "numpy.", "math.")) and args:
            return self.method(last, args[0], args[1:], kwargs)
        if name.startswith("."):
            return self.method(name[1:], args[0] if args else UNKNOWN, args[1:], kwargs)
        if last in ("apply", "__call__") and args:
            return self.kernel_result([*args, *kwargs.values()])
        self._callbacks([*args, *kwargs.values()])
        values = [*args, *kwargs.values()]
        return self.kernel_result(values) if values else UNKNOWN

    def _callbacks(self, values: Args) -> None:
        """Functions handed to something unknown may be called."""
        for v in values:
            if isinstance(v.obj, Function) and v.obj not in self.active and v.obj.hits == 0:
                v.obj.hits += 1
                data = [w for w in values if not isinstance(w.obj, Function | Bound)]
                self.call(v, [self.element(w) if isinstance(w.obj, Sequence_) else w for w in data], {})

    def _allocate(self, args: Args, kwargs: Kwargs) -> V:
        v = self.new_table()
        first = args[0] if args else UNKNOWN
        if isinstance(first.obj, Sequence_) and first.obj.items:
            first = first.obj.items[0]
        v.obj.shared = type(first.py) is int and first.py == 1
        grad = kwargs.get("requires_grad")
        if grad is not None and grad.py is True:
            return _parameter(self, "", [v], {})
        return v

    def _layer_of(self, name: str, args: Args, kwargs: Kwargs) -> V:
        last = name.rsplit(".", 1)[-1]
        if last in ("ModuleList", "Sequential", "ParameterList"):
            items = args[0].obj.items if len(args) == 1 and isinstance(args[0].obj, Sequence_) else args
            if len(args) == 1 and isinstance(args[0].obj, Sequence_) and items is None:
                rest = args[0].obj.rest
                return V(obj=Sequence_(None, rest), sites=rest.sites, snap=None)
            sites: frozenset[int] = EMPTY
            for item in items or []:
                sites = merge_sets(sites, item.sites)
            return V(obj=Sequence_(list(items or [])), sites=sites, snap=None)
        if last in ("ModuleDict", "ParameterDict"):
            return args[0] if args else V(obj=Mapping_())
        if last == "Parameter":
            return _parameter(self, name, args, kwargs)
        if "Loss" in last or last in (
            "Dropout",
            "Identity",
            "ReLU",
            "GELU",
            "SiLU",
            "Softmax",
            "Tanh",
            "Flatten",
            "Sigmoid",
        ):
            return V(obj=Leaf(name, 0))
        site = self.new_site(leaf=True)
        return V(obj=Leaf(name, site), sites=frozenset((site,)), snap=None)

    def _functional(self, last: str, args: Args, kwargs: Kwargs) -> V:
        if last in ("cross_entropy", "nll_loss") and args:
            scores, targets = self.flat(args[0]), self.flat(args[1] if len(args) > 1 else kwargs.get("target", UNKNOWN))
            reduced = kwargs.get("reduction", const("mean")).py != "none"
            if scores.sites and (targets.raw or targets.taint):
                out = self.likelihood(scores, targets if targets.raw else targets.but(raw=targets.taint))
            else:
                out = self.mix((scores, targets), raw=False)
            return out.but(flags=out.flags | {"batch-mean"}) if reduced else out
        if last == "embedding" and len(args) >= 2:  # noqa: PLR2004 - tokens and weights
            return self.mix(args, raw=False)
        return self.method(last, args[0], args[1:], kwargs) if args else UNKNOWN

    # -- methods --------------------------------------------------------------------------------------------------------

    def method(self, name: str, v: V, args: Args, kwargs: Kwargs) -> V:  # noqa: C901, PLR0911, PLR0912 - a table in order
        """Call a method of data, of a container, or of a library's object."""
        handler = _METHODS.get(name)
        obj = v.obj
        if isinstance(obj, Alternatives):
            out: V | None = None
            for option in obj.options:
                out = self.join(out, self.call(self.attribute(option, name), args, kwargs))
            return out or UNKNOWN
        if name.startswith("super."):
            return self._super_method(name[6:], v, args, kwargs)
        if handler is not None:
            found = handler(self, v, args, kwargs)
            if found is not None:
                return found
        if name in _SIZES:
            return V(deps=v.deps) if v.deps else UNKNOWN
        if name in _FILL:
            return self._fill(v, args, kwargs)
        if name in _INSERT:
            return self._scatter(name, v, args, kwargs)
        if name in _ARITHMETIC_IN_PLACE or (name.endswith("_") and not name.startswith("_") and args):
            return self._change(name, v, args, kwargs)
        if v.txt is not None or isinstance(v.py, str):
            return self._text_method(name, v, args, kwargs)
        if isinstance(obj, External):
            return self.external(f"{obj.name}.{name}", args, kwargs)
        if name in ("eq", "ne", "lt", "gt", "le", "ge", "isin", "nonzero", "argmax", "any", "all"):
            return self.mix([v, *args]).but(raw=EMPTY)
        mixed = self.mix([v, *args, *kwargs.values()])
        if name in _REDUCE and not any(k in kwargs for k in ("dim", "axis")) and not args:
            mixed = mixed.but(flags=mixed.flags | {"reduced"}) if mixed.nll else mixed
        if name in ("exp", "exp2", "pow") and mixed.nll:
            mixed = self.exponential(v, mixed)
        if mixed.raw and mixed.sites:
            mixed = mixed.but(raw=EMPTY)
        if (
            isinstance(v.obj, Table)
            and mask_slices(v)
            and name in ("bool", "to", "float", "type", "reshape", "view", "unsqueeze")
        ):
            return v
        return mixed if v.lin is None or name not in ("item", "long", "int", "to") else mixed.but(lin=v.lin)

    def _super_method(self, name: str, v: V, args: Args, kwargs: Kwargs) -> V:
        if name == "__init__":
            return V(None)
        if isinstance(v.obj, Instance) and v.obj.cls.is_module and name == "forward":
            return self.mix([*args, v.but(obj=None)], raw=False)
        return self.method(name, v, args, kwargs)

    def _fill(self, v: V, args: Args, kwargs: Kwargs) -> V:
        if isinstance(v.obj, Table):
            if not self.uncertain:
                v.obj.content = UNKNOWN
                v.obj.sel = ()
            return v
        if v.sites and v.snap is None:
            self.clear(v, whole="whole" in v.flags)
        return v

    def _change(self, name: str, v: V, args: Args, kwargs: Kwargs) -> V:
        data = self.mix([*args, *kwargs.values()])
        if isinstance(v.obj, Table):
            if name == "copy_" and not self.uncertain:
                v.obj.content = data
            elif not data.plain:
                held = v.obj.content
                op = ast.BitXor() if "xor" in name else ast.Add()
                v.obj.content = self.operate(op, self.flat(held), data) if held is not UNKNOWN else data
            return v
        if v.sites and v.snap is None and not isinstance(v.obj, Instance):
            if name == "copy_" or data.taint or "grad" in data.flags:
                self.write(v, data, whole="whole" in v.flags)
            return v
        return self.mix((v, data)) if not data.plain else v

    def _scatter(self, name: str, v: V, args: Args, kwargs: Kwargs) -> V:
        flat = [self.flat(a) for a in (*args, *kwargs.values())]
        keys = [a for a in flat if a.raw]
        if isinstance(v.obj, Table):
            counts = name in _COUNTS or "accumulate" in kwargs
            if keys and counts:
                self.insert(
                    v.obj, self.mix(keys), self.mix([a for a in flat if not a.raw]) if len(flat) > 1 else UNKNOWN
                )
            else:
                data = self.mix(flat)
                if not data.plain:
                    v.obj.content = self.mix((v.obj.content, data))
            return v
        return self.mix((v, *flat))

    def _text_method(self, name: str, v: V, args: Args, kwargs: Kwargs) -> V:
        if isinstance(v.py, str) and all(a.py is not NO for a in args) and not kwargs and name in _STRING:
            try:
                value = getattr(v.py, name)(*[a.py for a in args])
            except (TypeError, ValueError, IndexError, KeyError, LookupError):
                return UNKNOWN
            if isinstance(value, list | tuple):
                return V(obj=Sequence_([const(x).but(flags=v.flags) for x in value]), flags=EMPTY)
            return const(value).but(flags=v.flags) if v.flags else const(value)
        if name == "join":
            data = self.flat(args[0]) if args else UNKNOWN
            return data.but(py=NO, txt=HOLE, raw=EMPTY)
        if name == "format":
            data = self.mix([*args, *kwargs.values()])
            return data.but(txt=v.txt, raw=EMPTY)
        if name in ("glob", "rglob", "joinpath", "with_suffix", "with_name"):
            extra = args[0].txt if args and args[0].txt is not None else HOLE
            path = V(txt=f"{v.txt}/{extra}", flags=merge_sets(v.flags, frozenset(("path",))))
            return V(obj=Sequence_(None, path)) if "glob" in name else path
        if name in (
            "resolve",
            "expanduser",
            "absolute",
            "as_posix",
            "strip",
            "rstrip",
            "lower",
            "upper",
            "replace",
            "encode",
        ):
            return v.but(py=NO) if name != "encode" else v
        if name in ("read_bytes", "read_text"):
            return self.read_path(v)
        if name in ("write_bytes", "write_text") and args:
            self.save(v, args[0])
            return UNKNOWN
        if name == "open":
            return _open(self, "open", [v, *args], kwargs)
        if name in ("exists", "is_file", "is_dir"):
            return TRUE if split_of(v.txt or "") else UNKNOWN
        if name in ("mkdir", "unlink", "touch"):
            return UNKNOWN
        if name in ("startswith", "endswith", "isdigit"):
            return UNKNOWN
        return self.mix([v, *args]).but(txt=None, py=NO) if not v.plain else UNKNOWN

    # -- files ------------------------------------------------------------------------------------------------------------

    def read_path(self, path: V) -> V:
        """The content of a file: tokens of a split, what was written there, or unknown."""
        if isinstance(path.obj, Buffer):
            return path.obj.content if path.obj.content is not UNKNOWN else self.read_text(path.obj.path)
        if isinstance(path.obj, Sequence_):
            return self.read_path(self.element(path))
        return self.read_text(path.txt or "", path)

    def read_text(self, text: str, path: V = UNKNOWN) -> V:
        """The content of the file at a path, as far as its name tells."""
        split = split_of(text)
        if split in ("val", "train"):
            ref = Ref(split, EMPTY, Lin())
            if path.deps:
                ref = Ref(split, EMPTY, Lin())
            self.emit(Read(split=split, path_text=text.replace(HOLE, "*"), **self.where()), f"reads {split} tokens")
            refs = frozenset((ref,))
            return V(raw=refs, taint=refs, flags=frozenset((f"shard-{split}",)))
        if split == "side":
            return V(flags=frozenset(("bytes",)))
        held = self.store.get(text)
        if held is not None and (held.sites or held.taint or held.nll):
            return held
        if self.store and looks_like_artifact(text):
            out: V | None = None
            for name, v in self.store.items():
                if looks_like_artifact(name) and v.sites:
                    out = self.join(out, v)
            if out is not None:
                return out
        return V(flags=frozenset(("file",)), deps=self.loops())

    def tell(self, values: Args, kwargs: Kwargs, label: str = "") -> None:
        """Something is printed or logged."""
        mixed = self.mix([*values, *kwargs.values()])
        scored = frozenset(a for a in mixed.nll if any(r.split == "val" for r in a.targets))
        if not scored and not mixed.look:
            return
        text = label or " ".join(v.txt for v in values if v.txt is not None)
        shown = text.replace(HOLE, "…")[:200]
        event = Report(label=shown, atoms=scored, lookups=mixed.look, flags=mixed.flags, **self.where())
        self.emit(event, f"reports “{shown[:70]}”")


_STRING: Final = frozenset(
    (
        "strip",
        "lstrip",
        "rstrip",
        "lower",
        "upper",
        "split",
        "replace",
        "startswith",
        "endswith",
        "format",
        "join",
        "title",
        "isdigit",
        "count",
        "find",
        "rsplit",
        "partition",
        "zfill",
        "removeprefix",
        "removesuffix",
        "casefold",
        "capitalize",
    )
)


def _parameter(self: Library, name: str, args: Args, kwargs: Kwargs) -> V:
    del name, kwargs
    old = self.flat(args[0]) if args else UNKNOWN
    if old.sites and old.snap is None:
        return old
    shared = bool(args) and isinstance(args[0].obj, Table) and args[0].obj.shared
    site = self.new_site(leaf=True, shared=shared)
    return V(sites=frozenset((site,)), snap=None, flags=old.flags - {"file"})


# -- handlers of functions ------------------------------------------------------------------------------------------------


def _environ_get(self: Library, name: str, args: Args, kwargs: Kwargs) -> V:
    del name
    default = args[1] if len(args) > 1 else kwargs.get("default", V(None))
    return self.environment(args[0] if args else UNKNOWN, default)  # type: ignore[attr-defined]  # the walker's


def _range(self: Library, name: str, args: Args, kwargs: Kwargs) -> V:
    del name, kwargs
    zero, one = const(0), const(1)
    start, stop, step = (
        (zero, args[0], one)
        if len(args) == 1
        else (args[0], args[1], args[2] if len(args) > 2 else one)
        if args
        else (zero, UNKNOWN, one)
    )  # noqa: PLR2004
    return V(obj=Range(start, stop, step))


def _arange(self: Library, name: str, args: Args, kwargs: Kwargs) -> V:
    del name, kwargs
    deps: frozenset[int] = EMPTY
    for a in args:
        deps = merge_sets(deps, a.deps)
    lin = self.number(args[0]) if len(args) > 1 else Lin()
    return V(lin=lin, deps=deps, flags=frozenset(("arange",)))


def _number(kind: Callable[[Any], Any]) -> Handler:
    def handler(self: Library, name: str, args: Args, kwargs: Kwargs) -> V:
        del name, kwargs
        if not args:
            return const(kind())  # type: ignore[call-arg]
        v = args[0]
        if v.py is not NO:
            try:
                value = kind(v.py)
            except (TypeError, ValueError, OverflowError):
                return UNKNOWN
            out = const(value)
            return V(out.py, lin=out.lin, txt=out.txt, flags=v.flags, deps=v.deps) if v.flags or v.deps else out
        data = self.flat(v)
        if kind is bool:
            truth = self.truth(v)
            return const(truth).but(flags=data.flags) if truth is not None else data.but(raw=EMPTY, obj=None)
        if kind is str:
            return data.but(raw=EMPTY) if data.txt is not None else data.but(raw=EMPTY, txt=HOLE, lin=None)
        return data.but(obj=None) if data.obj is not None else data

    return handler


def _len(self: Library, name: str, args: Args, kwargs: Kwargs) -> V:
    del name, kwargs
    v = args[0] if args else UNKNOWN
    if isinstance(v.obj, Sequence_) and v.obj.items is not None:
        return const(len(v.obj.items))
    if isinstance(v.py, str | bytes | list | tuple | dict):
        return const(len(v.py))
    if isinstance(v.obj, Instance):
        own = v.obj.cls.find("__len__")
        if own is not None:
            return self.call(V(obj=Bound(own.obj, [v])), [], {})
    if v.txt is not None or "piece" in v.flags:
        return V(flags=frozenset(("bytes",)) if "piece" in v.flags else EMPTY)
    return V(deps=v.deps) if v.deps else UNKNOWN


def _extreme(self: Library, name: str, args: Args, kwargs: Kwargs) -> V:
    values = args
    if len(args) == 1 and isinstance(args[0].obj, Sequence_):
        values = args[0].obj.items if args[0].obj.items is not None else [args[0].obj.rest]
    if values and all(v.py is not NO for v in values):
        try:
            out = (min if name.endswith("min") else max)(v.py for v in values)
        except TypeError:
            return UNKNOWN
        mixed = self.mix(values)
        return const(out).but(flags=mixed.flags, deps=mixed.deps)
    mixed = self.mix([*values, *kwargs.values()])
    losing = [v for v in values if v.nll and not v.flags & {"reduced", "batch-mean"}]
    if (
        name
        in (
            "min",
            "max",
            "torch.minimum",
            "torch.maximum",
            "numpy.minimum",
            "numpy.maximum",
            "torch.fmin",
            "numpy.fmin",
        )
        and len(losing) > 1
    ):
        _choose(self, losing)
    lins = [v for v in values if v.lin is not None]
    if len(lins) == 1 and not mixed.taint:
        return mixed.but(lin=fresh())
    return mixed


def _choose(self: Library, losing: Args) -> None:
    mixed = self.mix(losing)
    scored = frozenset(a for a in mixed.nll if any(r.split == "val" for r in a.targets))
    if scored:
        self.emit(Choose(atoms=scored, lookups=mixed.look, **self.where()), "keeps the smaller loss")


def _where(self: Library, name: str, args: Args, kwargs: Kwargs) -> V:
    del name, kwargs
    if len(args) < 3:  # noqa: PLR2004 - torch.where(condition) gives indices
        return self.mix(args).but(raw=EMPTY)
    test, a, b = (self.flat(x) for x in args[:3])
    if "loss-order" in test.flags:
        self.oracle(test.but(flags=test.flags - {"reduced"}), a, b)
    sel = mask_slices(args[0])
    mixed = self.mix((test.but(raw=EMPTY, look=EMPTY, nll=EMPTY), a, b))
    if sel and (a.nll or b.nll):
        from golf_audit.program.expressions import with_sel

        mixed = mixed.but(nll=frozenset(with_sel(x, s) for x in mixed.nll for s in sel))
    return mixed


def _print(self: Library, name: str, args: Args, kwargs: Kwargs) -> V:
    del name
    target = kwargs.get("file")
    if target is None or isinstance(target.obj, External | Buffer) or target.plain or True:
        self.tell(args, {})
    return V(None)


def _open(self: Library, name: str, args: Args, kwargs: Kwargs) -> V:
    del name
    path = args[0] if args else UNKNOWN
    mode = args[1].py if len(args) > 1 else kwargs.get("mode", const("r")).py
    if isinstance(path.obj, Sequence_):
        path = self.element(path)
    return V(obj=Buffer(path.txt or "", str(mode)))


def _read_file(self: Library, name: str, args: Args, kwargs: Kwargs) -> V:
    del name
    path = args[0] if args else kwargs.get("file", kwargs.get("filename", UNKNOWN))
    return self.read_path(path)


def _glob(self: Library, name: str, args: Args, kwargs: Kwargs) -> V:
    del name, kwargs
    path = args[0] if args else UNKNOWN
    return V(obj=Sequence_(None, path.but(py=NO, flags=path.flags | {"path"}) if path.txt is not None else UNKNOWN))


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
    if len(args) >= 2:  # noqa: PLR2004 - what and where
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


def _deepcopy(self: Library, name: str, args: Args, kwargs: Kwargs) -> V:
    del name, kwargs
    return copy_of(self, args[0]) if args else UNKNOWN


def copy_of(self: Library, v: V) -> V:
    """A copy that learns on its own."""
    obj = v.obj
    if isinstance(obj, Instance) and obj.site:
        mapping: dict[int, int] = {}
        for site in v.sites | {obj.site}:
            new = self.new_id()
            mapping[site] = new
            self.history[new] = self.history.get(site, EMPTY)
            self.sites[new] = Site(self.location(), self.context())
            self.leaves[new] = set(self.leaves.get(site, ()))
        return _clone(v, mapping, {})
    if isinstance(obj, Sequence_ | Mapping_ | Optimizer | Instance):
        if isinstance(obj, Mapping_):
            return V(
                obj=Mapping_(
                    {k: copy_of(self, x) for k, x in obj.items.items()},
                    copy_of(self, obj.rest) if obj.rest else None,
                    obj.table,
                )
            )
        return v
    if isinstance(obj, Table):
        new = self.new_table(obj.content)
        new.obj.history, new.obj.keyed, new.obj.sel = obj.history, obj.keyed, obj.sel
        return new
    return v.but(snap=self.prior(v)) if v.sites else v


def _clone(v: V, mapping: dict[int, int], seen: dict[int, Any]) -> V:
    sites = frozenset(mapping.get(s, s) for s in v.sites)
    obj = v.obj
    if isinstance(obj, Instance):
        if id(obj) in seen:
            return v.but(obj=seen[id(obj)], sites=sites)
        new = Instance(obj.cls, {}, mapping.get(obj.site, obj.site))
        seen[id(obj)] = new
        new.attrs = {k: _clone(x, mapping, seen) for k, x in obj.attrs.items()}
        return v.but(obj=new, sites=sites)
    if isinstance(obj, Leaf):
        return v.but(obj=Leaf(obj.name, mapping.get(obj.site, obj.site)), sites=sites)
    if isinstance(obj, Sequence_):
        items = [_clone(x, mapping, seen) for x in obj.items] if obj.items is not None else None
        return v.but(obj=Sequence_(items, _clone(obj.rest, mapping, seen), obj.frozen), sites=sites)
    if isinstance(obj, Mapping_):
        rest = _clone(obj.rest, mapping, seen) if obj.rest is not None else None
        return v.but(
            obj=Mapping_({k: _clone(x, mapping, seen) for k, x in obj.items.items()}, rest, obj.table), sites=sites
        )
    return v.but(sites=sites)


def _iterating(kind: str) -> Handler:
    def handler(self: Library, name: str, args: Args, kwargs: Kwargs) -> V:
        del name, kwargs
        return V(obj=Iterating(args, kind))

    return handler


def _map(self: Library, name: str, args: Args, kwargs: Kwargs) -> V:
    del name, kwargs
    if len(args) < 2:  # noqa: PLR2004
        return UNKNOWN
    turns, alike = self.turns(args[1], self.new_id())
    out = [self.call(args[0], [t], {}) for t in (turns if alike else turns[-1:])]
    if alike:
        return V(obj=Sequence_(out))
    return V(obj=Sequence_(None, out[0] if out else UNKNOWN))


def _container(frozen: bool) -> Handler:  # noqa: FBT001 - a switch of this table only
    def handler(self: Library, name: str, args: Args, kwargs: Kwargs) -> V:
        del name, kwargs
        if not args:
            return V(obj=Sequence_([], frozen=frozen))
        if isinstance(args[0].obj, Sequence_):
            s = args[0].obj
            return args[0].but(obj=Sequence_(list(s.items) if s.items is not None else None, s.rest, frozen))
        turns, alike = self.turns(args[0], self.new_id())
        if alike:
            return V(obj=Sequence_(list(turns), frozen=frozen))
        return V(obj=Sequence_(None, turns[-1] if turns else UNKNOWN, frozen))

    return handler


def _dict_(self: Library, name: str, args: Args, kwargs: Kwargs) -> V:
    del name
    mapping = Mapping_(dict(kwargs))
    if args and isinstance(args[0].obj, Mapping_):
        mapping.items.update(args[0].obj.items)
        mapping.rest, mapping.table = args[0].obj.rest, args[0].obj.table
    elif args and not isinstance(args[0].obj, External | Function | Class):
        element = self.element(args[0])
        if isinstance(element.obj, Sequence_) and element.obj.items and len(element.obj.items) == 2:  # noqa: PLR2004
            mapping.rest = element.obj.items[1]
    return V(obj=mapping)


def _defaultdict(self: Library, name: str, args: Args, kwargs: Kwargs) -> V:
    del name, kwargs
    mapping = Mapping_()
    if args and args[0].py is not None:
        mapping.rest = self.call(args[0], [], {})
    return V(obj=mapping)


def _counter(self: Library, name: str, args: Args, kwargs: Kwargs) -> V:
    del name, kwargs
    mapping = Mapping_()
    data = self.flat(args[0]) if args else UNKNOWN
    if data.raw:
        self.insert(self._mapping_table(mapping), data, UNKNOWN)
    return V(obj=mapping)


def _partial(self: Library, name: str, args: Args, kwargs: Kwargs) -> V:
    del name
    if not args:
        return UNKNOWN
    function = args[0]
    target = function.obj if isinstance(function.obj, Function) else function
    return V(obj=Bound(target, list(args[1:]), kwargs))


def _getattr(self: Library, name: str, args: Args, kwargs: Kwargs) -> V:
    del name, kwargs
    if len(args) < 2:  # noqa: PLR2004
        return UNKNOWN
    if isinstance(args[1].py, str):
        if isinstance(args[0].obj, Instance) and len(args) > 2:  # noqa: PLR2004 - with a default
            known = args[1].py in args[0].obj.attrs or args[0].obj.cls.find(args[1].py) is not None
            return self.attribute(args[0], args[1].py) if known else args[2]
        return self.attribute(args[0], args[1].py)
    return self.flat(args[0]).but(obj=None)


def _setattr(self: Library, name: str, args: Args, kwargs: Kwargs) -> V:
    del name, kwargs
    if len(args) == 3 and isinstance(args[1].py, str):  # noqa: PLR2004
        self._assign_attribute(args[0], args[1].py, args[2])
    return V(None)


def _hasattr(self: Library, name: str, args: Args, kwargs: Kwargs) -> V:
    del name, kwargs
    if len(args) == 2 and isinstance(args[0].obj, Instance) and isinstance(args[1].py, str):  # noqa: PLR2004
        obj, attr = args[0].obj, args[1].py
        if attr in obj.attrs or obj.cls.find(attr) is not None:
            return TRUE
        return FALSE if not obj.cls.is_module else UNKNOWN
    return UNKNOWN


def _isinstance(self: Library, name: str, args: Args, kwargs: Kwargs) -> V:
    del name, kwargs
    if len(args) == 2 and isinstance(args[0].obj, Instance) and isinstance(args[1].obj, Class):  # noqa: PLR2004
        stack, seen = [args[0].obj.cls], []
        while stack:
            cls = stack.pop()
            if cls is args[1].obj:
                return TRUE
            seen.append(cls)
            stack += [b.obj for b in cls.bases if isinstance(b.obj, Class)]
        return FALSE
    return UNKNOWN


def _exit(self: Library, name: str, args: Args, kwargs: Kwargs) -> V:
    del self, name, args, kwargs
    return V(flags=frozenset(("exit",)))


def _run_program(self: Library, name: str, args: Args, kwargs: Kwargs) -> V:
    command = self.flat(args[0]) if args else UNKNOWN
    words: list[str] = []
    if args and isinstance(args[0].obj, Sequence_) and args[0].obj.items is not None:
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


def _autograd_grad(self: Library, name: str, args: Args, kwargs: Kwargs) -> V:
    del name
    loss = self.flat(args[0]) if args else UNKNOWN
    over = self.flat(args[1]) if len(args) > 1 else self.flat(kwargs.get("inputs", UNKNOWN))
    del over
    return V(taint=loss.taint, nll=loss.nll, flags=frozenset(("grad",)))


def _checkpoint(self: Library, name: str, args: Args, kwargs: Kwargs) -> V:
    del name
    keep = {k: v for k, v in kwargs.items() if k not in ("use_reentrant", "preserve_rng_state")}
    return self.call(args[0], args[1:], keep) if args else UNKNOWN


def _functional_call(self: Library, name: str, args: Args, kwargs: Kwargs) -> V:
    del name, kwargs
    if len(args) < 3:  # noqa: PLR2004
        return self.mix(args)
    inputs = args[2].obj.items if isinstance(args[2].obj, Sequence_) and args[2].obj.items is not None else [args[2]]
    out = self.call(args[0], list(inputs), {})
    state = self.flat(args[1])
    return self.mix((out, state.but(raw=EMPTY)))


def _thread(self: Library, name: str, args: Args, kwargs: Kwargs) -> V:
    del name
    target = kwargs.get("target")
    if target is not None:
        given = kwargs.get("args", UNKNOWN)
        values = given.obj.items if isinstance(given.obj, Sequence_) and given.obj.items is not None else []
        self.call(target, list(values), {})
    return UNKNOWN


def _parser(self: Library, name: str, args: Args, kwargs: Kwargs) -> V:
    del self, name, args, kwargs
    return V(obj=ParserArgs())


def _bincount(self: Library, name: str, args: Args, kwargs: Kwargs) -> V:
    del name, kwargs
    v = self.new_table()
    data = self.flat(args[0]) if args else UNKNOWN
    if data.raw:
        self.insert(v.obj, data, UNKNOWN)
        v.obj.content = data.but(raw=EMPTY)
    return v


def _gather(self: Library, name: str, args: Args, kwargs: Kwargs) -> V:
    del name
    values = [self.flat(a) for a in (*args, *kwargs.values())]
    index = next((v for v in values[1:] if v.raw), None)
    if not values:
        return UNKNOWN
    if index is not None and is_activation(values[0]):
        return self.likelihood(values[0], index)
    if args and isinstance(args[0].obj, Table) and index is not None and args[0].obj.keyed:
        return self.query(args[0].obj, index)
    return self.mix([values[0], *(v.but(raw=EMPTY) for v in values[1:])])


def _no_grad(off: bool) -> Handler:  # noqa: FBT001 - a switch of this table only
    def handler(self: Library, name: str, args: Args, kwargs: Kwargs) -> V:
        del name, kwargs
        if args and isinstance(args[0].obj, Function):
            args[0].obj.grad_off = off
            return args[0]
        return V(obj=GradOff(off if not args or args[0].py is not False else not off))

    return handler


def _custom_function(self: Library, name: str, args: Args, kwargs: Kwargs) -> V:
    del name
    return args[0] if args and isinstance(args[0].obj, Function) else V(obj=External("<decorator>"))


def _true(self: Library, name: str, args: Args, kwargs: Kwargs) -> V:
    del self, name, args, kwargs
    return TRUE


def _constant(value: Any) -> Handler:
    def handler(self: Library, name: str, args: Args, kwargs: Kwargs) -> V:
        del self, name, args, kwargs
        return const(value)

    return handler


def _report_call(self: Library, name: str, args: Args, kwargs: Kwargs) -> V:
    self.tell(args, kwargs, "" if name.startswith("logging") else name)
    return V(None)


def _dump(self: Library, name: str, args: Args, kwargs: Kwargs) -> V:
    del kwargs
    if args:
        data = self.flat(args[0])
        self.tell([data.but(txt=name)], {})
    return self.mix(args[:1]).but(raw=EMPTY, txt=HOLE)


def _collect(self: Library, name: str, args: Args, kwargs: Kwargs) -> V:
    """`all_gather(out, x)`: what x is lies in out."""
    del name
    values = [*args, *kwargs.values()]
    if len(values) < 2:  # noqa: PLR2004
        return UNKNOWN
    out, given = values[0], values[1]
    if isinstance(out.obj, Sequence_):
        out.obj.items, out.obj.rest = None, given
    elif isinstance(out.obj, Table):
        out.obj.content = self.mix((out.obj.content, given))
    return V(None)


def _next(self: Library, name: str, args: Args, kwargs: Kwargs) -> V:
    del name, kwargs
    if not args:
        return UNKNOWN
    v = args[0]
    if isinstance(v.obj, Instance):
        own = v.obj.cls.find("__next__")
        if own is not None:
            return self.call(V(obj=Bound(own.obj, [v])), [], {})
    turns, _ = self.turns(v, self.new_id()) if v.obj is not None else ([self.flat(v)], False)
    out = turns[0] if turns else UNKNOWN
    if out.obj is not None and not isinstance(out.obj, Sequence_ | Table):
        return out
    for loop in self.loops():
        out = self.select(out, loop) if (out.taint or out.obj is not None) else out
    return out


def _vars(self: Library, name: str, args: Args, kwargs: Kwargs) -> V:
    del name, kwargs
    if args and isinstance(args[0].obj, Instance):
        return V(obj=Mapping_(dict(args[0].obj.attrs)))
    if args and isinstance(args[0].obj, ParserArgs):
        return V(obj=Mapping_(dict(args[0].obj.values)))
    return V(obj=Mapping_({}, UNKNOWN))


def _globals(self: Library, name: str, args: Args, kwargs: Kwargs) -> V:
    del name, args, kwargs
    mapping = Mapping_()
    mapping.items = self.scope.globals_.names
    return V(obj=mapping)


def _foreach(self: Library, name: str, args: Args, kwargs: Kwargs) -> V:
    last = name.rsplit(".", 1)[-1]
    if last.endswith("_") and args:
        return self.method(last.replace("_foreach_", ""), self.flat(args[0]), args[1:], kwargs)
    return self.mix([*args, *kwargs.values()])


_FUNCTIONS: Final[dict[str, Handler]] = {
    "os.environ.get": _environ_get,
    "os.getenv": _environ_get,
    "os.environ.setdefault": _environ_get,
    "os.environ.pop": _environ_get,
    "range": _range,
    "torch.arange": _arange,
    "numpy.arange": _arange,
    "int": _number(int),
    "float": _number(float),
    "bool": _number(bool),
    "str": _number(str),
    "abs": _number(abs),
    "round": _number(round),
    "math.ceil": _number(math.ceil),
    "math.floor": _number(math.floor),
    "len": _len,
    "min": _extreme,
    "max": _extreme,
    "torch.minimum": _extreme,
    "torch.maximum": _extreme,
    "numpy.minimum": _extreme,
    "numpy.maximum": _extreme,
    "torch.fmin": _extreme,
    "numpy.fmin": _extreme,
    "torch.where": _where,
    "numpy.where": _where,
    "print": _print,
    "open": _open,
    "io.open": _open,
    "gzip.open": _open,
    "lzma.open": _open,
    "logging.info": _report_call,
    "logging.warning": _report_call,
    "wandb.log": _report_call,
    "sys.stdout.write": _report_call,
    "sys.stderr.write": _report_call,
    "rich.print": _report_call,
    "json.dump": _dump,
    "json.dumps": _dump,
    "numpy.fromfile": _read_file,
    "numpy.memmap": _read_file,
    "numpy.load": _read_file,
    "torch.from_file": _read_file,
    "torch.load": _load,
    "pickle.load": _load,
    "safetensors.torch.load_file": _load,
    "numpy.loadtxt": _read_file,
    "torch.save": _save,
    "numpy.save": _save,
    "safetensors.torch.save_file": _save,
    "pickle.dump": _save,
    "numpy.savez": _savez,
    "numpy.savez_compressed": _savez,
    "glob.glob": _glob,
    "glob.iglob": _glob,
    "sorted": _container(frozen=False),
    "list": _container(frozen=False),
    "tuple": _container(frozen=True),
    "set": _container(frozen=False),
    "frozenset": _container(frozen=False),
    "collections.deque": _container(frozen=False),
    "dict": _dict_,
    "collections.OrderedDict": _dict_,
    "collections.defaultdict": _defaultdict,
    "collections.Counter": _counter,
    "pathlib.Path": _path,
    "os.path.join": _join_path,
    "os.path.abspath": _path,
    "os.path.expanduser": _path,
    "os.fspath": _path,
    "os.path.exists": lambda self, _n, args, _k: TRUE if args and split_of(args[0].txt or "") else UNKNOWN,
    "copy.deepcopy": _deepcopy,
    "copy.copy": _deepcopy,
    "torch.clone": _deepcopy,
    "numpy.copy": _deepcopy,
    "enumerate": _iterating("enumerate"),
    "zip": _iterating("zip"),
    "itertools.zip_longest": _iterating("zip"),
    "itertools.chain": _iterating("stream"),
    "itertools.cycle": _iterating("stream"),
    "itertools.islice": _iterating("stream"),
    "map": _map,
    "next": _next,
    "functools.partial": _partial,
    "getattr": _getattr,
    "setattr": _setattr,
    "hasattr": _hasattr,
    "isinstance": _isinstance,
    "issubclass": lambda *_: UNKNOWN,
    "vars": _vars,
    "globals": _globals,
    "locals": _vars,
    "sys.exit": _exit,
    "os._exit": _exit,
    "exit": _exit,
    "quit": _exit,
    "subprocess.run": _run_program,
    "subprocess.check_call": _run_program,
    "subprocess.check_output": _run_program,
    "subprocess.call": _run_program,
    "subprocess.Popen": _run_program,
    "os.system": _run_program,
    "os.popen": _run_program,
    "exec": _exec_code,
    "eval": _exec_code,
    "runpy.run_path": _exec_code,
    "torch.autograd.grad": _autograd_grad,
    "torch.utils.checkpoint.checkpoint": _checkpoint,
    "torch.func.functional_call": _functional_call,
    "torch.nn.utils.stateless.functional_call": _functional_call,
    "threading.Thread": _thread,
    "multiprocessing.Process": _thread,
    "argparse.ArgumentParser": _parser,
    "torch.nn.Parameter": _parameter,
    "torch.nn.parameter.Parameter": _parameter,
    "torch.bincount": _bincount,
    "numpy.bincount": _bincount,
    "torch.gather": _gather,
    "numpy.take_along_axis": _gather,
    "torch.take_along_dim": _gather,
    "torch.index_select": _gather,
    "torch.no_grad": _no_grad(off=True),
    "torch.inference_mode": _no_grad(off=True),
    "torch.enable_grad": _no_grad(off=False),
    "torch.set_grad_enabled": _no_grad(off=False),
    "torch.library.custom_op": _custom_function,
    "torch.jit.script": _custom_function,
    "torch.cuda.is_available": _true,
    "torch.distributed.is_available": _true,
    "torch.distributed.is_initialized": _true,
    "torch.cuda.is_bf16_supported": _true,
    "os.path.isfile": lambda self, _n, args, _k: TRUE if args and split_of(args[0].txt or "") else UNKNOWN,
    "torch.distributed.get_rank": _constant(0),
    "torch.distributed.get_world_size": _constant(8),
    "torch.cuda.device_count": _constant(8),
    "torch.distributed.all_gather_object": _collect,
    "torch.distributed.all_gather": _collect,
    "torch.distributed.gather": lambda self, n, args, kw: _collect(self, n, [*args[1:2], *args[:1]], kw),
    "torch.distributed.all_gather_into_tensor": _collect,
    "torch.distributed.gather_object": _collect,
    "io.BytesIO": lambda self, _n, args, _k: V(obj=Buffer("", "rw", self.flat(args[0]) if args else UNKNOWN)),
    "io.StringIO": lambda self, _n, args, _k: V(obj=Buffer("", "rw", self.flat(args[0]) if args else UNKNOWN)),
    "object": lambda *_: UNKNOWN,
    "type": lambda self, _n, args, _k: (
        V(obj=args[0].obj.cls) if args and isinstance(args[0].obj, Instance) else UNKNOWN
    ),
    "id": lambda *_: UNKNOWN,
    "hash": lambda self, _n, args, _k: self.mix(args),
    "dataclasses.field": lambda self, _n, args, kw: V(obj=Bound(External("dataclasses.field"), [UNKNOWN], kw)),
    "dataclasses.dataclass": lambda self, _n, args, _k: args[0] if args else V(obj=External("dataclasses.dataclass")),
    "torch.nn.functional.one_hot": lambda self, _n, args, _k: self.mix(args).but(raw=EMPTY),
    "time.time": lambda *_: V(flags=frozenset(("time",))),
    "time.perf_counter": lambda *_: V(flags=frozenset(("time",))),
    "time.monotonic": lambda *_: V(flags=frozenset(("time",))),
    "os.path.getsize": lambda *_: UNKNOWN,
    "os.stat": lambda *_: UNKNOWN,
    "importlib.import_module": lambda self, _n, args, _k: (
        self.import_module(args[0].py) if args and isinstance(args[0].py, str) else UNKNOWN
    ),
    "__import__": lambda self, _n, args, _k: (
        self.import_module(args[0].py) if args and isinstance(args[0].py, str) else UNKNOWN
    ),
}


# -- handlers of methods --------------------------------------------------------------------------------------------------


def _m_backward(self: Library, v: V, args: Args, kwargs: Kwargs) -> V | None:
    del kwargs
    data = self.flat(v)
    if args and not data.taint:
        return None
    if data.taint and data.sites:
        for site in data.sites:
            refs, atoms = self.pending.get(site, (EMPTY, EMPTY))
            self.pending[site] = (merge_sets(refs, data.taint), merge_sets(atoms, data.nll))
    return V(None)


def _m_step(self: Library, v: V, args: Args, kwargs: Kwargs) -> V | None:
    optimizer = (
        v.obj if isinstance(v.obj, Optimizer) else next((a.obj for a in args if isinstance(a.obj, Optimizer)), None)
    )
    if optimizer is None:
        return None
    for a in args:
        if isinstance(a.obj, Function) and isinstance(v.obj, Optimizer):
            self.call(a, [], {})
    step(self, optimizer)
    return V(None)


def step(self: Library, optimizer: Optimizer) -> None:
    """An optimizer's step: its states learn the tokens whose gradients are pending."""
    from golf_audit.events import Update

    refs: frozenset[Ref] = EMPTY
    atoms: frozenset[Any] = EMPTY
    touched: set[int] = set()
    for site in optimizer.sites:
        if site in self.pending:
            more, losses = self.pending[site]
            for loss in losses:
                refs = merge_sets(refs, loss.targets)
            refs, atoms = refs if losses else merge_sets(refs, more), merge_sets(atoms, losses)
            touched.add(site)
    if not refs:
        return
    update = Update(id=self.new_id(), kind="step", sites=frozenset(touched), refs=refs, atoms=atoms, **self.where())
    self.learn(frozenset(touched), update, f"step on {describe_refs(refs)}")


def _m_zero_grad(self: Library, v: V, args: Args, kwargs: Kwargs) -> V | None:
    del args, kwargs
    sites = v.obj.sites if isinstance(v.obj, Optimizer) else v.sites
    for site in sites:
        self.pending.pop(site, None)
    return V(None)


def _m_parameters(self: Library, v: V, args: Args, kwargs: Kwargs) -> V | None:
    del args, kwargs
    p = V(sites=self.flat(v).sites, snap=None, flags=frozenset(("whole",)))
    return V(obj=Sequence_(None, p), sites=p.sites, snap=None)


def _m_named(self: Library, v: V, args: Args, kwargs: Kwargs) -> V | None:
    del args, kwargs
    p = V(sites=self.flat(v).sites, snap=None, flags=frozenset(("whole",)))
    row = V(obj=Sequence_([V(txt=HOLE), p], frozen=True))
    return V(obj=Sequence_(None, row), sites=p.sites, snap=None)


def _m_modules(self: Library, v: V, args: Args, kwargs: Kwargs) -> V | None:
    del args, kwargs
    return V(obj=Sequence_(None, V(sites=self.flat(v).sites, snap=None)))


def _m_state_dict(self: Library, v: V, args: Args, kwargs: Kwargs) -> V | None:
    del args, kwargs
    sites = v.sites if v.sites else self.flat(v).sites
    return V(obj=Mapping_({}, V(sites=sites, snap=None, flags=frozenset(("whole",)))))


def _m_load_state_dict(self: Library, v: V, args: Args, kwargs: Kwargs) -> V | None:
    given = args[0] if args else kwargs.get("state_dict", UNKNOWN)
    if isinstance(v.obj, Optimizer):
        return V(None)
    data = self.flat(given)
    snap = self.prior(data)
    sites = v.sites
    for site in sites:
        self.history[site] = snap if not self.uncertain else merge_sets(self.history.get(site, EMPTY), snap)
    self.emit(Load(sites=sites, refs=data.taint, **self.where()), "loads a state")
    return V(None)


def _m_snapshot(self: Library, v: V, args: Args, kwargs: Kwargs) -> V | None:
    del args, kwargs
    if isinstance(v.obj, Table):
        return copy_of(self, v)
    if v.obj is None and v.snap is None and v.sites:
        return v.but(snap=self.prior(v))
    return _view(self, v, [], {})


def _view(self: Library, v: V, args: Args, kwargs: Kwargs) -> V | None:
    """Methods that give the same data in another form."""
    del self, kwargs
    if isinstance(v.obj, Table | Instance | Leaf | Sequence_ | Mapping_):
        return v
    if v.obj is not None:
        return None
    deps: frozenset[int] = EMPTY
    for a in args:
        deps = merge_sets(deps, a.deps)
    return v


def _m_append(self: Library, v: V, args: Args, kwargs: Kwargs) -> V | None:
    del kwargs
    obj = v.obj
    if not isinstance(obj, Sequence_) or not args:
        return None
    new = args[-1]
    chosen = self.guarding()
    if chosen:
        new = self.chosen(V(deps=chosen), new)
    if obj.items is not None and not self.loops() and not self.uncertain and len(obj.items) < 64:  # noqa: PLR2004
        obj.items.append(new)
        return V(None)
    element = self.element(v) if obj.items != [] else None
    obj.rest = self.join(element, new)
    obj.items = None
    return V(None)


def _m_extend(self: Library, v: V, args: Args, kwargs: Kwargs) -> V | None:
    if not isinstance(v.obj, Sequence_) or not args:
        return None
    other = args[0].obj
    if isinstance(other, Sequence_) and other.items is not None and not self.loops() and v.obj.items is not None:
        v.obj.items.extend(other.items)
        return V(None)
    return _m_append(self, v, [self.element(args[0])], kwargs)


def _m_pop(self: Library, v: V, args: Args, kwargs: Kwargs) -> V | None:
    del kwargs
    if isinstance(v.obj, Mapping_):
        return self._mapping_item(v.obj, args[0] if args else UNKNOWN)
    if isinstance(v.obj, Sequence_):
        return self.element(v)
    return None


def _m_items(self: Library, v: V, args: Args, kwargs: Kwargs) -> V | None:
    del args, kwargs
    if isinstance(v.obj, Mapping_):
        return V(obj=Iterating([v], "items"))
    if isinstance(v.obj, External):
        return None
    row = V(obj=Sequence_([V(txt=HOLE), self.flat(v)], frozen=True))
    return V(obj=Sequence_(None, row)) if not isinstance(v.obj, Instance) else None


def _m_values(self: Library, v: V, args: Args, kwargs: Kwargs) -> V | None:
    del args, kwargs
    if isinstance(v.obj, Mapping_):
        return V(obj=Iterating([v], "values"), sites=self.flat(v).sites, snap=None)
    return self.flat(v) if not isinstance(v.obj, External | Instance) else None


def _m_keys(self: Library, v: V, args: Args, kwargs: Kwargs) -> V | None:
    del args, kwargs
    return v if isinstance(v.obj, Mapping_) else None


def _m_get(self: Library, v: V, args: Args, kwargs: Kwargs) -> V | None:
    del kwargs
    if not isinstance(v.obj, Mapping_) or not args:
        return None
    k = args[0]
    default = args[1] if len(args) > 1 else V(None)
    if k.py is not NO and k.py in v.obj.items:
        return v.obj.items[k.py]
    if k.py is not NO and v.obj.rest is None and v.obj.table is None:
        return default
    found = self.below(v, self._mapping_item(v.obj, k))
    return found if found.obj is not None or not found.plain else UNKNOWN


def _m_setdefault(self: Library, v: V, args: Args, kwargs: Kwargs) -> V | None:
    del kwargs
    if not isinstance(v.obj, Mapping_) or len(args) < 2:  # noqa: PLR2004
        return None
    k = args[0] if args[0].obj is None else self.flat(args[0]).but(py=NO)
    if k.raw:
        self.insert(self._mapping_table(v.obj), k, args[1])
        return args[1]
    if k.py is not NO and k.py not in v.obj.items:
        v.obj.items[k.py] = args[1]
    return self._mapping_item(v.obj, k)


def _m_update(self: Library, v: V, args: Args, kwargs: Kwargs) -> V | None:
    if not isinstance(v.obj, Mapping_):
        return None
    v.obj.items.update(kwargs)
    if args and isinstance(args[0].obj, Mapping_):
        v.obj.items.update(args[0].obj.items)
        if args[0].obj.rest is not None:
            v.obj.rest = self.join(v.obj.rest, args[0].obj.rest)
    elif args:
        data = self.flat(args[0])
        if data.raw:
            self.insert(self._mapping_table(v.obj), data, UNKNOWN)
        elif not data.plain:
            v.obj.rest = self.join(v.obj.rest, data)
    return V(None)


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


def _m_append_hook(self: Library, v: V, args: Args, kwargs: Kwargs) -> V | None:
    del kwargs
    for site in self.flat(v).sites | v.sites:
        self.hooks.setdefault(site, []).extend(a for a in args[:1] if not isinstance(a.obj, External))
    return V(flags=frozenset(("hook",)), sites=EMPTY)


def _m_remove(self: Library, v: V, args: Args, kwargs: Kwargs) -> V | None:
    del args, kwargs
    if "hook" in v.flags:
        self.hooks.clear()
        return V(None)
    return None


def _m_gather(self: Library, v: V, args: Args, kwargs: Kwargs) -> V | None:
    return _gather(self, "gather", [v, *args], kwargs)


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
        v.obj.values[str(dest)] = self.argument(long, str(dest), default)  # type: ignore[attr-defined]  # the walker's
    return V(None)


def _m_parse_args(self: Library, v: V, args: Args, kwargs: Kwargs) -> V | None:
    del self, args, kwargs
    if not isinstance(v.obj, ParserArgs):
        return None
    return v


def _m_parse_known(self: Library, v: V, args: Args, kwargs: Kwargs) -> V | None:
    found = _m_parse_args(self, v, args, kwargs)
    return V(obj=Sequence_([found, UNKNOWN], frozen=True)) if found is not None else None


def _m_train(self: Library, v: V, args: Args, kwargs: Kwargs) -> V | None:
    del self, args, kwargs
    return v if isinstance(v.obj, Instance | Leaf) or v.sites else None


def _m_requires_grad(self: Library, v: V, args: Args, kwargs: Kwargs) -> V | None:
    del kwargs
    if args and args[0].py is False:
        return v
    if v.sites and v.snap is None:
        return v
    if isinstance(v.obj, Instance | Leaf | Sequence_):
        return v
    site = self.new_site(shared=isinstance(v.obj, Table) and v.obj.shared)
    return V(sites=frozenset((site,)), snap=None)


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
        return _map(self, "map", args, kwargs)
    return None


def _m_piece(self: Library, v: V, args: Args, kwargs: Kwargs) -> V | None:
    del self, v, kwargs
    return V(flags=frozenset(("piece",)), txt=None)


def _m_encode(self: Library, v: V, args: Args, kwargs: Kwargs) -> V | None:
    del self, args, kwargs
    return v if "piece" in v.flags else None


def _m_unfold(self: Library, v: V, args: Args, kwargs: Kwargs) -> V | None:
    return _view(self, self.flat(v), args, kwargs)


def _m_multinomial(self: Library, v: V, args: Args, kwargs: Kwargs) -> V | None:
    """A sample from the model's own output is text of its own, whatever its prompt."""
    del args, kwargs
    data = self.flat(v)
    if data.sites:
        ref = frozenset((Ref("self"),))
        return V(raw=ref, taint=ref)
    return None


_METHODS: Final[dict[str, Callable[[Library, V, Args, Kwargs], V | None]]] = {
    "backward": _m_backward,
    "step": _m_step,
    "zero_grad": _m_zero_grad,
    "parameters": _m_parameters,
    "named_parameters": _m_named,
    "buffers": lambda *_: V(obj=Sequence_([])),
    "named_buffers": lambda *_: V(obj=Sequence_([])),
    "modules": _m_modules,
    "children": _m_modules,
    "named_modules": _m_named,
    "named_children": _m_named,
    "state_dict": _m_state_dict,
    "load_state_dict": _m_load_state_dict,
    "clone": _m_snapshot,
    "copy": _m_snapshot,
    "cpu": _m_snapshot,
    "numpy": _view,
    "to": _view,
    "cuda": _view,
    "detach": _view,
    "contiguous": _view,
    "reshape": _view,
    "view": _view,
    "flatten": _view,
    "ravel": _view,
    "unsqueeze": _view,
    "squeeze": _view,
    "long": _view,
    "int": _view,
    "astype": _view,
    "float": _view,
    "double": _view,
    "half": _view,
    "bfloat16": _view,
    "pin_memory": _view,
    "expand": _view,
    "expand_as": _view,
    "repeat": _view,
    "transpose": _view,
    "permute": _view,
    "t": _view,
    "tolist": _view,
    "type": _view,
    "view_as": _view,
    "repeat_interleave": _view,
    "share_memory_": _view,
    "retain_grad": _view,
    "record_stream": _view,
    "narrow": None,
    "unfold": _m_unfold,
    "train": _m_train,
    "eval": _m_train,
    "requires_grad_": _m_requires_grad,
    "append": _m_append,
    "add": _m_append,
    "appendleft": _m_append,
    "insert": _m_append,
    "extend": _m_extend,
    "pop": _m_pop,
    "popleft": _m_pop,
    "popitem": _m_pop,
    "items": _m_items,
    "values": _m_values,
    "keys": _m_keys,
    "get": _m_get,
    "setdefault": _m_setdefault,
    "update": _m_update,
    "write": _m_write,
    "read": _m_read,
    "getvalue": _m_read,
    "getbuffer": _m_read,
    "readlines": _m_read,
    "register_forward_hook": _m_append_hook,
    "register_forward_pre_hook": _m_append_hook,
    "remove": _m_remove,
    "gather": _m_gather,
    "index_select": _m_gather,
    "take_along_dim": _m_gather,
    "apply": _m_apply,
    "add_argument": _m_add_argument,
    "parse_args": _m_parse_args,
    "parse_known_args": _m_parse_known,
    "item": _m_item,
    "submit": _m_submit,
    "map": _m_map,
    "starmap": _m_map,
    "id_to_piece": _m_piece,
    "IdToPiece": _m_piece,
    "decode_ids": _m_piece,
    "encode": _m_encode,
    "multinomial": _m_multinomial,
}
_METHODS = {name: handler for name, handler in _METHODS.items() if handler is not None}  # type: ignore[misc]


def _append_scale(self: Library, v: V, args: Args, kwargs: Kwargs) -> V | None:
    """`scaler.scale(loss)` is the loss."""
    del v, kwargs
    return args[0] if args and (args[0].nll or args[0].sites) else None


_METHODS["scale"] = _append_scale
