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
