"""How much a folder holds, measured no more often than measuring can be afforded."""

import os
import time
from dataclasses import dataclass
from pathlib import Path

_BLOCK = 512
_ENTRY = 4096
"""What an entry counts at least, however empty the file is."""
_EVERY_SECONDS = 0.5
_SHARE = 10
"""Measuring takes at most one part in so many of the time."""


@dataclass(slots=True)
class FolderGauge:
    """The bytes on disk below a folder, as of the last time it was worth looking."""

    folder: Path
    bytes: int = 0
    _next: float = 0.0

    def read(self, most: int) -> int:
        """The bytes; counting stops where they are more than `most`."""
        start = time.monotonic()
        if start >= self._next:
            self.bytes = _size(self.folder, most)
            end = time.monotonic()
            self._next = end + max(_EVERY_SECONDS, _SHARE * (end - start))
        return self.bytes


def _size(folder: Path, most: int) -> int:
    """
    The bytes of the blocks below a folder, links not followed; a few more than `most` where it is more.

    A folder that cannot be looked into, for its permissions or because it lies too deep, counts as too much.
    """
    total, waiting = 0, [str(folder)]
    while waiting and total <= most:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    total += max(_ENTRY, entry.stat(follow_symlinks=False).st_blocks * _BLOCK)
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
        except FileNotFoundError:
            continue
        except OSError:
            return most + 1
    return total
