"""What a saved model owes to tokens other than through learning: calibration."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from golf_audit.events import Event, Load, Report, Save, Update
from golf_audit.program.values import Ref
from golf_audit.program.walk import Walk


def calibrated(walk: Walk, before: Event, split: str) -> Iterator[tuple[Save | Load, tuple[Ref, ...]]]:
    """
    The model states written, or loaded, before an event that hold activations of a split's tokens, each with those tokens.

    Tokens whose losses a report stated or an update learned from are left out: a metric stored beside the weights, or
    a gradient, is no calibration.
    """
    other = _known(walk, split)
    for event in _until(walk.events, before):
        if not isinstance(event, Save | Load) or not event.sites:
            continue
        refs = tuple(r for r in event.refs if r.split == split and not _shared(r, other))
        if refs:
            yield event, refs


def certainly(walk: Walk, event: Event, refs: Iterable[Ref]) -> bool:
    """Whether some of the tokens were read on a path that the event lies on, rather than on an undecided side branch."""
    shared = set(event.context)
    for ref in refs:
        around = {frame for loop in ref.loops for frame in walk.loops.get(loop, ())}
        if not any(kind == "if" and side == 1 and (kind, i, side) not in shared for kind, i, side in around):
            return True
    return False


def _until(events: Iterable[Event], last: Event) -> Iterator[Event]:
    for event in events:
        if event is last:
            return
        yield event


def _known(walk: Walk, split: str) -> tuple[frozenset[int], bool]:
    """The loops that chose the tokens of losses and gradients, and whether any loss was over all of them at once."""
    refs: set[Ref] = set()
    for event in walk.events:
        if isinstance(event, Report):
            refs.update(r for atom in event.atoms for r in atom.targets)
        elif isinstance(event, Update):
            refs.update(event.refs)
    own = [r for r in refs if r.split == split]
    return frozenset(loop for r in own for loop in r.loops), any(not r.loops for r in own)


def _shared(ref: Ref, known: tuple[frozenset[int], bool]) -> bool:
    loops, whole = known
    return bool(ref.loops & loops) or (not ref.loops and whole)
