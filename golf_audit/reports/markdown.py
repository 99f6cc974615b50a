"""Reports as a pull-request comment."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from golf_audit.engine import Report
from golf_audit.finding import Confidence, Finding, Location
from golf_audit.reports import inert
from golf_audit.reports.excerpt import excerpt
from golf_audit.reports.interface import ReportFormat
from golf_audit.rulebook import Rulebook
from golf_audit.verdict import is_suspect


class MarkdownFormat(ReportFormat):
    """One section per folder; everything of the submission is shown literally, so that nobody is called by name."""

    def render(self, reports: Sequence[Report]) -> str:
        """The comment."""
        book = Rulebook.load()
        ran = any(report.facts.get("trace") for report in reports)
        how = "The submission was run at toy scale in a sandbox" if ran else "Nothing of the submission was executed"
        foot = f"<sub>golf-audit, rulebook of {book.date}. {how}.</sub>"
        return "\n".join([*(line for report in reports for line in _section(report)), foot]) + "\n"


def _section(report: Report) -> Iterator[str]:
    verdict = report.verdict.value if report.verdict else "no verdict"
    yield f"### {verdict}: {inert.code_span(report.folder)}"
    yield ""
    for error in report.errors:
        yield f"**No audit was performed**: error in {inert.markdown(error.part)}: {inert.markdown(error.message)}"
        yield ""
    shown = [finding for finding in report.findings if finding.confidence is not Confidence.LOW]
    if report.verdict and not shown and not report.unproven:
        yield f"{len(report.outcomes)} rules asked, nothing found."
        yield ""
    for finding in shown:
        yield from _finding(report, finding)
    if report.unproven:
        yield "**Not decided**"
        yield ""
        for one in report.unproven:
            where = f" ({_where(one.location)})" if one.location else ""
            yield f"* `{one.rule}`: {inert.markdown(one.reason)}{where}"
        yield ""
    yield from _observed(report.facts.get("trace", {}))


def _observed(trace: Mapping[str, Any]) -> Iterator[str]:
    """What a run showed: each condition with its witness, and the run as a raster."""
    if not trace:
        return
    yield "| observed | state | witness |"
    yield "|---|---|---|"
    for one in trace["conditions"]:
        yield f"| {one['name']} | {one['state']} | {inert.markdown(one['witness'])} |"
    yield ""
    if rows := trace["timeline"]["rows"]:
        yield "Positions of the stream (down) over the run (across): `s` scored, `L` learned from, `B` both."
        yield ""
        yield inert.code_block("\n".join(rows))
        yield ""


def _finding(report: Report, finding: Finding) -> Iterator[str]:
    degree = "suspect, " if is_suspect(finding) else ""
    yield f"#### `{finding.rule}` ({finding.code}, {degree}{finding.severity.value})"
    yield ""
    yield f"{inert.markdown(finding.message)}"
    yield ""
    yield _where(finding.location)
    yield ""
    code = excerpt(report.case, finding.location)
    if code:
        rows = [f"{code.first + offset:>5}  {text}" for offset, text in enumerate(code.lines)]
        yield inert.code_block("\n".join(rows))
        yield ""
    for related in finding.related:
        yield f"* {_where(related.location)}: {inert.markdown(related.message)}"
    for key in finding.authority:
        authority = Rulebook.load().authority(key)
        yield f"* [{authority.who}, {authority.date}]({authority.url}): {authority.says}"
    yield f"* What would change this: {inert.markdown(finding.would_change)}"
    yield ""


def _where(location: Location) -> str:
    return inert.code_span(str(location))
