"""The folder holds a second submission, parts of the repository, or leftovers of a machine."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from golf_audit.evidence.samples import submission
from golf_audit.finding import Finding, Location, Related, Severity, Unproven
from golf_audit.rule import Example, Rule

if TYPE_CHECKING:
    from golf_audit.case import Case

_KINDS = (
    ("a second submission", re.compile(r".+/submission\.json$")),
    ("a part of the repository", re.compile(r"(?:^|/)(?:\.github|records)/")),
    (
        "a leftover",
        re.compile(r"(?:^|/)(?:\.DS_Store|Thumbs\.db|wandb/.*|[^/]*(?:\.pyc|\.swp|\.un~|~|\.bak|\.orig|\.rej))$"),
    ),
)
_SHOWN = 4


class StrayFiles(Rule):
    """
    A pull request adds one folder with one submission, and nothing else.

    A second `submission.json` below the first, a copied piece of the repository, editor backups and the caches of a
    tracking tool all have to be looked at and taken out by whoever merges. What lies outside the folder only the pull
    request's difference shows.
    """

    code = "GA-PR-001"
    severity = Severity.METADATA
    authority = ("readme-r10", "cocohearts-1031")
    would_change = "The folder without them."
    legal: ClassVar[tuple[Example, ...]] = (
        Example("one submission", files=submission()),
        Example("logs in a folder of their own", files=submission(files={"logs/run.txt": "note\n"})),
        Example(
            "helpers and a tokenizer",
            files=submission(files={"tools/prepare.py": "x = 1\n", "tokenizers/a.vocab": "a\n"}),
        ),
    )
    illegal: ClassVar[tuple[Example, ...]] = (
        Example(
            "a second submission", files=submission(files={"older/submission.json": "{}\n"}), says="a second submission"
        ),
        Example(
            "a copy of the records",
            files=submission(files={"records/track_10min_16mb/x/notes.md": "x\n"}),
            says="a part of the repository",
        ),
        Example("an editor's backup", files=submission(files={"README.md~": "x\n"}), says="README.md~"),
        Example(
            "two kinds",
            files=submission(files={"older/submission.json": "{}\n", "train_gpt.py.orig": "x = 1\n"}),
            says="2 stray files",
        ),
    )

    def check(self, case: "Case") -> Iterator[Finding | Unproven]:
        """Name what does not belong, kind by kind."""
        stray = [(path, kind) for path in case.folder.files if (kind := _kind(path))]
        if not stray:
            return
        what = "1 stray file" if len(stray) == 1 else f"{len(stray)} stray files"
        told = ", ".join(f"{path} ({kind})" for path, kind in stray[:_SHOWN])
        yield self.finding(
            f"The folder holds {what}: {told}{' and more' if len(stray) > _SHOWN else ''}.",
            Location(stray[0][0]),
            *(Related(Location(path), kind) for path, kind in stray[1:_SHOWN]),
        )


def _kind(path: str) -> str:
    """What a path is, where it does not belong; empty where it does."""
    return next((kind for kind, pattern in _KINDS if pattern.search(path)), "")
