"""The typed events that a training log is read into; every one knows its one-based line."""

from dataclasses import dataclass
from enum import StrEnum


class PhaseKind(StrEnum):
    """What a timed stretch of a run did, as far as its own words say."""

    ADAPTATION = "adaptation"
    CALIBRATION = "calibration"
    PRECOMPUTE = "precompute"
    COMPILE = "compile"
    SERIALISATION = "serialisation"
    TOTAL = "total"
    """A total that the log states itself, such as `total_eval_time`."""
    ARTIFACT = "artifact"
    """A stated total from the start of training to the finished artifact."""
    OTHER = "other"


class CodeForm(StrEnum):
    """Which form of the code a size is of."""

    PLAIN = "plain"
    COMPRESSED = "compressed"
    UNCOMPRESSED = "uncompressed"


@dataclass(frozen=True, slots=True)
class Event:
    """Something a log says at one line."""

    line: int


@dataclass(frozen=True, slots=True)
class Echo(Event):
    """A hyper-parameter the run printed."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Step(Event):
    """A training step with its loss (nats per token) and the training clock in seconds, where printed."""

    step: int
    total: int
    loss: float | None
    seconds: float | None
    coarse: bool = False
    """Whether the clock was printed in tenths of minutes."""


@dataclass(frozen=True, slots=True)
class Validation(Event):
    """A validation inside the training loop: loss in nats per token, bpb in bits per byte."""

    step: int
    total: int
    loss: float | None
    bpb: float
    seconds: float | None


@dataclass(frozen=True, slots=True)
class Stop(Event):
    """The end of training: the clock in seconds and the step."""

    seconds: float
    step: int


@dataclass(frozen=True, slots=True)
class Evaluation(Event):
    """A result after (or apart from) training, with the label that the log gives it."""

    label: str
    loss: float | None
    """Nats per token."""
    bpb: float
    digits: int
    """Decimals that the bpb was printed with."""
    loss_digits: int = 0
    seconds: float | None = None
    tokens: int | None = None
    """How many tokens the line says were scored."""
    nbytes: int | None = None
    """How many bytes the line says they stand for."""
    loose: bool = False
    """Whether the line is free text that merely names a bpb."""


@dataclass(frozen=True, slots=True)
class Phase(Event):
    """A stretch of time that the log states, in seconds, with no result of its own; zero where it only says that it began."""

    kind: PhaseKind
    label: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Progress(Event):
    """One line of an evaluation or adaptation under way."""

    label: str
    index: int
    total: int


@dataclass(frozen=True, slots=True)
class ModelSize(Event):
    """Bytes of a serialised model."""

    label: str
    size: int


@dataclass(frozen=True, slots=True)
class CodeSize(Event):
    """Bytes of code that the run counted."""

    size: int
    form: CodeForm
    raw: int | None = None
    """Bytes of the uncompressed source, where the same line states them."""


@dataclass(frozen=True, slots=True)
class TotalSize(Event):
    """Bytes of code and model together, as the log adds them."""

    label: str
    size: int
    exact: bool = True
    """False where the log rounds (megabytes)."""


@dataclass(frozen=True, slots=True)
class Seed(Event):
    """The random seed."""

    value: int


@dataclass(frozen=True, slots=True)
class World(Event):
    """How many ranks."""

    size: int


@dataclass(frozen=True, slots=True)
class Gpu(Event):
    """A device that the log names."""

    name: str


@dataclass(frozen=True, slots=True)
class ValTokens(Event):
    """How many tokens the validation set has."""

    count: int


@dataclass(frozen=True, slots=True)
class Reserve(Event):
    """Seconds that the run kept back from the training budget."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Note(Event):
    """A milestone in words: averaging applied, late quantisation, looping."""

    what: str


@dataclass(frozen=True, slots=True)
class Version(Event):
    """A library or interpreter version."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Crash(Event):
    """A traceback, a kill or an out-of-memory message."""

    text: str
