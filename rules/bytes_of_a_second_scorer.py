"""The headline's scorer counts other bytes than the rest of its own log."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from golf_audit.evidence.coverage import Ruler, bytes_per_token, usual_bytes_per_token
from golf_audit.evidence.events import Evaluation, Validation
from golf_audit.evidence.samples import SampleRun, submission
from golf_audit.finding import Confidence, Finding, Related, Severity, Unproven
from golf_audit.rule import Example, Rule

if TYPE_CHECKING:
    from golf_audit.case import Case


class BytesOfASecondScorer(Rule):
    """
    A new scorer may not count other bytes than the model's own validation.

    Loss and score of one text stand in one ratio, the bytes of a token. Where the headline's ratio differs from the ratio
    of the validations in the same log, its score was divided by other bytes, or its loss and score are of two different
    things (a mixture over bytes printed beside a loss over tokens). Either way the pair proves nothing. Fewer bytes than the
    validation's make the score worse than it is: that is a mistake, and no foul.
    """

    code = "GA-BPB-011"
    severity = Severity.DISQUALIFYING
    authority = ("cocohearts-2138", "cocohearts-2039", "guide-v")
    would_change = "The scorer's own byte count in the log, equal to that of the neural evaluation."
    legal: ClassVar[tuple[Example, ...]] = (
        Example("one ratio throughout", files=submission()),
        Example(
            "the same ratio but for rounding",
            files=submission(*(SampleRun(s, headline_bytes_per_token=3.7270) for s in (1, 2, 3))),
        ),
        Example(
            "a mixture that is not the headline",
            files=submission(SampleRun(after="mixer val_loss:2.4550 val_bpb:0.9737")),
        ),
    )
    illegal: ClassVar[tuple[Example, ...]] = (
        Example(
            "case marks in the divisor",
            files=submission(*(SampleRun(s, 1.03, headline_bytes_per_token=3.90) for s in (1, 2, 3))),
            says="+4.7%",
        ),
        Example(
            "a byte mixture's score beside a token loss",
            files=submission(SampleRun(headline_bytes_per_token=4.3, label="mix_sliding")),
            says="counts 4.3000",
        ),
        Example("fewer bytes", files=submission(SampleRun(headline_bytes_per_token=3.5)), says="-6.1%"),
    )

    def check(self, case: "Case") -> Iterator[Finding | Unproven]:
        """Flag a headline whose bytes per token are not its run's, or a pass over all tokens that counts other bytes."""
        headline = case.evidence.headline
        ruler = Ruler(case.rulebook)
        yield from self._counted(case, ruler)
        if headline is None:
            return
        for line in headline.lines:
            own, usual = bytes_per_token(line.event), usual_bytes_per_token(line.run)
            if own and usual and not ruler.measure(line).commensurable:
                validation = next(event for event in line.run.of(Validation) if bytes_per_token(event))
                yield self.finding(
                    f"The headline {line.label!r} counts {own:.4f} bytes for a token where its own log counts {usual:.4f} ({own / usual - 1:+.1%}).",
                    line.location,
                    Related(line.log.location(validation.line), "a validation of the same run"),
                    confidence=Confidence.MEDIUM,
                    severity=_severity(case, own > usual),
                )
                return

    def _counted(self, case: "Case", ruler: Ruler) -> Iterator[Finding]:
        """A pass of a claimed run that says it scored the run's tokens, and says how many bytes they are."""
        for log, run in case.evidence.claimed_runs:
            whole = run.val_tokens.count if run.val_tokens else 0
            for event in run.of(Evaluation):
                scored = event.tokens or (
                    event.nbytes if event.nbytes and whole and abs(event.nbytes / whole - 1) <= ruler.tolerance else 0
                )
                same = scored and whole and abs(scored / whole - 1) <= ruler.tolerance
                if same and event.nbytes and whole > _SMALL and abs(event.nbytes / ruler.nbytes - 1) > ruler.tolerance:
                    yield self.finding(
                        f"A pass over all {scored:,} tokens counts {event.nbytes:,} bytes where the validation text has {ruler.nbytes:,}.",
                        log.location(event.line),
                        confidence=Confidence.MEDIUM,
                        severity=_severity(case, event.nbytes > ruler.nbytes),
                    )
                    return


def _severity(case: "Case", flattering: bool) -> Severity:
    """Too many bytes flatter the score; too few are a mistake to the author's own cost."""
    return Severity.DISQUALIFYING if flattering and case.evidence.for_the_record else Severity.METADATA


_SMALL = 1_000_000
"""Fewer tokens than this are a test of the code."""
