"""Processes that work through jobs and may die or hang on one of them without stopping the rest."""

import multiprocessing
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Generic, TypeVar

Job = TypeVar("Job")
Outcome = TypeVar("Outcome")


@dataclass(frozen=True, slots=True)
class Lost(Generic[Job]):
    """A job whose process died or took too long."""

    job: Job
    reason: str


@dataclass(slots=True)
class _Worker(Generic[Job, Outcome]):
    """One process, the pipe to it, and what it is at."""

    work: Callable[[Job], Outcome]
    process: BaseProcess = field(init=False)
    pipe: Connection = field(init=False)
    job: Job | None = None
    since: float = 0.0

    def __post_init__(self) -> None:
        self.pipe, theirs = multiprocessing.Pipe()
        self.process = multiprocessing.Process(target=_serve, args=(theirs, self.work), daemon=True)
        self.process.start()
        theirs.close()

    def give(self, job: Job) -> None:
        """Start the process on a job."""
        self.job, self.since = job, time.monotonic()
        self.pipe.send(job)

    def stop(self) -> None:
        """End the process, whatever it is at."""
        self.process.kill()
        self.process.join()
        self.pipe.close()


def _serve(pipe: Connection, work: Callable[[Job], Outcome]) -> None:
    """What a process does: answer jobs until the pipe closes."""
    with suppress(EOFError, KeyboardInterrupt):
        while True:
            pipe.send(work(pipe.recv()))


def each(
    work: Callable[[Job], Outcome], jobs: Iterable[Job], *, processes: int, limit: float
) -> Iterator[Outcome | Lost[Job]]:
    """
    `work` of every job, in the order in which they end, in so many processes.

    A job that kills its process, or that takes longer than `limit` seconds, is `Lost`; the others go on.
    """
    waiting = deque(jobs)
    busy: list[_Worker[Job, Outcome]] = []
    idle: list[_Worker[Job, Outcome]] = []
    try:
        while waiting or busy:
            while waiting and len(busy) < processes:
                worker = idle.pop() if idle else _Worker[Job, Outcome](work)
                worker.give(waiting.popleft())
                busy.append(worker)
            for worker, outcome in _ended(busy, limit):
                busy.remove(worker)
                if isinstance(outcome, Lost):
                    worker.stop()
                else:
                    idle.append(worker)
                yield outcome
    finally:
        for worker in (*busy, *idle):
            worker.stop()


def _ended(busy: list[_Worker[Job, Outcome]], limit: float) -> list[tuple[_Worker[Job, Outcome], Outcome | Lost[Job]]]:
    """The workers that have answered, died or run out of time, after waiting for one to."""
    ready = wait([worker.pipe for worker in busy], timeout=1.0)
    ended: list[tuple[_Worker[Job, Outcome], Outcome | Lost[Job]]] = []
    for worker in busy:
        assert worker.job is not None
        if worker.pipe in ready:
            try:
                ended.append((worker, worker.pipe.recv()))
            except EOFError:
                worker.process.join()
                ended.append((worker, Lost(worker.job, f"its process ended with code {worker.process.exitcode}")))
        elif time.monotonic() - worker.since > limit:
            ended.append((worker, Lost(worker.job, f"took longer than {limit:g} s")))
    return ended
