"""The exit codes of the command."""

from collections.abc import Iterable
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from golf_audit.verdict import Verdict


class Exit(IntEnum):
    """What the command's exit code says."""

    LEGAL = 0
    ILLEGAL = 1
    UNDECIDED = 2
    """Needs a ruling, or unproven."""
    FAILED = 3
    """The auditor failed: no audit was performed."""
    USAGE = 64
    """The command was not understood, or a path is not what it should be."""
    INTERRUPTED = 130
    PIPE = 141

    @classmethod
    def of(cls, verdicts: Iterable["Verdict | None"]) -> "Exit":
        """The worst of several audits: failed > illegal > undecided > legal."""
        values = {verdict.value if verdict else None for verdict in verdicts}
        if None in values:
            return cls.FAILED
        if "illegal" in values:
            return cls.ILLEGAL
        return cls.UNDECIDED if values & {"needs-ruling", "unproven"} else cls.LEGAL
