"""Reports as JSON, in the versioned form that `golf_audit/schema/report-1.json` describes."""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import PurePath
from typing import Any

import golf_audit
from golf_audit.engine import AuditError, Report
from golf_audit.finding import Finding, Location, Related, Unproven
from golf_audit.reports.interface import ReportFormat
from golf_audit.rulebook import Rulebook
from golf_audit.submission import Attribution

SCHEMA = "golf-audit/report-1"
"""The name of the form; a change that a reader would notice gets a new number."""


@dataclass(frozen=True)
class JsonFormat(ReportFormat):
    """One document for all reports; ASCII only, so that nothing in it acts on a terminal."""

    left_out: tuple[Attribution, ...] = ()
    """Folders that were found and not judged, for somebody else wrote them."""

    def render(self, reports: Sequence[Report]) -> str:
        """The document, indented by one space."""
        return json.dumps(document(reports, self.left_out), indent=1, allow_nan=False) + "\n"


def document(reports: Sequence[Report], left_out: Sequence[Attribution] = ()) -> dict[str, Any]:
    """The document as plain data."""
    return {
        "schema": SCHEMA,
        "tool": {"name": "golf-audit", "version": golf_audit.__version__},
        "rulebook_date": Rulebook.load().date,
        "submissions": [submission(report) for report in reports],
        "left_out": [{"path": other.path, "reason": other.reason} for other in left_out],
    }


def submission(report: Report) -> dict[str, Any]:
    """One report as plain data."""
    entry = report.case.folder.entry if report.case else None
    return {
        "folder": report.folder,
        "path": report.path,
        "track": report.track,
        "entry": {"path": entry.path, "reason": entry.reason} if entry else None,
        "layers": _layers(report),
        "verdict": report.verdict.value if report.verdict else None,
        "findings": [_finding(finding) for finding in report.findings],
        "unproven": [_unproven(unproven) for unproven in report.unproven],
        "outcomes": {rule: outcome.value for rule, outcome in sorted(report.outcomes.items())},
        "notes": list(report.notes),
        "facts": plain(report.facts),
        "errors": [_error(error) for error in report.errors],
        "seconds": round(report.seconds, 4),
        "phases": {name: round(seconds, 4) for name, seconds in report.phases.items()},
    }


def plain(value: Any) -> Any:
    """Any fact as JSON knows it: dataclasses as objects, sets as sorted lists, numbers that are none as null."""
    match value:
        case None | bool() | int():
            return value
        case float():
            return value if value - value == 0 else None
        case Enum():
            return plain(value.value)
        case str():
            return value
        case Mapping():
            return {str(key): plain(one) for key, one in value.items()}
        case set() | frozenset():
            return sorted((plain(one) for one in value), key=str)
        case list() | tuple():
            return [plain(one) for one in value]
        case PurePath():
            return value.as_posix()
        case _ if dataclasses.is_dataclass(value):
            return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
        case _:
            return str(value)


def _layers(report: Report) -> list[dict[str, Any]]:
    return [
        {"index": layer.index, "file": layer.file, "bytes": layer.size, "sha256": layer.sha256, "how": layer.how}
        for layer in report.layers
    ]


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "rule": finding.rule,
        "code": finding.code,
        "severity": finding.severity.value,
        "confidence": finding.confidence.value,
        "message": finding.message,
        "location": _location(finding.location),
        "related": [_related(related) for related in finding.related],
        "authority": [plain(Rulebook.load().authority(key)) for key in finding.authority],
        "would_change": finding.would_change,
    }


def _location(location: Location) -> dict[str, Any]:
    return {
        "file": location.file,
        "layer": location.layer,
        "line": location.line,
        "column": location.column,
        "text": location.text,
        "pointer": location.pointer,
    }


def _related(related: Related) -> dict[str, Any]:
    return {"message": related.message, "location": _location(related.location)}


def _unproven(unproven: Unproven) -> dict[str, Any]:
    where = _location(unproven.location) if unproven.location else None
    return {"rule": unproven.rule, "reason": unproven.reason, "location": where}


def _error(error: AuditError) -> dict[str, Any]:
    return {"part": error.part, "message": error.message}
