"""
The claimed score as a sum of amounts that are no plain likelihoods: what a mixture makes of each token.

Amounts come in the order in which they were computed. Where as many of them as there are tokens, from one place, have the
printed mean, they are taken to be the tokens' in the order of the stream.
"""

import math
from collections import defaultdict
from collections.abc import Iterator

import numpy as np

from golf_audit.trace.accounts import Account, Counting, Result, agrees
from golf_audit.trace.ledger import Amount, Ledger, Path

_ORDERED = 3
"""Fewer scores than this tell no order."""
_SLACK = 0.03
"""Share of the stream by which the number of amounts may miss it: scripts drop or repeat the last window."""


def account_of_amounts(ledger: Ledger, result: Result, tokens: int) -> Account | None:
    """The amounts that make up a result; None where no place's amounts do."""
    before = [amount for amount in ledger.amounts if amount.number < result.printed.number]
    for path, amounts in _places(before):
        for part in _passes(amounts, tokens):
            values = np.concatenate([amount.values for amount in part])
            for nats in (np.abs(values), np.abs(values) * math.log(2)):
                if agrees(result, float(np.mean(nats))):
                    events = np.concatenate([np.full(len(amount.values), amount.number) for amount in part])
                    positions = np.arange(1, len(values) + 1)
                    return Account(result, path, Counting.AMOUNTS, positions, nats, events, 1, ())
    return None


def in_order(ledger: Ledger, one: Account) -> bool | None:
    """
    Whether amounts belong to the tokens in the order of the stream; None where nothing was scored among them to tell.

    While they were made, tokens were scored: if each token that was new then came after all before it, so do the amounts.
    """
    first, last = int(one.events.min()), int(one.events.max())
    earlier = [score.number for score in ledger.scores if score.number < first]
    begin = earlier[-1] if earlier else first
    scored = [score.positions for score in ledger.scores if begin <= score.number < last]
    if len(scored) < _ORDERED:
        return None
    positions = np.concatenate(scored)
    places = np.sort(np.unique(positions[positions >= 0], return_index=True)[1])
    return bool(np.all(np.diff(positions[positions >= 0][places]) > 0))


def _places(amounts: list[Amount]) -> Iterator[tuple[Path, list[Amount]]]:
    """Amounts by place, logarithms first: a mixture is made where they are taken, and elsewhere only added up."""
    found: dict[tuple[str, Path], list[Amount]] = defaultdict(list)
    for amount in amounts:
        found[amount.how, amount.at].append(amount)
    for (_, path), group in sorted(found.items(), key=lambda item: (item[0][0] != "log", -item[1][-1].number)):
        yield path, group


def _passes(amounts: list[Amount], tokens: int) -> Iterator[list[Amount]]:
    """The last amounts that are about as many as there are tokens."""
    count, part = 0, list[Amount]()
    for amount in reversed(amounts):
        count += len(amount.values)
        part.insert(0, amount)
        if count > tokens * (1 + _SLACK):
            return
        if count >= tokens * (1 - _SLACK):
            yield list(part)
