"""Folder name, README and metadata state different scores."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from golf_audit.evidence.claim import Claim
from golf_audit.evidence.numbers import numbers
from golf_audit.evidence.samples import submission
from golf_audit.finding import Confidence, Finding, Related, Severity, Unproven
from golf_audit.rule import Example, Rule

if TYPE_CHECKING:
    from golf_audit.case import Case
    from golf_audit.submission import File


class ScoresDisagree(Rule):
    """
    Metadata, README and folder name should state one score.

    A title that names a better score than the metadata is what people read. A headline that was corrected in one place and
    not in the others leaves the wrong one standing.
    """

    code = "GA-META-005"
    severity = Severity.METADATA
    authority = ("ohq-61", "readme-r10")
    would_change = "One score in all places."
    legal: ClassVar[tuple[Example, ...]] = (
        Example("one score", files=submission()),
        Example("rounded in the README", files=submission(readme="# R\n\nval_bpb = 1.081 (3-seed mean)\n")),
        Example("no score in the README", files=submission(readme="# R\n")),
    )
    illegal: ClassVar[tuple[Example, ...]] = (
        Example("better in the README", files=submission(readme="# R\n\n**val_bpb = 0.9796**\n"), says="0.9796"),
        Example("worse in the README", files=submission(readme="# R\n\n**val_bpb: 1.2154**\n"), says="1.2154"),
        Example("in the README's title", files=submission(readme="# Record: val_bpb 1.0574\n"), says="1.0574"),
    )

    def check(self, case: "Case") -> Iterator[Finding | Unproven]:
        """Compare the README's and the folder name's score with the metadata's."""
        claims = case.evidence.claims
        stated, told, named = claims.metadata.headline, claims.readme.headline, claims.folder_score
        if stated is None:
            return
        for other, where in ((told, "the README"), (named, "the folder's name")):
            if other is None or _agree(stated, other) or (other is told and _says(claims.readme.file, stated.value)):
                continue
            known = case.evidence.headline is not None
            yield self.finding(
                f"The metadata states {stated.value:g} and {where} {other.value:g}.",
                stated.location,
                *([Related(other.location, f"{where} states {other.value:g}")] if where == "the README" else []),
                confidence=Confidence.HIGH if known else Confidence.MEDIUM,
            )


def _says(file: "File | None", value: float) -> bool:
    """Whether the README states the score anywhere, to three decimals or more."""
    return file is not None and any(
        abs(number.value - value) <= max(1.01 * number.ulp, 1e-4)
        for line in file.lines
        for number in numbers(line)
        if number.ulp <= _FINE
    )


_FINE = 1e-3


def _agree(left: Claim, right: Claim) -> bool:
    return abs(left.value - right.value) <= max(1.5 * left.unit_of_last_place, 1.5 * right.unit_of_last_place, 1e-4)
