"""Cheap first: what code and words decide is not run; where they leave a question, the run is the second witness."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from golf_audit.engine import Report, audit
from golf_audit.finding import Finding
from golf_audit.folder import Folder
from golf_audit.trace.witness import Options, witness
from golf_audit.verdict import Verdict, weigh


def check(folder: Folder, options: Callable[[], Options], *, always: bool = False) -> Report:
    """The report of `engine.audit`, joined by a run's where the code alone decides nothing, or `always`."""
    static = audit(folder)
    undecided = static.verdict in {Verdict.NEEDS_RULING, Verdict.UNPROVEN}
    if static.verdict is None or not (always or undecided):
        return static
    return merged(static, witness(folder, options()))


def merged(static: Report, run: Report) -> Report:
    """Both witnesses in one report; where they disagree, a note says so."""
    findings = tuple(dict.fromkeys((*static.findings, *run.findings)))
    unproven = tuple(dict.fromkeys((*static.unproven, *run.unproven)))
    errors = (*static.errors, *run.errors)
    return replace(
        static,
        verdict=None if errors else weigh(findings, unproven),
        findings=findings,
        unproven=unproven,
        facts={**static.facts, **run.facts},
        notes=(*static.notes, *_disagreements(static, run)),
        errors=errors,
        phases={**static.phases, **{f"trace {name}": seconds for name, seconds in run.phases.items()}},
    )


def _disagreements(static: Report, run: Report) -> list[str]:
    """Where what the code says and what the run did are not the same."""
    states: Mapping[str, str] = {one["name"]: one["state"] for one in run.facts.get("trace", {}).get("conditions", ())}
    notes = []
    for name in ("C1", "C2", "C3", "C4"):
        read = [finding for finding in static.findings if _about(finding, name)]
        if read and states.get(name) == "held":
            notes.append(f"{name}: the code is read as breaking it ({read[0].rule}), and the run kept it")
        if not read and states.get(name) == "violated":
            notes.append(f"{name}: the run broke it, and nothing was found in the code")
    return notes


def _about(finding: Finding, condition: str) -> bool:
    return finding.code.startswith(f"GA-{condition}-")
