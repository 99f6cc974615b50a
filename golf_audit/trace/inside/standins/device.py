"""CUDA becomes the CPU: the device, its memory, streams, events, graphs, generators and random state."""

import contextlib
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any, Self

import torch

from golf_audit.trace.inside.standins import Used

CPU = torch.device("cpu")
_Device = torch.device
_Generator = torch.Generator


def is_cuda(value: Any) -> bool:
    """Whether a value names the device that is stood in for."""
    if isinstance(value, str):
        return value.startswith("cuda")
    return isinstance(value, _Device) and value.type == "cuda"


class _DeviceMeta(type):
    def __instancecheck__(cls, value: Any) -> bool:
        return isinstance(value, _Device)


class Device(metaclass=_DeviceMeta):
    """
    Stands in for `torch.device`: a number names CUDA.

    A device of CUDA says that it is one, for scripts ask; where it is used, the CPU takes its place.
    """

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:  # noqa: D102 -- the class stands in for a factory
        first = args[0] if args else None
        with torch._C.DisableTorchFunction():  # a mode would put the CPU in its place
            if isinstance(first, int) and not isinstance(first, bool):
                return _Device("cuda", first)
            return _Device(*args, **kwargs)


class Event:
    """A CUDA event that reads the clock."""

    def __init__(self, *_: Any, **__: Any) -> None:
        self._at = 0.0

    def record(self, *_: Any) -> None:
        """Note the time."""
        self._at = time.perf_counter()

    def elapsed_time(self, other: "Event") -> float:
        """Milliseconds until another event."""
        return (other._at - self._at) * 1e3

    def synchronize(self) -> None:
        """Nothing is pending."""

    def wait(self, *_: Any) -> None:
        """Nothing is pending."""

    def query(self) -> bool:
        """Whether it has happened: always."""
        return True


class Stream:
    """A CUDA stream: work is done when it is asked for."""

    cuda_stream = 0

    def __init__(self, *_: Any, **__: Any) -> None:
        self.device = CPU

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to leave."""

    def synchronize(self) -> None:
        """Nothing is pending."""

    def wait_stream(self, *_: Any) -> None:
        """Nothing is pending."""

    def wait_event(self, *_: Any) -> None:
        """Nothing is pending."""

    def record_event(self, event: Event | None = None) -> Event:
        """An event at this moment."""
        event = event or Event()
        event.record()
        return event


class Graph:
    """A CUDA graph cannot be replayed here; whoever tries is told."""

    def replay(self) -> None:
        """Refuse: what was captured ran once and is not repeated."""
        raise RuntimeError("CUDA graphs are not run by the stand-in device")


@contextlib.contextmanager
def _nothing(*_: Any, **__: Any) -> Iterator[None]:
    yield


def _properties(*_: Any) -> SimpleNamespace:
    return SimpleNamespace(
        name="NVIDIA H100 80GB HBM3",
        major=9,
        minor=0,
        total_memory=85_000_000_000,
        multi_processor_count=132,
        warp_size=32,
        max_threads_per_multi_processor=2048,
        shared_memory_per_multiprocessor=233_472,
        shared_memory_per_block_optin=232_448,
        L2_cache_size=52_428_800,
        regs_per_multiprocessor=65_536,
        gcnArchName="",
        uuid="",
    )


def _constant(value: Any) -> Callable[..., Any]:
    return lambda *_, **__: value


def install(used: Used) -> None:
    """Put the stand-in in place of CUDA."""
    used("device")
    torch.device = Device  # type: ignore[assignment,misc]
    cuda = torch.cuda
    replaced: dict[str, Any] = {
        "is_available": _constant(True),
        "is_initialized": _constant(True),
        "device_count": _constant(1),
        "current_device": _constant(0),
        "get_device_name": _constant("NVIDIA H100 80GB HBM3"),
        "get_device_capability": _constant((9, 0)),
        "get_device_properties": _properties,
        "mem_get_info": _constant((80_000_000_000, 85_000_000_000)),
        "current_stream": lambda *_, **__: Stream(),
        "default_stream": lambda *_, **__: Stream(),
        "is_bf16_supported": _constant(True),
        "is_current_stream_capturing": _constant(False),
        "memory_stats": _constant({}),
        "memory_summary": _constant(""),
        "get_rng_state": lambda *_, **__: torch.get_rng_state(),
        "get_rng_state_all": lambda *_, **__: [torch.get_rng_state()],
        "initial_seed": lambda *_, **__: torch.initial_seed(),
        "set_rng_state": _constant(None),
        "set_rng_state_all": _constant(None),
        "Event": Event,
        "Stream": Stream,
        "CUDAGraph": Graph,
        "stream": _nothing,
        "graph": _nothing,
        "device": _nothing,
    }
    quiet = "set_device synchronize empty_cache init ipc_collect reset_peak_memory_stats reset_max_memory_allocated manual_seed manual_seed_all seed seed_all set_stream set_per_process_memory_fraction reset_accumulated_memory_stats"
    replaced |= dict.fromkeys(quiet.split(), _constant(None))
    sizes = "memory_allocated max_memory_allocated memory_reserved max_memory_reserved memory_cached max_memory_cached"
    replaced |= dict.fromkeys(sizes.split(), _constant(0))
    for name, value in replaced.items():
        setattr(cuda, name, value)
    cuda.nvtx = SimpleNamespace(range=_nothing, range_push=_constant(0), range_pop=_constant(0), mark=_constant(None))  # type: ignore[assignment]
    torch.Generator = _generator  # type: ignore[assignment,misc]
    for name in ("enable_flash_sdp", "enable_mem_efficient_sdp", "enable_math_sdp", "enable_cudnn_sdp"):
        setattr(torch.backends.cuda, name, _constant(None))
    torch.nn.attention.sdpa_kernel = _nothing  # type: ignore[assignment]
    torch.version.cuda = "12.8"
    torch.load = _loaded(torch.load)
    torch.Tensor.is_cuda = property(lambda _: True)  # type: ignore[assignment,misc]


def _loaded(load: Callable[..., Any]) -> Callable[..., Any]:
    """Loading to where there is something."""

    def loaded(place: Any, map_location: Any = None, *args: Any, **kwargs: Any) -> Any:
        return load(place, CPU if is_cuda(map_location) else map_location, *args, **kwargs)

    return loaded


def _generator(device: Any = None) -> torch.Generator:
    return _Generator()


def on_cpu(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments of a torch function with CUDA replaced by the CPU."""
    if kwargs:
        if is_cuda(kwargs.get("device")):
            kwargs = {**kwargs, "device": CPU}
        if kwargs.get("pin_memory"):
            kwargs = {**kwargs, "pin_memory": False}
    for arg in args:
        if isinstance(arg, str | _Device) and is_cuda(arg):
            return tuple(CPU if is_cuda(one) else one for one in args), kwargs
    return args, kwargs
