"""Autocast, gradient scalers and fused optimizers of CUDA become those of the CPU."""

from typing import Any

import torch
from torch.amp import autocast_mode, grad_scaler

from golf_audit.trace.inside.standins import Used

_Autocast = autocast_mode.autocast


class Autocast(_Autocast):
    """`torch.autocast` on the CPU whatever device it is asked for."""

    def __init__(
        self, device_type: str = "cuda", dtype: Any = None, enabled: bool = True, cache_enabled: Any = None
    ) -> None:
        if dtype not in (None, torch.bfloat16, torch.float16):
            enabled = False
        super().__init__("cpu", torch.bfloat16 if dtype is None else dtype, enabled, cache_enabled)


class CudaAutocast(Autocast):
    """`torch.cuda.amp.autocast`, which names no device."""

    def __init__(self, enabled: bool = True, dtype: Any = None, cache_enabled: Any = None) -> None:
        super().__init__("cpu", dtype, enabled, cache_enabled)


class Scaler(grad_scaler.GradScaler):
    """A gradient scaler that does nothing: the stand-in device needs none."""

    def __init__(self, *_: Any, **__: Any) -> None:
        super().__init__("cpu", enabled=False)


def install(used: Used) -> None:
    """Put them in place."""
    used("autocast")
    torch.autocast = torch.amp.autocast = Autocast  # type: ignore[misc,assignment]
    torch.cuda.amp.autocast = CudaAutocast  # type: ignore[misc,assignment]
    torch.amp.GradScaler = torch.cuda.amp.GradScaler = Scaler  # type: ignore[misc,assignment]
    torch.get_autocast_gpu_dtype = lambda: torch.get_autocast_dtype("cpu")
    for optimizer in (torch.optim.Adam, torch.optim.AdamW, torch.optim.SGD):
        _without_cuda_options(optimizer)


def _without_cuda_options(optimizer: Any) -> None:
    original = optimizer.__init__

    def plain(self: Any, *args: Any, **kwargs: Any) -> None:
        kwargs = {key: value for key, value in kwargs.items() if key not in {"fused", "capturable", "foreach"}}
        original(self, *args, **kwargs)

    optimizer.__init__ = plain
