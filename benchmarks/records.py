"""What the measuring scripts share: one audited folder, one labelled pull request, and how to read files of both."""

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from golf_audit.verdict import Verdict

DISQUALIFYING = "disqualifying"
HIGH = "high"
LOW = "low"


@dataclass(frozen=True, slots=True)
class Found:
    """A finding, as the results file keeps it."""

    rule: str
    code: str
    severity: str
    confidence: str
    message: str
    location: str

    @property
    def condemns(self) -> bool:
        """Whether it alone makes a submission illegal."""
        return self.severity == DISQUALIFYING and self.confidence == HIGH

    @property
    def asks(self) -> bool:
        """Whether it alone makes a submission need a ruling."""
        return not self.condemns and self.severity in {DISQUALIFYING, "ruling"} and self.confidence != LOW


@dataclass(frozen=True, slots=True)
class Result:
    """What the audit of one folder said, and how long it took."""

    pr: int
    folder: str
    """`records/<track>/<name>` inside the pull request."""
    verdict: str
    """One of `Verdict`; empty where the auditor failed."""
    entry: str = ""
    """The script taken to be the entry, inside the folder."""
    state: str = ""
    """`plain`, `packed`, `no-entry`, `unparsed`, `unparsable` (in every Python) or why it was not decoded."""
    findings: tuple[Found, ...] = ()
    unproven: tuple[str, ...] = ()
    """`rule: reason (place)`."""
    errors: tuple[str, ...] = ()
    """`part: message`."""
    phases: Mapping[str, float] = field(default_factory=dict)
    """Wall-clock seconds of each phase."""
    cpu: float = 0.0
    """Seconds of the processor that the audit took: what a busy machine does not stretch."""
    updates: int | None = None
    """Updates that follow the gradient of a loss over validation tokens; None where the program was not walked."""

    @property
    def key(self) -> tuple[int, str]:
        """What the folder is known by."""
        return self.pr, self.folder

    @property
    def name(self) -> str:
        """The pull request and its folder, for showing."""
        return f"#{self.pr} {self.folder.rsplit('/', 1)[-1]}"

    @property
    def seconds(self) -> float:
        """Wall-clock seconds of the whole audit."""
        return sum(self.phases.values())

    def reasons(self) -> tuple[str, ...]:
        """What moved the verdict away from legal, the worst first; each once."""
        said = [f"{one.code} {one.rule}" for one in self.findings if one.condemns]
        said += [f"{one.code} {one.rule}?" for one in self.findings if one.asks]
        return (*dict.fromkeys(said), *self.unproven, *self.errors)


@dataclass(frozen=True, slots=True)
class Label:
    """One pull request of the contest with the verdict that the record supports."""

    pr: int
    folder: str
    entry: str
    verdict: str
    """`legal`, `illegal`, `disputed` or `metadata_error`."""
    categories: tuple[str, ...]
    authority: str
    """`merged`, `organiser`, `author_admitted`, `community_review` or `own_reading`."""
    code_confirms: bool | None
    confirmed_by: str = ""

    def is_about(self, folder: str) -> bool:
        """Whether the verdict is about this folder: the one that holds the labelled entry."""
        return folder == self.folder or self.entry.startswith(f"{folder}/")


def read_labels(path: Path) -> tuple[Label, ...]:
    """The labels of a JSONL file."""
    return tuple(_label(json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines() if line.strip())


def _label(raw: Mapping[str, Any]) -> Label:
    return Label(
        pr=raw["pr"],
        folder=raw["folder"],
        entry=raw["entry"],
        verdict=raw["verdict"],
        categories=tuple(raw["categories"]),
        authority=raw["authority"],
        code_confirms=raw["code_confirms"],
        confirmed_by=raw.get("confirmed_by") or "",
    )


def read_results(path: Path) -> tuple[Result, ...]:
    """
    The results of a JSONL file in order; of two about one folder, the later one.

    A last line that was cut short, by a run that was killed, is left out.
    """
    results: dict[tuple[int, str], Result] = {}
    for raw in _whole_lines(path):
        result = _result(raw)
        results[result.key] = result
    return tuple(results.values())


def _whole_lines(path: Path) -> Iterator[Mapping[str, Any]]:
    text = path.read_text(encoding="utf-8")
    for line in text[: text.rfind("\n") + 1].splitlines():
        yield json.loads(line)


def _result(raw: Mapping[str, Any]) -> Result:
    return Result(
        **{
            **raw,
            "findings": tuple(Found(**one) for one in raw["findings"]),
            "unproven": tuple(raw["unproven"]),
            "errors": tuple(raw["errors"]),
        }
    )


def wilson(hits: int, total: int, z: float = 1.96) -> tuple[float, float]:
    """Wilson's interval for a proportion, 95 % unless told; (0, 1) where nothing was counted."""
    if not total:
        return 0.0, 1.0
    share = hits / total
    centre = share + z * z / (2 * total)
    spread = z * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    scale = 1 + z * z / total
    return max(0.0, (centre - spread) / scale), min(1.0, (centre + spread) / scale)


def quantile(values: Iterable[float], share: float) -> float:
    """The smallest value that at least `share` of the values do not exceed; 0 where there are none."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else 0.0


def is_open(verdict: str) -> bool:
    """Whether a verdict leaves the question to a human."""
    return verdict in {Verdict.NEEDS_RULING, Verdict.UNPROVEN}
