"""The number of training shards is that of a split whose training documents reach into the validation set."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from golf_audit.evidence.coverage import Coverage, Ruler
from golf_audit.evidence.samples import SampleRun, submission
from golf_audit.finding import Confidence, Finding, Related, Severity, Unproven
from golf_audit.rule import Example, Rule

if TYPE_CHECKING:
    from golf_audit.case import Case


def _caseops(shards: int, path: str = "./data/caseops") -> dict[str, str]:
    run = SampleRun(1, 1.06, 47_851_520, 3.15736, settings=f"train_files: {path}/fineweb_train_*.bin")
    return {"train_seed1.log": run.log().replace("train_shards: 80", f"train_shards: {shards}")}


class ShardsOfAnOverlap(Rule):
    """
    Training documents may not be validation documents.

    The local preparation of CaseOps data makes 1,502 shards when 10,000 documents are kept for validation and 1,499 when 50,000
    are. 1,502 shards with the 50,000-document set is the trace of training on 40,000 of them. The two readings of these counts
    are disputed, and a count is no proof: this is a question, never a verdict.
    """

    code = "GA-DATA-003"
    severity = Severity.RULING
    authority = ("cocohearts-2018", "issue-2127")
    would_change = "The command that prepared the data, or a list of the documents in its first shard."
    legal: ClassVar[tuple[Example, ...]] = (
        Example("eighty shards of the published set", files=submission(SampleRun(1), files=_caseops(80))),
        Example("1,499 shards with the whole set", files=submission(SampleRun(1), files=_caseops(1499))),
        Example("the plain set", files=submission()),
    )
    illegal: ClassVar[tuple[Example, ...]] = (
        Example(
            "1,502 shards with the whole set", files=submission(SampleRun(1, 1.06), files=_caseops(1502)), says="1,502"
        ),
        Example(
            "in the claimed run of three",
            files=submission(SampleRun(1, 1.06), SampleRun(2, 1.06), files=_caseops(1502)),
            says="1,502",
        ),
        Example(
            "a path doubled by hand",
            files=submission(SampleRun(1, 1.06), files=_caseops(1502, "./datasets/datasets")),
            says="1,502",
        ),
    )

    def check(self, case: "Case") -> Iterator[Finding | Unproven]:
        """Flag the leaky count beside a score of the whole set."""
        leaky = int(case.rulebook.table("validation")["leaky_train_shards"])
        ruler = Ruler(case.rulebook)
        for line in case.evidence.headline_lines:
            shards = line.run.echo.get("train_shards")
            if shards and shards.value == str(leaky) and ruler.measure(line).coverage is Coverage.WHOLE:
                yield self.finding(
                    f"The run trained on {leaky:,} shards, the count of a split at 10,000 documents, and was scored on all 50,000.",
                    line.log.location(shards.line),
                    Related(line.location, "the score over the whole set"),
                    confidence=Confidence.MEDIUM,
                )
                return
