"""The bytes that a score is divided by are not those of the validation text."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from golf_audit.evidence.coverage import Coverage, Denominator, Ruler
from golf_audit.evidence.headline import HeadlineLine
from golf_audit.evidence.samples import SampleRun, submission
from golf_audit.finding import Confidence, Finding, Related, Severity, Unproven
from golf_audit.rule import Example, Rule

if TYPE_CHECKING:
    from golf_audit.case import Case

_PLAIN = 0.03
"""A relative surplus above which no truncation, rounding or document mark can be the reason."""


def _spaces_twice(*seeds: int) -> tuple[SampleRun, ...]:
    return tuple(SampleRun(seed, 0.92, bytes_per_token=4.3864) for seed in seeds)


class DenominatorNotTheValidationSet(Rule):
    """
    A score may not be divided by more bytes than the validation text has.

    Bits per byte are val_loss / ln 2 x tokens / bytes, and the text is fixed: whatever the tokenizer, a line that states
    loss and score implies how many bytes were counted. A count that is off means that a tokenizer's table counts
    spaces twice, marks as text, or replacement characters as three bytes; each byte too many lowers the score for nothing.
    Too few bytes raise it: that is a mistake, and no foul.
    """

    code = "GA-BPB-001"
    severity = Severity.DISQUALIFYING
    authority = ("readme-r9", "guide-v", "cocohearts-2138", "issue-1719")
    would_change = "A log whose loss, score and token count give the bytes of the validation text, or a proof that the count is right."
    legal: ClassVar[tuple[Example, ...]] = (
        Example("SP8192 over the whole set", files=submission()),
        Example(
            "CaseOps with its byte sidecar",
            files=submission(*(SampleRun(s, 1.06, 47_851_520, 3.15736) for s in (1, 2, 3))),
        ),
        Example(
            "SP1024 with the last window dropped",
            files=submission(*(SampleRun(s, 1.12, 62_020_608, 2.43593) for s in (1, 2, 3))),
        ),
        Example(
            "a log that states no token count",
            files={"train.log": "final_int8_zlib_roundtrip_exact val_loss:2.0000 val_bpb:1.1845\n"},
        ),
    )
    illegal: ClassVar[tuple[Example, ...]] = (
        Example("the leading space counted twice", files=submission(*_spaces_twice(1, 2, 3)), says="177.8 MB"),
        Example(
            "CaseOps marks counted as text",
            files=submission(*(SampleRun(s, 1.02, 47_851_520, 3.43973) for s in (1, 2, 3))),
            says="without the byte sidecar",
        ),
        Example(
            "a quarter too many bytes",
            files=submission(*(SampleRun(s, 0.9, 45_508_608, 4.2313) for s in (1, 2, 3))),
            says="192.6 MB",
        ),
    )

    def check(self, case: "Case") -> Iterator[Finding | Unproven]:
        """Flag the first headline line of each count that is not the set's."""
        ruler = Ruler(case.rulebook)
        off = [
            pair
            for pair in ruler.all_of(case.evidence.scored_lines)
            if pair[1].coverage in {Coverage.WRONG_BYTES, Coverage.UNEXPLAINED}
        ]
        if not off:
            return
        line, denominator = off[0]
        surplus = denominator.nbytes / ruler.nbytes - 1
        sure = surplus > _PLAIN and case.evidence.is_certain
        yield self.finding(
            f"The headline's loss, score and token count imply {denominator.nbytes / 1e6:.1f} MB of text where the validation set has "
            f"{ruler.nbytes / 1e6:.1f} MB ({surplus:+.1%}): {denominator.means}.",
            line.location,
            *_places(line, denominator, off[1:]),
            confidence=Confidence.HIGH if sure else Confidence.MEDIUM,
            severity=Severity.DISQUALIFYING if surplus > 0 and case.evidence.for_the_record else Severity.METADATA,
        )


def _places(
    line: HeadlineLine, denominator: Denominator, further: list[tuple[HeadlineLine, Denominator]]
) -> Iterator[Related]:
    if denominator.tokens_line:
        yield Related(line.log.location(denominator.tokens_line), f"the {denominator.tokens:,} tokens that were scored")
    for other, its in further:
        yield Related(other.location, f"implies {its.nbytes / 1e6:.1f} MB too")
