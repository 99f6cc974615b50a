"""A tree of processes, looked at from outside through /proc."""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from mmap import PAGESIZE
from pathlib import Path

_BLOCK = 512
_INODE = 1024
"""What an entry of a file system in memory takes, however empty the file is."""
_SCRATCH = ("tmp", "dev/shm")
_PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Usage:
    """What a tree of processes was using when it was looked at."""

    tasks: int
    """Processes and threads."""
    cpu_seconds: float
    memory: int
    """Without what only a slower look would show; memory shared between processes counts once, roughly."""


def children(pid: int) -> list[int]:
    """The processes that `pid` is the parent of, as far as they can be seen."""
    found: list[int] = []
    with contextlib.suppress(OSError):
        for task in (_PROC / str(pid) / "task").iterdir():
            with contextlib.suppress(OSError):
                found += map(int, (task / "children").read_bytes().split())
    return found


def descendants(pid: int, most: int) -> list[int]:
    """`pid` and what descends from it; where that is more than `most`, a few more than `most`."""
    found = [pid]
    for parent in found:
        if len(found) > most:
            break
        found += children(parent)
    return found


def usage(pids: list[int]) -> Usage:
    """What these processes use, at little cost."""
    tasks, ticks, private, shared = 0, 0, 0, 0
    for pid in pids:
        try:
            stat = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
            statm = (_PROC / str(pid) / "statm").read_text(encoding="ascii").split()
        except OSError:
            continue
        tasks += int(stat[17])
        ticks += sum(map(int, stat[11:15]))
        private += int(statm[1]) - int(statm[2])
        shared = max(shared, int(statm[2]))
    return Usage(tasks, ticks / os.sysconf("SC_CLK_TCK"), (private + shared) * PAGESIZE)


def held(pids: list[int]) -> int:
    """The bytes of memory that these processes hold, shared memory counted once; takes its time."""
    return sum(map(_proportional, pids))


def _proportional(pid: int) -> int:
    """
    A process's proportional share of memory without files in memory, which are counted as files.

    Of a process that hides it, all that it has in memory.
    """
    try:
        lines = (_PROC / str(pid) / "smaps_rollup").read_text(encoding="ascii").splitlines()[1:]
    except OSError:
        return usage([pid]).memory
    sizes = {name: int(size.split()[0]) for name, _, size in (line.partition(":") for line in lines)}
    return (sizes.get("Pss", 0) - sizes.get("Pss_Shmem", 0)) * 1024


def scratch(pid: int) -> int:
    """The bytes in the file systems in memory that process `pid` sees."""
    total = 0
    for place in _SCRATCH:
        try:
            seen = os.statvfs(f"/proc/{pid}/root/{place}")
        except OSError:
            continue
        total += (seen.f_blocks - seen.f_bfree) * seen.f_frsize + (seen.f_files - seen.f_ffree) * _INODE
    return total


def unlinked(pids: list[int]) -> dict[int, int]:
    """By device, the bytes of files that these processes hold open and that no folder lists: deleted, or never named."""
    files = {(seen.st_dev, seen.st_ino): seen.st_blocks * _BLOCK for pid in pids for seen in _open_unlinked(pid)}
    devices: dict[int, int] = {}
    for (device, _), size in files.items():
        devices[device] = devices.get(device, 0) + size
    return devices


def _open_unlinked(pid: int) -> Iterator[os.stat_result]:
    """The open files of a process that have no name."""
    try:
        descriptors = list((_PROC / str(pid) / "fd").iterdir())
    except OSError:
        return
    for descriptor in descriptors:
        try:
            seen = descriptor.stat()
        except OSError:
            continue
        if seen.st_nlink == 0 and seen.st_blocks:
            yield seen
