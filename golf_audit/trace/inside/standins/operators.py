"""Operators that a submission registers for CUDA alone are registered for the CPU."""

from typing import Any

import torch

from golf_audit.trace.inside.standins import Used

_KEYS = {"CUDA": "CPU", "AutogradCUDA": "AutogradCPU", "AutocastCUDA": "AutocastCPU"}


def install(used: Used) -> None:
    """Replace the ways by which `torch.library` takes a kernel."""
    library = torch.library
    custom_op, register_kernel, impl = library.custom_op, library.register_kernel, library.impl
    held = library.Library.impl

    def made(name: str, fn: Any = None, /, *, device_types: Any = None, **options: Any) -> Any:
        if device_types is not None:
            used("operators")
        return custom_op(name, fn, **options)

    def registered(op: Any, device_types: Any, func: Any = None, /, **options: Any) -> Any:
        return register_kernel(op, _types(device_types), func, **options)

    def implemented(name: Any, types: Any, func: Any = None, **options: Any) -> Any:
        return impl(name, _types(types), func, **options)

    def kept(self: Any, name: Any, fn: Any, dispatch_key: str = "", **options: Any) -> Any:
        return held(self, name, fn, _KEYS.get(dispatch_key, dispatch_key), **options)

    library.custom_op, library.register_kernel, library.impl = made, registered, implemented
    library.triton_op = lambda name, fn=None, /, **options: custom_op(name, fn, **options)
    library.wrap_triton = lambda kernel: kernel
    library.Library.impl = kept  # type: ignore[method-assign]


def _types(types: Any) -> Any:
    """The CPU where CUDA is named."""
    if isinstance(types, str):
        return _KEYS.get(types, "cpu" if types == "cuda" else types)
    return [_types(one) for one in types] if isinstance(types, list | tuple) else types
