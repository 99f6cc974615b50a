"""One folder in, one report out: decode, parse, walk, read the evidence, ask every rule."""

from __future__ import annotations

import time
import traceback
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from golf_audit.decoding.source import Layer, Source, Undecodable
from golf_audit.finding import Confidence, Finding, Severity, Unproven
from golf_audit.registry import all_rules
from golf_audit.rule import Rule
from golf_audit.rulebook import Rulebook
from golf_audit.submission import Folder
from golf_audit.verdict import Outcome, Verdict, weigh

if TYPE_CHECKING:
    from golf_audit.case import Case
    from golf_audit.evidence import Evidence


@dataclass(frozen=True, slots=True)
class AuditError:
    """A part of the auditor that failed: our fault, and no verdict on the submission."""

    part: str
    """`rule train-then-score`, `walk`, `evidence`."""
    message: str
    """The exception, in one line."""
    detail: str
    """The traceback."""


@dataclass(frozen=True)
class Report:
    """What the audit of one folder says."""

    case: Case | None = field(repr=False)
    """All that was looked at; None where the auditor failed before."""
    folder: str
    path: str
    track: str
    verdict: Verdict | None
    """None where the auditor failed: then `errors` says why, and nothing was concluded."""
    findings: tuple[Finding, ...]
    """Worst first."""
    unproven: tuple[Unproven, ...]
    outcomes: Mapping[str, Outcome]
    """What each rule said, by its id."""
    facts: Mapping[str, Any]
    notes: tuple[str, ...]
    """What a reader should know beside: links refused, files not read, a readable sibling that differs."""
    errors: tuple[AuditError, ...]
    phases: Mapping[str, float]
    """Wall-clock seconds of each phase."""

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The entry script's layers, as far as it could be decoded."""
        return self.case.source.layers if self.case and self.case.source else ()

    @property
    def seconds(self) -> float:
        """Wall-clock seconds of the whole audit."""
        return sum(self.phases.values())


@dataclass
class _Clock:
    """Collects the seconds of each phase, and what failed in it."""

    phases: dict[str, float] = field(default_factory=dict)
    errors: list[AuditError] = field(default_factory=list)

    @contextmanager
    def phase(self, name: str, part: str = "") -> Iterator[None]:
        """Time what runs inside under `name`; an exception becomes an `AuditError` of `part`."""
        start = time.perf_counter()
        try:
            yield
        except Exception as error:  # noqa: BLE001 -- whatever fails is the auditor's error, and must be told apart from a verdict
            message = f"{type(error).__name__}: {error}"
            self.errors.append(AuditError(part or name, message, traceback.format_exc()))
        finally:
            self.phases[name] = self.phases.get(name, 0.0) + time.perf_counter() - start


def audit(folder: Folder, *, rulebook: Rulebook | None = None, rules: Iterable[Rule] | None = None) -> Report:
    """Judge one folder by `rules` (all of them unless told); nothing of the folder is executed."""
    clock = _Clock()
    chosen = tuple(all_rules() if rules is None else rules)
    case, unproven = _examine(folder, rulebook or Rulebook.load(), clock)
    if case is None:
        return _report(folder, None, [], unproven, {}, {}, clock)
    findings: list[Finding] = []
    outcomes: dict[str, Outcome] = {}
    for rule in chosen:
        with clock.phase("rules", f"rule {rule.id}"):
            found, undecided = _ask(rule, case)
            findings += found
            unproven += undecided
            outcomes[rule.id] = _outcome(case, found, undecided)
    facts: Mapping[str, Any] = {}
    with clock.phase("facts"):
        facts = case.evidence.facts()
    return _report(folder, case, findings, unproven, outcomes, facts, clock)


