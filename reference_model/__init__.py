"""The contest's recipe family as readable modules, and itself a submission: see `docs/reference.md`."""
