"""Everything a submission states about itself in numbers, wherever it states it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from golf_audit.evidence.claim import Claim, Quantity
from golf_audit.evidence.metadata import Metadata, read_metadata
from golf_audit.evidence.readme import Readme, read_readme
from golf_audit.finding import Location

if TYPE_CHECKING:
    from golf_audit.submission import Folder

_IN_NAME = re.compile(r"(?<![\d.])([01]\.\d{3,6})(?!\d)")


@dataclass(frozen=True)
class Claims:
    """The metadata's and the README's numbers together."""

    metadata: Metadata
    readme: Readme
    folder_score: Claim | None = None
    """A score in the folder's own name."""

    @cached_property
    def everything(self) -> tuple[Claim, ...]:
        """Every stated number, metadata first."""
        return self.metadata.claims + self.readme.claims

    @property
    def headline(self) -> Claim | None:
        """The score that the submission wants to be judged by."""
        return self.metadata.headline or self.readme.headline or next(iter(self._means(Quantity.BPB)), None)

    def _means(self, quantity: Quantity) -> Iterator[Claim]:
        return (claim for claim in self.readme.claims if claim.quantity is quantity and claim.statistic == "mean")

    def of(self, quantity: Quantity, seed: int | None = None) -> tuple[Claim, ...]:
        """The claims of one quantity; about one seed where given."""
        return tuple(c for c in self.everything if c.quantity is quantity and (seed is None or c.seed == seed))

    @cached_property
    def seeds(self) -> tuple[int, ...]:
        """Every seed that metadata or README name, in order."""
        named = [*self.metadata.seeds, *(claim.seed for claim in self.readme.claims if claim.seed is not None)]
        return tuple(dict.fromkeys(named))

    def columns(self) -> Iterator[tuple[str, dict[int, Claim]]]:
        """Groups of per-seed scores that stand under one field or column, from metadata and from README apart."""
        for source in (self.metadata.claims, self.readme.claims):
            groups: dict[str, dict[int, Claim]] = {}
            for claim in source:
                if claim.quantity is Quantity.BPB and claim.seed is not None and not claim.statistic:
                    groups.setdefault(claim.label, {}).setdefault(claim.seed, claim)
            yield from groups.items()


def read_claims(folder: "Folder") -> Claims:
    """Read what the folder's metadata and README state."""
    match = _IN_NAME.search(folder.name)
    score = None
    if match:
        place = Location(folder.path or folder.name, text=folder.name)
        score = Claim(Quantity.BPB, float(match[1]), 10.0 ** -len(match[1].partition(".")[2]), "folder name", place)
    return Claims(read_metadata(folder), read_readme(folder), score)