def _examine(folder: Folder, rulebook: Rulebook, clock: _Clock) -> tuple[Case | None, list[Unproven]]:
    """The case, and what could not be looked at; no case where the auditor failed."""
    from golf_audit.case import Case
    from golf_audit.evidence import read_evidence
    from golf_audit.program.walk import walk as walk_program
    from golf_audit.program.witness import Witness

    unproven: list[Unproven] = []
    walk = None
    with clock.phase("evidence"):
        evidence = read_evidence(folder)
    with clock.phase("decode"):
        source = _decode(folder)
    if clock.errors:
        return None, unproven
    with clock.phase("parse"):
        unproven += _obstacles(source)
    if isinstance(source, Source) and not unproven:
        with clock.phase("walk"):
            walk = walk_program(source, evidence.configuration, Witness(lambda: _printed(evidence)))
            unproven += walk.unproven
    return None if clock.errors else Case(folder, source, walk, evidence, rulebook), unproven


def _printed(evidence: Evidence) -> Iterator[list[str]]:
    """The lines that each claimed run printed; a log of several runs does not tell them apart."""
    from golf_audit.evidence.runtime import split

    for log, _ in evidence.claimed_runs:
        if len(log.runs) == 1:
            yield [line for _, line in split(log.file.lines)[0]]


def _decode(folder: Folder) -> Source | Undecodable | None:
    """The entry's decoded layers; None where there is no entry."""
    from golf_audit.decoding import decode

    return decode(folder, folder.entry.path) if folder.entry else None


def _obstacles(source: Source | Undecodable | None) -> Iterator[Unproven]:
    """Why the entry cannot be walked; nothing where it can."""
    from golf_audit.parsing import ParseFailure, parse

    if source is None:
        yield Unproven("source", "the folder holds no script that could be the entry")
    elif isinstance(source, Undecodable):
        yield Unproven("source", f"the entry script is {source.kind.value}: {source.reason}", source.location)
    elif isinstance(parsed := parse(source.text), ParseFailure):
        what = "is broken in every Python" if parsed.broken else "cannot be parsed here"
        place = source.layer.location(parsed.line)
        yield Unproven("source", f"the entry script {what}: {parsed.reason}", place)


def _ask(rule: Rule, case: Case) -> tuple[list[Finding], list[Unproven]]:
    """What one rule says, told apart."""
    said = list(rule.check(case))
    return (
        [one for one in said if isinstance(one, Finding)],
        [one for one in said if isinstance(one, Unproven)],
    )


def _outcome(case: Case, found: list[Finding], undecided: list[Unproven]) -> Outcome:
    """A rule that says nothing about code that could not be walked is silent, not content."""
    if not found and not undecided and case.walk is None:
        return Outcome.SILENT
    return Outcome(weigh(found, undecided).value)


def _report(
    folder: Folder,
    case: Case | None,
    findings: list[Finding],
    unproven: list[Unproven],
    outcomes: Mapping[str, Outcome],
    facts: Mapping[str, Any],
    clock: _Clock,
) -> Report:
    """Put the pieces together; any error withholds the verdict."""
    return Report(
        case=case,
        folder=folder.name,
        path=folder.path,
        track=folder.track,
        verdict=None if clock.errors else weigh(findings, unproven),
        findings=tuple(sorted(set(findings), key=_order)),
        unproven=tuple(dict.fromkeys(unproven)),
        outcomes=MappingProxyType(dict(outcomes)),
        facts=MappingProxyType(dict(facts)),
        notes=_notes(folder, case),
        errors=tuple(clock.errors),
        phases=MappingProxyType(dict(clock.phases)),
    )


def _notes(folder: Folder, case: Case | None) -> tuple[str, ...]:
    """What the reading of the folder and the decoding remarked."""
    decoding = case.source.notes if case and isinstance(case.source, Source) else ()
    return (*folder.notes, *(f"{note.location}: {note.message}" for note in decoding))


def _order(finding: Finding) -> tuple[int, int, str, str, int]:
    """Worst first, then by code and place."""
    severity = list(Severity).index(finding.severity)
    confidence = list(Confidence).index(finding.confidence)
    return severity, confidence, finding.code, finding.location.file, finding.location.line
