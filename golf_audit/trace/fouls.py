"""What only running the code can find: rules that judge the ledger and the probes, and no text."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from golf_audit.finding import Finding, Severity, Unproven
from golf_audit.rule import Example, Rule

if TYPE_CHECKING:
    from golf_audit.case import Case


class RuntimeRule(Rule):
    """A rule that looks at what a run did; it has nothing to say about a folder that was only read."""

    legal: ClassVar[tuple[Example, ...]] = ()
    illegal: ClassVar[tuple[Example, ...]] = ()

    def check(self, case: "Case") -> Iterator[Finding | Unproven]:
        """Nothing: the judge of a run asks."""
        del case
        yield from ()


class ScoreMovesWithLaterTokens(RuntimeRule):
    """
    The score of a token must not change when only tokens change that come after it and had not been scored.

    The submission's code is run twice on validation streams that are the same up to a position. A counted score before it
    that differs was made from what may not be known yet: the token itself, later ones, or a state that learned from them.
    """

    code = "GA-C1-004"
    severity = Severity.DISQUALIFYING
    authority = ("guide-c1", "readme-r7")
    would_change = "Scores that stay the same, to the last bit, whatever follows the tokens that were scored."


class PredictionMovesWithItsToken(RuntimeRule):
    """
    What a token is predicted with must not depend on the token.

    The code is run twice on validation streams that are the same up to a position. The row over the alphabet from which the
    token at that position is scored was made for tokens before it alone; a row that differs had seen what it predicts.
    """

    code = "GA-C1-004"
    severity = Severity.DISQUALIFYING
    authority = ("guide-c1", "readme-r7")
    would_change = "A prediction that is the same, to the last bit, whichever token comes."


class ArtifactMovesWithValidation(RuntimeRule):
    """
    The artifact must not change when only validation tokens change.

    The code is run twice; nothing differs but the validation stream. Bytes of the artifact that differ were chosen, learned
    or calibrated by looking at it.
    """

    code = "GA-DATA-001"
    severity = Severity.RULING
    authority = ("readme-r6", "guide-c1")
    would_change = "An artifact that is the same, byte for byte, whatever the validation stream holds."


class ProbabilitiesSumPastOne(RuntimeRule):
    """
    The probabilities that a score gives the tokens of one place must not sum to more than one.

    The code is run with other tokens in the last place of the stream, where nothing else depends on them. Each run shows the
    probability that the claimed score gives one token there. If a few of them sum to more than one, no distribution over
    the alphabet stands behind the score.
    """

    code = "GA-C2-006"
    severity = Severity.DISQUALIFYING
    authority = ("guide-c2", "valerio-779")
    would_change = (
        "A mixture that is formed for every token of the alphabet and sums to one before a token is looked at."
    )


class TrainDataReadWhileScoring(RuntimeRule):
    """
    No training shard may be opened while validation tokens are scored.

    What training data may say at evaluation has to be paid for inside the artifact.
    """

    code = "GA-DATA-004"
    severity = Severity.DISQUALIFYING
    authority = ("readme-r5", "readme-r2")
    would_change = "An evaluation that opens nothing but the artifact, the validation stream and the tokenizer."


RUNTIME_RULES: tuple[RuntimeRule, ...] = (
    ScoreMovesWithLaterTokens(),
    PredictionMovesWithItsToken(),
    ArtifactMovesWithValidation(),
    ProbabilitiesSumPastOne(),
    TrainDataReadWhileScoring(),
)
