"""What the README states: tables by seed, and numbers in prose."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain
from typing import TYPE_CHECKING

from golf_audit.evidence.claim import SECONDS, Claim, Quantity
from golf_audit.evidence.naming import is_aside, other_device, quantity_of, statistic_of
from golf_audit.evidence.numbers import Number, numbers
from golf_audit.finding import Location

if TYPE_CHECKING:
    from golf_audit.submission import File, Folder

_LARGEST = 2_000_000
_LONGEST = 3000
_HIGHEST_BPB = 20
_MEGABYTES = 100
"""A size below this is in megabytes, whether it says so or not."""
_LEAST_ARTIFACT = 100_000
_LEAST_CODE = 500
_RULER = re.compile(r"^\s*\|?[\s:|-]*-[\s:|-]*\|?\s*$")
_HEADING = re.compile(r"^\s{0,3}#{1,6}\s+(.*)")
_ASIDE_HEADING = re.compile(
    r"ablat|compar|previous|baseline|cross|prior|histor|experimental|negative|explor|progress|lineage|trajectory|development|sweep"
    r"|what (?:didn|did not)|failed|diagnos|alternat|related|context|sensitiv|earlier|supplement|control|secondary|unverified|other",
    re.I,
)
_HEADLINE = re.compile(
    r"(?i)\bval_bpb\b[`*\s]*(?:\([^)]*\)\s*)?[:=≈~]?[`*\s]*(\d\.\d{3,})|(?<![\d.−+±-])([1-9]\.\d{3,}|0\.[2-9]\d{2,})[`*\s]*(?:val_)?bpb\b"
)
_STD = re.compile(r"(?i)\bstd(?:ev)?\.?\W{0,4}(0?\.\d{3,})|[±][`*\s]*(0?\.\d{3,})|σ\W{0,4}(0?\.\d{3,})")
_SHIPPED = re.compile(
    r"(?i)(?:final_model|shipped|artifact|\.ptz)[^\n|]{0,100}?\bseed[ =:]*(\d+)|\bseed[ =:]*(\d+)(?:'s)?[^.\n|]{0,40}\b(?:shipped|is the submitted)"
)
_BASELINE = re.compile(r"(?i)(?:sota|leaderboard|record|prior best|previous best)[^|\n]{0,60}?\(?\b(\d\.\d{3,6})\b")
_NO_TTT = re.compile(
    r"(?i)\bno\s+(?:test[- ]time training|(?:\w+[- ])?(?:\w+[- ])?ttt)\b|without (?:test[- ]time training|ttt)\b|\bttt[: ]+(?:off|none|disabled)\b"
)
_EVAL_BOUND = re.compile(
    r"(?i)\beval(?:uation)?\b[^|\n.;]{0,40}?(<|≤|under|~|≈|total[: ]+~?|:)\s*(\d[\d,.]*)\s*s(?:ec\w*)?\b"
)
_FITS = re.compile(
    r"(?i)(?:under|<|≤|within|fits?|below)\D{0,24}16(?:\.0+)?\s?(?:,?000,?000|MB)\b|fits? (?:in |the )?cap|artifact\w* under"
)
_CODE = re.compile(r"(?i)train_gpt\.py[^\n]{0,160}?(\d{1,3}(?:,\d{3})+|\d{4,6})\s*(?:bytes|B\b)")


class StatementKind(StrEnum):
    """What a sentence of the README asserts."""

    SHIPPED_SEED = "shipped seed"
    BASELINE = "baseline"
    NO_TTT = "no test-time training"
    EVAL_BOUND = "evaluation time"
    FITS = "fits"
    CODE_BYTES = "code bytes"


@dataclass(frozen=True, slots=True)
class Statement:
    """Something said in prose: what, the number in it (zero where there is none), and where."""

    kind: StatementKind
    value: float
    location: Location
    bound: bool = False
    """Whether the number is an upper bound."""


@dataclass(frozen=True, slots=True)
class Readme:
    """The README's claims."""

    file: "File | None" = None
    claims: tuple[Claim, ...] = ()
    headline: Claim | None = None
    std: Claim | None = None
    statements: tuple[Statement, ...] = ()

    def said(self, kind: StatementKind) -> tuple[Statement, ...]:
        """The statements of one kind."""
        return tuple(statement for statement in self.statements if statement.kind is kind)


