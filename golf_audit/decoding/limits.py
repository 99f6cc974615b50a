"""How much decoding may take, and the count of what it took."""

import sys
import time
from dataclasses import dataclass, field

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]


_CHECKED_EVERY = 32
_LARGE = 2**20
_ITEMS = 2_000_000
_COLLECTIONS = (list, tuple, set, frozenset, dict)


@dataclass(frozen=True, slots=True)
class Limits:
    """What one script's decoding may take; the largest real one needs a fiftieth of it."""

    bytes: int = 64 * 2**20
    """Of any one value: a text, an unpacked payload."""
    ratio: int = 2_000
    """Unpacked bytes for each packed byte; the text of a program packs no better than 12 to 1."""
    layers: int = 8
    """Wrappers inside wrappers."""
    steps: int = 3_000_000
    """Expressions and statements evaluated."""
    seconds: float = 10.0
    depth: int = 60
    """Calls of the wrapper's own functions inside one another."""
    memory: int = 768 * 2**20
    """By which the process may grow meanwhile, where the system tells."""


class LimitReached(Exception):  # noqa: N818 -- it is no error of anybody's, it ends the decoding
    """A limit was hit; the argument says which, as half a sentence."""


@dataclass(slots=True)
class Budget:
    """What is left of some limits."""

    limits: Limits
    steps: int = 0
    _deadline: float = field(init=False)
    _memory: int = field(init=False)

    def __post_init__(self) -> None:
        self._deadline = time.monotonic() + self.limits.seconds
        self._memory = _peak_memory() + self.limits.memory

    def step(self) -> None:
        """Count one step; raises LimitReached where it is one too many, or where time is up."""
        self.steps += 1
        if self.steps > self.limits.steps:
            raise LimitReached(f"evaluating it takes more than {self.limits.steps:,} steps")
        if self.steps % _CHECKED_EVERY == 0:
            self.check()

    def check(self) -> None:
        """Raises LimitReached where time is up or memory used up."""
        if time.monotonic() > self._deadline:
            raise LimitReached(f"decoding it takes more than {self.limits.seconds:g} s")
        if _peak_memory() > self._memory:
            raise LimitReached(f"decoding it takes more than {self.limits.memory / 2**20:g} MB of memory")

    def check_size(self, size: int) -> None:
        """Raises LimitReached where a value of `size` bytes, characters or items is too large."""
        if size > self.limits.bytes:
            raise LimitReached(f"it makes a value of more than {self.limits.bytes / 2**20:g} MB")
        if size > _LARGE:
            self.check()

    def check_depth(self, *values: object) -> None:
        """Raises LimitReached where collections hold each other so often that looking through them takes long."""
        waiting, count = [value for value in values if isinstance(value, _COLLECTIONS)], 0
        while waiting:
            value = waiting.pop()
            items = (*value.keys(), *value.values()) if isinstance(value, dict) else value
            count += len(value) + 1
            if count > _ITEMS:
                raise LimitReached(f"it looks through more than {_ITEMS:,} items")
            waiting += [item for item in items if isinstance(item, _COLLECTIONS)]

    def check_unpacked(self, packed: int, unpacked: int) -> None:
        """Raises LimitReached where `unpacked` bytes are too many, of themselves or for `packed` bytes."""
        if unpacked > self.limits.bytes:
            raise LimitReached(f"its payload unpacks to more than {self.limits.bytes / 2**20:g} MB")
        if unpacked > _LARGE and unpacked > packed * self.limits.ratio:
            raise LimitReached(f"its payload unpacks to more than {self.limits.ratio:,} times its size")


def _peak_memory() -> int:
    """The most bytes this process has held, or 0 where the system does not tell."""
    if resource is None:
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
