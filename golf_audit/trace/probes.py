"""
What changes when only what must not matter is changed.

Three runs: the plan as it is, the same again (the null control), and once more with the validation stream changed from one
position on. Scores that were counted before any changed token was, and whose own context holds none, must be the same to
the last bit; so must the artifact.
"""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from golf_audit.case import Case
from golf_audit.sandbox import Limits, Sandbox
from golf_audit.trace.accounts import Account, Counting, Result, account, headline, results
from golf_audit.trace.ledger import Positions
from golf_audit.trace.mixtures import account_of_amounts
from golf_audit.trace.plan import Plan
from golf_audit.trace.positions import EVERY
from golf_audit.trace.run import Run, run
from golf_audit.trace.stream import Streams, change_from, make_streams
from golf_audit.trace.world import make_world

_EARLIEST, _LATEST = 0.4, 0.9
"""Where in the stream the change may begin."""
_LEAST_SECONDS = 1.0
_OTHERS = 6
"""Tokens that are tried in the last place, beside the one that stands there."""
MOVED = 1e-7
"""Nats; runs that agree with their null control agree to the last bit."""


@dataclass(frozen=True)
class Seen:
    """One run, with its claimed result and how that was made up."""

    run: Run
    result: Result | None
    account: Account | None


@dataclass(frozen=True)
class Probed:
    """The runs of one submission and what their comparison says."""

    plan: Plan
    base: Seen
    null: Seen | None
    changed: Seen | None
    position: int
    """Where the changed stream begins to differ."""
    alternatives: tuple["Alternative", ...] = ()
    """For a mixture: what it gives other tokens in the last place."""

    @property
    def is_repeatable(self) -> bool | None:
        """Whether the null control agrees with the first run; None where there is none to compare."""
        if self.null is None or self.base.account is None or self.null.account is None:
            return None
        return np.array_equal(self.base.account.nll, self.null.account.nll)

    @property
    def moved(self) -> Positions:
        """Positions whose counted score changed although nothing changed that it may depend on."""
        if self.base.account is None or self.changed is None or self.changed.account is None:
            return np.empty(0, np.int64)
        first, second = self.base.account, self.changed.account
        fixed = comparable(first, self.position)
        common, mine, theirs = np.intersect1d(fixed, second.positions, return_indices=True)
        here = np.searchsorted(first.positions, fixed[mine])
        moved: Positions = common[np.abs(first.nll[here] - second.nll[theirs]) > MOVED]
        return moved

    def largest_move(self) -> float:
        """Nats by which the score of a position that may not change moved most."""
        moved = self.moved
        if not len(moved) or self.base.account is None or self.changed is None or self.changed.account is None:
            return 0.0
        first, second = self.base.account, self.changed.account
        a = first.nll[np.searchsorted(first.positions, moved)]
        b = second.nll[np.searchsorted(second.positions, moved)]
        return float(np.max(np.abs(a - b)))


def own_row_moves(probed: Probed) -> float | None:
    """By how much the row at the first changed position differs between the runs; None where it cannot be compared."""
    first, second = probed.base.account, probed.changed.account if probed.changed else None
    if first is None or second is None or first.rows is None or second.rows is None:
        return None
    here, there = _where(first, probed.position), _where(second, probed.position)
    if here is None or there is None:
        return None
    return float(abs(first.rows[here] - second.rows[there]))


def _where(one: Account, position: int) -> int | None:
    """The place of a position among the counted ones, if nothing after it was scored before it."""
    found = np.flatnonzero(one.positions == position)
    later = one.events[one.positions >= position]
    return int(found[0]) if len(found) and one.events[found[0]] <= later.min() else None


@dataclass(frozen=True)
class Alternative:
    """A token put in the last place of the stream, and the probability that the claimed score then gives it."""

    token: int
    probability: float


def comparable(one: Account, position: int) -> Positions:
    """Counted positions before `position` that were scored no later than the first at or after it."""
    later = one.events[one.positions >= position]
    first = later.min() if len(later) else one.events.max() + 1
    fixed: Positions = one.positions[(one.positions < position) & (one.events <= first)]
    return fixed


