"""Which machine a submission says it ran on, where that is another than the contest's."""

import re
from collections.abc import Iterator

from golf_audit.evidence.events import Gpu
from golf_audit.evidence.evidence import Evidence
from golf_audit.evidence.naming import other_device
from golf_audit.evidence.runlog import Run, RunLog
from golf_audit.finding import Location

CONTEST = "H100"
"""The device that the budgets are of."""
_OURS = re.compile(rf"\d\s*[x×]\s*(?:NVIDIA\s+)?{CONTEST}", re.IGNORECASE)


def other_devices(evidence: Evidence, log: RunLog, run: Run) -> Iterator[tuple[str, Location]]:
    """Devices other than the contest's: those that the run printed, else those that metadata or README say it was."""
    printed = run.of(Gpu) or (log.of(Gpu) if len(log.runs) == 1 else ())
    if printed:
        yield from ((gpu.name, log.location(gpu.line)) for gpu in printed if CONTEST not in gpu.name)
    else:
        yield from _said(evidence)


def _said(evidence: Evidence) -> Iterator[tuple[str, Location]]:
    """What is named as so many of another device, where nowhere so many of the contest's are named."""
    readme = evidence.claims.readme.file
    lines = [(line, readme.location(number)) for number, line in enumerate(readme.lines, 1)] if readme else []
    words = [*((text, place) for _, text, place in evidence.claims.metadata.text()), *lines]
    if any(_OURS.search(text) for text, _ in words):
        return
    for text, place in words:
        if device := other_device(text):
            yield device, place
