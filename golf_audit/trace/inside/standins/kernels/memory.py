"""What kernels read and write: pointers into tensors, and descriptors of tiles."""

from collections.abc import Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import torch


@dataclass(frozen=True, slots=True)
class Pointer:
    """Places in the memory of one tensor: an offset from its first element, or a block of offsets."""

    memory: torch.Tensor
    """The whole storage behind the tensor, as one row."""
    offset: Any

    @classmethod
    def to(cls, tensor: torch.Tensor) -> "Pointer":
        """The place of a tensor's first element."""
        count = tensor.untyped_storage().nbytes() // tensor.element_size()
        return cls(tensor.detach().as_strided((count,), (1,), 0), tensor.storage_offset())

    @property
    def dtype(self) -> SimpleNamespace:
        """As Triton's type of a pointer: what lies there."""
        return SimpleNamespace(element_ty=self.memory.dtype)

    def __add__(self, offset: Any) -> "Pointer":
        return Pointer(self.memory, self.offset + offset)

    __radd__ = __add__

    def __sub__(self, offset: Any) -> "Pointer":
        return Pointer(self.memory, self.offset - offset)

    def load(self, mask: Any = None, other: Any = None) -> torch.Tensor:
        """The values there; `other`, or zero, where the mask is off."""
        at = torch.as_tensor(self.offset)
        if mask is None:
            return self.memory[at]
        at, mask = torch.broadcast_tensors(at, torch.as_tensor(mask))
        values = self.memory[torch.where(mask, at, 0)]
        return torch.where(mask, values, torch.as_tensor(0 if other is None else other, dtype=values.dtype))

    def store(self, value: Any, mask: Any = None) -> None:
        """Write values there, where the mask is on."""
        at = torch.as_tensor(self.offset)
        value = torch.as_tensor(value).to(self.memory.dtype)
        if mask is None:
            self.memory[at] = value.reshape(()) if at.ndim == 0 else value.expand(at.shape)
            return
        at, mask, value = torch.broadcast_tensors(at, torch.as_tensor(mask), value)
        self.memory[at[mask]] = value[mask]

    def add(self, value: Any, mask: Any = None) -> torch.Tensor:
        """Add values there, the same place as often as it is named; what was there before is given back."""
        at, value = torch.broadcast_tensors(torch.as_tensor(self.offset), torch.as_tensor(value).to(self.memory.dtype))
        on = torch.ones_like(at, dtype=torch.bool) if mask is None else torch.as_tensor(mask).expand(at.shape)
        before = self.load(on)
        self.memory.index_put_((at[on],), value[on], accumulate=True)
        return before


class Descriptor:
    """A tensor that is read and written in tiles; what lies outside of it reads as zero and is not written."""

    def __init__(
        self, base: torch.Tensor, shape: Sequence[int], strides: Sequence[int], block_shape: Sequence[int], **_: Any
    ) -> None:
        self.base, self.block_shape = base, [int(size) for size in block_shape]
        self.shape, self.strides = [int(size) for size in shape], [int(stride) for stride in strides]
        self._view = base.detach().as_strided(self.shape, self.strides, base.storage_offset())

    @classmethod
    def from_tensor(cls, tensor: torch.Tensor, block_shape: Sequence[int], **_: Any) -> "Descriptor":
        """A descriptor of a whole tensor."""
        return cls(tensor, tensor.shape, tensor.stride(), block_shape)

    @classmethod
    def at(
        cls, place: Pointer, shape: Sequence[int], strides: Sequence[int], block_shape: Sequence[int], **_: Any
    ) -> "Descriptor":
        """A descriptor made inside a kernel."""
        sizes, steps = [int(size) for size in shape], [int(stride) for stride in strides]
        return cls(place.memory.as_strided(sizes, steps, int(place.offset)), sizes, steps, block_shape)

    @property
    def dtype(self) -> torch.dtype:
        """What the tensor holds."""
        return self.base.dtype

    def _tile(self, corner: Sequence[Any]) -> torch.Tensor:
        """The part of the tensor that a tile at `corner` covers."""
        starts = [min(max(int(start), 0), size) for start, size in zip(corner, self.shape, strict=True)]
        ends = [
            min(int(start) + block, size)
            for start, block, size in zip(corner, self.block_shape, self.shape, strict=True)
        ]
        return self._view[tuple(slice(start, max(start, end)) for start, end in zip(starts, ends, strict=True))]

    def load(self, corner: Sequence[Any]) -> torch.Tensor:
        """One tile."""
        if min(int(start) for start in corner) < 0:
            raise NotImplementedError("a tile that begins before its tensor")
        tile = self._tile(corner)
        out = torch.zeros(self.block_shape, dtype=tile.dtype)
        out[tuple(slice(0, size) for size in tile.shape)] = tile
        return out

    def store(self, corner: Sequence[Any], value: torch.Tensor) -> None:
        """Write one tile."""
        tile = self._tile(corner)
        tile.copy_(value.reshape(self.block_shape)[tuple(slice(0, size) for size in tile.shape)])
