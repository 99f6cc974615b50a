"""A folder of one track says that it belongs to the other, or carries no date."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from golf_audit.evidence.evidence import NON_RECORD, Evidence
from golf_audit.evidence.samples import submission
from golf_audit.finding import Finding, Location, Severity, Unproven
from golf_audit.rule import Example, Rule
from golf_audit.text import shorten

if TYPE_CHECKING:
    from golf_audit.case import Case

_RECORD = re.compile(r"(?i)^\W*(?:\[?new )?record\b\]?\s*[:—–-]")
_RECORD_FIELD = re.compile(r"(?i)^(?:track_)?(?:10 ?min(?:-8xh100)?[-_ /]16 ?mb|record)$")
_DATED = re.compile(r"20\d\d-\d\d?-\d\d?(?:$|[_-])")


class AnotherTrackNamed(Rule):
    """
    A submission lies in the folder of the track that it claims, under a name with its date.

    Records lie below `track_10min_16mb`, everything else below `track_non_record_16mb`. A title or a `track` field that
    says the other leaves open which rules the result asks to be judged by. The date orders the rows of one day after the
    next.
    """

    code = "GA-PR-003"
    severity = Severity.METADATA
    authority = ("readme-r10", "readme-r16")
    would_change = "The folder in the track that the README and the metadata name, called `YYYY-MM-DD_Name`."
    legal: ClassVar[tuple[Example, ...]] = (
        Example("the track of the folder", files=submission()),
        Example("the track in other words", files=submission(metadata={"track": "10min-8xH100-16mb"})),
        Example("no track named", files=submission(metadata={"track": None})),
        Example("a record by its title", files=submission(readme="# Record: a stack of known parts\n")),
        Example(
            "another submission's track",
            files=submission(readme="# A stack of known parts\n\nIt follows a non-record submission.\n"),
        ),
    )
    illegal: ClassVar[tuple[Example, ...]] = (
        Example(
            "in the metadata",
            files=submission(metadata={"track": "non-record-unlimited-compute-16mb"}),
            says="non-record-unlimited-compute-16mb",
        ),
        Example("in the title", files=submission(readme="# Non-record: a negative result\n"), says="README"),
        Example(
            "in both",
            files=submission(metadata={"track": "non_record_16mb"}, readme="# [Non-Record] A stack\n"),
            says="submission.json",
        ),
    )

    def check(self, case: "Case") -> Iterator[Finding | Unproven]:
        """Compare the folder's track with the metadata's field and the README's title, and look for its date."""
        folder, evidence = case.folder, case.evidence
        other = _other(evidence, for_the_record=evidence.for_the_record) if folder.track else None
        if other:
            what, place = other
            yield self.finding(f"The folder lies in {folder.track}, but {what}.", place)
        elif folder.track and folder.files and not _DATED.match(folder.name.replace("_", "-")):
            place = Location(next(iter(folder.files)))
            yield self.finding(
                f"The folder's name, {shorten(folder.name, 60)!r}, does not begin with its date.",
                place,
                authority=("readme-r10",),
                would_change="A folder called `YYYY-MM-DD_Name`.",
            )


def _other(evidence: Evidence, *, for_the_record: bool) -> tuple[str, Location] | None:
    """Who names the other track, in words, with the place; None where nobody does."""
    for pointer, text, place in evidence.claims.metadata.text():
        wrong = NON_RECORD.search(text) if for_the_record else _RECORD_FIELD.match(text.strip())
        if pointer == "/track" and wrong:
            return f"submission.json says {shorten(text, 60)!r}", place
    readme = evidence.claims.readme.file
    titles = ((n, line) for n, line in enumerate(readme.lines if readme else (), 1) if line.startswith("#"))
    number, title = next(titles, (0, ""))
    title = title.lstrip("# ")
    if readme and (
        NON_RECORD.search(title) if for_the_record else _RECORD.match(title) and not NON_RECORD.search(title)
    ):
        return f"the README is titled {shorten(title, 60)!r}", readme.location(number)
    return None
