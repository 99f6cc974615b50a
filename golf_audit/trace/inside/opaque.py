"""
Losses whose computation is not seen: operators and autograd functions of the submission's own, and kernels.

What goes in tells what comes out: rows over an alphabet and the tokens that are asked for give one number for each token, or
their mean. Such a number is taken for a likelihood where it has the sign of one, and what comes out is marked as a loss
about these positions, so that learning from it is seen.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F

from golf_audit.trace.inside.learning import Learning
from golf_audit.trace.inside.losses import Losses, known

_TORCHS_OWN = frozenset({"aten", "prim", "prims", "quantized", "higher_order"})
_CLOSE = 1e-2
"""Nats between a kernel's number and the plain cross-entropy of its rows, in half precision."""
_WHOLE = torch.int64, torch.int32, torch.int16
_ALPHABET = 16


class Opaque:
    """Looks at the arguments and results of what it cannot look into."""

    def __init__(self, losses: Losses, learning: Learning) -> None:
        self._losses, self._learning = losses, learning

    def install(self) -> None:
        """Listen to autograd functions of the submission's own."""
        apply = torch.autograd.Function.apply.__func__  # type: ignore[attr-defined]

        def heard(function: Any, *args: Any, **kwargs: Any) -> Any:
            return self.around(lambda *given, **named: apply(function, *given, **named), args, kwargs)

        torch.autograd.Function.apply = classmethod(heard)  # type: ignore[assignment]

    def around(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """What the function gives; scores that were seen inside it are not told again."""
        before = self._losses.told
        result = function(*args, **kwargs)
        if (asked := self._asked((*args, *kwargs.values()))) is not None:
            positions, rows = asked
            outputs = list(_floats(result if isinstance(result, list | tuple) else (result,)))
            if self._losses.told == before:
                self._score("operator", positions, rows, outputs)
            for output in outputs:
                self._learning.mark(output, known(positions))
        return result

    def launched(self, arguments: Iterable[Any]) -> None:
        """A kernel ran on these arguments, and wrote into some of them."""
        tensors = tuple(arguments)
        if (asked := self._asked(tensors)) is not None:
            positions, rows = asked
            self._score("kernel", positions, rows, [out for out in _floats(tensors) if out is not rows])

    def _asked(self, values: Iterable[Any]) -> tuple[npt.NDArray[np.int64], torch.Tensor] | None:
        """The positions that are asked for and the rows they are asked of, where both are among the values."""
        tensors = [value for value in values if isinstance(value, torch.Tensor)]
        for targets in tensors:
            if targets.dtype in _WHOLE and targets.numel() >= _ALPHABET:
                rows = [one for one in _floats(tensors) if _are_rows(one, targets.numel())]
                positions = self._losses.locate(targets) if rows else None
                if positions is not None:
                    return positions, rows[0]
        return None

    def _score(
        self, kind: str, positions: npt.NDArray[np.int64], rows: torch.Tensor, outputs: list[torch.Tensor]
    ) -> None:
        losses = [loss for out in outputs if out.numel() == positions.size and (loss := _as_losses(out)) is not None]
        plain = [loss for loss in losses if _is_plain(loss, rows, positions, self._losses.stream)]
        chosen = plain or (losses if len(losses) == 1 else [])
        if chosen:
            self._losses.score(kind, positions, chosen[0], rows.detach().reshape(positions.size, -1))


def is_own(function: Any) -> bool:
    """Whether a function is an operator that a submission registered."""
    name = getattr(function, "namespace", None)
    return isinstance(name, str) and isinstance(function, torch._ops.OpOverload) and name not in _TORCHS_OWN


def _floats(values: Iterable[Any]) -> Iterator[torch.Tensor]:
    return (value for value in values if isinstance(value, torch.Tensor) and value.is_floating_point())


def _are_rows(values: torch.Tensor, count: int) -> bool:
    return values.ndim > 1 and values.shape[-1] >= _ALPHABET and values.numel() == count * values.shape[-1]


def _as_losses(output: torch.Tensor) -> torch.Tensor | None:
    """Negative log-likelihoods; None where the numbers are neither these nor log-likelihoods."""
    flat = output.detach().float().reshape(-1)
    if bool((flat >= 0).all()) and bool((flat > 0).any()):
        return flat
    return -flat if bool((flat <= 0).all()) and bool((flat < 0).any()) else None


def _is_plain(
    losses: torch.Tensor, rows: torch.Tensor, positions: npt.NDArray[np.int64], stream: npt.NDArray[np.int64]
) -> bool:
    """Whether the numbers are the cross-entropy of the rows as they are."""
    there = positions.reshape(-1) >= 0
    targets = torch.from_numpy(stream[np.where(there, positions.reshape(-1), 0)])
    if int(targets.max()) >= rows.shape[-1]:
        return False
    expected = F.cross_entropy(rows.detach().float().reshape(len(targets), -1), targets, reduction="none")
    return bool(((losses - expected).abs() < _CLOSE)[torch.from_numpy(there)].all())
