"""The rules: one foul, one file. See `golf_audit.rule` for what a rule is, and `golf-audit rules` for the list."""
