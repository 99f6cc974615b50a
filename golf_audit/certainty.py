"""What findings about the program share: how sure they may be, and where the headline is."""

from golf_audit.case import Case
from golf_audit.events import Event
from golf_audit.evidence.coverage import Coverage, Ruler
from golf_audit.finding import Confidence, Related
from golf_audit.program.claimed import Claimed


def certainty(case: Case, *events: Event) -> Confidence:
    """
    High where the run is known to go through the events and a score stands on them.

    Medium where a condition that nothing decides lies on the way (a log that prints the headline decides it), where
    the folder speaks (a README or metadata) but claims no score, for what only shows a defect is not an entry, and
    where the logs' claimed line is printed by no report of the program.
    """
    claims, claimed = case.evidence.claims, case.claimed
    sure = claimed is not None and claimed.headline.sure
    told = claims.readme.file is not None or bool(claims.everything)
    open_ = any(event.doubtful for event in events if not (sure and claimed and event is claimed.report))
    if open_ or (told and claims.headline is None) or (case.evidence.headline_lines and claimed and not sure):
        return Confidence.MEDIUM
    return Confidence.HIGH


def headline_at(claimed: Claimed) -> Related:
    """The line of the program that prints the claim, and why it is taken to be the one."""
    return Related(claimed.report.location, f"prints the headline: {claimed.headline.reason}")


def counted_right(case: Case) -> bool:
    """Whether the logs show that the headline was divided by the bytes of the validation text."""
    ruler = Ruler(case.rulebook)
    found = [ruler.measure(line).coverage for line in case.evidence.headline_lines]
    return bool(found) and all(coverage is Coverage.WHOLE for coverage in found)
