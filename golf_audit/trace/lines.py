"""A run's report put together from the pieces that it comes in."""

from collections.abc import Callable


class Lines:
    """Keeps the lines of a report, and hands each on as soon as it is whole."""

    def __init__(self, hear: Callable[[bytes], None] | None = None) -> None:
        self._hear = hear
        self._whole: list[bytes] = []
        self._rest = b""

    def heard(self, data: bytes) -> None:
        """The next piece."""
        *whole, self._rest = (self._rest + data).split(b"\n")
        self._whole += whole
        if self._hear is not None:
            for line in whole:
                self._hear(line)

    def end(self) -> list[bytes]:
        """All lines, the last one even if it was cut short."""
        return [*self._whole, *([self._rest] if self._rest else [])]
