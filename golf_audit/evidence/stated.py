"""Hyper-parameters as the README states them: tables of settings, the command of the run, epochs in prose."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from golf_audit.evidence.evidence import Evidence
from golf_audit.evidence.readme import Table, tables
from golf_audit.evidence.setting import Setting

if TYPE_CHECKING:
    from golf_audit.submission import File

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NUMBER = re.compile(r"[-+]?\d[\d,_]*(?:\.\d+)?(?:e[-+]?\d+)?(?![\w.%/×*^])", re.I)
_NAMES = re.compile(
    r"(?i)(?:hyper-?)?param\w*|settings?|variable|env(?:ironment)?(?: var\w*)?|flag|knob|name|config\w*|option"
)
_VALUES = re.compile(r"(?i)values?|settings?|ours|this (?:run|submission|pr|work)|used|final")
_EPOCHS = re.compile(r"(?i)\b(\d{1,2})[ -]epochs?\b[^.|\n]{0,30}\bttt\b|\bttt\b[^.|\n]{0,30}?\b(\d{1,2})[ -]epochs?\b")
_NOT_OURS = re.compile(
    r"(?i)\bvs\b|instead|from \d|previous|baseline|→|->|would|tried|ablat|pr ?#|#\d|pre-?quant|slot|original"
)
_WORDS = {"true": 1.0, "false": 0.0, "on": 1.0, "off": 0.0, "yes": 1.0, "no": 0.0}
_DERIVED = re.compile(r"seed|wallclock|path|dir|file|port|rank|world|run_id|iterations|time|seconds|shards|log")
_CLOSE = 1e-9
_HEAD = 60
"""Lines of a README that say what the method is."""


@dataclass(frozen=True, slots=True)
class Disagreement:
    """One setting that is stated as one value and logged as another."""

    name: str
    stated: Setting
    logged: Setting


def disagreements(evidence: Evidence) -> Iterator[Disagreement]:
    """
    Every setting that the README (or the command of the run) states otherwise than every claimed run echoes it.

    Only numbers and switches are compared, and only under the name that the log itself prints; what differs between the
    seeds is left to them, and what a run derives from its clock or its machine is left out.
    """
    configuration = evidence.configuration
    for name, stated in _stated(evidence):
        logged = configuration.echo.get(name)
        if logged is None or name in configuration.disagreements or _DERIVED.search(name):
            continue
        told, ran = as_number(stated.value), as_number(logged.value)
        if told is not None and ran is not None and abs(told - ran) > _CLOSE * max(abs(told), abs(ran)):
            yield Disagreement(name, stated, logged)


def as_number(text: str) -> float | None:
    """A number or a switch as a number; None where the text is neither."""
    text = text.strip().strip("\"'`")
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    try:
        return float(text.replace(",", "").replace("_", ""))
    except ValueError:
        return None


def _stated(evidence: Evidence) -> Iterator[tuple[str, Setting]]:
    for name, setting in evidence.configuration.env.items():
        yield name.lower(), setting
    readme = evidence.claims.readme.file
    if readme is None:
        return
    for table in tables(readme.lines):
        yield from _rows(readme, table)
    yield from _epochs(readme)


def _rows(file: "File", table: Table) -> Iterator[tuple[str, Setting]]:
    """Settings of a table of names and values: the column of values must say that it is this run's, or be the only one."""
    names = next((i for i, cell in enumerate(table.header) if _NAMES.fullmatch(cell)), None)
    values = [i for i, cell in enumerate(table.header) if i != names and _VALUES.fullmatch(cell)]
    if table.is_aside or names is None or len(values) != 1:
        return
    for line, cells in table.rows:
        if len(cells) <= max(names, values[0]) or not _NAME.fullmatch(cells[names]):
            continue
        cell = cells[values[0]]
        match = _NUMBER.match(cell)
        value = match[0] if match else cell.split(" ")[0]
        yield cells[names].lower(), Setting(value, "README table", file.location(line))


def _epochs(file: "File") -> Iterator[tuple[str, Setting]]:
    """`3-epoch TTT` in the first lines: what the method is said to be."""
    for number, line in enumerate(file.lines[:_HEAD], 1):
        match = None if _NOT_OURS.search(line) else _EPOCHS.search(line)
        if match:
            yield "ttt_epochs", Setting(match[1] or match[2], "README", file.location(number))
