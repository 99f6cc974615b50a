"""The gain over the record that stood is below one of the two bars."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from golf_audit.evidence.coverage import bytes_per_token
from golf_audit.evidence.frontier import Frontier, day_of
from golf_audit.evidence.samples import SampleRun, submission
from golf_audit.finding import Confidence, Finding, Severity, Unproven
from golf_audit.rule import Example, Rule

if TYPE_CHECKING:
    from golf_audit.case import Case


def _seeds(*scores: float) -> tuple[SampleRun, ...]:
    return tuple(SampleRun(seed, bpb) for seed, bpb in enumerate(scores, 1))


class InsignificantImprovement(Rule):
    """
    A record should beat the row that stood by 0.005 nats per token at p < 0.01.

    So says the README; the leaderboard was built with a one-sided Welch test at p < 0.25 against the row before. Both numbers
    are given for what they are, and no verdict follows. Nats per token depend on the tokenizer: 0.005 nats are 0.0030 bpb
    at SP1024 and 0.0019 bpb at SP8192. A change of systems alone, with the same learning, need not clear any bar.
    """

    code = "GA-STAT-001"
    severity = Severity.INFO
    authority = ("readme-r8", "cocohearts-1902")
    would_change = "More seeds, a larger gain, or a change of systems alone."
    legal: ClassVar[tuple[Example, ...]] = (
        Example("a clear gain", files=submission(*_seeds(1.0500, 1.0504, 1.0502))),
        Example("a clear gain of one seed, which says nothing of p", files=submission(SampleRun(1, 1.0500))),
        Example("no claim to the record", files=submission(*_seeds(1.1500, 1.1504, 1.1502))),
        Example("nothing claimed", files={"README.md": "# R\n"}),
    )
    illegal: ClassVar[tuple[Example, ...]] = (
        Example("half of the bar", files=submission(*_seeds(1.0715, 1.0716, 1.0717)), says="nats"),
        Example("one seed", files=submission(SampleRun(1, 1.0715)), says="no p"),
        Example("a gain within the noise", files=submission(*_seeds(1.0600, 1.0760, 1.0770)), says="p ="),
    )

    def check(self, case: "Case") -> Iterator[Finding | Unproven]:
        """Give gain and p where the claim is below the row that stood and misses a bar."""
        headline, day = case.evidence.headline, day_of(case.folder.name)
        if headline is None or day is None or not case.evidence.for_the_record:
            return
        ratio = next((found for line in headline.lines if (found := bytes_per_token(line.event))), 0.0)
        compared = Frontier(case.rulebook).compare(headline.values, ratio, day) if ratio else None
        if compared is None or compared.gain_bpb <= 0 or (compared.clears_nats and compared.clears_p is not False):
            return
        p = f"p = {compared.p:.3g}" if compared.p is not None else "no p (fewer than two seeds)"
        yield self.finding(
            f"The gain over {compared.against.bpb:g} (PR #{compared.against.pr}) is {compared.gain_bpb:.5f} bpb, {compared.gain_nats_per_token:.4f} nats per token, {p}.",
            headline.claim.location,
            confidence=Confidence.MEDIUM,
        )
