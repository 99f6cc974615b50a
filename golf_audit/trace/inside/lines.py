"""What the submission prints, line by line, in the order of everything else."""

import io
import sys
from typing import Any

from golf_audit.trace.inside.channel import Channel
from golf_audit.trace.inside.frames import Frames

_MOST, _LONGEST = 5_000, 400


class Lines(io.TextIOBase):
    """A stream that passes text on and reports each line."""

    def __init__(self, stream: Any, channel: Channel, frames: Frames) -> None:
        self._stream, self._channel, self._frames = stream, channel, frames
        self._rest, self._left = "", _MOST

    def write(self, text: str) -> int:
        """Pass text on."""
        self._stream.write(text)
        *lines, self._rest = (self._rest + text).split("\n")
        self._rest = self._rest[-_LONGEST:]
        for line in lines:
            if self._left > 0 and line.strip():
                self._left -= 1
                self._channel.emit("line", t=line[:_LONGEST], at=self._frames.path()[:4])
        return len(text)

    def flush(self) -> None:
        """Pass on what was held back."""
        self._stream.flush()

    def isatty(self) -> bool:
        """Whether a person reads along: never."""
        return False

    def fileno(self) -> int:
        """The descriptor below."""
        return int(self._stream.fileno())

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """As that of the stream below."""
        return str(self._stream.encoding)


def install(channel: Channel, frames: Frames) -> None:
    """Listen to standard output and error."""
    sys.stdout = Lines(sys.stdout, channel, frames)  # type: ignore[assignment]
    sys.stderr = Lines(sys.stderr, channel, frames)  # type: ignore[assignment]
