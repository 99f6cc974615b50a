"""Starts one run, watches it from outside, and ends it: nothing of it is left when `supervise` returns."""

import json
import os
import selectors
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from golf_audit.sandbox import ending
from golf_audit.sandbox.capture import Capture
from golf_audit.sandbox.job import PROGRAMS
from golf_audit.sandbox.terms import Ending, Limits, Outcome, SandboxUnavailableError
from golf_audit.sandbox.watch import Watch, watch

Sink = Callable[[bytes], None]
_SAMPLE_SECONDS = 0.15
_CHUNK = 2**16
_STATUS_BYTES = 256
_DRAIN_BYTES = 2**22
_EXCERPT = 600


@dataclass(frozen=True, slots=True)
class Command:
    """How a sandbox starts its launcher."""

    argv: Sequence[str]
    job: dict[str, Any]
    folder: Path
    isolated: bool
    """Whether the launcher is the first process of a process namespace, so that all of it dies with it."""
    descriptors: Sequence[int] = ()
    """Open files that the command reads."""


@dataclass(frozen=True, slots=True)
class Listeners:
    """Whom to tell what arrives, and whom to ask whether to go on."""

    output: Sink | None = None
    report: Sink | None = None
    stop: Callable[[], bool] | None = None


def supervise(command: Command, limits: Limits, listeners: Listeners) -> Outcome:
    """
    Run a command within limits.

    Raises SandboxUnavailableError where the sandbox could not be put together; what a listener raises ends the run, too.
    """
    with ExitStack() as stack:
        run = _Run(command, limits, listeners, stack)
        try:
            run.start()
            run.follow()
        finally:
            run.end()
        run.drain()
        return run.outcome()


