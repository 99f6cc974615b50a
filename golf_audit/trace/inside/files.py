"""Files opened, processes started and the network asked for, through Python's audit events."""

import os
import sys
from collections.abc import Callable
from typing import Any

import golf_audit
from golf_audit.trace.inside.channel import Channel

_MOST = 20_000
_NETWORK = frozenset(
    {"socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "urllib.Request", "http.client.connect"}
)
_PROCESS = frozenset({"subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn"})


_SYSTEM = "/proc", "/dev", "/sys", "/usr", "/etc"


class Files:
    """Reports what is opened outside Python's own folders; hears of everything, and can be asked to serve what is missing."""

    def __init__(self, channel: Channel, serve: Callable[[str], None], folder: str) -> None:
        self._folder = folder.rstrip("/") + "/"
        self._channel, self._serve = channel, serve
        self._left = _MOST
        own = {os.path.realpath(p) for p in (sys.prefix, sys.base_prefix, *sys.path, golf_audit.__path__[0]) if p}
        self._ours = (*(own - {os.path.realpath(folder)}), f"{self._folder}.golf-audit/", *_SYSTEM)
        self._busy = False

    def install(self) -> None:
        """Listen until the process ends."""
        sys.addaudithook(self._heard)

    def listen_to_torch(self, torch: Any) -> None:
        """Its native code opens files on its own, so it is asked before."""
        save, load = torch.save, torch.load

        def saved(what: Any, place: Any, *args: Any, **kwargs: Any) -> Any:
            self._named(place, write=True)
            return save(what, place, *args, **kwargs)

        def loaded(place: Any, *args: Any, **kwargs: Any) -> Any:
            self._named(place, write=False)
            return load(place, *args, **kwargs)

        torch.save, torch.load = saved, loaded

    def _named(self, place: Any, *, write: bool) -> None:
        if isinstance(place, str | os.PathLike):
            self._told("open", path=self._short(os.path.abspath(os.fspath(place))), write=write)

    def _heard(self, event: str, args: tuple[Any, ...]) -> None:
        if self._busy:
            return
        self._busy = True
        try:
            if event == "open":
                self._opened(args[0], args[1], args[2])
            elif event == "os.rename":
                self._named(args[1], write=True)
            elif event in _NETWORK:
                self._told("net", what=event, to=repr(args[1:] if event == "socket.connect" else args)[:200])
            elif event in _PROCESS:
                self._told("process", what=event, command=repr(args[:2])[:300])
        finally:
            self._busy = False

    def _opened(self, path: Any, mode: Any, flags: Any) -> None:
        if not isinstance(path, str | bytes | os.PathLike):
            return
        place = os.path.abspath(os.fsdecode(path))
        if place.startswith(self._ours) or "/__pycache__" in place:
            return
        writes = (
            bool(set(mode or "") & set("wax+")) if isinstance(mode, str) else bool(flags & (os.O_WRONLY | os.O_RDWR))
        )
        if not writes:
            self._serve(place)
        self._told("open", path=self._short(place), write=writes)

    def _short(self, place: str) -> str:
        """A path inside the run's folder without the folder."""
        return place.removeprefix(self._folder)

    def _told(self, kind: str, **fields: Any) -> None:
        if self._left > 0:
            self._left -= 1
            self._channel.emit(kind, **fields)
