"""A claimed score that is made of a mixture's amounts: found by arithmetic, and compared only where its order is known."""

import numpy as np
import pytest

from golf_audit.trace.accounts import Counting, headline, results
from golf_audit.trace.mixtures import account_of_amounts, in_order
from tests.trace.ledgers import Script

TOKENS, CHUNK = 400, 50
MIXED = [2.0 + place / 500 for place in range(TOKENS)]


def _script(chunks: list[range], *, scored: bool = True) -> Script:
    """A pass that scores chunks and mixes the losses of each, and prints the mixture's mean."""
    script = Script()
    script.score(range(1, TOKENS + 1), [3.0] * TOKENS, at="train_gpt.py:10:first_look")
    for number, chunk in enumerate(chunks):
        if scored:
            script.score(chunk, [3.0] * len(chunk))
        values = np.array(MIXED[number * CHUNK : (number + 1) * CHUNK])
        script.add("amount", how="log", at=["train_gpt.py:22:mix", "train_gpt.py:30:<module>"], v=-values)
    script.result(MIXED)
    return script


def _interleaved() -> list[range]:
    """Chunks of two documents in turn."""
    half = TOKENS // 2
    return [
        range(start + offset + 1, start + offset + CHUNK + 1) for offset in range(0, half, CHUNK) for start in (0, half)
    ]


@pytest.mark.parametrize(
    ("chunks", "scored", "expected"),
    [
        ([range(start + 1, start + CHUNK + 1) for start in range(0, TOKENS, CHUNK)], True, True),
        (_interleaved(), True, False),
        ([range(start + 1, start + CHUNK + 1) for start in range(0, TOKENS, CHUNK)], False, None),
    ],
    ids=["in order", "documents in turn", "nothing scored among them"],
)
def test_order(chunks: list[range], scored: bool, expected: bool | None) -> None:
    """Amounts are found by their mean, and belong to tokens in order only where what was scored among them says so."""
    ledger = _script(chunks, scored=scored).ledger
    claimed = headline(results(ledger), ["final"])
    assert claimed is not None
    one = account_of_amounts(ledger, claimed, TOKENS)
    assert one is not None
    assert (one.counting, len(one.nll)) == (Counting.AMOUNTS, TOKENS)
    assert in_order(ledger, one) is expected


def test_other_amounts_are_no_claim() -> None:
    """Amounts with another mean than the printed one make up nothing."""
    script = _script(_interleaved())
    script.result([value + 0.01 for value in MIXED], label="other")
    ledger = script.ledger
    claimed = headline(results(ledger), ["other"])
    assert claimed is not None
    assert account_of_amounts(ledger, claimed, TOKENS) is None
