"""Compilation becomes the identity: what would have been compiled runs as it is written."""

import sys
import types
from collections.abc import Callable
from typing import Any

import torch

from golf_audit.trace.inside.standins import Used


class _Anything(types.ModuleType):
    """A module whose attributes are settings that nobody reads, and functions that give back what they get."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        value = _Anything(f"{self.__name__}.{name}")
        setattr(self, name, value)
        return value

    def __call__(self, *args: Any, **_: Any) -> Any:
        return args[0] if args and callable(args[0]) else _identity


def _identity(function: Any) -> Any:
    return function


def install(used: Used) -> None:
    """Make `torch.compile` and its relatives give back what they are given."""

    def compiled(model: Any = None, **_: Any) -> Any:
        used("compile")
        return model if model is not None else _identity

    torch.compile = compiled  # type: ignore[assignment]
    for name in ("torch._dynamo", "torch._dynamo.config", "torch._inductor", "torch._inductor.config"):
        sys.modules[name] = _Anything(name)
    torch._dynamo = sys.modules["torch._dynamo"]
    torch._inductor = sys.modules["torch._inductor"]
    _settle(torch._dynamo)
    torch.inference_mode = _NoGrad  # type: ignore[assignment,misc]


def _settle(dynamo: Any) -> None:
    def disable(function: Callable[..., Any] | None = None, *_: Any, **__: Any) -> Any:
        return function if function is not None else _identity

    dynamo.disable = disable
    dynamo.is_compiling = lambda: False
    dynamo.reset = lambda: None
    dynamo.graph_break = lambda *_, **__: None
    dynamo.mark_static_address = lambda *_, **__: None
    dynamo.config = sys.modules["torch._dynamo.config"]
    dynamo.external_utils = types.SimpleNamespace(is_compiling=lambda: False)


class _NoGrad(torch.no_grad):
    """
    Inference mode without inference tensors.

    Compiled code hides that a cache made under inference mode is used again in training; uncompiled code may not do that.
    """

    def __new__(cls, mode: Any = True) -> Any:
        if callable(mode):
            return torch.no_grad()(mode)
        return super().__new__(cls) if mode else _Leave()

    def __init__(self, mode: Any = True) -> None:
        super().__init__()


class _Leave:
    """A context that changes nothing."""

    def __enter__(self) -> None:
        """Nothing to enter."""

    def __exit__(self, *_: object) -> None:
        """Nothing to leave."""

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        return function
