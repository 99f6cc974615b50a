"""
The observer is hidden from the submission that it lives beside, and notices where it is looked for or changed.

In one process nothing can be kept from a program that wants it. So none of this is a wall: what is noticed is reported, and
a run in which it was noticed holds nothing to be kept.
"""

import sys
from collections.abc import Callable, Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from golf_audit.trace.inside.channel import Channel
from golf_audit.trace.inside.frames import Frames

_PACKAGE = "golf_audit"
_HUNTS = frozenset({"gc.get_objects", "gc.get_referrers", "gc.get_referents"})


class Seal:
    """Remembers what the observer's classes were made of."""

    def __init__(self, channel: Channel, frames: Frames, observers: Sequence[object]) -> None:
        self._emit: Callable[..., int] = channel.emit
        self._frames = frames
        self._were = {kind: dict(vars(kind)) for kind in map(type, (channel, frames, *observers))}
        self._observers = tuple(observers)

    def close(self) -> None:
        """Take the auditor's modules out of reach, and listen for whoever asks for them."""
        for name in [name for name in sys.modules if name.partition(".")[0] == _PACKAGE]:
            del sys.modules[name]
        sys.meta_path.insert(0, self)  # type: ignore[arg-type]  # a finder by its method
        sys.addaudithook(self._heard)

    def find_spec(self, name: str, path: object = None, target: ModuleType | None = None) -> ModuleSpec | None:
        """Refuse the auditor's own package, and nothing else."""
        if name.partition(".")[0] != _PACKAGE:
            return None
        self._tampered(f"imports {name}")
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    def _heard(self, event: str, args: tuple[Any, ...]) -> None:
        if event in _HUNTS and self._frames.is_next():
            self._tampered(f"calls {event}")

    def _tampered(self, what: str) -> None:
        self._emit("tamper", what=what, at=self._frames.path()[:2])

    def check(self) -> None:
        """Report what is no longer as it was: methods of classes, and methods put over them."""
        for kind, were in self._were.items():
            now = vars(kind)
            for name in were.keys() | now.keys():
                if were.get(name) is not now.get(name):
                    self._tampered(f"replaces {kind.__name__}.{name}")
        for observer in self._observers:
            for name, value in vars(observer).items():
                if callable(value) and name in vars(type(observer)):
                    self._tampered(f"replaces {type(observer).__name__}.{name}")
