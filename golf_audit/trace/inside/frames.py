"""Where in the submission's own code something happens."""

import sys
from types import FrameType

_DEPTH = 12


class Frames:
    """Knows which files are the submission's, and names the places in them that led to a call."""

    def __init__(self, folder: str) -> None:
        self._folder = folder.rstrip("/") + "/"

    def is_next(self) -> bool:
        """Whether the caller of the caller is the submission itself."""
        return sys._getframe(2).f_code.co_filename.startswith(self._folder)

    def path(self) -> list[str]:
        """The submission's frames, innermost first, each as `file:line:function`."""
        found: list[str] = []
        frame: FrameType | None = sys._getframe(1)
        while frame is not None and len(found) < _DEPTH:
            name = frame.f_code.co_filename
            if name.startswith(self._folder):
                found.append(f"{name[len(self._folder) :]}:{frame.f_lineno}:{frame.f_code.co_name}")
            frame = frame.f_back
        return found
