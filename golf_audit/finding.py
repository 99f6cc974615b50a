"""What an audit says: locations, findings, and what could not be decided."""

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How bad the foul is, if it is one."""

    DISQUALIFYING = "disqualifying"
    RULING = "ruling"
    METADATA = "metadata"
    INFO = "info"


class Confidence(StrEnum):
    """How sure the auditor is that the foul is there: high is shown, medium very likely, low a hint."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


@dataclass(frozen=True, slots=True)
class Location:
    """A place that a reviewer can open."""

    file: str
    """Path inside the submission's folder, with forward slashes."""
    line: int = 0
    """One-based line in `layer`; 0 stands for the whole file."""
    column: int = 0
    """Zero-based column."""
    layer: int = 0
    """Which decoded layer the line is in: 0 is the file as shipped, 1 what it decodes to, and so on."""
    text: str = ""
    """The line's own text, without its newline, cut to a readable length."""
    pointer: str = ""
    """JSON pointer (RFC 6901) where the file is JSON."""

    def __str__(self) -> str:
        layer = f" (decoded layer {self.layer})" if self.layer else ""
        place = f":{self.line}" if self.line else ""
        return f"{self.file}{place}{self.pointer and '#' + self.pointer}{layer}"


@dataclass(frozen=True, slots=True)
class Related:
    """A further place, with the half-sentence that says what it has to do with the finding."""

    location: Location
    message: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One foul (or doubt) with its evidence; it cannot be made without a primary location."""

    rule: str
    """The rule's id, e.g. `train-then-score`."""
    code: str
    """The rulebook's code, e.g. `GA-C3-001`."""
    severity: Severity
    confidence: Confidence
    message: str
    """One sentence."""
    location: Location
    authority: tuple[str, ...]
    """Keys of the rulebook's authorities, strongest first."""
    would_change: str
    """What would change this verdict, in one sentence."""
    related: tuple[Related, ...] = ()

    def __post_init__(self) -> None:
        if not self.message or not self.location.file:
            raise ValueError("a finding needs a message and a primary location")


@dataclass(frozen=True, slots=True)
class Unproven:
    """A question that the audit could not decide, and why."""

    rule: str
    """The rule's id, or `source` / `program` where no rule could look."""
    reason: str
    location: Location | None = None
