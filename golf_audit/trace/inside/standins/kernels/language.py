"""The functions of `triton.language`, on torch's tensors: a block is a tensor, a scalar a tensor without dimensions."""

import types
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch

from golf_audit.trace.inside.standins.kernels.memory import Descriptor, Pointer

NAME = "triton.language"


class Here:
    """Which program of the grid is running."""

    def __init__(self) -> None:
        self.index: tuple[int, ...] = (0, 0, 0)
        self.grid: tuple[int, ...] = (1, 1, 1)

    def program_id(self, axis: Any = 0) -> torch.Tensor:
        """The program's number along an axis."""
        return torch.tensor(self.index[int(axis)], dtype=torch.int32)

    def num_programs(self, axis: Any = 0) -> torch.Tensor:
        """How many programs there are along an axis."""
        return torch.tensor(self.grid[int(axis)], dtype=torch.int32)


class Constexpr:
    """`tl.constexpr`: an annotation, and a wrapper that is its value."""

    def __new__(cls, value: Any = None) -> Any:
        return value


def _tensor(value: Any, like: Any = None) -> torch.Tensor:
    if isinstance(value, torch.Tensor):
        return value
    return torch.as_tensor(value, dtype=like.dtype if isinstance(like, torch.Tensor) else None)


def _both(function: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
    """A function of two blocks, either of which may be a number."""

    def applied(x: Any, y: Any, *_: Any, **__: Any) -> torch.Tensor:
        return function(_tensor(x, y), _tensor(y, x))

    return applied


def _one(function: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
    """A function of one block."""

    def applied(x: Any, *_: Any, **__: Any) -> torch.Tensor:
        return function(_tensor(x))

    return applied


def _cdiv(x: Any, y: Any) -> Any:
    return (x + y - 1) // y


def _where(condition: Any, x: Any, y: Any) -> torch.Tensor:
    return torch.where(_tensor(condition).bool(), x, y)


def _load(place: Any, mask: Any = None, other: Any = None, *_: Any, **__: Any) -> torch.Tensor:
    return place.load(mask, other)  # type: ignore[no-any-return]


def _store(place: Any, value: Any, mask: Any = None, *_: Any, **__: Any) -> None:
    place.store(value, mask)


def _atomic_add(place: Any, value: Any, mask: Any = None, *_: Any, **__: Any) -> torch.Tensor:
    return place.add(value, mask)  # type: ignore[no-any-return]


def _dot(
    a: torch.Tensor, b: torch.Tensor, acc: Any = None, *_: Any, out_dtype: Any = torch.float32, **__: Any
) -> torch.Tensor:
    product = a.float() @ b.float() if a.is_floating_point() else (a.int() @ b.int())
    return product if acc is None else acc + product.to(acc.dtype) if out_dtype else product


def _range(*bounds: Any, **_: Any) -> Iterator[torch.Tensor]:
    return (torch.tensor(value, dtype=torch.int32) for value in range(*map(int, bounds)))


def _static_range(*bounds: Any, **_: Any) -> range:
    return range(*map(int, bounds))


def _full(shape: Any, value: Any, dtype: Any, **_: Any) -> torch.Tensor:
    return torch.full(
        [int(size) for size in shape], float(value) if dtype.is_floating_point else int(value), dtype=dtype
    )


def _folded(over_one: Callable[..., Any], over_all: Callable[..., Any]) -> Callable[..., Any]:
    """A reduction along one axis, or of a whole block."""

    def reduced(x: torch.Tensor, axis: Any = None, keep_dims: bool = False, **_: Any) -> Any:
        if axis is not None:
            return over_one(x, int(axis), keepdim=keep_dims)
        whole = over_all(x)
        return whole.reshape((1,) * x.ndim) if keep_dims else whole

    return reduced


def _most(values: Callable[..., Any], both: Callable[..., Any]) -> Callable[..., Any]:
    plain = _folded(values, values)

    def reduced(
        x: torch.Tensor, axis: Any = None, return_indices: bool = False, keep_dims: bool = False, **_: Any
    ) -> Any:
        return tuple(both(x, int(axis), keepdim=keep_dims)) if return_indices else plain(x, axis, keep_dims)

    return reduced


def _sum(x: torch.Tensor, axis: Any = None, keep_dims: bool = False, dtype: Any = None, **_: Any) -> torch.Tensor:
    kept = dtype or (x.dtype if x.dtype != torch.bool else torch.int32)
    wide = x.float() if x.dtype in {torch.bfloat16, torch.float16} else x
    return _folded(torch.sum, torch.sum)(wide, axis, keep_dims).to(kept)  # type: ignore[no-any-return]


def _softmax(x: torch.Tensor, dim: Any = None, **_: Any) -> torch.Tensor:
    return x.softmax(0 if dim is None else int(dim))


def _permuted(x: torch.Tensor, *dims: Any) -> torch.Tensor:
    order = dims[0] if dims and isinstance(dims[0], list | tuple) else dims
    return x.permute([int(d) for d in order] or [1, 0])


def _shaped(x: torch.Tensor, *shape: Any, **_: Any) -> torch.Tensor:
    sizes = shape[0] if isinstance(shape[0], list | tuple) else shape
    return _tensor(x).reshape([int(size) for size in sizes])


def _spread(x: Any, *shape: Any) -> torch.Tensor:
    sizes = shape[0] if isinstance(shape[0], list | tuple) else shape
    return _tensor(x).expand([int(size) for size in sizes])


def _same(x: Any, *_: Any, **__: Any) -> Any:
    return x


def _nothing(*_: Any, **__: Any) -> None:
    """What only helps a compiler or a debugger."""


def _bits(x: torch.Tensor) -> torch.Tensor:
    """How many bits of each 32-bit number are set."""
    left = x.to(torch.int64) & 0xFFFFFFFF
    left -= (left >> 1) & 0x55555555
    left = (left & 0x33333333) + ((left >> 2) & 0x33333333)
    left = (left + (left >> 4)) & 0x0F0F0F0F
    return ((left * 0x01010101 & 0xFFFFFFFF) >> 24).to(torch.int32)


_ONE = {
    "exp": torch.exp,
    "exp2": torch.exp2,
    "log": torch.log,
    "log2": torch.log2,
    "sqrt": torch.sqrt,
    "sqrt_rn": torch.sqrt,
    "rsqrt": torch.rsqrt,
    "sigmoid": torch.sigmoid,
    "abs": torch.abs,
    "sin": torch.sin,
    "cos": torch.cos,
    "erf": torch.erf,
    "floor": torch.floor,
    "ceil": torch.ceil,
}
_LIBRARY: dict[str, Callable[..., torch.Tensor]] = {
    **_ONE,
    "tanh": torch.tanh,
    "log1p": torch.log1p,
    "expm1": torch.expm1,
    "fabs": torch.abs,
    "popc": _bits,
}
_TYPES = {
    **{
        name: getattr(torch, name)
        for name in (
            "float16",
            "bfloat16",
            "float32",
            "float64",
            "int8",
            "int16",
            "int32",
            "int64",
            "uint8",
            "uint16",
            "uint32",
            "uint64",
        )
    },
    "int1": torch.bool,
    "float8e4nv": torch.float8_e4m3fn,
    "float8e5": torch.float8_e5m2,
}
_PLAIN: dict[str, Any] = {
    "constexpr": Constexpr,
    "tensor": torch.Tensor,
    "arange": lambda start, end, **_: torch.arange(int(start), int(end), dtype=torch.int32),
    "zeros": lambda shape, dtype, **_: _full(shape, 0, dtype),
    "full": _full,
    "zeros_like": torch.zeros_like,
    "load": _load,
    "store": _store,
    "atomic_add": _atomic_add,
    "make_tensor_descriptor": lambda base, shape, strides, block_shape, **_: Descriptor.at(
        base, shape, strides, block_shape
    ),
    "dot": _dot,
    "where": _where,
    "maximum": _both(torch.maximum),
    "minimum": _both(torch.minimum),
    "div_rn": _both(torch.div),
    "fdiv": _both(torch.div),
    "fma": lambda x, y, z, **_: x * y + z,
    "clamp": lambda x, low, high, **_: torch.clamp(x, low, high),
    "cast": lambda x, dtype, **_: _tensor(x).to(dtype),
    "cdiv": _cdiv,
    "sum": _sum,
    "max": _most(torch.amax, torch.max),
    "min": _most(torch.amin, torch.min),
    "argmax": _folded(torch.argmax, torch.argmax),
    "argmin": _folded(torch.argmin, torch.argmin),
    "cumsum": lambda x, axis=0, **_: torch.cumsum(x, int(axis)).to(x.dtype),
    "softmax": _softmax,
    "reshape": _shaped,
    "view": _shaped,
    "permute": _permuted,
    "trans": _permuted,
    "split": lambda x: x.unbind(-1),
    "join": lambda x, y: torch.stack((x, y), -1),
    "ravel": torch.ravel,
    "expand_dims": lambda x, axis: x.unsqueeze(int(axis)),
    "broadcast_to": _spread,
    "broadcast": torch.broadcast_tensors,
    "range": _range,
    "static_range": _static_range,
    "multiple_of": _same,
    "max_contiguous": _same,
    "max_constancy": _same,
    **dict.fromkeys(
        ("assume", "debug_barrier", "static_assert", "static_print", "device_assert", "device_print"), _nothing
    ),
}


class Module(types.ModuleType):
    """A module of Triton's; what is asked of it and not stood in for has a name in the error."""

    def __init__(self, name: str, content: Mapping[str, Any]) -> None:
        super().__init__(name)
        self.__path__: list[str] = []
        self.__dict__.update(content)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return Missing(f"{self.__name__}.{name}")


class Missing:
    """Something of Triton's that is not stood in for; it may be named and imported, not used."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> "Missing":
        if name.startswith("__"):
            raise AttributeError(name)
        return Missing(f"{self._name}.{name}")

    def __call__(self, *_: Any, **__: Any) -> Any:
        """Raises NotImplementedError with the name."""
        raise NotImplementedError(f"{self._name} has no stand-in")


def modules(here: Here) -> Mapping[str, Module]:
    """`triton.language` and what lies below it, by full name."""
    own = {"program_id": here.program_id, "num_programs": here.num_programs}
    content = {**{name: _one(function) for name, function in _ONE.items()}, **_TYPES, **_PLAIN, **own}
    library = Module(f"{NAME}.extra.libdevice", {name: _one(function) for name, function in _LIBRARY.items()})
    cuda = Module(f"{NAME}.extra.cuda", {"libdevice": library})
    extra = Module(f"{NAME}.extra", {"libdevice": library, "cuda": cuda})
    math = Module(f"{NAME}.math", library.__dict__)
    math.__dict__["__name__"] = f"{NAME}.math"
    language = Module(NAME, {**content, "extra": extra, "math": math, "core": Module(f"{NAME}.core", content)})
    below = (extra, math, cuda, library, language.core)
    return {NAME: language, f"{NAME}.extra.cuda.libdevice": library, **{module.__name__: module for module in below}}


__all__ = ["Here", "Missing", "Module", "Pointer", "modules"]
