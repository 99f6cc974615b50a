"""The leading space of a token is counted in the table and again in the scorer."""

from collections.abc import Iterator

from golf_audit.case import Case
from golf_audit.certainty import counted_right
from golf_audit.example_script import script
from golf_audit.example_tables import spelled
from golf_audit.finding import Confidence, Finding, Related, Severity, Unproven
from golf_audit.places import place
from golf_audit.program.byte_tables import byte_tables, space_additions
from golf_audit.rule import Example, Rule

_REFERENCE = """
if sp.is_control(i) or sp.is_unknown(i) or sp.is_unused(i):
    continue
control[i] = False
if sp.is_byte(i):
    sizes[i] = 1
    continue
piece = sp.id_to_piece(i)
if piece.startswith("\\u2581"):
    space[i] = True
    piece = piece[1:]
sizes[i] = len(piece.encode("utf-8"))
"""
_PLUS_ONE = """
if sp.is_control(i) or sp.is_unknown(i) or sp.is_unused(i):
    continue
control[i] = False
piece = sp.id_to_piece(i)
sizes[i] = 1 if sp.is_byte(i) else len(piece.encode("utf-8"))
if piece.startswith("\\u2581"):
    space[i] = True
    sizes[i] = len(piece[1:].encode("utf-8")) + 1
"""
_REPLACED = """
if sp.is_control(i):
    continue
control[i] = False
if sp.is_byte(i):
    sizes[i] = 1
    continue
piece = sp.id_to_piece(i)
space[i] = piece.startswith("\\u2581")
sizes[i] = len(piece.replace("\\u2581", " ").encode("utf-8"))
"""
_IN_A_LIST = """
if sp.is_control(i):
    continue
control[i] = False
if sp.is_byte(i):
    sizes[i] = 1
else:
    text = sp.id_to_piece(i)
    first = text.startswith("\\u2581")
    n = len(text[1:].encode()) if first else len(text.encode())
    if first:
        n += 1
        space[i] = True
    sizes[i] = n
"""
_NO_ADDITION = """
def count_bytes(luts, x, y):
    return luts[0][y].sum().item()
"""


class SpaceCountedTwice(Rule):
    """
    A leading space is one byte: the table may count it or the scorer, not both.

    The reference table holds the bytes of a piece without its space mark, and the scorer adds one where a space is
    really there. A table that already contains the space, with the same scorer, counts about 17 % more bytes than the
    text has, and the score falls by as much. The code looks like the reference.

    The table is played through for a piece that begins with a space; what its variables are called does not matter.
    Where the logs show that the right number of bytes was counted, nothing is said.
    """

    code = "GA-BPB-002"
    severity = Severity.DISQUALIFYING
    authority = ("cocohearts-1806", "readme-r9", "guide-v", "issue-1719")
    would_change = "A table without the space, or a scorer that does not add it, and the score divided by the bytes that the text has."
    legal = (
        Example("the reference table", spelled(_REFERENCE)),
        Example(
            "the space in the table, and a scorer that does not add it",
            spelled(_REPLACED, _NO_ADDITION).replace("(space[y] & ~control[x])", "0 * space[y]"),
        ),
        Example("the frame's own table", script("report('final', evaluate(model, val_tokens, luts))")),
        Example(
            "pieces as text for a byte model, beside the reference table",
            spelled(
                _REFERENCE,
                "\ndef texts(sp):\n    return [sp.id_to_piece(i).replace('\\u2581', ' ').encode() for i in range(256)]\n",
            ),
        ),
    )
    illegal = (
        Example("one byte more for a piece with a space", spelled(_PLUS_ONE), says="twice"),
        Example("the mark replaced by a space", spelled(_REPLACED), says="twice"),
        Example("added to a length, in other words", spelled(_IN_A_LIST), says="twice"),
    )

    def check(self, case: Case) -> Iterator[Finding | Unproven]:
        """A table that contains the space, and a scorer that adds it."""
        if case.walk is None or counted_right(case):
            return
        tables = [t for t in byte_tables(case.walk.modules) if t.marks_space]
        full = [t for t in tables if t.word]
        added = next(space_additions(case.walk.modules), None)
        if not full or added is None:
            return
        table = full[0]
        yield self.finding(
            f"The leading space is counted twice: the table holds {table.word} byte{'s' * (table.word != 1)} for it, and the"
            " scorer adds one more.",
            place(case, table.file, table.line),
            Related(place(case, *added), "adds one for the space"),
            confidence=Confidence.HIGH if len(full) == len(tables) else Confidence.MEDIUM,
        )
