"""A process group of one: collectives give back what they get, and a wrapped model is the model."""

import contextlib
from collections.abc import Iterator
from typing import Any

import torch
import torch.distributed as dist

from golf_audit.trace.inside.standins import Used


class Work:
    """A collective that is done."""

    def wait(self, *_: Any) -> bool:
        """Nothing is pending."""
        return True

    def is_completed(self) -> bool:
        """Whether it is done: always."""
        return True

    def get_future(self) -> Any:
        """A future that is done."""
        future: Any = torch.futures.Future()
        future.set_result([None])
        return future


class Wrapped(torch.nn.Module):
    """`DistributedDataParallel` over one process."""

    def __init__(self, module: torch.nn.Module, *_: Any, **__: Any) -> None:
        super().__init__()
        self.module = module
        self.require_backward_grad_sync = True

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the model gives."""
        return self.module(*args, **kwargs)

    @contextlib.contextmanager
    def no_sync(self) -> Iterator[None]:
        """Nothing is synchronised."""
        yield


def _into(output: Any, source: Any) -> Work:
    output.copy_(source.reshape(output.shape) if output.numel() == source.numel() else source)
    return Work()


def _gather(outputs: list[Any], source: Any) -> Work:
    for output in outputs:
        output.copy_(source)
    return Work()


def _objects(outputs: list[Any], value: Any) -> None:
    outputs[:] = [value] * len(outputs)


def _scatter(output: Any, sources: Any) -> Work:
    return _into(output, sources[0])


def install(used: Used) -> None:
    """Replace the collectives of `torch.distributed`."""
    state = {"initialised": False}

    def start(*_: Any, **__: Any) -> None:
        used("process-group")
        state["initialised"] = True

    def stop(*_: Any, **__: Any) -> None:
        state["initialised"] = False

    def done(*_: Any, **__: Any) -> Work:
        return Work()

    replaced: dict[str, Any] = {
        "init_process_group": start,
        "destroy_process_group": stop,
        "is_initialized": lambda: state["initialised"],
        "is_available": lambda: True,
        "get_rank": lambda *_, **__: 0,
        "get_world_size": lambda *_, **__: 1,
        "get_backend": lambda *_, **__: "nccl",
        "new_group": lambda *_, **__: None,
        "all_gather": lambda outputs, source, *_, **__: _gather(outputs, source),
        "all_gather_into_tensor": lambda output, source, *_, **__: _into(output, source),
        "_all_gather_base": lambda output, source, *_, **__: _into(output, source),
        "reduce_scatter_tensor": lambda output, source, *_, **__: _into(output, source),
        "_reduce_scatter_base": lambda output, source, *_, **__: _into(output, source),
        "reduce_scatter": lambda output, sources, *_, **__: _scatter(output, sources),
        "all_to_all_single": lambda output, source, *_, **__: _into(output, source),
        "all_gather_object": lambda outputs, value, *_, **__: _objects(outputs, value),
        "gather_object": lambda value, outputs=None, *_, **__: _objects(outputs, value) if outputs else None,
        "broadcast_object_list": lambda *_, **__: None,
        "gather": lambda source, outputs=None, *_, **__: _gather(outputs, source) if outputs else Work(),
    }
    for name in (
        "all_reduce",
        "broadcast",
        "reduce",
        "barrier",
        "monitored_barrier",
        "all_reduce_coalesced",
        "send",
        "recv",
    ):
        replaced[name] = done
    for name, value in replaced.items():
        setattr(dist, name, value)
    torch.nn.parallel.DistributedDataParallel = Wrapped  # type: ignore[misc,assignment]
