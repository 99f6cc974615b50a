"""All that is known about one submission folder: what the rules look at."""

from dataclasses import dataclass
from functools import cached_property

from golf_audit.decoding.source import Source, Undecodable
from golf_audit.evidence import Evidence
from golf_audit.evidence.events import Evaluation
from golf_audit.program.claimed import Claimed, claimed
from golf_audit.program.walk import Walk
from golf_audit.rulebook import Rulebook
from golf_audit.submission import Folder


@dataclass(frozen=True)
class Case:
    """One folder, decoded, walked and read; rules ask it and never open a file themselves."""

    folder: Folder
    source: Source | Undecodable | None
    """The entry script's decoded layers; None where the folder has no entry script."""
    walk: Walk | None
    """What the entry script does, in order; None where it could not be parsed."""
    evidence: Evidence
    rulebook: Rulebook

    @cached_property
    def claimed(self) -> Claimed | None:
        """What the claimed score rests on; None where the program was not walked or reports no score."""
        if self.walk is None:
            return None
        lines = self.evidence.headline_lines
        return claimed(self.walk, (line.label for line in lines), () if lines else _by_distance(self.evidence))


def _by_distance(evidence: Evidence) -> list[str]:
    """The labels of the logs' results, the nearest to a claim that is in no log first."""
    claim = evidence.claims.headline
    if claim is None:
        return []
    results = [result for log in evidence.logs for result in log.of(Evaluation) if not result.loose]
    return [result.label for result in sorted(results, key=lambda result: abs(result.bpb - claim.value))]
