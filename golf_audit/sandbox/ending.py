"""Ends a run's processes, and makes sure that they are gone."""

import contextlib
import os
import select
import signal
import time
from collections.abc import Iterable
from contextlib import ExitStack

from golf_audit.sandbox import tree

_GLANCE_SECONDS = 0.02
_SWEEP_SECONDS = 6.0
_DEATH_SECONDS = 15.0
_MOST = 100_000


def end_namespace(root: int) -> None:
    """
    Kill the first process of the namespace that `root` waits for, and all that is in it, as soon as there is one.

    Raises RuntimeError where something lives on.
    """
    end = time.monotonic() + _DEATH_SECONDS
    while not _gone([root], _GLANCE_SECONDS) and time.monotonic() < end:
        for pid in tree.children(root):
            _send(pid, signal.SIGKILL)
    _end([root])


def end_launcher(root: int) -> None:
    """
    Have a launcher that shares our process namespace kill what descends from it, and kill what it leaves.

    Raises RuntimeError where something lives on.
    """
    _send(root, signal.SIGTERM)
    if not _gone([root], _SWEEP_SECONDS):
        _end(tree.descendants(root, _MOST))


def _end(pids: Iterable[int]) -> None:
    """Kill processes and wait for their end."""
    pids = list(pids)
    for pid in pids:
        _send(pid, signal.SIGKILL)
    if not _gone(pids, _DEATH_SECONDS):
        raise RuntimeError(f"a process of the run does not die: one of {pids}")


def _send(pid: int, number: int) -> None:
    """Send a signal to a process that may be gone."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def _gone(pids: Iterable[int], seconds: float) -> bool:
    """Whether each of these has ended (it may still be waited for), given so long for each."""
    with ExitStack() as stack:
        for pid in pids:
            try:
                descriptor = os.pidfd_open(pid)
            except ProcessLookupError:
                continue
            stack.callback(os.close, descriptor)
            poll = select.poll()
            poll.register(descriptor, select.POLLIN)
            if not poll.poll(seconds * 1000):
                return False
    return True
