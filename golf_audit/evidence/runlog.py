"""A training log as typed events, run by run."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from golf_audit.evidence.events import (
    CodeSize,
    Crash,
    Echo,
    Evaluation,
    Event,
    Gpu,
    ModelSize,
    Phase,
    PhaseKind,
    Reserve,
    Seed,
    Step,
    Stop,
    TotalSize,
    Validation,
    ValTokens,
    World,
)
from golf_audit.evidence.families import events_of
from golf_audit.evidence.runtime import Embedded, split
from golf_audit.finding import Location

if TYPE_CHECKING:
    from golf_audit.submission import File

Kind = TypeVar("Kind", bound=Event)
_SEED_IN_NAME = re.compile(
    r"(?i)(?:seed|(?<![a-z])sd)[_-]?(\d+)|(?:^|[_-])s(\d+)(?:[_.-]|$)|_(42|314|999|1234|1337|2024|2025)\.(?:log|txt)$"
)
_MEASURED = re.compile(
    r"bpb|^norm$|(?<!val_)loss$|val_loss$|_time$|^time|elapsed|_ms$|gain|skip|nn_only|ppm_only|^void|peak|_avg$"
)
_LOG_SUFFIXES = (".log", ".txt", ".out")
_LARGEST = 8_000_000
_HEAD = 8
"""Among so many first lines a run prints the path of its own log."""
_NOT_LOGS = re.compile(r"(?i)requirement|readme|license|manifest|vocab|tokens?\.txt|notice|packages|pip")


@dataclass(frozen=True, slots=True)
class Run:
    """One run inside a log file: everything between two starts."""

    events: tuple[Event, ...]

    def of(self, kind: type[Kind]) -> tuple[Kind, ...]:
        """The events of one kind, in order."""
        return tuple(event for event in self.events if isinstance(event, kind))

    def last(self, kind: type[Kind]) -> Kind | None:
        """The last event of one kind."""
        found = self.of(kind)
        return found[-1] if found else None

    @property
    def echo(self) -> dict[str, Echo]:
        """The hyper-parameters that the run printed before or between its measurements, first print winning."""
        found: dict[str, Echo] = {}
        for event in self.of(Echo):
            if not _MEASURED.search(event.name):
                found.setdefault(event.name, event)
        return found

    @property
    def seed(self) -> int | None:
        """The seed that the run printed."""
        seeds = self.of(Seed)
        return seeds[0].value if seeds else None

    @property
    def world_size(self) -> int | None:
        """How many ranks the run printed."""
        worlds = self.of(World)
        return worlds[0].size if worlds else None

    @property
    def val_tokens(self) -> ValTokens | None:
        """The size of the validation set that the run printed."""
        found = self.of(ValTokens)
        return found[0] if found else None

    @property
    def reserve(self) -> Reserve | None:
        """What the run kept back from the training budget."""
        return self.last(Reserve)

    @property
    def stop(self) -> Stop | Step | Validation | None:
        """The event that shows how long training took: an explicit stop, else the last printed clock."""
        stops = [event for event in self.of(Stop) if event.seconds > 0]
        if stops:
            return stops[-1]
        clocks = [
            e
            for e in self.events
            if isinstance(e, Step | Validation) and e.seconds and not (isinstance(e, Step) and e.coarse)
        ]
        coarse = [e for e in self.of(Step) if e.seconds]
        return clocks[-1] if clocks else (coarse[-1] if coarse else None)

    @property
    def first_step_line(self) -> int:
        """The line of the first training measurement; beyond the end where there is none."""
        return next((e.line for e in self.events if isinstance(e, Step | Validation)), 1 << 60)

    @property
    def steps(self) -> int:
        """How many training steps the run did; 0 where it trained nothing."""
        return max((e.step for e in self.events if isinstance(e, Step | Validation | Stop)), default=0)

    @property
    def results(self) -> tuple[Evaluation, ...]:
        """Results after training, apart from those in free text."""
        return tuple(event for event in self.of(Evaluation) if not event.loose)


@dataclass(frozen=True, slots=True)
class RunLog:
    """One log file, read."""

    file: "File"
    runs: tuple[Run, ...]
    sources: tuple[Embedded, ...]

    @property
    def path(self) -> str:
        """Path inside the folder."""
        return self.file.path

    def location(self, line: int) -> Location:
        """A line of the log as a place to open."""
        return self.file.location(line)

    def of(self, kind: type[Kind]) -> tuple[Kind, ...]:
        """The events of one kind over all runs."""
        return tuple(event for run in self.runs for event in run.of(kind))

    @property
    def events(self) -> Iterator[Event]:
        """Every event of every run."""
        return (event for run in self.runs for event in run.events)

    @property
    def main(self) -> Run:
        """The run that matters most: the last that has both training and a result, else the last with a result."""
        full = [run for run in self.runs if run.results and run.steps]
        some = [run for run in self.runs if run.results]
        return (full or some or list(self.runs))[-1]

    @property
    def named_seed(self) -> int | None:
        """The seed in the file's name, else in the folder it lies in."""
        echo = self.main.echo
        told = [echo[name].value for name in ("run_id", "logfile") if name in echo]
        told += [line for line in self.file.lines[:_HEAD] if line.endswith(".txt") and " " not in line]
        for part in (*reversed(self.path.split("/")), *told):
            if match := _SEED_IN_NAME.search(part):
                return int(next(group for group in match.groups() if group))
        return None

    @property
    def seed(self) -> int | None:
        """The seed that the log prints, else the one in its name."""
        printed = self.main.seed
        if printed is None and len(seeds := {event.value for event in self.of(Seed)}) == 1:
            printed = seeds.pop()
        return printed if printed is not None else self.named_seed

    @property
    def truncated(self) -> bool:
        """Whether the log ends inside training: a last step below the total, no stop and no result after it."""
        last = self.main
        return last.steps > 0 and not last.results and not last.of(Stop)


