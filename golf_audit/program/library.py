"""What the functions and methods of libraries do to origins, as far as a rule can depend on it."""

from __future__ import annotations

import ast
from typing import Final

from golf_audit.events import (
    Fetch,
)
from golf_audit.program.functions import FUNCTIONS
from golf_audit.program.functions_files import open_file
from golf_audit.program.functions_tensors import make_parameter
from golf_audit.program.handlers import Args, Kwargs
from golf_audit.program.machine import Alternatives
from golf_audit.program.methods import METHODS
from golf_audit.program.objects import (
    Bound,
    DictLike,
    External,
    Function,
    Instance,
    Leaf,
    ListLike,
    Table,
)
from golf_audit.program.operators import mask_slices
from golf_audit.program.paths import split_of
from golf_audit.program.reading import Reading
from golf_audit.program.values import (
    EMPTY,
    HOLE,
    NO,
    TRUE,
    UNKNOWN,
    V,
    const,
    merge_sets,
)

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


class Library(Reading):
    """Functions and methods of libraries."""

    def external(self, name: str, args: Args, kwargs: Kwargs) -> V:
        """Call a library's function by its qualified name."""
        handler = FUNCTIONS.get(name)
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
                self.call(v, [self.element(w) if isinstance(w.obj, ListLike) else w for w in data], {})

    def _allocate(self, args: Args, kwargs: Kwargs) -> V:
        v = self.new_table()
        first = args[0] if args else UNKNOWN
        if isinstance(first.obj, ListLike) and first.obj.items:
            first = first.obj.items[0]
        v.obj.shared = type(first.py) is int and first.py == 1
        grad = kwargs.get("requires_grad")
        if grad is not None and grad.py is True:
            return make_parameter(self, "", [v], {})
        return v

    def _layer_of(self, name: str, args: Args, kwargs: Kwargs) -> V:
        last = name.rsplit(".", 1)[-1]
        if last in ("ModuleList", "Sequential", "ParameterList"):
            items = args[0].obj.items if len(args) == 1 and isinstance(args[0].obj, ListLike) else args
            if len(args) == 1 and isinstance(args[0].obj, ListLike) and items is None:
                rest = args[0].obj.rest
                return V(obj=ListLike(None, rest), sites=rest.sites, snap=None)
            sites: frozenset[int] = EMPTY
            for item in items or []:
                sites = merge_sets(sites, item.sites)
            return V(obj=ListLike(list(items or [])), sites=sites, snap=None)
        if last in ("ModuleDict", "ParameterDict"):
            return args[0] if args else V(obj=DictLike())
        if last == "Parameter":
            return make_parameter(self, name, args, kwargs)
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
        if last == "embedding" and len(args) >= 2:
            return self.mix(args, raw=False)
        return self.method(last, args[0], args[1:], kwargs) if args else UNKNOWN

    def method(self, name: str, v: V, args: Args, kwargs: Kwargs) -> V:
        """Call a method of data, of a container, or of a library's object."""
        handler = METHODS.get(name)
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
        if name in ("exp", "exp2", "pow", "logsumexp") and mixed.nll:
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
                return V(obj=ListLike([const(x).but(flags=v.flags) for x in value]), flags=EMPTY)
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
            return V(obj=ListLike(None, path)) if "glob" in name else path
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
            return open_file(self, "open", [v, *args], kwargs)
        if name in ("exists", "is_file", "is_dir"):
            return TRUE if split_of(v.txt or "") else UNKNOWN
        if name in ("mkdir", "unlink", "touch"):
            return UNKNOWN
        if name in ("startswith", "endswith", "isdigit"):
            return UNKNOWN
        return self.mix([v, *args]).but(txt=None, py=NO) if not v.plain else UNKNOWN
