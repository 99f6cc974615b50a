"""One folder in, one report out, by running it: plan, probe, judge."""

import tempfile
import time
import traceback
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from golf_audit.case import Case
from golf_audit.decoding.source import Source
from golf_audit.engine import AuditError, Report, audit
from golf_audit.events import Update
from golf_audit.finding import Finding, Unproven
from golf_audit.folder import Folder
from golf_audit.sandbox import Sandbox, private_folder
from golf_audit.trace.judge import Condition, Judgement, State, judge
from golf_audit.trace.plan import Plan, may_be_sizes, plans
from golf_audit.trace.probes import Bench, Probed, Seen, probe
from golf_audit.trace.timeline import draw
from golf_audit.verdict import weigh

_TRIES = 2
_BLIND = {
    "compile": "compiled code ran uncompiled",
    "flash-attention": "FlashAttention ran as scaled dot-product attention",
    "device": "CUDA was the CPU",
    "process-group": "one process instead of several",
}


@dataclass(frozen=True)
class Options:
    """How much a trace may take, and where it runs."""

    sandbox: Sandbox
    seconds: float = 300.0
    """For all runs of one submission together."""
    memory_bytes: int = 3 * 2**30
    keep: Path | None = None
    """Where the runs' folders stay; None: they are removed."""
    on_event: Callable[[str, bytes], None] | None = None
    """Hears every event as it comes: the run's name and the line, without its end."""


def planned(folder: Folder) -> tuple[Report, Plan | None]:
    """The folder as read, by no rule, and how it would be run first; no plan where there is nothing to run."""
    report = audit(folder, rules=())
    if report.case is None or not isinstance(report.case.source, Source):
        return report, None
    return report, next(plans(report.case))


def witness(folder: Folder, options: Options) -> Report:
    """Run a submission small and judge what it did; its own words and code alone are judged by `engine.audit`."""
    start = time.monotonic()
    read, plan = planned(folder)
    if read.case is None or plan is None:
        return read
    try:
        with _workplace(options.keep) as place:
            probed = _probe(read.case, options, place, start + options.seconds)
        judged = _with_reach(read.case, probed, judge(read.case, probed))
    except Exception as error:  # noqa: BLE001 -- whatever fails here is the auditor's error, and no verdict
        failure = AuditError("runs", f"{type(error).__name__}: {error}", traceback.format_exc())
        return replace(read, verdict=None, errors=(*read.errors, failure))
    phases = {**read.phases, "runs": time.monotonic() - start}
    findings: tuple[Finding, ...] = judged.findings
    unproven = (*read.unproven, *judged.unproven)
    return replace(
        read,
        verdict=None if read.errors else weigh(findings, unproven),
        findings=findings,
        unproven=unproven,
        facts={"trace": _facts(options.sandbox, probed, judged)},
        phases=phases,
    )


def _workplace(keep: Path | None) -> AbstractContextManager[Path]:
    """A folder for the runs, removed afterwards unless it is to be kept."""
    if keep is None:
        return private_folder()
    return nullcontext(Path(tempfile.mkdtemp(prefix="golf-audit-", dir=keep)))


def _probe(case: Case, options: Options, place: Path, deadline: float) -> Probed:
    """The runs of the first plan that comes to a score, within the time that all of them have."""
    tried: Probed | None = None
    for number, plan in enumerate(plans(case)):
        if number == _TRIES:
            break
        bench = Bench(options.sandbox, case, place / str(number), options.memory_bytes, deadline, options.on_event)
        tried = probe(bench, plan)
        end = tried.base.run.ledger.end
        if tried.base.result is not None or end is None or not may_be_sizes(end.why):
            break
    if tried is None:
        raise ValueError("a submission with a source has a plan")
    return tried


def _with_reach(case: Case, probed: Probed, judged: Judgement) -> Judgement:
    """A condition is not held by a run that never came to the adaptation that the code is known to make."""
    if probed.base.account is None or probed.base.run.ledger.adapts or judged.findings:
        return judged
    update = _known_update(case)
    if update is None:
        return judged
    reason = "the code adapts to validation tokens on the way to the claimed score, and the toy run never came there"
    states = [
        Condition(one.name, State.UNSEEN, reason) if one.name in {"C1", "C3", "C4"} else one
        for one in judged.conditions
    ]
    return Judgement(tuple(states), judged.findings, (*judged.unproven, Unproven("trace", reason, update.location)))


def _known_update(case: Case) -> Update | None:
    """An update along losses over validation tokens that the claimed score's state had been through, by the code."""
    if case.walk is None or case.claimed is None:
        return None
    priors = {prior for atom in case.claimed.atoms for prior in atom.priors}
    for update in case.walk.of(Update):
        about = any(ref.split == "val" for atom in update.atoms for ref in atom.targets)
        if about and update.id in priors and not update.doubtful:
            return update
    return None


def _facts(sandbox: Sandbox, probed: Probed, judged: Judgement) -> Mapping[str, Any]:
    base = probed.base
    one = base.account
    counted = (int(one.events.min()), int(one.events.max())) if one else None
    marks = ((base.result.printed.number, base.result.label),) if base.result else ()
    return {
        "conditions": [{"name": c.name, "state": c.state.value, "witness": c.witness} for c in judged.conditions],
        "headline": _headline(base),
        "timeline": asdict(draw(base.run.ledger, probed.plan.val_tokens, counted, marks)),
        "runs": [
            _run(name, seen)
            for name, seen in (("base", base), ("null", probed.null), ("changed", probed.changed))
            if seen
        ],
        "changed_from": probed.position,
        "plan": [asdict(change) for change in probed.plan.changes],
        "blind_spots": [
            _BLIND.get(name, name) for name in base.run.ledger.stand_ins if name not in {"data", "autocast"}
        ],
        "sandbox": sandbox.name,
    }


def _headline(seen: Seen) -> Mapping[str, Any]:
    if seen.result is None:
        return {}
    one = seen.account
    return {
        "label": seen.result.label,
        "printed": seen.result.printed.text,
        "at": list(seen.result.printed.at),
        "counted": one.counting.value if one else None,
        "tokens": len(one.positions) if one else None,
        "scored_at": list(one.path) if one else None,
    }


def _run(name: str, seen: Seen) -> Mapping[str, Any]:
    outcome, ledger = seen.run.outcome, seen.run.ledger
    return {
        "name": name,
        "ending": outcome.ending.value,
        "why": ledger.end.why if ledger.end else "",
        "seconds": round(outcome.seconds, 1),
        "cpu_seconds": round(outcome.cpu_seconds, 1),
        "peak_mb": outcome.peak_memory >> 20,
        "loss": seen.result.loss if seen.result else None,
        "scores": len(ledger.scores),
        "adaptations": len(ledger.adapts),
        "spoiled_lines": ledger.spoiled,
    }
