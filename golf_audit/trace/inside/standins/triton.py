"""Triton becomes plain Python over tensors of the CPU."""

import sys
from collections.abc import Callable, Iterable
from types import SimpleNamespace
from typing import Any

from golf_audit.trace.inside.standins import Used
from golf_audit.trace.inside.standins.kernels.language import Here, Module, modules
from golf_audit.trace.inside.standins.kernels.launch import Config, Kernel, autotune, heuristics
from golf_audit.trace.inside.standins.kernels.memory import Descriptor

LISTENERS: list[Callable[[Iterable[Any]], None]] = []
"""Are told the arguments of each kernel that ran."""


def _told(arguments: Iterable[Any]) -> None:
    for listener in LISTENERS:
        listener(arguments)


def _cdiv(x: int, y: int) -> int:
    return -(-x // y)


def _next_power_of_2(n: int) -> int:
    return 1 << max(int(n) - 1, 0).bit_length()


def _bench(function: Any, *_: Any, **__: Any) -> float:
    """Run it once: how long it takes here says nothing."""
    function()
    return 1.0


def install(used: Used) -> None:
    """Offer the modules that Triton is imported from."""
    here = Here()

    def jit(function: Any = None, **_: Any) -> Any:
        return Kernel(function, here, lambda: used("triton"), _told) if function is not None else jit

    def nothing(*_: Any, **__: Any) -> None:
        """No memory has to be handed out."""

    target = SimpleNamespace(backend="cuda", arch=90, warp_size=32)
    driver = SimpleNamespace(active=SimpleNamespace(get_current_target=lambda: target, get_current_device=lambda: 0))
    descriptors = Module("triton.tools.tensor_descriptor", {"TensorDescriptor": Descriptor})
    testing = Module("triton.testing", {"do_bench": _bench, "do_bench_cudagraph": _bench})
    runtime = Module(
        "triton.runtime", {"driver": driver, "JITFunction": Kernel, "Config": Config, "autotune": autotune}
    )
    tools = Module("triton.tools", {"tensor_descriptor": descriptors})
    below = {**modules(here), **{module.__name__: module for module in (descriptors, testing, runtime, tools)}}
    functions = {"jit": jit, "autotune": autotune, "heuristics": heuristics, "Config": Config, "JITFunction": Kernel}
    helpers = {"cdiv": _cdiv, "next_power_of_2": _next_power_of_2, "set_allocator": nothing, "__version__": "3.5.0"}
    top = Module(
        "triton",
        {
            **functions,
            **helpers,
            "language": below["triton.language"],
            "testing": testing,
            "runtime": runtime,
            "tools": tools,
        },
    )
    sys.modules.update({"triton": top, **below})
