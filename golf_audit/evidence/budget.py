"""How long a run trained and evaluated, and what each figure includes."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from golf_audit.evidence.events import Evaluation, Phase, PhaseKind, Step, Stop, Validation
from golf_audit.evidence.runlog import Run

_ADAPT_FIRST = re.compile(r"pre-?_?quant", re.I)
_SAME = 0.05
_NEAR = 12
"""Lines between the rounded and the exact print of one result."""


@dataclass(frozen=True, slots=True)
class Part:
    """One timed part of an evaluation, in seconds, with its line."""

    label: str
    seconds: float
    line: int


@dataclass(frozen=True, slots=True)
class EvaluationTime:
    """The time that the headline score needed after training, and what was timed besides."""

    needed: tuple[Part, ...]
    """The scoring pass and whatever adapts the model for it; no diagnostics."""
    outside: tuple[Part, ...]
    """Done for the headline but outside its timer: look-ups built beforehand, compilation."""
    others: tuple[Part, ...]
    """Diagnostic passes."""
    stated: Part | None = None
    """A total that the log states itself."""

    @property
    def seconds(self) -> float:
        """Sum of what the score needed."""
        return sum(part.seconds for part in self.needed)

    @property
    def everything(self) -> float:
        """Sum of every timed part after training."""
        return sum(part.seconds for part in (*self.needed, *self.outside, *self.others))


@dataclass(frozen=True, slots=True)
class TrainingTime:
    """When training stopped on its own clock, in seconds, and how long a step took."""

    seconds: float
    line: int
    step_seconds: float
    """Mean time of the last steps; 0 where it cannot be told."""
    coarse: bool
    """Whether the clock was printed in tenths of minutes."""


def training_time(run: Run) -> TrainingTime | None:
    """How long the run trained; None where its log has no clock."""
    end = run.stop
    if end is None or not end.seconds:
        return None
    coarse = isinstance(end, Step) and end.coarse
    return TrainingTime(end.seconds, end.line, _step_seconds(run, end), coarse)


def _step_seconds(run: Run, end: Stop | Step | Validation) -> float:
    clocks = [
        (e.step, e.seconds)
        for e in run.events
        if isinstance(e, Step | Validation) and e.seconds and e.step and not (isinstance(e, Step) and e.coarse)
    ]
    if end.step and end.seconds:
        clocks.append((end.step, end.seconds))
    recent = [(step, seconds) for step, seconds in clocks if step >= 0.8 * end.step]
    for (low, start), (high, stop) in ((recent[0], recent[-1]),) if len(recent) > 1 else ():
        if high > low and stop > start:
            return (stop - start) / (high - low)
    return end.seconds / end.step if end.seconds and end.step else 0.0


def calibration(run: Run) -> tuple[Phase, ...]:
    """Calibration after the last training clock: the timed phases, else those that only say that they began."""
    end = run.stop
    after = end.line if end else 0
    phases = tuple(phase for phase in run.of(Phase) if phase.kind is PhaseKind.CALIBRATION and phase.line > after)
    return tuple(phase for phase in phases if phase.seconds) or phases


def evaluation_time(run: Run, headline: Evaluation) -> EvaluationTime | None:
    """What the headline's evaluation took; None where the log does not time it."""
    own = _own_seconds(run, headline)
    stated = next(
        (
            Part(p.label, p.seconds, p.line)
            for p in run.of(Phase)
            if p.kind is PhaseKind.TOTAL and p.line >= headline.line - 3
        ),
        None,
    )
    if own is None and stated is None:
        return None
    scoring = own or Part(stated.label if stated else headline.label, stated.seconds if stated else 0.0, headline.line)
    adapting = tuple(_adaptations(run, headline, scoring))
    outside = tuple(_parts(run, headline, {PhaseKind.PRECOMPUTE, PhaseKind.COMPILE}))
    return EvaluationTime((*adapting, scoring), outside, tuple(_diagnostics(run, headline)), stated)


def _own_seconds(run: Run, headline: Evaluation) -> Part | None:
    """The longest time stated for the headline's value: rounded and exact lines of one result share it."""
    same = [e for e in run.of(Evaluation) if e.seconds and _one_result(e, headline)]
    if not same:
        same = [
            e
            for e in run.of(Evaluation)
            if e.seconds and 0 <= headline.line - e.line <= _NEAR and _words(e) < _words(headline)
        ]
    if not same:
        return None
    longest = max(same, key=lambda event: event.seconds or 0.0)
    return Part(longest.label, longest.seconds or 0.0, longest.line)


def _words(event: Evaluation) -> frozenset[str]:
    """The words of a label: a pass whose words are among the headline's is the pass that the headline was made from."""
    return frozenset(re.split(r"[\W_]+", event.label.lower()))


def _one_result(event: Evaluation, headline: Evaluation) -> bool:
    return (
        abs(event.bpb - headline.bpb) <= 0.51 * 10.0 ** -min(event.digits, headline.digits)
        and abs(event.line - headline.line) <= _NEAR
    )


def _after_training(run: Run, line: int) -> bool:
    end = run.stop
    return end is None or line > end.line


def _adaptations(run: Run, headline: Evaluation, scoring: Part) -> Iterator[Part]:
    """Adaptation with a time of its own before the headline, each once, unless the scoring pass is long enough to contain it."""
    seen: list[float] = []
    for phase in run.of(Phase):
        apart = _ADAPT_FIRST.search(phase.label) or phase.seconds > scoring.seconds * (1 + _SAME)
        if (
            phase.kind is not PhaseKind.ADAPTATION
            or phase.line >= headline.line
            or not _after_training(run, phase.line)
            or not apart
        ):
            continue
        if not any(abs(phase.seconds - other) <= _SAME * other for other in seen):
            seen.append(phase.seconds)
            yield Part(phase.label, phase.seconds, phase.line)


def _parts(run: Run, headline: Evaluation, kinds: set[PhaseKind]) -> Iterator[Part]:
    for phase in run.of(Phase):
        if phase.kind in kinds and phase.line < headline.line and _after_training(run, phase.line):
            yield Part(phase.label, phase.seconds, phase.line)


def _diagnostics(run: Run, headline: Evaluation) -> Iterator[Part]:
    seen: list[float] = []
    for event in run.of(Evaluation):
        if not event.seconds or not _after_training(run, event.line) or _one_result(event, headline):
            continue
        if not any(abs(event.seconds - other) < 1.0 for other in seen):
            seen.append(event.seconds)
            yield Part(event.label, event.seconds, event.line)
