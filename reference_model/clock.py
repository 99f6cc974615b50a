"""
The contest's two clocks, each one object: seconds that count, and seconds that do not.

The first covers training and everything that looks at training data for the artifact's sake. The second begins when
the artifact exists and covers everything after it. A clock that stands still costs nothing: diagnostics and
compilation happen then.
"""

import os
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType


class ClockError(RuntimeError):
    """A budget that leaves no time for the work."""


class Clock:
    """Wall-clock seconds against a budget; it runs inside `with clock:`."""

    def __init__(
        self, budget: float, reserve: float = 0.0, settle: Callable[[], None] | None = None, spent: float = 0.0
    ) -> None:
        """`reserve` seconds of `budget` are kept back, `spent` are gone; `settle` waits for the device at each look."""
        if budget - reserve <= 0:
            raise ClockError(f"a budget of {budget:g} s leaves nothing beside a reserve of {reserve:g} s")
        self.budget = budget
        self.reserve = reserve
        self.parts = {"start": spent} if spent else {}
        self._settle = settle or (lambda: None)
        self._part = ""
        self._since: float | None = None

    @property
    def elapsed(self) -> float:
        """Seconds counted so far, without waiting for the device."""
        running = 0.0 if self._since is None else time.perf_counter() - self._since
        return sum(self.parts.values()) + running

    @property
    def fraction(self) -> float:
        """How much of the budget, less its reserve, is used: 0 at the start, 1 or more at the end."""
        return self.elapsed / (self.budget - self.reserve)

    @property
    def remaining(self) -> float:
        """Seconds of the whole budget, reserve included, that are left; negative when overdrawn."""
        return self.budget - self.elapsed

    def part(self, name: str) -> "Clock":
        """Name what the seconds are counted for, as in `with clock.part("steps"):`."""
        self._part = name
        return self

    def __enter__(self) -> "Clock":  # noqa: PYI034 -- a submission also runs on Python 3.10, which has no Self
        self._settle()
        self._since = time.perf_counter()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._settle()
        since, self._since = self._since, None
        if since is not None:
            self.parts[self._part] = self.parts.get(self._part, 0.0) + time.perf_counter() - since

    def __str__(self) -> str:
        parts = " ".join(f"{name}:{seconds:.1f}s" for name, seconds in self.parts.items())
        return f"{parts} total:{self.elapsed:.1f}s budget:{self.budget:.1f}s"


def seconds_since_start() -> float:
    """Seconds since this process began, the loading of libraries included; 0 where the system does not tell."""
    try:
        started = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19]) / os.sysconf("SC_CLK_TCK")
        return max(0.0, time.clock_gettime(time.CLOCK_BOOTTIME) - started)
    except (AttributeError, OSError):
        return 0.0
