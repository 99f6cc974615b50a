"""A compliance auditor for submissions to OpenAI's Parameter Golf challenge; see `ARCHITECTURE.md` for how it works."""

__version__ = "0.1.0"