def where_to_change(one: Account | None, tokens: int, document: int) -> int:
    """
    The position from which a change leaves most scores comparable, and much of the stream changed.

    It lies inside a document, before its middle: what learns a document before it is scored is then seen in the part before.
    """
    inside = document * 7 // 16 // EVERY * EVERY
    candidates = [k for k in range(inside, tokens, document) if _EARLIEST < k / tokens < _LATEST]
    if one is None:
        return candidates[len(candidates) // 2]
    return max(candidates, key=lambda k: (min(len(comparable(one, k)), int(0.7 * tokens)), -k))


@dataclass(frozen=True)
class Bench:
    """What every run of one submission shares."""

    sandbox: Sandbox
    case: Case
    place: Path
    """A folder of the auditor's own, for the runs' folders."""
    memory_bytes: int
    """Of one run."""
    deadline: float
    """When all runs must have ended, as `time.monotonic` counts."""
    on_event: Callable[[str, bytes], None] | None = None

    @property
    def left(self) -> float:
        """Seconds until all runs must have ended."""
        return max(0.0, self.deadline - time.monotonic())

    def limits(self) -> Limits:
        """What a run that begins now may take."""
        seconds = max(_LEAST_SECONDS, self.left)
        return Limits(wall_seconds=seconds, cpu_seconds=seconds, memory_bytes=self.memory_bytes)


def look(bench: Bench, plan: Plan, streams: Streams, name: str) -> Seen:
    """Run a plan once on these streams."""
    world = make_world(bench.place / name, bench.case, plan, streams, streams.val)
    heard = bench.on_event
    listener = None if heard is None else (lambda data: heard(name, data))
    done = run(bench.sandbox, world, plan, bench.limits(), on_event=listener)
    found = results(done.ledger)
    chosen = headline(found, plan.labels)
    return Seen(done, chosen, _accounted(done, chosen, plan.val_tokens - 1) if chosen else None)


def _accounted(done: Run, result: Result, tokens: int) -> Account | None:
    """The claimed score as likelihoods, else as what a mixture makes of them."""
    return account(done.ledger, result, tokens) or account_of_amounts(done.ledger, result, tokens)


def probe(bench: Bench, plan: Plan, *, at_once: int = 2) -> Probed:
    """All runs of one plan; only the first where it does not come to a result."""
    streams = make_streams(plan.vocab, val_tokens=plan.val_tokens, document=plan.document)
    base = look(bench, plan, streams, "base")
    position = where_to_change(base.account, plan.val_tokens, plan.document)
    if base.result is None:
        return Probed(plan, base, None, None, position)
    changed_stream = change_from(streams, plan.vocab, position)
    with ThreadPoolExecutor(at_once) as pool:
        null = pool.submit(look, bench, plan, streams, "null")
        changed = pool.submit(look, bench, plan, replace(streams, val=changed_stream), "changed")
        probed = Probed(plan, base, null.result(), changed.result(), position)
        if base.account is None or base.account.counting is not Counting.AMOUNTS or not probed.is_repeatable:
            return probed
        if bench.left < base.run.outcome.seconds * (_OTHERS + 1) / at_once:
            return probed
        return replace(probed, alternatives=_alternatives(bench, plan, streams, base.account, pool))


def _alternatives(
    bench: Bench, plan: Plan, streams: Streams, one: Account, pool: ThreadPoolExecutor
) -> tuple[Alternative, ...]:
    """The last place given to other tokens: nothing else of a causal score changes, so each run shows one probability."""

    def given(token: int) -> Alternative | None:
        val = streams.val.copy()
        val[-1] = token
        seen = look(bench, plan, replace(streams, val=val), f"token-{token}")
        if (
            seen.account is None
            or len(seen.account.nll) != len(one.nll)
            or not np.array_equal(seen.account.nll[:-1], one.nll[:-1])
        ):
            return None
        return Alternative(token, float(np.exp(-seen.account.nll[-1])))

    others = [int(streams.val[-1]), *_other_tokens(streams, plan.vocab)]
    return tuple(found for found in pool.map(given, others) if found is not None)


def _other_tokens(streams: Streams, vocab: int) -> list[int]:
    """Tokens to try in the last place, spread over the alphabet."""
    last = int(streams.val[-1])
    tried = [vocab - 1 - step * (vocab // (2 * _OTHERS)) for step in range(_OTHERS)]
    return [token for token in tried if token != last]


def artifacts(seen: Seen) -> dict[str, str]:
    """The files that the run wrote and read again before its claimed scores, by hash: what stands for the artifact."""
    ledger = seen.run.ledger
    end = _first_counted(seen)
    written = {opened.path: opened.number for opened in reversed(ledger.opened) if opened.write and opened.number < end}
    read = {o.path for o in ledger.opened if not o.write and written.get(o.path, end) < o.number < end}
    again = {path: seen.run.files[path] for path in read if path in seen.run.files}
    return again or {path: seen.run.files[path] for path in written if path in seen.run.files and _is_weights(path)}


def written_at(seen: Seen, path: str) -> int:
    """The number of the event that first wrote a file."""
    return next((o.number for o in seen.run.ledger.opened if o.write and o.path == path), 0)


def _first_counted(seen: Seen) -> int:
    if seen.account is not None:
        return int(seen.account.events.min())
    return seen.result.printed.number if seen.result else 2**62


def _is_weights(path: str) -> bool:
    return not path.endswith((".txt", ".log", ".json", ".py", ".md", ".csv", ".bin", ".model", ".vocab", ".npy"))


def differing(first: Seen, second: Seen) -> Sequence[str]:
    """The artifacts of two runs that are not the same."""
    one, two = artifacts(first), artifacts(second)
    return [path for path in one if path in two and one[path] != two[path]]