@dataclass(slots=True)
class _Run:
    """One run: its process, its pipes, what came through them, and why it ends."""

    command: Command
    limits: Limits
    listeners: Listeners
    stack: ExitStack
    ending: Ending | None = None
    begun: float = field(default_factory=time.monotonic)
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    capture: Capture = field(default_factory=Capture)
    reported: int = 0
    status: bytes = b""
    complaint: bytes = b""
    selector: selectors.BaseSelector = field(init=False)
    process: subprocess.Popen[bytes] | None = None
    watch: Watch | None = None

    def start(self) -> None:
        """Start the launcher with its job on stdin and pipes for all that it and the program say."""
        self.selector = self.stack.enter_context(selectors.DefaultSelector())
        with ExitStack() as writing:
            takers = (self._output, self._report, self._status, self._complaint)
            output, report, status, complaint = (self._pipe(take, writing) for take in takers)
            job = {**self.command.job, "output": output, "report": report, "status": status}
            source = writing.enter_context(tempfile.TemporaryFile())
            source.write(json.dumps(job).encode())
            source.seek(0)
            self.process = subprocess.Popen(  # noqa: S603 -- the sandbox's own command; the program is in the job
                self.command.argv,
                stdin=source,
                stdout=complaint,
                stderr=complaint,
                pass_fds=(output, report, status, *self.command.descriptors),
                env={"PATH": PROGRAMS, "LANG": "C.UTF-8"},
                start_new_session=True,
            )
        self.watch = watch(self.process.pid, self.command.folder, self.limits)
        exited = os.pidfd_open(self.process.pid)
        self.stack.callback(os.close, exited)
        self.selector.register(exited, selectors.EVENT_READ)

    def follow(self) -> None:
        """Take what comes and look at the processes, until the launcher ends or the run has to."""
        due = self.begun
        while self.ending is None:
            if time.monotonic() >= due:
                self.ending = self._look()
                due = time.monotonic() + _SAMPLE_SECONDS
            for key, _ in self.selector.select(max(0.0, due - time.monotonic())):
                if key.data is None:
                    return
                self._take(key.fd, key.data)

    def end(self) -> None:
        """Kill what is left, and note what all of it took."""
        if self.process is None:
            return
        (ending.end_namespace if self.command.isolated else ending.end_launcher)(self.process.pid)
        _, status, used = os.wait4(self.process.pid, 0)
        self.process.returncode = os.waitstatus_to_exitcode(status)
        self.seconds = time.monotonic() - self.begun
        self.cpu_seconds = max(used.ru_utime + used.ru_stime, self.watch.cpu_seconds if self.watch else 0.0)

    def drain(self) -> None:
        """Take what the pipes still hold."""
        for key in list(self.selector.get_map().values()):
            taken = 0
            while key.data is not None and taken < _DRAIN_BYTES and (size := self._take(key.fd, key.data)):
                taken += size

    def outcome(self) -> Outcome:
        """How it ended; raises SandboxUnavailableError where it never began."""
        if not self.status.startswith(b"started\n") and self.ending is None:
            said = self.complaint.decode("utf-8", "replace").strip()
            raise SandboxUnavailableError(f"the sandbox could not be put together: {said or 'it said nothing'}")
        code, peak = _told(self.status)
        return Outcome(
            ending=self.ending or _ending(code),
            returncode=None if self.ending else code,
            seconds=self.seconds,
            cpu_seconds=self.cpu_seconds,
            peak_memory=max(peak, self.watch.peak_memory if self.watch else 0),
            output=self.capture.kept,
            cut=self.capture.cut,
        )

    def _look(self) -> Ending | None:
        """The reason to end the run now, if there is one."""
        if self.listeners.stop is not None and self.listeners.stop():
            return Ending.STOPPED
        if time.monotonic() - self.begun > self.limits.wall_seconds:
            return Ending.WALL_CLOCK
        return self.watch.look() if self.watch else None

    def _pipe(self, take: Sink, writing: ExitStack) -> int:
        """The end to write to of a new pipe, closed with `writing`; what comes through it goes to `take`."""
        source, sink = os.pipe()
        self.stack.callback(os.close, source)
        writing.callback(os.close, sink)
        os.set_blocking(source, False)
        self.selector.register(source, selectors.EVENT_READ, take)
        return sink

    def _take(self, descriptor: int, take: Sink) -> int:
        """Hand on what can be read now; the number of bytes."""
        try:
            data = os.read(descriptor, _CHUNK)
        except BlockingIOError:
            return 0
        if data:
            take(data)
        else:
            self.selector.unregister(descriptor)
        return len(data)

    def _output(self, data: bytes) -> None:
        """Something was written to stdout or stderr."""
        self.capture.add(data)
        if self.capture.total > self.limits.output_bytes:
            self.ending = self.ending or Ending.OUTPUT
        if self.listeners.output is not None:
            self.listeners.output(data)

    def _report(self, data: bytes) -> None:
        """Something was written to the report."""
        self.reported += len(data)
        if self.reported > self.limits.report_bytes:
            self.ending = self.ending or Ending.OUTPUT
        elif self.listeners.report is not None:
            self.listeners.report(data)

    def _complaint(self, data: bytes) -> None:
        """What puts the sandbox together said something; only its last words are kept."""
        self.complaint = (self.complaint + data)[-_EXCERPT:]

    def _status(self, data: bytes) -> None:
        """The launcher said how far it is."""
        self.status = (self.status + data)[:_STATUS_BYTES]
        if self.watch is not None:
            self.watch.inside = self.command.isolated


def _told(status: bytes) -> tuple[int, int]:
    """
    What the launcher told: the exit status, a signal's number below zero, and the most memory of one process.

    A launcher that told nothing was killed.
    """
    match status.split():
        case [b"started", kind, number, peak] if number.isdigit() and peak.isdigit():
            return (int(number) if kind == b"exit" else -int(number)), int(peak) * 1024
        case _:
            return -signal.SIGKILL, 0


def _ending(code: int) -> Ending:
    """What an exit status says about the reason."""
    match -code:
        case signal.SIGXCPU:
            return Ending.CPU
        case signal.SIGXFSZ:
            return Ending.DISK
        case number:
            return Ending.SIGNALLED if number > 0 else Ending.EXITED
