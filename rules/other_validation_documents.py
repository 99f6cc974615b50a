"""The headline was taken over other documents than the validation set's."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from golf_audit.evidence.coverage import Coverage, Ruler
from golf_audit.evidence.samples import SampleRun, submission
from golf_audit.finding import Confidence, Finding, Related, Severity, Unproven
from golf_audit.rule import Example, Rule

if TYPE_CHECKING:
    from golf_audit.case import Case


class OtherValidationDocuments(Rule):
    """
    A score may not be taken over other documents than the validation set's.

    The set is the first 50,000 documents of the export. A set re-made with 10,000 documents, or one shard of fifty million
    tokens, holds other text; some text is easier, and none is comparable. The token count and the bytes it implies tell
    them apart without the data.
    """

    code = "GA-BPB-009"
    severity = Severity.DISQUALIFYING
    authority = ("cocohearts-2109", "readme-r17")
    would_change = "A log of the same artifact over the first 50,000 documents of the export."
    legal: ClassVar[tuple[Example, ...]] = (
        Example("the whole set", files=submission()),
        Example("the whole set as single bytes", files=submission(SampleRun(1, 1.2, 151_076_864, 1.0))),
        Example("the whole set, casefolded before counting", files=submission(SampleRun(1, 1.05, 36_286_464, 4.16354))),
    )
    illegal: ClassVar[tuple[Example, ...]] = (
        Example(
            "a shard of fifty million tokens",
            files=submission(*(SampleRun(s, 1.04, 49_999_872, 3.9589) for s in (1, 2, 3))),
            says="49,999,872",
        ),
        Example(
            "ten thousand documents",
            files=submission(*(SampleRun(s, 1.05, 9_662_464, 3.0997) for s in (1, 2, 3))),
            says="10,000 documents",
        ),
        Example(
            "ten thousand documents, one seed",
            files=submission(SampleRun(7, 1.05, 9_661_440, 3.1008)),
            says="9,661,440",
        ),
    )

    def check(self, case: "Case") -> Iterator[Finding | Unproven]:
        """Flag a headline whose implied text is a known other one."""
        ruler = Ruler(case.rulebook)
        others = [
            (line, found)
            for line, found in ruler.all_of(case.evidence.scored_lines)
            if found.coverage is Coverage.OTHER
        ]
        if not others:
            return
        line, found = others[0]
        related = [Related(other.location, "scores the same other text") for other, _ in others[1:]]
        if found.tokens_line:
            related.insert(
                0,
                Related(
                    line.log.location(found.tokens_line), "the token count, which no export of the validation set has"
                ),
            )
        counted = (
            f"{found.tokens:,} tokens, that is {found.nbytes / 1e6:.2f} MB"
            if found.tokens
            else f"{found.nbytes / 1e6:.2f} MB"
        )
        yield self.finding(
            f"The headline was taken over {counted} of text, where the validation set has {ruler.nbytes / 1e6:.2f} MB: {found.means}.",
            line.location,
            *related,
            confidence=Confidence.HIGH if case.evidence.is_certain else Confidence.MEDIUM,
            severity=Severity.DISQUALIFYING if case.evidence.for_the_record else Severity.METADATA,
        )
