"""What a report format is."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

from golf_audit.engine import Report


class ReportFormat(ABC):
    """Turns reports into text; whatever a submission wrote into it comes out inert (see `reports.inert`)."""

    @abstractmethod
    def render(self, reports: Sequence[Report]) -> str:
        """All reports as one text, which ends with a newline."""
