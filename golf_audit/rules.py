"""Stands in for the package of rules in a checkout, where rules/ lies beside this package; a wheel has the package inside, and it wins over this file."""

from pathlib import Path

__path__ = [str(Path(__file__).resolve().parent.parent / "rules")]
