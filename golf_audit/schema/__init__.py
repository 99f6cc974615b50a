"""The JSON schemas of what golf-audit writes, shipped with it."""
