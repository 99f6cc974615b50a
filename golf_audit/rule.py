"""What a rule is: one foul, its reason, its authority, its examples and its check."""

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from golf_audit.finding import Confidence, Finding, Location, Related, Severity, Unproven

if TYPE_CHECKING:
    from golf_audit.case import Case


@dataclass(frozen=True, slots=True)
class Example:
    """A small submission that a rule must find legal or illegal."""

    title: str
    """What it is, in words: the test's name and the page's caption."""
    code: str = ""
    """The entry script; dedented. `golf_audit.examples` lends the frame that most of them share."""
    files: Mapping[str, str] = field(default_factory=dict)
    """Other files of the folder by path: logs, submission.json, README.md, helpers."""
    says: str = ""
    """For an illegal example: the words (a part of the message) that the finding must carry."""


class Rule(ABC):
    """
    One foul.

    The class docstring is the page: its first line says what is forbidden, the rest why. The id is the class name
    in kebab case and the module's name in snake case; a test holds the three together. A rule registers by existing
    in `rules/`.
    """

    code: ClassVar[str]
    """The rulebook's code, `GA-C3-001`."""
    severity: ClassVar[Severity]
    authority: ClassVar[tuple[str, ...]]
    """Keys into `rulebook.toml`'s authorities, strongest first."""
    would_change: ClassVar[str]
    """What would change the verdict, in one sentence, for the accused author."""
    legal: ClassVar[tuple[Example, ...]]
    """Look-alikes that must not be flagged."""
    illegal: ClassVar[tuple[Example, ...]]
    """Fouls that must be (whatever the severity: here `illegal` means `flagged`)."""

    @property
    def id(self) -> str:
        """The rule's name, e.g. `train-then-score`."""
        return re.sub(r"(?<!^)(?=[A-Z])", "-", type(self).__name__).lower()

    @abstractmethod
    def check(self, case: "Case") -> Iterator[Finding | Unproven]:
        """Yield what is wrong with `case`; yield nothing where the rule is kept or does not apply."""

    def finding(
        self,
        message: str,
        location: Location,
        *related: Related,
        confidence: Confidence = Confidence.HIGH,
        severity: Severity | None = None,
        authority: tuple[str, ...] | None = None,
        would_change: str | None = None,
    ) -> Finding:
        """A finding of this rule."""
        return Finding(
            rule=self.id,
            code=self.code,
            severity=severity or self.severity,
            confidence=confidence,
            message=message,
            location=location,
            authority=self.authority if authority is None else authority,
            would_change=would_change or self.would_change,
            related=related,
        )

    def unproven(self, reason: str, location: Location | None = None) -> Unproven:
        """An undecided question of this rule."""
        return Unproven(self.id, reason, location)
