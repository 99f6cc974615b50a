"""
The ranks that share a run, and the few ways in which they talk.

One code path for 1 and 8 processes: a team of one is the degenerate case, where every exchange does nothing. A step
always has eight micro-batches, so that its arithmetic does not depend on how many ranks share them.
"""

import os
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

Function = TypeVar("Function", bound=Callable[..., Any])
MICRO_BATCHES = 8
"""Per step, over all ranks."""


@dataclass(frozen=True, slots=True)
class Team:
    """This process's place among the ranks, and the device it computes on."""

    rank: int
    world_size: int
    local_rank: int
    device: torch.device

    @property
    def is_main(self) -> bool:
        """Whether this rank speaks and writes for all."""
        return self.rank == 0

    @property
    def grad_accum_steps(self) -> int:
        """Micro-batches per step that this rank computes."""
        return MICRO_BATCHES // self.world_size

    @property
    def on_gpu(self) -> bool:
        """Whether mixed precision and compiled kernels are in use."""
        return self.device.type == "cuda"

    def share(self, count: int) -> range:
        """This rank's contiguous part of `range(count)`; the parts of all ranks make up the whole."""
        return range(count * self.rank // self.world_size, count * (self.rank + 1) // self.world_size)

    def sum(self, *tensors: Tensor) -> None:
        """Replace each tensor by its sum over the ranks."""
        if self.world_size > 1:
            for tensor in tensors:
                dist.all_reduce(tensor, op=dist.ReduceOp.SUM)

    def sum_all(self, tensors: Iterable[Tensor], scale: float = 1.0) -> None:
        """As `sum`, for many tensors in one message per type; then times `scale`."""
        if self.world_size == 1 and scale == 1.0:
            return
        by_type: dict[torch.dtype, list[Tensor]] = {}
        for tensor in tensors:
            by_type.setdefault(tensor.dtype, []).append(tensor)
        for members in by_type.values():
            flat = torch.cat([tensor.reshape(-1) for tensor in members])
            self.sum(flat)
            flat.mul_(scale)
            for tensor, part in zip(
                members, flat.split_with_sizes([tensor.numel() for tensor in members]), strict=True
            ):
                tensor.copy_(part.view_as(tensor))

    def largest(self, value: float) -> float:
        """The largest of the ranks' values, so that all decide alike."""
        if self.world_size == 1:
            return value
        shared = torch.tensor(value, dtype=torch.float64, device=self.device)
        dist.all_reduce(shared, op=dist.ReduceOp.MAX)
        return float(shared.item())

    def precision(self) -> AbstractContextManager[object]:
        """Mixed precision on a GPU: matrices are multiplied in bfloat16."""
        return torch.autocast("cuda", torch.bfloat16) if self.on_gpu else nullcontext()

    def compiled(self, function: Function) -> Function:
        """`function` as one graph of fused kernels on a GPU, and as it is elsewhere."""
        if not self.on_gpu:
            return function
        graph: Function = torch.compile(function, dynamic=False, fullgraph=True)  # type: ignore[assignment]  # called alike
        return graph

    def settle(self) -> None:
        """Return when this rank's device has done its work."""
        if self.on_gpu:
            torch.cuda.synchronize()

    def wait(self) -> None:
        """Return when every rank has come here."""
        self.settle()
        if self.world_size > 1:
            dist.barrier()


def join_team() -> Team:
    """The team that `torchrun` started this process in, or a team of one. Raises `ValueError` for an odd size."""
    rank = int(os.environ.get("RANK", "0"))
    world_size = int(os.environ.get("WORLD_SIZE", "1"))
    local_rank = int(os.environ.get("LOCAL_RANK", "0"))
    if world_size < 1 or MICRO_BATCHES % world_size:
        raise ValueError(f"WORLD_SIZE={world_size} must divide the {MICRO_BATCHES} micro-batches of a step")
    device = torch.device("cuda", local_rank) if torch.cuda.is_available() else torch.device("cpu")
    if device.type == "cuda":
        torch.cuda.set_device(device)
        torch.set_float32_matmul_precision("high")
        torch._dynamo.config.cache_size_limit = 64  # noqa: SLF001 -- torch has no public name for it
    if world_size > 1 and not dist.is_initialized():
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    return Team(rank, world_size, local_rank, device)


def leave_team(team: Team) -> None:
    """End the exchange between the ranks."""
    if team.world_size > 1:
        dist.destroy_process_group()
