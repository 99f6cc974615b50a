"""What is agreed about one run in the sandbox: its limits, what it may see, how it ended."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

RUN_FOLDER = "/sandbox/run"
"""Where a run's private folder is, seen from inside: its working directory, its HOME and its TMPDIR."""
REPORT_FD = 200
"""The descriptor that a run may write its report to; it is announced in its environment."""
REPORT_VARIABLE = "GOLF_AUDIT_REPORT_FD"


class SandboxUnavailableError(RuntimeError):
    """Nothing may be executed here; the message says what to install, or that --no-sandbox exists."""


class Ending(StrEnum):
    """Why a run ended."""

    EXITED = "exited"
    SIGNALLED = "signalled"
    WALL_CLOCK = "wall clock"
    CPU = "cpu time"
    MEMORY = "memory"
    PROCESSES = "processes"
    """Best effort: where the kernel refuses the last fork first, the program may give up by itself."""
    OUTPUT = "output"
    """It wrote more than it may to stdout and stderr, or to its report."""
    DISK = "disk"
    STOPPED = "stopped"
    """Whoever started it asked for the end."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a run may take; past a limit its whole tree of processes is killed."""

    wall_seconds: float = 120.0
    cpu_seconds: float = 240.0
    """Of the whole tree, sampled; the kernel holds each single process to it, too."""
    memory_bytes: int = 3 * 2**30
    """Of the whole tree with its files in memory, sampled; the kernel bounds each process's address space loosely."""
    processes: int = 64
    """Processes and threads, the sandbox's own two included."""
    file_bytes: int = 256 * 2**20
    """Of any one file."""
    folder_bytes: int = 2**30
    """Of all that lies in the private folder, sampled; what only lies in memory counts there."""
    output_bytes: int = 16 * 2**20
    """Of stdout and stderr together."""
    report_bytes: int = 256 * 2**20

    @property
    def scratch_bytes(self) -> int:
        """The size of each file system in memory that a run gets: /tmp and /dev/shm."""
        return min(self.folder_bytes, self.memory_bytes // 4)


@dataclass(frozen=True, slots=True)
class Mount:
    """
    A file or folder of this machine that a run sees at the absolute path `target`.

    Links on the way to the source are followed: it must be no path that a submission wrote.
    """

    source: Path
    target: str
    writable: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended and what it took."""

    ending: Ending
    returncode: int | None
    """The exit status, or a signal's number below zero; None where the run was killed."""
    seconds: float
    cpu_seconds: float
    peak_memory: int
    """The most bytes that a sample saw; what lives shorter than a sample is missed."""
    output: bytes
    """Stdout and stderr as they came; of a long text the head and the tail, with a line between that says so."""
    cut: bool
    """Whether the output lacks its middle."""