def is_log(file: "File") -> bool:
    """Whether a file's name and size are a log's."""
    name = file.path.rsplit("/", 1)[-1]
    return name.lower().endswith(_LOG_SUFFIXES) and not _NOT_LOGS.search(name) and 0 < file.size < _LARGEST


def read_log(file: "File") -> RunLog | None:
    """Read a log; None where the file holds neither training nor a result."""
    lines, sources = split(file.lines)
    events = [event for number, text in lines for event in events_of(number, text)]
    if not any(isinstance(event, Step | Validation | Evaluation | Stop | TotalSize) for event in events):
        return None
    return RunLog(file, tuple(Run(tuple(events)) for events in _runs(events)), sources)


def _runs(events: Iterable[Event]) -> Iterator[list[Event]]:
    """Cut the events where training starts over, or where the seed is printed again after results."""
    run: list[Event] = []
    highest, results, last_echo = 0, False, 0
    for event in events:
        if _starts_over(event, highest, results):
            head = [e for e in run if e.line >= last_echo > 0] if results and last_echo > _last_result(run) else []
            body = run[: len(run) - len(head)]
            if body:
                yield body
            run, highest, results = head, 0, False
        if isinstance(event, Echo | Seed | World) and (not run or not isinstance(run[-1], Echo | Seed | World)):
            last_echo = event.line
        if isinstance(event, Step | Validation):
            highest = max(highest, event.step)
        results = results or (isinstance(event, Evaluation) and not event.loose and highest > 0)
        run.append(event)
    if run:
        yield run


def _starts_over(event: Event, highest: int, results: bool) -> bool:
    if isinstance(event, Validation | Step):
        return event.total > 0 and event.step <= 1 and highest > max(20, event.step)
    return isinstance(event, Seed) and results


def _last_result(run: list[Event]) -> int:
    return max((event.line for event in run if isinstance(event, Evaluation | Step)), default=0)


__all__ = ["CodeSize", "Crash", "Gpu", "ModelSize", "Phase", "PhaseKind", "Run", "RunLog", "is_log", "read_log"]
