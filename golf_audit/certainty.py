"""What findings about the program share: how sure they may be, and where the headline is."""

import re
from typing import Final

from golf_audit.case import Case
from golf_audit.events import Event
from golf_audit.evidence.claim import Quantity
from golf_audit.evidence.coverage import Coverage, Ruler
from golf_audit.evidence.events import Evaluation
from golf_audit.evidence.naming import quantity_of
from golf_audit.finding import Confidence, Related
from golf_audit.program.claimed import Claimed

_LETTERS: Final = re.compile(r"[a-z]{3,}")
"""The words of a label that a script spells out, whatever numbers it puts between them."""


def certainty(case: Case, *events: Event) -> Confidence:
    """
    High where the run is known to go through the events and a score stands on them.

    Medium where a condition that nothing decides lies on the way (a log that prints the headline decides it), where
    nothing is entered to be judged, and where the program prints the logs' claimed line somewhere else.
    """
    claimed = case.claimed
    report = claimed.report if claimed and claimed.headline.sure else None
    undecided = any(event.doubtful for event in events if event is not report)
    if undecided or _only_shown(case) or _withdrawn(case) or (report is None and _printed_elsewhere(case)):
        return Confidence.MEDIUM
    return Confidence.HIGH


def _only_shown(case: Case) -> bool:
    """Whether the folder has a README, no metadata, and no score to be judged by: what shows a defect is no entry."""
    claims = case.evidence.claims
    entered = any(path.rsplit("/", 1)[-1] == "submission.json" for path in case.folder.files)
    return claims.readme.file is not None and not entered and claims.headline is None


def _withdrawn(case: Case) -> bool:
    """Whether the metadata names the score and leaves it empty, and no log gives one: what is told of it is the past."""
    metadata = case.evidence.claims.metadata
    empty = any(
        leaf.value is None and quantity_of(pointer[1:]) is Quantity.BPB
        for pointer, leaf in metadata.document.leaves.items()
    )
    return empty and metadata.headline is None and case.evidence.headline is None


def _printed_elsewhere(case: Case) -> bool:
    """Whether the label of the logs' claimed line stands in the program, although no report was found to print it."""
    labels = {line.label for line in case.evidence.headline_lines}
    texts = case.walk.texts if case.walk else ()
    return any(label in line for text in texts for line in text.lines for label in labels)


def unseen(case: Case) -> str:
    """Why the audit did not see how the claimed score is made; empty where it did, or where there is no such score."""
    if case.walk is None or (case.claimed and case.claimed.headline.sure):
        return ""
    if case.claimed is None:
        return "no report of a score was found in the program" if case.evidence.claims.headline else ""
    labels = {line.label for line in case.evidence.headline_lines if isinstance(line.event, Evaluation)}
    if not labels:
        return ""
    shown = min(labels)
    if _printed_elsewhere(case):
        return f"the program prints the logs' claimed line “{shown}” at a place whose losses could not be followed"
    program = "\n".join(line for text in case.walk.texts for line in text.lines).lower()
    if all(any(word not in program for word in _LETTERS.findall(label.lower())) for label in labels):
        return f"the logs' claimed line “{shown}” has words that stand nowhere in the script: another one printed it"
    return ""


def headline_at(claimed: Claimed) -> Related:
    """The line of the program that prints the claim, and why it is taken to be the one."""
    return Related(claimed.report.location, f"prints the headline: {claimed.headline.reason}")


def counted_right(case: Case) -> bool:
    """Whether the logs show that the headline was divided by the bytes of the validation text."""
    ruler = Ruler(case.rulebook)
    found = [ruler.measure(line).coverage for line in case.evidence.headline_lines]
    return bool(found) and all(coverage is Coverage.WHOLE for coverage in found)
