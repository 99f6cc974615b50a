"""`submission.json` cannot be read, or says too little."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from golf_audit.evidence.claim import Quantity
from golf_audit.evidence.metadata import Metadata
from golf_audit.evidence.samples import submission
from golf_audit.finding import Finding, Location, Severity, Unproven
from golf_audit.rule import Example, Rule

if TYPE_CHECKING:
    from golf_audit.case import Case

_NAMES = {
    "a score": ("/val_bpb", "/mean_val_bpb", "/val_bpb_mean", "/mean_bpb"),
    "an author": ("/author", "/github_id", "/name", "/authors/0", "/authors/0/name", "/authors/0/github_id", "/github"),
}


class UnreadableMetadata(Rule):
    """
    `submission.json` must parse, and must name the author and the score.

    A comma too many makes the file unreadable for every tool that builds a board from it. What could be read up to the mistake is
    still used; the mistake is shown with its line.
    """

    code = "GA-META-001"
    severity = Severity.METADATA
    authority = ("readme-r10",)
    would_change = "A valid JSON object with author and val_bpb."
    legal: ClassVar[tuple[Example, ...]] = (
        Example("a plain one", files=submission()),
        Example("another schema", files={"submission.json": '{"authors": ["A"], "mean_val_bpb": 1.08}'}),
        Example(
            "authors as objects",
            files={"submission.json": '{"authors": [{"name": "A"}], "val_bpb": 1.08}'},
        ),
        Example("with a byte-order mark", files={"submission.json": '\ufeff{"author": "A", "val_bpb": 1.08}'}),
    )
    illegal: ClassVar[tuple[Example, ...]] = (
        Example(
            "a comma too few", files={"submission.json": '{"author": "A"\n "val_bpb": 1.08}'}, says="a comma is missing"
        ),
        Example(
            "two objects", files={"submission.json": '{"author": "A", "val_bpb": 1.08}\n{}'}, says="more after the end"
        ),
        Example(
            "a value left out",
            files={"submission.json": '{"author": "A",\n"val_bpb": ,\n"x": 1}'},
            says="a value is missing",
        ),
        Example("no score", files={"submission.json": '{"author": "A", "val_bpb": null}'}, says="names no score"),
        Example("a list", files={"submission.json": "[1.08]"}, says="not an object"),
    )

    def check(self, case: "Case") -> Iterator[Finding | Unproven]:
        """Flag a parse failure with its line, else the fields that are missing."""
        metadata = case.evidence.claims.metadata
        if metadata.file is None:
            return
        path, problem = metadata.file.path, metadata.document.problem
        if problem:
            line = metadata.file.location(metadata.document.line)
            yield self.finding(f"{path} is not valid JSON: {problem} in line {metadata.document.line}.", line)
        elif not metadata.document.is_object:
            yield self.finding(f"{path} is not an object.", Location(path, 1))
        elif missing := _missing(metadata):
            yield self.finding(f"{path} names no {' and no '.join(missing)}.", Location(path))


def _missing(metadata: Metadata) -> list[str]:
    leaves = metadata.document.leaves
    lacking = []
    for what, pointers in _NAMES.items():
        if not any(pointer in leaves and leaves[pointer].value not in {None, ""} for pointer in pointers):
            lacking.append(what.partition(" ")[2])
    scored = any(claim.quantity is Quantity.BPB for claim in metadata.claims)
    return [word for word in lacking if word != "score" or not scored]
