"""Reports for people: a line per folder, findings with the code they are about, and what could not be decided."""

import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum

from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from golf_audit.engine import Report
from golf_audit.evidence.facts import fact_table
from golf_audit.finding import Confidence, Finding, Location, Severity
from golf_audit.reports import inert
from golf_audit.reports.excerpt import excerpt
from golf_audit.reports.facts import Sheet, flat, sheets
from golf_audit.reports.facts_table import facts_table
from golf_audit.reports.interface import ReportFormat
from golf_audit.reports.observed import observed
from golf_audit.rulebook import Rulebook
from golf_audit.verdict import is_suspect

STYLES = {
    "illegal": "bold white on red",
    "needs-ruling": "bold black on yellow",
    "unproven": "bold black on cyan",
    "legal": "bold black on green",
    "no verdict": "bold white on magenta",
}
WORDS = {Confidence.HIGH: "certain", Confidence.MEDIUM: "likely", Confidence.LOW: "a hint"}


FOULS = 4
"""Rules named in a folder's first line."""


class Detail(IntEnum):
    """How much is shown."""

    QUIET = 0
    """One line per folder."""
    NORMAL = 1
    """Findings and what could not be decided."""
    VERBOSE = 2
    """Also the facts, every rule's outcome, the layers and the time of each phase."""


@dataclass(frozen=True)
class TerminalFormat(ReportFormat):
    """The report as text, coloured where `color` says so."""

    width: int = 100
    color: bool = False
    detail: Detail = Detail.NORMAL
    pedantic: bool = False
    """Show hints (findings of low confidence), too."""

    def render(self, reports: Sequence[Report]) -> str:
        """One block per folder, with an empty line between blocks."""
        buffer = io.StringIO()
        console = Console(
            file=buffer,
            width=self.width,
            force_terminal=self.color,
            no_color=not self.color,
            color_system="auto" if self.color else None,
            markup=False,
            emoji=False,
            highlight=False,
            legacy_windows=False,
        )
        for number, report in enumerate(reports):
            if number and self.detail is not Detail.QUIET:
                console.print()
            for part in self._parts(report):
                console.print(part, soft_wrap=isinstance(part, Text))
        return "\n".join(one.rstrip() for one in buffer.getvalue().splitlines()) + "\n"

    def _parts(self, report: Report) -> Iterator[RenderableType]:
        shown = [one for one in report.findings if self.pedantic or one.confidence is not Confidence.LOW]
        yield _headline(report, shown)
        for error in report.errors:
            yield _indented(f"error in {error.part}: {inert.line(error.message)}", style="bold magenta")
            if self.detail is Detail.VERBOSE:
                yield _indented(inert.block(error.detail), by=4)
        if self.detail is Detail.QUIET:
            return
        yield _subtitle(report)
        for finding in shown:
            yield Text()
            yield from _finding(report, finding)
        yield from _unproven(report)
        yield from observed(report.facts)
        if self.detail is Detail.NORMAL and report.outcomes:
            yield from _facts(report, "stated and observed differ", only_differing=True)
        yield from _hidden(report, shown)
        if self.detail is Detail.VERBOSE:
            yield from _appendix(report)


def _headline(report: Report, shown: Sequence[Finding]) -> Text:
    verdict = report.verdict.value if report.verdict else "no verdict"
    names = list(dict.fromkeys(f"{one.rule} ({one.code})" for one in shown if one.severity is not Severity.INFO))
    more = [f"and {len(names) - FOULS} more"] if len(names) > FOULS else []
    tail = ", ".join([*names[:FOULS], *more])
    parts = [
        (f" {verdict} ", STYLES[verdict]),
        (f" {inert.line(report.folder)}", "bold"),
        (f"  {tail}" if tail else "", ""),
    ]
    return Text.assemble(*parts)


def _subtitle(report: Report) -> RenderableType:
    parts = []
    folder = report.case.folder if report.case else None
    if folder and folder.entry:
        parts.append(f"entry {inert.line(folder.entry.path)}: {inert.line(folder.entry.reason).rstrip('.')}")
    if len(report.layers) > 1:
        parts.append(_count(len(report.layers) - 1, "decoded layer"))
    asked = f"{_count(len(report.outcomes), 'rule')} asked" if report.outcomes else "run and observed"
    parts.append(f"{asked} in {report.seconds:.2f} s")
    return _indented(" · ".join(parts), style="dim")


