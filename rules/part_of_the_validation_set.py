"""The headline was taken over a part of the validation set."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from golf_audit.evidence.coverage import Coverage, Ruler
from golf_audit.evidence.samples import SampleRun, submission
from golf_audit.finding import Confidence, Finding, Related, Severity, Unproven
from golf_audit.rule import Example, Rule

if TYPE_CHECKING:
    from golf_audit.case import Case

_MIXED = "mix_pass bytes={count} mix_bpb={bpb} nn_only=1.081"
_SUBSET = tuple(
    SampleRun(seed, 1.08, after=_MIXED.format(count=10_982_035, bpb=f"{1 + seed / 1e6:.6f}"))
    for seed in (42, 1337, 2025)
)
_PER_SEED = {str(run.seed): {"mix_bpb": round(1 + run.seed / 1e6, 6)} for run in _SUBSET}


class PartOfTheValidationSet(Rule):
    """
    A score may not stand for a part of the validation set.

    The validation set is the fixed first 50,000 documents, all of them. Three million of forty million tokens, twenty random
    batches or a fifth of the text make an estimate: it cannot stand beside scores of the whole.
    """

    code = "GA-BPB-008"
    severity = Severity.DISQUALIFYING
    authority = ("valerio-1835", "cocohearts-2009", "readme-r17")
    would_change = "A headline from a pass over every validation token, with its log."
    legal: ClassVar[tuple[Example, ...]] = (
        Example("the whole set", files=submission()),
        Example("a mixture tried on a part, beside the headline", files=submission(*_SUBSET)),
        Example(
            "a short validation inside training",
            files=submission(SampleRun(before="debug eval tokens=1048576 val_bpb:1.2000 val_loss:3.1")),
        ),
    )
    illegal: ClassVar[tuple[Example, ...]] = (
        Example(
            "three million of forty million tokens",
            files=submission(*(SampleRun(s, 1.08, 3_000_000) for s in (1, 2, 3))),
            says="7.4%",
        ),
        Example(
            "a mixture over eleven million bytes",
            files=submission(*_SUBSET, metadata={"val_bpb": 1.001135, "seed_results": _PER_SEED}, readme="# Mixture\n"),
            says="11.0 MB",
        ),
        Example("one smoke-test shard", files=submission(SampleRun(1, 1.3, 1_048_576, 2.4359)), says="1.7%"),
    )

    def check(self, case: "Case") -> Iterator[Finding | Unproven]:
        """Flag a headline whose lines cover less than the set."""
        ruler = Ruler(case.rulebook)
        parts = [
            (line, found) for line, found in ruler.all_of(case.evidence.scored_lines) if found.coverage is Coverage.PART
        ]
        if not parts:
            return
        line, found = parts[0]
        related = [Related(other.location, f"covers {its.nbytes / 1e6:.1f} MB") for other, its in parts[1:]]
        if found.tokens_line:
            related.insert(
                0,
                Related(line.log.location(found.tokens_line), f"the {found.tokens:,} tokens that the run validated on"),
            )
        yield self.finding(
            f"The headline was taken over {found.nbytes / 1e6:.1f} MB of the {ruler.nbytes / 1e6:.1f} MB of validation text: {found.means}.",
            line.location,
            *related,
            confidence=Confidence.HIGH if case.evidence.is_certain else Confidence.MEDIUM,
            severity=Severity.DISQUALIFYING if case.evidence.for_the_record else Severity.METADATA,
        )
