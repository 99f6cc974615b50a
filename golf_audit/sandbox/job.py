"""What the launcher inside is told: the program, its surroundings, and the limits that the kernel holds it to."""

import math
import platform
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from golf_audit.sandbox.seccomp import filter_program
from golf_audit.sandbox.terms import REPORT_FD, REPORT_VARIABLE, Limits

LAUNCHER = Path(__file__).resolve().parent / "launcher.py"
PROGRAMS = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
_OPEN_FILES = 1024
_COUNTING_KERNEL = (5, 14)
_SPARE_PROCESSES = 16
"""The kernel's limit is looser than the sample's, so that a sample sees that there are too many."""
_GRACE_SECONDS = 2
_ADDRESS_FACTOR, _ADDRESS_FLOOR = 4, 16 * 2**30
"""Libraries reserve far more addresses than they ever use memory."""


def job(
    argv: Sequence[str], home: str, environment: Mapping[str, str], limits: Limits, *, isolated: bool
) -> dict[str, Any]:
    """The job of running `argv` in the folder `home`, as the launcher reads it; `isolated` where it runs in a sandbox."""
    least = {"PATH": PROGRAMS, "LANG": "C.UTF-8", "HOME": home, "TMPDIR": home, "USER": "sandbox", "LOGNAME": "sandbox"}
    return {
        "argv": list(argv),
        "folder": home,
        "environment": {**least, **environment, REPORT_VARIABLE: str(REPORT_FD)},
        "report_fd": REPORT_FD,
        "rlimits": {**_rlimits(limits), **(_process_limit(limits) if isolated else {})},
        "filter": filter_program() if isolated else [],
        "sweep": not isolated,
    }


def _rlimits(limits: Limits) -> dict[str, tuple[int, int]]:
    """Soft and hard limits by their names in the module `resource`."""
    seconds = math.ceil(limits.cpu_seconds)
    addresses = limits.memory_bytes * _ADDRESS_FACTOR + _ADDRESS_FLOOR
    return {
        "RLIMIT_CORE": (0, 0),
        "RLIMIT_CPU": (seconds, seconds + _GRACE_SECONDS),
        "RLIMIT_FSIZE": (limits.file_bytes, limits.file_bytes),
        "RLIMIT_NOFILE": (_OPEN_FILES, _OPEN_FILES),
        "RLIMIT_AS": (addresses, addresses),
    }


def _process_limit(limits: Limits) -> dict[str, tuple[int, int]]:
    """
    The limit of processes, where the kernel counts those of a sandbox by themselves.

    Older ones count all of the user's on the machine, and none counts root's; then what remains is the sample.
    """
    version = tuple(map(int, re.findall(r"\d+", platform.release())[:2]))
    most = limits.processes + _SPARE_PROCESSES
    return {"RLIMIT_NPROC": (most, most)} if version >= _COUNTING_KERNEL else {}
