"""Stands in for the reference model in a checkout, where reference_model/ lies beside this package (see rules.py)."""

from pathlib import Path

__path__ = [str(Path(__file__).resolve().parent.parent / "reference_model")]
