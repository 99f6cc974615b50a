"""
Learning, however it is done: which losses' gradients a parameter has followed, told by the parameter's own bytes.

A backward pass is traced to the losses it starts from. What changed between it and the next score has learned from them,
whether an optimizer wrote it or a hand did; what is back at its earlier bytes, or was filled anew, has forgotten.
"""

import threading
import weakref
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from golf_audit.trace.inside.channel import Channel
from golf_audit.trace.inside.frames import Frames

Positions = npt.NDArray[np.int64]
MARK = "golf_audit_loss"
BY_HAND = "a write by hand"
_NODES = 50_000
_FILLS = ("zero_", "fill_", "normal_", "uniform_", "exponential_", "random_", "cauchy_", "log_normal_")
_INITS = [getattr(torch.nn.init, name) for name in dir(torch.nn.init) if name.endswith("_") and name[0] != "_"]
_ANEW = frozenset({*(getattr(torch.Tensor, name) for name in _FILLS), *_INITS})


@dataclass
class _Taint:
    """What one parameter has learned from."""

    before: tuple[float, float]
    first: int
    last: int


@dataclass
class _Pending:
    """A backward pass whose gradients have not been applied yet."""

    positions: list[Positions] = field(default_factory=list)
    sites: list[str] = field(default_factory=list)
    prints: dict[int, tuple[float, float]] = field(default_factory=dict)
    applied: bool = False
    """By an optimizer, or by a hand that was noticed: the next backward pass begins anew."""
    by_hand: bool = False


class Learning:
    """Follows leaves (parameters, and other tensors that gradients reach) through backward passes and changes."""

    def __init__(self, channel: Channel, frames: Frames) -> None:
        self._channel, self._frames = channel, frames
        self._leaves: dict[int, weakref.ref[torch.Tensor]] = {}
        self._taints: dict[int, _Taint] = {}
        self._pending = _Pending()
        self._used: set[int] = set()

    def saw(self, tensor: torch.Tensor) -> None:
        """A tensor was used in a computation; a leaf that learns, or has learned, is followed."""
        identity = id(tensor)
        if identity not in self._leaves and not (tensor.requires_grad and tensor.is_leaf):
            return
        if identity not in self._used:
            self._used.add(identity)
            if identity not in self._leaves:
                self._leaves[identity] = weakref.ref(tensor, lambda _: self._forget(identity))

    def _forget(self, identity: int) -> None:
        self._leaves.pop(identity, None)
        self._taints.pop(identity, None)
        self._pending.prints.pop(identity, None)
        self._used.discard(identity)

    def overwritten(self, function: Any, tensor: Any) -> None:
        """A function wrote into a tensor; one that fills it anew makes it forget."""
        if function in _ANEW and self._taints and isinstance(tensor, torch.Tensor):
            address = tensor.data_ptr()
            for identity in [
                i for i in self._taints if (leaf := self._leaf(i)) is not None and leaf.data_ptr() == address
            ]:
                del self._taints[identity]

    def _leaf(self, identity: int) -> torch.Tensor | None:
        reference = self._leaves.get(identity)
        return reference() if reference else None

    def mark(self, loss: torch.Tensor, positions: Positions) -> None:
        """Remember which positions (none: not of the validation stream) a loss is about."""
        if loss.grad_fn is not None:
            loss.grad_fn.metadata[MARK] = positions

    def backward(self, roots: Iterable[Any]) -> None:
        """Gradients of these tensors are being computed."""
        found = [positions for positions in _marks(roots) if positions.size]
        if self._pending.positions and (self._pending.by_hand or not self._pending.applied):
            self._apply(BY_HAND)
        self._used.clear()
        if self._pending.applied:
            self._pending = _Pending()
        if not found:
            return
        for identity in self._leaves.keys() - self._pending.prints.keys():
            self._pending.prints[identity] = _print(self._leaf(identity))
        self._pending.positions += found
        self._pending.sites.append((self._frames.path() or [""])[0])

    def stepped(self, optimizer: Any) -> None:
        """An optimizer applied its gradients."""
        if self._pending.positions:
            self._apply(type(optimizer).__name__)
        else:
            self._channel.emit("step", kind=type(optimizer).__name__, at=self._frames.path()[:2])
        self._pending.applied = True
        self._used.clear()

    def _apply(self, kind: str) -> None:
        """Note which leaves changed since the backward pass."""
        before = self._pending.prints
        changed = [i for i, p in before.items() if (leaf := self._leaf(i)) is not None and _print(leaf) != p]
        if not changed:
            return
        if kind is BY_HAND:
            self._pending.applied = self._pending.by_hand = True
        number = self._channel.emit(
            "adapt",
            kind=kind,
            at=self._frames.path(),
            loss_at=sorted(set(self._pending.sites)),
            pos=np.unique(np.concatenate(self._pending.positions)),
            leaves=len(changed),
        )
        for identity in changed:
            taint = self._taints.setdefault(identity, _Taint(before[identity], number, number))
            taint.last = number
            before[identity] = _print(self._leaf(identity))

    def scored(self) -> tuple[int, int] | None:
        """What the leaves used since the last score or step still hold: the first and last adaptation, or None."""
        if self._pending.positions and (self._pending.by_hand or not self._pending.applied):
            self._apply(BY_HAND)
        held = [taint for i in self._used if (taint := self._taints.get(i)) is not None and not self._is_back(i, taint)]
        self._used.clear()
        return (min(t.first for t in held), max(t.last for t in held)) if held else None

    def _is_back(self, identity: int, taint: _Taint) -> bool:
        if _print(self._leaf(identity)) != taint.before:
            return False
        del self._taints[identity]
        return True