@dataclass(frozen=True, slots=True)
class Table:
    """One Markdown table: the heading it stands under, its header cells, and its rows with their one-based lines."""

    heading: str
    header: tuple[str, ...]
    rows: tuple[tuple[int, tuple[str, ...]], ...]

    @property
    def is_aside(self) -> bool:
        """Whether its heading says that it is about other runs than the claimed one."""
        return bool(_ASIDE_HEADING.search(self.heading))

    @property
    def is_elsewhere(self) -> bool:
        """Whether its heading says that its runs were on another device: their times are not the claimed ones."""
        return bool(other_device(self.heading))


def read_readme(folder: "Folder") -> Readme:
    """Read the folder's README; an empty one where there is none."""
    named = (f for p, f in folder.files.items() if re.fullmatch(r"(?i)readme(\.md|\.txt|\.md\.txt)?", p))
    nearly = (f for p, f in folder.files.items() if re.fullmatch(r"(?i)[^/]*readme[^/]*\.md", p))
    file = next(chain(named, nearly), None)
    if file is None or file.size > _LARGEST:
        return Readme()
    lines = file.lines
    claims = tuple(
        claim
        for table in tables(lines)
        for claim in _table_claims(file, table)
        if not (table.is_elsewhere and claim.quantity in SECONDS)
    )
    return Readme(file, claims, _headline(file, lines), _std(file, lines), tuple(_statements(file, lines)))


def tables(lines: tuple[str, ...]) -> Iterator[Table]:
    """Every table of a README."""
    heading, index = "", 0
    while index < len(lines):
        if match := _HEADING.match(lines[index]):
            heading = match[1]
        if index and "|" in lines[index - 1] and "-" in lines[index] and _RULER.match(lines[index]):
            rows, row = [], index + 1
            while row < len(lines) and "|" in lines[row]:
                rows.append((row + 1, _cells(lines[row])))
                row += 1
            yield Table(heading, _cells(lines[index - 1]), tuple(rows))
            index = row
        else:
            index += 1


def _cells(line: str) -> tuple[str, ...]:
    return tuple(cell.strip().replace("**", "").replace("`", "").strip() for cell in line.strip().strip("|").split("|"))


def _table_claims(file: "File", table: Table) -> Iterator[Claim]:
    if table.is_aside:
        return
    column = next(
        (i for i, cell in enumerate(table.header) if re.fullmatch(r"(?i)(?:random )?seeds?(?: #)?", cell)), None
    )
    if column is None:
        yield from _transposed_claims(file, table)
        return
    for line, cells in table.rows:
        if len(cells) <= column:
            continue
        seed, statistic = _seed(cells[column]), _row_statistic(cells[column])
        if seed is None and not statistic:
            continue
        for name, cell in zip(table.header, cells, strict=False):
            if name != table.header[column]:
                yield from _cell_claim(file, line, name, cell, seed, statistic)


def _transposed_claims(file: "File", table: Table) -> Iterator[Claim]:
    seeds = {i: _seed(cell) for i, cell in enumerate(table.header) if re.search(r"(?i)\bseed\s*=?\s*\d+", cell)}
    if not seeds:
        return
    for line, cells in table.rows:
        for index, cell in enumerate(cells[1:], 1):
            statistic = _row_statistic(table.header[index]) if index < len(table.header) else ""
            if seeds.get(index) is not None or statistic:
                yield from _cell_claim(file, line, cells[0], cell, seeds.get(index), statistic)


def _seed(cell: str) -> int | None:
    match = re.search(r"(?<![\d.])(\d{1,10})(?![\d.])", cell)
    return int(match[1]) if match and not _row_statistic(cell) else None


def _row_statistic(cell: str) -> str:
    if re.search(r"(?i)\bstd|σ|±\s*$|stdev", cell) and not re.search(r"(?i)mean", cell):
        return "std"
    return statistic_of(cell)


