"""Reports as SARIF 2.1.0, which code-scanning pages read."""

import json
from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import quote

import golf_audit
from golf_audit.engine import Report
from golf_audit.finding import Confidence, Finding, Location, Severity
from golf_audit.pages import summary
from golf_audit.registry import known_rules
from golf_audit.reports import inert
from golf_audit.reports.interface import ReportFormat
from golf_audit.rule import Rule
from golf_audit.rulebook import Rulebook
from golf_audit.verdict import Verdict, verdict_of

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
LEVELS = {Verdict.ILLEGAL: "error", Verdict.NEEDS_RULING: "warning", Verdict.LEGAL: "note"}


class SarifFormat(ReportFormat):
    """One run; a result per finding, and a notification for everything that could not be decided."""

    def render(self, reports: Sequence[Report]) -> str:
        """The log, indented by one space."""
        rules = known_rules()
        run = {
            "tool": {"driver": _driver(rules)},
            "invocations": [_invocation(reports)],
            "results": [_result(report, finding, rules) for report in reports for finding in report.findings],
        }
        return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=1) + "\n"


def _driver(rules: Iterable[Rule]) -> dict[str, Any]:
    return {
        "name": "golf-audit",
        "version": golf_audit.__version__,
        "informationUri": "https://github.com/openai/parameter-golf",
        "rules": [_rule(rule) for rule in rules],
    }


def _rule(rule: Rule) -> dict[str, Any]:
    book = Rulebook.load()
    help_text = "\n".join(
        f"{one.who}, {one.date}, {one.url}: {one.says}" for one in map(book.authority, rule.authority)
    )
    return {
        "id": rule.id,
        "name": type(rule).__name__,
        "shortDescription": {"text": inert.sarif(summary(rule))},
        "help": {"text": help_text or summary(rule)},
        "properties": {"tags": [rule.code, rule.severity.value]},
        "defaultConfiguration": {"level": "error" if rule.severity is Severity.DISQUALIFYING else "warning"},
    }


def _invocation(reports: Iterable[Report]) -> dict[str, Any]:
    """Whether the auditor itself did its work, and what it could not decide."""
    errors = [(report, error) for report in reports for error in report.errors]
    return {
        "executionSuccessful": not errors,
        "toolExecutionNotifications": [
            *(
                {"level": "error", "message": {"text": inert.sarif(f"{r.folder}: {e.part}: {e.message}")}}
                for r, e in errors
            ),
            *(
                {"level": "note", "message": {"text": inert.sarif(f"{r.folder}: {one.rule} is unproven: {one.reason}")}}
                for r in reports
                for one in r.unproven
            ),
        ],
    }


def _result(report: Report, finding: Finding, rules: Sequence[Rule]) -> dict[str, Any]:
    names = [rule.id for rule in rules]
    index = {"ruleIndex": names.index(finding.rule)} if finding.rule in names else {}
    return {
        "ruleId": finding.rule,
        **index,
        "level": LEVELS[verdict_of(finding)],
        "message": {"text": inert.sarif(finding.message)},
        "locations": [_place(report, finding.location)],
        "relatedLocations": [
            {"id": number, **_place(report, related.location), "message": {"text": inert.sarif(related.message)}}
            for number, related in enumerate(finding.related, 1)
        ],
        "properties": {
            "code": finding.code,
            "severity": finding.severity.value,
            "confidence": finding.confidence.value,
            "would_change": finding.would_change,
        },
        **({"suppressions": [{"kind": "external"}]} if finding.confidence is Confidence.LOW else {}),
    }


def _place(report: Report, location: Location) -> dict[str, Any]:
    """A place in a file as shipped; a line of a decoded layer cannot be shown there, so it is said in words."""
    path = f"{report.path.rstrip('/')}/{location.file}" if report.path else location.file
    physical: dict[str, Any] = {"artifactLocation": {"uri": quote(path.lstrip("/"))}}
    if location.line and not location.layer:
        physical["region"] = {"startLine": location.line, "startColumn": location.column + 1}
    elif location.layer:
        physical["region"] = {"startLine": 1}
    return {"physicalLocation": physical, "logicalLocations": [{"fullyQualifiedName": str(location)}]}
