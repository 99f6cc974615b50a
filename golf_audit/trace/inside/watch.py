"""The mode that sees every torch function: it moves CUDA to the CPU and tells the observers."""

from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from golf_audit.trace.inside.amounts import Amounts
from golf_audit.trace.inside.learning import Learning
from golf_audit.trace.inside.losses import Losses
from golf_audit.trace.inside.opaque import Opaque, is_own
from golf_audit.trace.inside.standins.device import on_cpu

_NEVER = frozenset({int, float, bool, str, slice, type(None), torch.dtype})
"""Most arguments; to ask whether they are tensors takes longer than to look them up."""
_STAY = frozenset({torch.Tensor.cuda, torch.Tensor.pin_memory, torch.Tensor.record_stream})


class Watch(TorchFunctionMode):
    """Sees calls, not kernels: what compiled or native code does inside is a blind spot."""

    def __init__(self, losses: Losses, learning: Learning, amounts: Amounts, opaque: Opaque) -> None:
        super().__init__()
        self._opaque = opaque
        self._handlers, self._learning = {**amounts.handlers, **losses.handlers}, learning

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func in _STAY:
            return args[0]
        if kwargs or len(args) > 1:
            args, kwargs = on_cpu(args, kwargs)
        saw = self._learning.saw
        for arg in (*args, *kwargs.values()) if kwargs else args:
            kind = type(arg)
            if kind is list or kind is tuple:
                for part in arg:
                    if isinstance(part, torch.Tensor):
                        saw(part)
            elif kind not in _NEVER and isinstance(arg, torch.Tensor):
                saw(arg)
        if is_own(func):
            return self._opaque.around(func, args, kwargs)
        result = func(*args, **kwargs)
        handler = self._handlers.get(func)
        if handler is not None and isinstance(result, torch.Tensor):
            handler(args, kwargs, result)
        elif args or "tensor" in kwargs:
            self._learning.overwritten(func, args[0] if args else kwargs["tensor"])
        return result
