"""The code bytes that were counted are not those of the shipped script."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from golf_audit.evidence.claim import Claim
from golf_audit.evidence.samples import SampleRun, submission
from golf_audit.evidence.sizes import weigh
from golf_audit.finding import Finding, Location, Related, Severity, Unproven
from golf_audit.rule import Example, Rule

if TYPE_CHECKING:
    from golf_audit.case import Case

_PACKED = 0.5
"""Counted bytes below this part of the shipped ones are of a packed form, which organisers accepted."""
_SLACK = 200
"""Bytes that newlines, a byte-order mark or a last edit may make."""


class WrapperSizeOfAnotherForm(Rule):
    """
    The code bytes counted should be those of the script in the folder.

    A run may count a packed form of its source and ship the readable one, or count the bare payload and ship it inside a
    self-extracting script. Rows that count the packed form were accepted; but the counted bytes are
    then of a file that is not there, so both numbers are shown.
    """

    code = "GA-CODE-005"
    severity = Severity.METADATA
    authority = ("readme-r1", "practice-packed-code")
    would_change = "A count of the script that is shipped."
    legal: ClassVar[tuple[Example, ...]] = (
        Example("the shipped script", files=submission()),
        Example("a last comment added", files=submission(code="#" * 20_150)),
        Example("no size anywhere", files={"train_gpt.py": "x = 1\n", "README.md": "# R\n"}),
    )
    illegal: ClassVar[tuple[Example, ...]] = (
        Example(
            "the payload alone",
            files=submission(*(SampleRun(s, code=16_740) for s in (1, 2)), code="#" * 20_990),
            says="16,740",
        ),
        Example(
            "packed, but shipped readable",
            files=submission(*(SampleRun(s, code=20_177) for s in (1, 2)), code="#" * 59_295),
            says="59,295",
        ),
        Example(
            "the readable form, but shipped packed",
            files=submission(SampleRun(code=66_546), code="#" * 19_596),
            says="19,596",
        ),
    )

    def check(self, case: "Case") -> Iterator[Finding | Unproven]:
        """Compare the counted code, in the log and in the metadata, with the entry script's size."""
        for weighing in weigh(case.evidence):
            counted, shipped = weighing.code, weighing.shipped_code
            if counted and shipped and abs(counted.size - shipped) > _SLACK and counted.size > _SLACK:
                packed = counted.size < _PACKED * shipped
                claim: Claim | None = case.evidence.claims.metadata.code
                yield self.finding(
                    f"The log counts {counted.size:,} bytes of code, but the shipped script has {shipped:,}.",
                    weighing.log.location(counted.line),
                    *([Related(claim.location, f"the metadata states {claim.value:,.0f}")] if claim else []),
                    *(
                        [Related(Location(entry.path), f"{shipped:,} bytes as shipped")]
                        if (entry := case.folder.entry)
                        else []
                    ),
                    authority=self.authority if packed else ("readme-r1",),
                    severity=Severity.INFO if packed else Severity.METADATA,
                )
                return
