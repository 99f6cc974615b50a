"""The way out of the sandbox: one line of JSON for each event, written at once, so that a crash loses nothing before it."""

import base64
import itertools
import json
import os
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

FD_VARIABLE = "GOLF_AUDIT_REPORT_FD"


class Channel:
    """Numbers events and writes them to an inherited descriptor."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._numbers = itertools.count(1)
        self._lock = threading.RLock()
        self._mute = False
        os.register_at_fork(after_in_child=self._fall_silent)
        self.before: Callable[[], None] | None = None
        """Called before every event but those of amounts, which are held back for a while."""

    @classmethod
    def inherited(cls) -> "Channel":
        """The channel that the supervisor opened for this process."""
        descriptor = int(os.environ.pop(FD_VARIABLE))
        os.set_inheritable(descriptor, False)
        return cls(descriptor)

    def _fall_silent(self) -> None:
        """In a forked child: its events have no place among its parent's."""
        self._lock, self._mute = threading.RLock(), True

    def emit(self, event: str, /, **fields: Any) -> int:
        """Write one event and return its number; arrays go as base64 of their bytes."""
        with self._lock:
            if self.before is not None and event != "amount":
                self.before()
            number = next(self._numbers)
            line = json.dumps({"n": number, "e": event, **{key: _plain(value) for key, value in fields.items()}}) + "\n"
            data = b"" if self._mute else line.encode()
            while data:
                data = data[os.write(self._descriptor, data) :]
        return number


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return {
            "d": value.dtype.str,
            "s": value.shape,
            "b": base64.b64encode(np.ascontiguousarray(value).tobytes()).decode(),
        }
    if isinstance(value, np.generic):
        return value.item()
    return value


def unpack(value: dict[str, Any]) -> npt.NDArray[Any]:
    """The array that `emit` wrote."""
    return np.frombuffer(base64.b64decode(value["b"]), dtype=np.dtype(value["d"])).reshape(value["s"])
