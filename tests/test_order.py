"""Before and after: the table of `golf_audit.order`, line by line."""

import pytest

from golf_audit.events import Update
from golf_audit.finding import Location
from golf_audit.order import Relation, relate
from golf_audit.program.values import Atom, Context, Lin, Ref

HERE = Location("train_gpt.py", 1)
ALL = frozenset((Ref("val"),))


def part(*loops: int, turn: int = 0) -> frozenset[Ref]:
    """Validation tokens that the turns of `loops` select."""
    return frozenset(
        (Ref("val", frozenset(loops), None, frozenset((i, turn) for i in loops) if turn else frozenset()),)
    )


def update(refs: frozenset[Ref], *context: tuple[str, int, int], atoms: frozenset[Atom] = frozenset()) -> Update:
    """An update at a place."""
    return Update(location=HERE, id=1, kind="step", refs=refs, context=tuple(context), atoms=atoms)


LOOP1, LOOP2 = ("loop", 7, 1), ("loop", 7, 2)


@pytest.mark.parametrize(
    ("learned", "at", "scored", "then", "relation"),
    [
        (ALL, (), ALL, (), Relation.SAME),
        (part(3), (("loop", 3, 2),), part(4), (("loop", 4, 1),), Relation.SAME),
        (part(7), (LOOP1,), part(7), (LOOP2,), Relation.OTHER),
        (ALL, (LOOP1,), part(7), (LOOP2,), Relation.AGAIN),
        (part(9), (LOOP1, ("loop", 9, 1)), part(11), (LOOP2, ("loop", 11, 1)), Relation.AGAIN),
        (part(7), (LOOP1,), part(7), (LOOP1,), Relation.SAME),
        (part(7, turn=1), (LOOP2,), part(7, turn=2), (LOOP2,), Relation.OTHER),
        (ALL, (("if", 5, 1),), ALL, (("if", 5, 0),), Relation.NEVER),
        (part(7), (LOOP1, ("if", 5, 1)), part(7), (LOOP1, ("if", 5, 0)), Relation.NEVER),
    ],
)
def test_the_table(
    learned: frozenset[Ref], at: Context, scored: frozenset[Ref], then: Context, relation: Relation
) -> None:
    """Each line of the module's table gives the relation that it states."""
    assert relate(update(learned, *at), scored, then) is relation


def test_a_slice_that_ends_where_the_score_begins_is_context() -> None:
    """Learning from [0:s] and scoring [s:n] of one window touches no scored token."""
    begin = Lin(0, ((1, 1),))
    fitted = Atom(part(7), (None, begin), frozenset(), frozenset(), (LOOP1,), 1, 0, grad=True)
    summed = Atom(part(7), (begin, None), frozenset(), frozenset(), (LOOP1,), 2, 0, grad=False)
    one = update(part(7), LOOP1, atoms=frozenset((fitted,)))
    assert relate(one, summed.targets, summed.context, summed) is Relation.CONTEXT
    again = update(part(7), LOOP1, atoms=frozenset((summed,)))
    assert relate(again, summed.targets, summed.context, summed) is Relation.SAME


@pytest.mark.parametrize(
    ("end", "relation"),
    [
        (Lin(0, ((1, 1),)), Relation.CONTEXT),
        (Lin(0, ((2, 1),)), Relation.UNCLEAR),
        (Lin(0, ((9, 1),)), Relation.SAME),
        (Lin(-1), Relation.SAME),
        (None, Relation.SAME),
    ],
)
def test_a_slice_that_begins_with_the_window(end: Lin | None, relation: Relation) -> None:
    """A fit to the first tokens is context if it ends where the score begins, a foul if it ends where the score does, else unclear."""
    begin, stop = Lin(0, ((1, 1),)), Lin(0, ((9, 1),))
    fitted = Atom(part(7), (None, end), frozenset(), frozenset(), (LOOP1,), 1, 0, grad=True)
    summed = Atom(part(7), (begin, stop), frozenset(), frozenset(), (LOOP1,), 2, 0, grad=False)
    one = update(part(7), LOOP1, atoms=frozenset((fitted,)))
    assert relate(one, summed.targets, summed.context, summed) is relation


def test_picked_rows_may_be_other_rows() -> None:
    """Where every state that learned had its rows picked for the score, whose rows they are is not known."""
    one = Update(location=HERE, id=1, kind="step", refs=part(7), context=(LOOP1,), sites=frozenset((4,)))
    atom = Atom(part(7), None, frozenset(), frozenset((4, 5)), (LOOP1,), 2, 0, grad=False, picked=frozenset((4,)))
    assert relate(one, atom.targets, atom.context, atom) is Relation.ROWS
    other = Atom(part(7), None, frozenset(), frozenset((4, 5)), (LOOP1,), 2, 0, grad=False, picked=frozenset((5,)))
    assert relate(one, other.targets, other.context, other) is Relation.SAME
