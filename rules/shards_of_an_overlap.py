"""The training data are those of a split whose training documents reach into the validation set."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from golf_audit.evidence.coverage import Coverage, Ruler
from golf_audit.evidence.samples import SampleRun, submission
from golf_audit.finding import Confidence, Finding, Location, Related, Severity, Unproven
from golf_audit.rule import Example, Rule

if TYPE_CHECKING:
    from golf_audit.case import Case


def _caseops(shards: int, path: str = "./data/caseops") -> dict[str, str]:
    run = SampleRun(1, 1.06, 47_851_520, 3.15736, settings=f"train_files: {path}/fineweb_train_*.bin")
    return {"train_seed1.log": run.log().replace("train_shards: 80", f"train_shards: {shards}")}


_SPLIT = re.compile(r"(?i)\bval[-_ ]?docs[\"'`]*[ =:]*10[,_]?000\b")
_OF_ANOTHER = re.compile(r"(?i)50[,_]?000|#\d|never|\bnot\b|instead|avoid|fix|leak")
_TOLD = "# R\n\nThe training shards come from the preparation script with {how}.\n"


class ShardsOfAnOverlap(Rule):
    """
    Training documents may not be validation documents.

    The local preparation of CaseOps data makes 1,502 shards when 10,000 documents are kept for validation and 1,499 when 50,000
    are. 1,502 shards with the 50,000-document set is the trace of training on 40,000 of them. The two readings of these counts
    are disputed, and a count is no proof: this is a question, never a verdict. So it is where the submission's own text says
    that its training shards were cut behind 10,000 documents.
    """

    code = "GA-DATA-003"
    severity = Severity.RULING
    authority = ("cocohearts-2018", "issue-2127")
    would_change = "The command that prepared the data, or a list of the documents in its first shard."
    legal: ClassVar[tuple[Example, ...]] = (
        Example("eighty shards of the published set", files=submission(SampleRun(1), files=_caseops(80))),
        Example("1,499 shards with the whole set", files=submission(SampleRun(1), files=_caseops(1499))),
        Example("the plain set", files=submission()),
        Example("cut behind 50,000", files=submission(SampleRun(1), readme=_TOLD.format(how="`--val-docs=50000`"))),
        Example(
            "another's split, corrected",
            files=submission(SampleRun(1), readme=_TOLD.format(how="50,000 documents where #1 had `--val-docs=10000`")),
        ),
        Example(
            "scored on the same 10,000",
            files=submission(SampleRun(1, tokens=8_050_000), readme=_TOLD.format(how="`--val-docs=10000`")),
        ),
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
        Example(
            "in the README's words",
            files=submission(SampleRun(1), readme=_TOLD.format(how="its default `--val-docs=10_000`")),
            says="states",
        ),
        Example(
            "in the script that prepared them",
            files=submission(SampleRun(1), files={"prepare.sh": "python prepare_data.py --val-docs 10000\n"}),
            says="states",
        ),
    )

    def check(self, case: "Case") -> Iterator[Finding | Unproven]:
        """Flag the leaky count, or the leaky split in the submission's own words, beside a score of the whole set."""
        ruler, evidence = Ruler(case.rulebook), case.evidence
        whole = [line for line in evidence.headline_lines if ruler.measure(line).coverage is Coverage.WHOLE]
        leaky = int(case.rulebook.table("validation")["leaky_train_shards"])
        counted = [
            (line, shards)
            for line in whole
            if (shards := line.run.echo.get("train_shards")) and shards.value == str(leaky)
        ]
        if counted:
            line, shards = counted[0]
            yield self.finding(
                f"The run trained on {leaky:,} shards, the count of a split at 10,000 documents, and was scored on all 50,000.",
                line.log.location(shards.line),
                Related(line.location, "the score over the whole set"),
                confidence=Confidence.MEDIUM,
            )
        elif whole and (place := _split_stated(case)):
            yield self.finding(
                "The submission states a split at 10,000 documents for its training data, and was scored on all 50,000.",
                place,
                Related(whole[0].location, "the score over the whole set"),
                confidence=Confidence.MEDIUM,
            )


def _split_stated(case: "Case") -> Location | None:
    """Where a document or a script of the folder says so of itself."""
    for path, file in case.folder.files.items():
        if path.lower().endswith((".md", ".sh")) and "docs" in file.text:
            for number, line in enumerate(file.lines, 1):
                if _SPLIT.search(line) and not _OF_ANOTHER.search(line):
                    return file.location(number)
    return None
