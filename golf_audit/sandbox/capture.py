"""Output kept within bounds: its head and its tail."""

from dataclasses import dataclass, field

HEAD = 2**18
TAIL = 2**18


@dataclass(slots=True)
class Capture:
    """Takes any amount of bytes, and keeps the first and the last of them."""

    total: int = 0
    _head: bytearray = field(default_factory=bytearray)
    _tail: bytearray = field(default_factory=bytearray)

    def add(self, data: bytes) -> None:
        """Take what came next."""
        self.total += len(data)
        room = HEAD - len(self._head)
        self._head += data[:room]
        self._tail += data[room:]
        if len(self._tail) > 2 * TAIL:
            del self._tail[:-TAIL]

    @property
    def cut(self) -> bool:
        """Whether anything was left out."""
        return self.total > HEAD + TAIL

    @property
    def kept(self) -> bytes:
        """All of it, or head and tail with a line between that counts what was left out."""
        if not self.cut:
            return bytes(self._head + self._tail)
        marker = b"\n[... %d bytes left out ...]\n" % (self.total - HEAD - TAIL)
        return bytes(self._head) + marker + bytes(self._tail[-TAIL:])
