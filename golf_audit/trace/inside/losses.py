"""Scores, however they are computed: the likelihood of realised tokens, seen where a tensor of targets meets logits."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F

from golf_audit.trace.inside.channel import Channel
from golf_audit.trace.inside.frames import Frames
from golf_audit.trace.inside.learning import Learning
from golf_audit.trace.positions import NOWHERE, Recogniser, every

_LEAST_ALPHABET = 16
_FEWEST = 8
"""Fewer tokens are no forward pass over the stream."""
_SHARE = 0.5
"""A loss is about validation tokens where so large a share of its targets is recognised, or so many: the rest is padding."""
_ENOUGH = 16
_WHOLE = torch.int64, torch.int32, torch.int16


class Losses:
    """Watches the functions that compute likelihoods."""

    def __init__(self, recogniser: Recogniser, channel: Channel, frames: Frames, learning: Learning) -> None:
        self._recogniser, self._channel, self._frames, self._learning = recogniser, channel, frames, learning
        self.stream = recogniser.stream
        self.told = 0
        self.handlers: dict[Any, Callable[[tuple[Any, ...], dict[str, Any], Any], None]] = {
            F.cross_entropy: self._cross_entropy,
            torch._C._nn.cross_entropy_loss: self._cross_entropy,
            F.nll_loss: self._nll,
            F.embedding: self._embedding,
            torch.gather: self._gather,
            torch.Tensor.gather: self._gather,
            torch.take_along_dim: self._take,
            torch.Tensor.take_along_dim: self._take,
            torch.Tensor.__getitem__: self._index,
        }

    def _cross_entropy(self, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any) -> None:
        logits, targets = _two(args, kwargs)
        if targets.dtype not in _WHOLE or logits.ndim != targets.ndim + 1:
            return
        positions = self.locate(targets)
        if positions is not None:
            losses = (
                result.detach()
                if result.shape == targets.shape
                else F.cross_entropy(logits.detach().float(), targets.long(), reduction="none")
            )
            self.score("cross-entropy", positions, losses, logits.movedim(1, -1) if logits.ndim > 1 else logits)
        self._learning.mark(result, known(positions))

    def _nll(self, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any) -> None:
        logs, targets = _two(args, kwargs)
        positions = self.locate(targets)
        if positions is not None:
            losses = (
                result.detach()
                if result.shape == targets.shape
                else F.nll_loss(logs.detach().float(), targets.long(), reduction="none")
            )
            self.score("nll", positions, losses, logs.movedim(1, -1) if logs.ndim > 1 else logs)
        self._learning.mark(result, known(positions))

    def _embedding(self, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any) -> None:
        """Tokens entered a model; which of the stream, where they are of it."""
        ids = args[0] if args else kwargs["input"]
        if ids.numel() >= _FEWEST and (positions := self.locate(ids)) is not None:
            seen = known(positions)
            self._channel.emit("forward", at=self._frames.path(), low=int(seen.min()), high=int(seen.max()))

    def _gather(self, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any) -> None:
        values = args[0] if args else kwargs["input"]
        dim = args[1] if len(args) > 1 else kwargs["dim"]
        index = args[2] if len(args) > 2 else kwargs["index"]
        if _is_alphabet(values) and dim in (-1, values.ndim - 1) and index.shape[-1] == 1 and index.ndim == values.ndim:
            self._chosen(values, index[..., 0], result)

    def _take(self, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any) -> None:
        values, index = args[0], args[1] if len(args) > 1 else kwargs["indices"]
        if _is_alphabet(values) and index.ndim == values.ndim and index.shape[-1] == 1:
            self._chosen(values, index[..., 0], result)

    def _index(self, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any) -> None:
        values, index = args
        if not (isinstance(index, tuple) and len(index) == values.ndim and _is_alphabet(values)):
            return
        last = index[-1]
        if isinstance(last, torch.Tensor) and last.dtype in _WHOLE and result.shape == last.shape:
            self._chosen(values.reshape(-1, values.shape[-1]), last.reshape(-1), result)

    def _chosen(self, values: torch.Tensor, targets: torch.Tensor, result: torch.Tensor) -> None:
        """One value of each row was chosen by a tensor of targets; a row is logits, probabilities or their logarithms."""
        positions = self.locate(targets)
        if positions is not None:
            chosen = result.detach().float().reshape(targets.shape)
            losses = _losses(values.detach().float(), chosen)
            if losses is not None:
                self.score("gather", positions, losses, values)
        self._learning.mark(result, known(positions))

    def locate(self, targets: torch.Tensor) -> npt.NDArray[np.int64] | None:
        """The positions of targets, where enough of them are of the validation stream."""
        positions = self._recogniser.locate(targets.detach().cpu().numpy().astype(np.int64))
        known = np.count_nonzero(positions != NOWHERE)
        return positions if known and (known >= _ENOUGH or known >= _SHARE * positions.size) else None

    def score(self, kind: str, positions: npt.NDArray[np.int64], losses: torch.Tensor, values: torch.Tensor) -> None:
        """Tell of the likelihoods of tokens at these positions, computed from these rows."""
        self.told += 1
        held = self._learning.scored()
        self._channel.emit(
            "score",
            kind=kind,
            at=self._frames.path(),
            pos=positions.astype(np.int32).reshape(-1),
            nll=losses.cpu().numpy().astype(np.float64).reshape(-1),
            grad=torch.is_grad_enabled(),
            held=held,
            rows=_prints(values, positions.reshape(-1)),
        )


def known(positions: npt.NDArray[np.int64] | None) -> npt.NDArray[np.int64]:
    """Those positions that are of the stream."""
    return np.empty(0, np.int64) if positions is None else positions[positions != NOWHERE]


def _two(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[torch.Tensor, torch.Tensor]:
    return (args[0] if args else kwargs["input"]), (args[1] if len(args) > 1 else kwargs["target"])


def _is_alphabet(values: Any) -> bool:
    return (
        isinstance(values, torch.Tensor)
        and values.is_floating_point()
        and values.ndim > 1
        and values.shape[-1] >= _LEAST_ALPHABET
    )


def _prints(values: torch.Tensor, positions: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """What the first token of the alphabet gets, against all of them: a row that differs shows in it."""
    rows = values.detach().reshape(len(positions), -1)[torch.from_numpy(every(positions))].double()
    found: npt.NDArray[np.float64] = (rows[:, 0] - rows.logsumexp(-1)).cpu().numpy()
    return found


def _losses(rows: torch.Tensor, chosen: torch.Tensor) -> torch.Tensor | None:
    """Negative log-likelihoods, by what the first row turns out to be; None where it is no row over an alphabet."""
    first = rows.reshape(-1, rows.shape[-1])[0].double()
    if bool((first >= 0).all()) and abs(float(first.sum()) - 1) < 1e-2:
        return -chosen.clamp_min(1e-30).log()
    if abs(float(first.logsumexp(0))) < 1e-2:
        return -chosen
    return rows.logsumexp(-1).reshape(chosen.shape) - chosen