def _finding(report: Report, finding: Finding) -> Iterator[RenderableType]:
    degree = "suspect, " if is_suspect(finding) else ""
    yield Text.assemble(
        (f"  {finding.rule} ", "bold red" if finding.severity is Severity.DISQUALIFYING else "bold"),
        (finding.code, "bold"),
        (f"  {degree}{finding.severity.value}, {WORDS[finding.confidence]}", "dim"),
    )
    yield _indented(inert.line(finding.message, 1000), by=4)
    yield from _place(report, finding.location)
    for related in finding.related:
        yield _labelled("also", f"{_where(related.location)}: {inert.line(related.message, 500)}")
        if related.location.text and related.location.line:
            yield _indented(inert.line(related.location.text.strip(), 100), by=13, style="dim")
    for key in finding.authority:
        authority = Rulebook.load().authority(key)
        yield _labelled("by", f"{authority.who}, {authority.date}, {authority.url}\n{authority.says}")
    yield _labelled("would change", inert.line(finding.would_change, 500))


def _place(report: Report, location: Location) -> Iterator[RenderableType]:
    yield Text(f"     --> {_where(location, with_column=True)}", style="blue")
    shown = excerpt(report.case, location)
    if shown is None:
        return
    digits = len(str(shown.first + len(shown.lines)))
    for offset, code in enumerate(shown.lines):
        marked = offset == shown.marked
        number = f"  {'>' if marked else ' '} {shown.first + offset:>{digits}} │ "
        row = Text.assemble((number, "blue"), (code, "" if marked else "dim"), no_wrap=True)
        yield Padding(row, (0, 0, 0, 2), expand=False)
        if marked and location.column:
            yield Text(f"      {' ' * digits} │ {' ' * shown.column}^", style="bold red", no_wrap=True)


def _where(location: Location, *, with_column: bool = False) -> str:
    column = f":{location.column + 1}" if with_column and location.column and location.line else ""
    layer = f" (decoded layer {location.layer})" if location.layer else ""
    line = f":{location.line}" if location.line else ""
    pointer = f"#{location.pointer}" if location.pointer else ""
    return inert.line(f"{location.file}{line}{column}{pointer}{layer}")


def _unproven(report: Report) -> Iterator[RenderableType]:
    if report.unproven:
        yield Text()
        yield Text("  not decided", style="bold cyan")
    for one in report.unproven:
        where = f" ({_where(one.location)})" if one.location else ""
        yield _labelled(one.rule, f"{inert.line(one.reason, 500)}{where}")


def _hidden(report: Report, shown: Sequence[Finding]) -> Iterator[RenderableType]:
    hidden = len(report.findings) - len(shown)
    if hidden:
        yield Text()
        yield _indented(f"{_count(hidden, 'hint')} not shown: --pedantic shows all", style="dim")


def _facts(report: Report, title: str, *, only_differing: bool = False) -> Iterator[RenderableType]:
    """The table of what is stated and what is observed, or the rows of it where the two differ."""
    rows = [
        one
        for one in (fact_table(report.case.evidence) if report.case else ())
        if not only_differing or one.agrees is False
    ]
    if rows:
        yield Text()
        yield Text(f"  {title}", style="bold")
        yield Padding(facts_table(rows), (0, 0, 0, 4), expand=False)


def _sheet(sheet: Sheet) -> Iterator[RenderableType]:
    """Other facts that are lists of records, under their name."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in sheet.columns:
        table.add_column(name, overflow="fold")
    for row in sheet.rows:
        table.add_row(*map(Text, row))
    yield Text()
    yield Text(f"  {sheet.name}", style="bold")
    yield Padding(table, (0, 0, 0, 4), expand=False)


def _appendix(report: Report) -> Iterator[RenderableType]:
    yield from _facts(report, "stated and observed")
    for sheet in sheets(report.facts):
        yield from _sheet(sheet)
    for title, rows in (
        ("facts", flat(report.facts)),
        ("rules", [(rule, outcome.value) for rule, outcome in sorted(report.outcomes.items())]),
        ("layers", _layer_rows(report)),
        ("notes", [("", inert.line(note)) for note in report.notes]),
        ("seconds", [(name, f"{seconds:.3f}") for name, seconds in report.phases.items()]),
    ):
        if rows:
            yield Text()
            yield Text(f"  {title}", style="bold")
            yield Padding(_table(rows), (0, 0, 0, 4), expand=False)


def _layer_rows(report: Report) -> list[tuple[str, str]]:
    return [
        (
            f"{layer.index} {inert.line(layer.file)}",
            f"{layer.size:,} bytes, sha256 {layer.sha256}, {inert.line(layer.how)}",
        )
        for layer in report.layers
    ]


def _table(rows: Iterable[tuple[str, str]]) -> Table:
    table = Table.grid(padding=(0, 2))
    for name, value in rows:
        table.add_row(Text(inert.line(name)), Text(inert.line(value)))
    return table


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _indented(text: str, *, by: int = 2, style: str = "") -> Padding:
    return Padding(Text(text, style=style), (0, 0, 0, by), expand=False)


def _labelled(label: str, text: str) -> Padding:
    table = Table.grid(padding=(0, 1))
    table.add_column(no_wrap=True, style="dim")
    table.add_column(overflow="fold")
    table.add_row(Text(label), Text(text))
    return Padding(table, (0, 0, 0, 4), expand=False)
