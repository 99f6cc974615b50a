"""What findings about the program share: how sure they may be, and where the headline is."""

from golf_audit.case import Case
from golf_audit.events import Event
from golf_audit.finding import Confidence, Related
from golf_audit.program.claimed import Claimed


def certainty(case: Case, *events: Event) -> Confidence:
    """
    High where the run is known to go through the events and a score stands on them.

    Medium where a condition that nothing decides lies on the way, or where the folder speaks (a README or metadata)
    but claims no score: what only shows a defect is not an entry.
    """
    claims = case.evidence.claims
    told = claims.readme.file is not None or bool(claims.everything)
    if any(event.doubtful for event in events) or (told and claims.headline is None):
        return Confidence.MEDIUM
    return Confidence.HIGH


def headline_at(claimed: Claimed) -> Related:
    """The line of the program that prints the claim, and why it is taken to be the one."""
    return Related(claimed.report.location, f"prints the headline: {claimed.headline.reason}")
