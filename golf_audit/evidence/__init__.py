"""What a submission states outside its code: logs, `submission.json`, README tables and commands, and whether they agree."""

from golf_audit.evidence.evidence import Evidence, read_evidence

__all__ = ["Evidence", "read_evidence"]
