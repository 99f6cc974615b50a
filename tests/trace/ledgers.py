"""Ledgers written by hand: events as they come out of the sandbox, numbered in order."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from golf_audit.trace.inside.channel import _plain
from golf_audit.trace.ledger import Ledger, read_ledger
from golf_audit.trace.positions import every

Floats = "np.ndarray[tuple[int], np.dtype[np.float64]]"


class Script:
    """Collects events and gives them the numbers that the observer would."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []

    def add(self, event: str, **fields: Any) -> int:
        """One more event; its number."""
        number = len(self.lines) + 1
        raw = {"n": number, "e": event, **{name: _plain(value) for name, value in fields.items()}}
        self.lines.append(json.dumps(raw).encode() + b"\n")
        return number

    def score(
        self,
        positions: Sequence[int],
        nll: Sequence[float],
        *,
        at: str = "train_gpt.py:20:evaluate",
        held: tuple[int, int] | None = None,
        rows: float = 1.0,
    ) -> int:
        """Likelihoods of these positions."""
        places = np.array(positions, dtype=np.int32)
        return self.add(
            "score",
            kind="cross-entropy",
            at=[at, "train_gpt.py:30:<module>"],
            pos=places,
            nll=np.array(nll, dtype=np.float64),
            grad=False,
            held=held,
            rows=np.full(int(every(places.astype(np.int64)).sum()), rows),
        )

    def adapt(self, positions: Sequence[int], *, at: str = "train_gpt.py:25:learn") -> int:
        """A step along the losses of these positions."""
        places = np.array(positions, dtype=np.int64)
        return self.add("adapt", kind="SGD", at=[at, "train_gpt.py:29:<module>"], loss_at=[at], pos=places)

    def line(self, text: str) -> int:
        """A printed line."""
        return self.add("line", t=text, at=["train_gpt.py:31:<module>"])

    def result(self, losses: Sequence[float], label: str = "final") -> int:
        """The printed mean of these losses."""
        mean = float(np.mean(losses))
        return self.line(f"{label} val_loss:{mean:.8f} val_bpb:{mean / 3:.8f}")

    def end(self, code: int = 0, why: str = "") -> int:
        """The end of the program."""
        return self.add("end", code=code, why=why)

    @property
    def ledger(self) -> Ledger:
        """All of it, read."""
        return read_ledger(self.lines)
