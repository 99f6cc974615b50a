"""A required file is missing."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from golf_audit.evidence.samples import submission
from golf_audit.finding import Finding, Location, Severity, Unproven
from golf_audit.rule import Example, Rule

if TYPE_CHECKING:
    from golf_audit.case import Case


class MissingFile(Rule):
    """
    A submission holds a README, a submission.json, a log and the script.

    The log is the one the script writes; without it there is nothing to compare the claim with. Names vary: any log that holds
    training or a result counts, and any script that is the entry.
    """

    code = "GA-PR-002"
    severity = Severity.METADATA
    authority = ("readme-r10", "cocohearts-505")
    would_change = "The missing file."
    legal: ClassVar[tuple[Example, ...]] = (
        Example("all four", files=submission()),
        Example(
            "logs in a folder",
            files=submission(
                files={"train_seed42.log": "", "logs/seed42.txt": "final_int8 val_loss:2.0000 val_bpb:1.1845\n"}
            ),
        ),
        Example("another name for the README", files=submission(files={"README.md": "", "readme.md": "# R\n"})),
        Example("a README with a prefix", files=submission(files={"README.md": "", "V19_README.md": "# R\n"})),
    )
    illegal: ClassVar[tuple[Example, ...]] = (
        Example("no metadata", files=submission(files={"submission.json": ""}), says="submission.json"),
        Example(
            "no logs", files={"train_gpt.py": "x = 1\n", "README.md": "# R\n", "submission.json": "{}"}, says="no log"
        ),
        Example("no README", files=submission(files={"README.md": ""}), says="README.md"),
        Example("no script", files=submission(files={"train_gpt.py": ""}), says="train_gpt.py"),
    )

    def check(self, case: "Case") -> Iterator[Finding | Unproven]:
        """Name everything that is missing in one finding."""
        evidence = case.evidence
        missing = []
        if evidence.claims.readme.file is None:
            missing.append("README.md")
        if evidence.claims.metadata.file is None:
            missing.append("submission.json")
        if case.folder.entry is None:
            missing.append("train_gpt.py")
        if not evidence.logs:
            missing.append("log with training or a result")
        if missing and case.folder.files:
            yield self.finding(f"The folder has no {', no '.join(missing)}.", Location(next(iter(case.folder.files))))
