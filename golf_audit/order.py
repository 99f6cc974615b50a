"""
Before and after: what an update's place in the program has to do with a score's.

| where the update and the score meet | relation |
|---|---|
| on two sides of one branch | never together |
| different turns of a loop that selects the tokens of both | other tokens |
| different turns of a loop that does not | the same tokens again |
| the same turn, and the loss that was learned from lies in another slice than the one scored | a neighbouring slice |
| the same turn, and rows of the state were picked for the score by an index | perhaps other rows |
| the same turn, and the loss that was learned from begins with the window and ends who knows where | maybe so |
| the same turn otherwise, or one after the other | the same tokens |
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from golf_audit.events import Update
from golf_audit.program.values import Atom, Context, Lin, Lookup, Ref, Slice

_ALL_BUT_ONE = Lin(-1)
"""The end of `[:-1]`: a slice that leaves out the last token is no context."""


class Relation(StrEnum):
    """How the tokens of an update relate to those of a later score."""

    NEVER = "never in one run"
    OTHER = "other tokens"
    CONTEXT = "a neighbouring slice of the same window"
    UNCLEAR = "the first tokens of the same window, perhaps up to the scored slice"
    ROWS = "rows of the same batch, perhaps others"
    AGAIN = "the same tokens in an earlier turn"
    SAME = "the same tokens"


@dataclass(frozen=True, slots=True)
class Learned:
    """A score whose state had learned before, and how."""

    update: Update
    score: Atom | Lookup
    relation: Relation

    @property
    def foul(self) -> bool:
        """Whether the tokens scored had been learned."""
        return self.relation in (Relation.SAME, Relation.AGAIN)


def relate(update: Update, tokens: frozenset[Ref], context: Context, atom: Atom | None = None) -> Relation:
    """The relation of an update to a score of `tokens` at `context`, given that the update came before it."""
    learned = [r for r in update.refs if r.split == "val"]
    scored = [r for r in tokens if r.split == "val"]
    shared: list[int] = []
    for mine, theirs in zip(update.context, context, strict=False):
        if mine == theirs:
            if mine[0] == "loop":
                shared.append(mine[1])
            continue
        if mine[:2] == theirs[:2]:
            if mine[0] == "if":
                return Relation.NEVER
            loop = mine[1]
            if _selected(learned, loop) and _selected(scored, loop):
                return Relation.OTHER
            return Relation.AGAIN
        break
    if learned and scored and all(_other_turn(r, s, shared) for r in learned for s in scored):
        return Relation.OTHER
    if atom is None:
        return Relation.SAME
    if shared and update.sites and update.sites <= atom.picked:
        return Relation.ROWS
    return _within_the_window(update, atom, shared)


def _other_turn(learned: Ref, scored: Ref, shared: list[int]) -> bool:
    """Whether both parts were taken in known turns of a loop around both, and not in the same one."""
    mine, theirs = dict(learned.turns), dict(scored.turns)
    return any(loop in mine and loop in theirs and mine[loop] != theirs[loop] for loop in shared)


def _selected(refs: list[Ref], loop: int) -> bool:
    return bool(refs) and all(loop in r.loops for r in refs)


def _within_the_window(update: Update, atom: Atom, shared: list[int]) -> Relation:
    """The relation of the slices that were learned from to the slice scored, in one and the same window."""
    windows = [a for a in update.atoms if any(r.split == "val" for r in a.targets)]
    if atom.sel is None or atom.sel[0] is None or not windows or not shared:
        return Relation.SAME
    found = {_against(window.sel, atom.sel[0], atom.sel[1]) for window in windows}
    worst = (Relation.SAME, Relation.UNCLEAR, Relation.CONTEXT)
    return next(relation for relation in worst if relation in found)


def _against(learned: Slice | None, start: Lin, end: Lin | None) -> Relation:
    """One slice that was learned from, against the slice scored from `start` to `end`."""
    if learned is None or learned[1] in (None, _ALL_BUT_ONE):
        return Relation.SAME
    if learned[1] == start or learned[0] == learned[1]:
        return Relation.CONTEXT
    from_the_first = learned[0] is None or learned[0] == Lin()
    if from_the_first and learned[1] != end and learned[1].plus(start, -1).terms:
        return Relation.UNCLEAR
    return Relation.SAME


def learned_before(atom: Atom, updates: Mapping[int, Update]) -> Iterator[Learned]:
    """The updates on validation tokens that a score's state had been through."""
    for identity in sorted(atom.priors):
        update = updates.get(identity)
        if update is not None and any(r.split == "val" for r in update.refs):
            yield Learned(update, atom, relate(update, atom.targets, atom.context, atom))


def inserted_before(lookup: Lookup, updates: Mapping[int, Update]) -> Iterator[Learned]:
    """The insertions of validation tokens that a table had been through when it was read."""
    for identity in sorted(lookup.priors):
        update = updates.get(identity)
        if update is not None and any(r.split == "val" for r in update.refs):
            yield Learned(update, lookup, relate(update, lookup.keys, lookup.context))
