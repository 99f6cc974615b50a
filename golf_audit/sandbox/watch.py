"""Measures a run's tree of processes against its limits."""

import os
from dataclasses import dataclass
from pathlib import Path

from golf_audit.sandbox import tree
from golf_audit.sandbox.disk import FolderGauge
from golf_audit.sandbox.terms import Ending, Limits


@dataclass(slots=True)
class Watch:
    """What a run was seen to use so far."""

    root: int
    """The process outside that all of the run descends from."""
    limits: Limits
    gauge: FolderGauge
    device: int
    """Of the private folder: nameless files there fill its disk, those elsewhere fill memory."""
    inside: bool = False
    """Whether the first process below the root is in its sandbox by now, with file systems in memory of its own."""
    cpu_seconds: float = 0.0
    peak_memory: int = 0

    def look(self) -> Ending | None:
        """Measure once; the limit that is passed, if one is."""
        pids = tree.descendants(self.root, self.limits.processes)[1:]
        usage = tree.usage(pids)
        self.cpu_seconds = max(self.cpu_seconds, usage.cpu_seconds)
        nameless = tree.unlinked(pids)
        on_disk = nameless.pop(self.device, 0)
        in_memory = sum(nameless.values()) + (tree.scratch(pids[0]) if pids and self.inside else 0)
        self.peak_memory = max(self.peak_memory, usage.memory + in_memory)
        if usage.tasks >= self.limits.processes:
            return Ending.PROCESSES
        if self.cpu_seconds > self.limits.cpu_seconds:
            return Ending.CPU
        if usage.memory + in_memory > self.limits.memory_bytes < tree.held(pids) + in_memory:
            return Ending.MEMORY
        if self.gauge.read(self.limits.folder_bytes) + on_disk > self.limits.folder_bytes:
            return Ending.DISK
        return None


def watch(root: int, folder: Path, limits: Limits) -> Watch:
    """A watch over what descends from `root` and writes to `folder`."""
    return Watch(root, limits, FolderGauge(folder), os.stat(folder).st_dev)  # noqa: PTH116 -- a number is all
