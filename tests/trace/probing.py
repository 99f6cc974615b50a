"""Probed runs written by hand, for the judge and the comparison of runs."""

from collections.abc import Callable, Mapping
from functools import cache

from golf_audit.case import Case
from golf_audit.engine import audit
from golf_audit.sandbox import Ending, Outcome
from golf_audit.trace.accounts import account, headline, results
from golf_audit.trace.plan import Plan
from golf_audit.trace.probes import Probed, Seen
from golf_audit.trace.run import Run
from tests.trace.cheats import TWINS
from tests.trace.ledgers import Script

TOKENS = 400
PLAN = Plan({}, (), 1024, TOKENS + 1, 160, ("final",))
FIRST = 208
"""Where the changed stream begins to differ."""


@cache
def case() -> Case:
    """A submission to point at."""
    found = audit(TWINS[0].folder, rules=()).case
    assert found is not None
    return found


def seen(script: Script, files: Mapping[str, str] | None = None, ending: Ending = Ending.EXITED) -> Seen:
    """A run that did what the script says."""
    ledger = script.ledger
    outcome = Outcome(ending, 0 if ending is Ending.EXITED else None, 1.0, 1.0, 2**20, b"last words\n", cut=False)
    chosen = headline(results(ledger), PLAN.labels)
    found = account(ledger, chosen, TOKENS) if chosen else None
    return Seen(Run(ledger, outcome, files or {}), chosen, found)


def probed(base: Seen, null: Seen | None, changed: Seen | None) -> Probed:
    """Three runs, the last on a stream that differs from `FIRST` on."""
    return Probed(PLAN, base, null, changed, FIRST)


Write = Callable[[Script, bool], None]


def runs(write: Write, *, artifact: Callable[[bool], str] = lambda _: "same") -> Probed:
    """What `write` does on the stream, on the same again, and on the changed one."""

    def once(changed: bool) -> Seen:
        script = Script()
        script.add("open", path="model.bin", write=True)
        script.add("open", path="model.bin", write=False)
        write(script, changed)
        script.end()
        return seen(script, {"model.bin": artifact(changed)})

    return probed(once(False), once(False), once(True))


def evaluation(script: Script, changed: bool, *, moved: float = 0.0, own: float = 0.0, held: bool = False) -> None:
    """Score the stream in chunks of a hundred: `moved` nats on fixed scores and `own` on the row at the change."""
    losses: list[float] = []
    for start in range(0, TOKENS, 100):
        adapted = script.adapt(range(start + 1, start + 101)) if held else 0
        nll = [
            3.0 + place / 1000 + (changed and (1.0 if place >= FIRST else moved))
            for place in range(start + 1, start + 101)
        ]
        script.score(
            range(start + 1, start + 101),
            nll,
            held=(adapted, adapted) if held else None,
            rows=1.0 + (own if changed else 0.0),
        )
        losses += nll
    script.result(losses)
