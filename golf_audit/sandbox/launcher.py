"""
Runs inside: the first process of a sandbox. It limits itself, starts the program, and outlives it only to say how it ended.

It is a script of its own (`python -I -S launcher.py`) that imports nothing of golf_audit. Its job comes as JSON on stdin.
When it exits, the kernel kills what is left in its process namespace; where it has none of its own, it kills by itself.
"""

import ctypes
import json
import os
import resource
import signal
import struct
import sys
import time
from pathlib import Path
from typing import Any, NoReturn

_DEATH_SIGNAL, _DUMPABLE, _SECCOMP, _SUBREAPER, _NO_NEW_PRIVILEGES = 1, 4, 22, 36, 38
_FILTER = 2
_SWEEP_SECONDS = 5.0


def main() -> NoReturn:
    """Start the job's program, wait for it, and report `exit N KIB` or `signal N KIB`, the KiB being its peak of memory."""
    job = json.load(sys.stdin)
    _prctl(_NO_NEW_PRIVILEGES, 1)
    if job["sweep"]:
        signal.signal(signal.SIGTERM, _sweep_and_leave)
        _prctl(_SUBREAPER, 1)
        _prctl(_DEATH_SIGNAL, signal.SIGTERM)
    if job["filter"]:
        _refuse_calls(job["filter"])
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.write(job["status"], b"started\n")
    program = os.fork()
    if program == 0:
        _become(job)
    _prctl(_DUMPABLE, 0)
    os.close(job["report"])
    os.close(job["output"])
    status = os.waitstatus_to_exitcode(_wait_for(program))
    told = "exit" if status >= 0 else "signal", abs(status), resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    os.write(job["status"], "{} {} {}\n".format(*told).encode())
    if job["sweep"]:
        _sweep()
    os._exit(0)


def _become(job: dict[str, Any]) -> NoReturn:
    """Turn into the program, with nothing open but stdin, the output and the report."""
    try:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(job["output"], 1)
        os.dup2(job["output"], 2)
        os.dup2(job["report"], job["report_fd"])
        os.closerange(3, job["report_fd"])
        os.closerange(job["report_fd"] + 1, resource.getrlimit(resource.RLIMIT_NOFILE)[0])
        for number in (signal.SIGTERM, signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(number, signal.SIG_DFL)
        os.setsid()
        os.chdir(job["folder"])
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="utf-8")
        for name, (soft, hard) in job["rlimits"].items():
            _limit(getattr(resource, name), soft, hard)
        os.execvpe(job["argv"][0], job["argv"], job["environment"])  # noqa: S606 -- it is what all this is for
    except (OSError, ValueError) as error:
        os.write(2, f"{job['argv'][0]}: {error}\n".encode("utf-8", "surrogateescape"))
    finally:
        os._exit(127)


def _limit(kind: int, soft: int, hard: int) -> None:
    """Set a limit, or the stricter one that holds already."""
    ceiling = resource.getrlimit(kind)[1]
    if ceiling != resource.RLIM_INFINITY:
        soft, hard = min(soft, ceiling), min(hard, ceiling)
    resource.setrlimit(kind, (soft, hard))


def _wait_for(program: int) -> int:
    """The status of the program; whatever else ends meanwhile is an orphan and forgotten."""
    while True:
        pid, status = os.wait()
        if pid == program:
            return status


def _sweep_and_leave(*_: object) -> NoReturn:
    """On SIGTERM, and when the supervisor dies: leave nothing behind."""
    _sweep()
    os._exit(0)


def _sweep() -> None:
    """Kill what descends from here; orphans become children of this process, so that each round sees the next layer."""
    end = time.monotonic() + _SWEEP_SECONDS
    while time.monotonic() < end:
        pids = [int(pid) for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_bytes().split()]
        if not pids:
            return
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        for pid in pids:
            os.waitpid(pid, 0)


def _refuse_calls(program: list[tuple[int, int, int, int]]) -> None:
    """Give the kernel a filter of system calls for this process and all that come from it."""
    steps = b"".join(struct.pack("=HBBI", *step) for step in program)
    holder = ctypes.create_string_buffer(steps, len(steps))
    head = struct.pack("@HP", len(program), ctypes.addressof(holder))
    _prctl(_SECCOMP, _FILTER, ctypes.create_string_buffer(head, len(head)))


def _prctl(option: int, value: int, more: Any = 0) -> None:
    """One of the process's own switches; raises OSError where the kernel refuses."""
    library = ctypes.CDLL(None, use_errno=True)
    if library.prctl(option, value, more, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")


if __name__ == "__main__":
    main()
