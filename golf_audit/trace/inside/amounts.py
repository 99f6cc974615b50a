"""
Per-token amounts that are no plain likelihood: logarithms that are taken, and what is added up.

A mixture ends in the logarithm of a probability, in torch, numpy or plain Python, and a sum. Which of these amounts make up
a printed score is told later by arithmetic; here they are only noted, where they are few enough to be one for each token.
"""

import math
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from golf_audit.trace.inside.channel import Channel
from golf_audit.trace.inside.frames import Frames

_MOST = 8192
"""Larger arrays have an axis over the alphabet."""
_EVENTS = 30_000
_PLACE = 200_000
"""No place has more amounts than this that are one for each token."""
_TOGETHER = 256


class Amounts:
    """Notes the results of logarithms and the terms of sums."""

    def __init__(self, channel: Channel, frames: Frames) -> None:
        self._channel, self._frames = channel, frames
        self._left = _EVENTS
        self._places: Counter[str] = Counter()
        self._single: list[float] = []
        self._single_at: list[str] = []
        self.handlers: dict[Any, Callable[[tuple[Any, ...], dict[str, Any], Any], None]] = {
            function: self._logarithm
            for owner in (torch, torch.Tensor)
            for name in ("log", "log2", "log_")
            if (function := getattr(owner, name, None)) is not None
        }
        self.handlers |= {torch.sum: self._sum, torch.Tensor.sum: self._sum, torch.Tensor.log_: self._logarithm}

    def _logarithm(self, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any) -> None:
        if isinstance(result, torch.Tensor) and not result.requires_grad and 0 < result.numel() <= _MOST:
            self._note("log", result.detach().cpu().double().numpy())

    def _sum(self, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any) -> None:
        terms = args[0] if args else kwargs.get("input")
        if (
            isinstance(terms, torch.Tensor)
            and terms.is_floating_point()
            and not terms.requires_grad
            and 0 < terms.numel() <= _MOST
            and result.numel() == 1
        ):
            self._note("sum", terms.detach().cpu().double().numpy())

    def _note(self, how: str, values: npt.NDArray[np.float64]) -> None:
        self.flush()
        path = self._frames.path()[:4]
        if path and self._left > 0 and self._places[path[0]] < _PLACE:
            self._left -= 1
            self._places[path[0]] += values.size
            self._channel.emit("amount", how=how, at=path, v=values.reshape(-1))

    def _number(self, value: float) -> None:
        path = self._frames.path()[:4]
        if not path:
            return
        if path != self._single_at or len(self._single) >= _TOGETHER:
            self.flush()
            self._single_at = path
        self._single.append(value)

    def flush(self) -> None:
        """Note the single numbers that were held back to be noted together."""
        held, self._single = self._single, []
        if held and self._left > 0:
            self._left -= 1
            self._channel.emit("amount", how="log", at=self._single_at, v=np.array(held))

    def install(self) -> None:
        """Listen to numpy and to Python's own logarithms."""
        for name in ("log", "log2"):
            setattr(np, name, _Listening(getattr(np, name), self._array))
            setattr(math, name, self._heard(getattr(math, name)))
        np.sum = self._heard_sum(np.sum)

    def _array(self, result: Any) -> None:
        if isinstance(result, np.ndarray) and result.dtype.kind == "f" and 0 < result.size <= _MOST:
            self._note("log", result.astype(np.float64))

    def _heard(self, function: Callable[..., float]) -> Callable[..., float]:
        def logarithm(*args: Any) -> float:
            result = function(*args)
            self._number(result)
            return result

        return logarithm

    def _heard_sum(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def added(terms: Any, *args: Any, **kwargs: Any) -> Any:
            if not args and not kwargs:
                self._array(np.asarray(terms))
            return function(terms, *args, **kwargs)

        return added


class _Listening:
    """A numpy function that tells what it gives, and is otherwise itself."""

    def __init__(self, function: Any, hear: Callable[[Any], None]) -> None:
        self._function, self._hear = function, hear

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        result = self._function(*args, **kwargs)
        self._hear(result)
        return result

    def __getattr__(self, name: str) -> Any:
        return getattr(self._function, name)
