"""`triton.jit` and what stands around it: a kernel is called once for each program of its grid."""

import inspect
import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import torch

from golf_audit.trace.inside.standins.kernels.language import Here
from golf_audit.trace.inside.standins.kernels.memory import Pointer

_DIMENSIONS = 3


class Kernel:
    """A jitted function: `kernel[grid](arguments)` runs it, and other kernels call it."""

    def __init__(
        self, function: Callable[..., Any], here: Here, used: Callable[[], None], told: Callable[[Iterable[Any]], None]
    ) -> None:
        self.fn, self._here, self._used, self._told = function, here, used, told
        self.__name__, self.__doc__, self.__module__ = function.__name__, function.__doc__, function.__module__
        self._signature = inspect.signature(function)
        self.arg_names = list(self._signature.parameters)
        self._constants = {
            name for name, p in self._signature.parameters.items() if "constexpr" in _annotation(p.annotation)
        }

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """A call from another kernel."""
        return self.fn(*args, **kwargs)

    def __getitem__(self, grid: Any) -> Callable[..., None]:
        return lambda *args, **kwargs: self.run(*args, grid=grid, **kwargs)

    def run(self, *args: Any, grid: Any, warmup: bool = False, **kwargs: Any) -> None:
        """Launch the kernel; options of the compiler are left out."""
        if warmup:
            return
        self._used()
        given = {key: value for key, value in kwargs.items() if key in self._signature.parameters}
        bound = self._signature.bind(*args, **given)
        bound.apply_defaults()
        sizes = grid(dict(bound.arguments)) if callable(grid) else grid
        shape = tuple(int(size) for size in (sizes if isinstance(sizes, Sequence) else (sizes,)))
        with torch.no_grad(), torch._C.DisableTorchFunction():
            arguments = {
                name: value if name in self._constants else _argument(value) for name, value in bound.arguments.items()
            }
            self._programs(shape + (1,) * (_DIMENSIONS - len(shape)), arguments)
            self._told(bound.arguments.values())

    def _programs(self, grid: tuple[int, ...], arguments: Mapping[str, Any]) -> None:
        before = self._here.index, self._here.grid
        self._here.grid = grid
        for index in itertools.product(*map(range, grid)):
            self._here.index = index
            self.fn(**arguments)
        self._here.index, self._here.grid = before

    def warmup(self, *_: Any, **__: Any) -> None:
        """Nothing is compiled ahead."""


class Tuned:
    """A kernel with settings to choose from: the first is taken."""

    def __init__(self, kernel: Any, settings: Mapping[str, Any]) -> None:
        self._kernel, self._settings = kernel, dict(settings)
        self.fn, self.arg_names = kernel.fn, kernel.arg_names

    def __getitem__(self, grid: Any) -> Callable[..., None]:
        return lambda *args, **kwargs: self.run(*args, grid=grid, **kwargs)

    def run(self, *args: Any, grid: Any, **kwargs: Any) -> None:
        """Launch it with the settings; those that are computed see the arguments."""
        named = {**dict(zip(self.arg_names, args, strict=False)), **kwargs}
        chosen = {name: value(named) if callable(value) else value for name, value in self._settings.items()}
        self._kernel.run(*args, grid=grid, **{**chosen, **kwargs})


class Config:
    """One choice of settings for a kernel."""

    def __init__(self, kwargs: Mapping[str, Any] | None = None, *_: Any, pre_hook: Any = None, **__: Any) -> None:
        self.kwargs = dict(kwargs or {})
        self.pre_hook = pre_hook


def autotune(configs: Sequence[Config], *_: Any, **__: Any) -> Callable[[Any], Tuned]:
    """Nothing is measured: the first of the choices is as good as any for what is computed."""
    if any(config.pre_hook is not None for config in configs):
        raise NotImplementedError("a tuned kernel that prepares each try has no stand-in")
    return lambda kernel: Tuned(kernel, configs[0].kwargs if configs else {})


def heuristics(values: Mapping[str, Callable[[Any], Any]]) -> Callable[[Any], Tuned]:
    """Settings that are computed from the arguments."""
    return lambda kernel: Tuned(kernel, values)


def _annotation(value: Any) -> str:
    return value if isinstance(value, str) else getattr(value, "__name__", "").lower()


def _argument(value: Any) -> Any:
    """What a kernel gets: a pointer for a tensor, a scalar for a number."""
    if isinstance(value, torch.Tensor):
        return Pointer.to(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    return torch.tensor(
        value, dtype=torch.float32 if isinstance(value, float) else torch.int64 if abs(value) >= 2**31 else torch.int32
    )