def _cell_claim(file: "File", line: int, name: str, cell: str, seed: int | None, statistic: str) -> Iterator[Claim]:
    quantity = quantity_of(name)
    if quantity is None or quantity is Quantity.STD or is_aside(name):
        return
    found = [number for number in numbers(cell) if _fits(quantity, number)]
    if not found:
        return
    number = (
        found[0]
        if quantity not in {Quantity.TOTAL_BYTES, Quantity.MODEL_BYTES}
        else max(found, key=lambda item: (item.ulp <= 1, item.value))
    )
    value, ulp = number.value, number.ulp
    if quantity in SECONDS and not number.unit:
        scale = 1e-3 if re.search(r"(?i)\bms\b|_ms", name) else 1.0
        value, ulp = value * scale, ulp * scale
    if quantity in {Quantity.TOTAL_BYTES, Quantity.MODEL_BYTES} and value < _MEGABYTES:
        value, ulp = value * 1e6, ulp * 1e6
    yield Claim(quantity, value, ulp, name, file.location(line), seed, statistic)


def _fits(quantity: Quantity, number: Number) -> bool:
    if quantity in {Quantity.BPB, Quantity.LOSS}:
        return 0 < number.value < _HIGHEST_BPB and "." in number.raw and not number.unit
    if quantity in {Quantity.TOTAL_BYTES, Quantity.MODEL_BYTES}:
        return (number.value >= _LEAST_ARTIFACT and number.unit in {"", "b", "bytes", "mb", "mib", "kb"}) or (
            number.value < _MEGABYTES and "." in number.raw
        )
    if quantity is Quantity.CODE_BYTES:
        return number.value >= _LEAST_CODE
    if quantity is Quantity.STEPS:
        return number.ulp == 1 and number.value >= 1
    return number.unit in {"", "s", "sec", "secs", "seconds", "ms", "m", "min", "mins", "minutes"} and number.value > 0


def _headline(file: "File", lines: tuple[str, ...]) -> Claim | None:
    for number, line in enumerate(lines[:80], 1):
        match = None if line.lstrip().startswith("|") else _HEADLINE.search(line)
        if match and not is_aside(line[: match.start()][-60:]):
            raw = match[1] or match[2]
            return Claim(
                Quantity.BPB, float(raw), 10.0 ** -len(raw.partition(".")[2]), "val_bpb", file.location(number)
            )
    return None


def _std(file: "File", lines: tuple[str, ...]) -> Claim | None:
    for number, line in enumerate(lines[:80], 1):
        if not line.lstrip().startswith("|") and _HEADLINE.search(line) and (match := _STD.search(line)):
            raw = match[1] or match[2] or match[3]
            return Claim(
                Quantity.STD, float(raw), 10.0 ** -len(raw.partition(".")[2]), "std", file.location(number), None, "std"
            )
    return None


_PATTERNS: tuple[tuple[StatementKind, re.Pattern[str]], ...] = (
    (StatementKind.SHIPPED_SEED, _SHIPPED),
    (StatementKind.BASELINE, _BASELINE),
    (StatementKind.NO_TTT, _NO_TTT),
    (StatementKind.FITS, _FITS),
    (StatementKind.CODE_BYTES, _CODE),
)


def _statements(file: "File", lines: tuple[str, ...]) -> Iterator[Statement]:
    for number, line in enumerate(lines, 1):
        if not line or len(line) > _LONGEST:
            continue
        for kind, pattern in _PATTERNS:
            if match := pattern.search(line):
                raw = next((group for group in match.groups() if group), "0")
                yield Statement(kind, float(raw.replace(",", "")), file.location(number))
        if match := _EVAL_BOUND.search(line):
            value = float(match[2].replace(",", "").rstrip("."))
            yield Statement(
                StatementKind.EVAL_BOUND, value, file.location(number), bound=match[1].lower() in {"<", "≤", "under"}
            )


def shipped_in(text: str) -> int | None:
    """The seed that a sentence says the shipped model is from."""
    match = _SHIPPED.search(text)
    return int(match[1] or match[2]) if match else None
