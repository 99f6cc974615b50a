"""How a submission would be run small, for people."""

from golf_audit.engine import Report
from golf_audit.reports import inert
from golf_audit.trace.plan import Plan


def render_plan(report: Report, plan: Plan | None) -> str:
    """Each setting that the toy run changes, with what was claimed and why."""
    head = f"{inert.line(report.folder)}\n"
    if plan is None:
        reasons = "".join(f"  nothing can be run: {inert.line(one.reason, 500)}\n" for one in report.unproven)
        return head + (reasons or "  nothing can be run: the entry script could not be decoded\n")
    width = max((len(change.name) for change in plan.changes), default=0)
    rows = [
        f"  {inert.line(one.name):<{width}}  {inert.line(one.claimed) or 'unset':>12} → {one.toy:<8} {one.why}\n"
        for one in plan.changes
    ]
    kept = {name: value for name, value in plan.environment.items() if name not in {one.name for one in plan.changes}}
    same = ", ".join(f"{inert.line(name)}={inert.line(value)}" for name, value in sorted(kept.items()))
    data = f"  data: {plan.val_tokens:,} validation tokens of {plan.vocab:,} in documents of {plan.document}\n"
    return head + data + "".join(rows) + (f"  as claimed: {same}\n" if same else "")