def _print(tensor: torch.Tensor | None) -> tuple[float, float]:
    """Two numbers that change when the tensor does."""
    if tensor is None or not tensor.numel():
        return 0.0, 0.0
    with torch._C.DisableTorchFunction():  # it is no computation of the submission's
        flat = tensor.detach().reshape(-1).double()
        return float(flat.sum()), float(flat.abs().sum() + flat[:: max(1, flat.numel() // 7)].sum())


def _marks(roots: Iterable[Any]) -> list[Positions]:
    """The positions of each marked loss that the roots are made of; the graph is not searched below them."""
    todo = [root.grad_fn for root in roots if isinstance(root, torch.Tensor) and root.grad_fn is not None]
    seen: set[Any] = set()
    found: list[Positions] = []
    while todo and len(seen) < _NODES:
        node = todo.pop()
        if node in seen:
            continue
        seen.add(node)
        positions = node.metadata.get(MARK)
        if positions is not None:
            found.append(positions)
        else:
            todo += [below for below, _ in node.next_functions if below is not None]
    return found


def install(learning: Learning) -> None:
    """Listen to backward passes and optimizer steps."""
    from torch.optim.optimizer import register_optimizer_step_post_hook

    inside = threading.local()

    def heard(function: Any) -> Any:
        """Each of these functions calls the others: the outermost call is the one that counts."""

        def listening(roots: Any, *args: Any, **kwargs: Any) -> Any:
            if getattr(inside, "call", False):
                return function(roots, *args, **kwargs)
            inside.call = True
            try:
                learning.backward(roots if isinstance(roots, list | tuple) else [roots])
                return function(roots, *args, **kwargs)
            finally:
                inside.call = False

        return listening

    torch.autograd.backward, torch.autograd.grad = heard(torch.autograd.backward), heard(torch.autograd.grad)  # type: ignore[assignment]
    torch.Tensor.backward = heard(torch.Tensor.backward)  # type: ignore[method-assign]
    register_optimizer_step_post_hook(lambda optimizer, *_: learning.stepped(optimizer))
