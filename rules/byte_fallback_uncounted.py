"""A byte-fallback token is counted as the six characters of its name."""

from collections.abc import Iterator

from golf_audit.case import Case
from golf_audit.certainty import counted_right
from golf_audit.example_script import script
from golf_audit.example_tables import spelled
from golf_audit.finding import Finding, Severity, Unproven
from golf_audit.places import place
from golf_audit.program.byte_tables import byte_tables
from golf_audit.rule import Example, Rule

_BRANCH = """
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
_BY_NAME = """
piece = sp.id_to_piece(i)
if piece.startswith("<0x") and piece.endswith(">"):
    sizes[i] = 1
    continue
if piece.startswith("\\u2581"):
    space[i] = True
    piece = piece[1:]
sizes[i] = len(piece.encode("utf-8"))
"""
_MISSING = """
control[i] = False
piece = sp.id_to_piece(i)
if piece.startswith("\\u2581"):
    space[i] = True
    piece = piece[1:]
sizes[i] = len(piece.encode("utf-8"))
"""
_MISSING_ELSE = """
if sp.is_control(i):
    continue
p = sp.IdToPiece(i)
space[i] = p.startswith("\\u2581")
sizes[i] = len(p.lstrip("\\u2581").encode())
"""
_MISSING_ONE_LINE = """
piece = sp.id_to_piece(i)
sizes[i] = len((piece[1:] if piece.startswith("\\u2581") else piece).encode("utf-8"))
space[i] = piece.startswith("\\u2581")
"""


class ByteFallbackUncounted(Rule):
    """
    A byte-fallback token stands for one byte.

    SentencePiece spells such a token `<0x41>`. A table that takes the name for text counts six bytes for one. There are
    few of them in the validation text, so that the score hardly moves; it is still wrong, and downwards.

    Where the logs show that the right number of bytes was counted, nothing is said.
    """

    code = "GA-BPB-003"
    severity = Severity.METADATA
    authority = ("guide-v", "readme-r9")
    would_change = "A branch for byte tokens that counts one, or a vocabulary without such tokens."
    legal = (
        Example("a branch for byte tokens", spelled(_BRANCH)),
        Example("recognised by their names", spelled(_BY_NAME)),
        Example("the frame's own table", script("report('final', evaluate(model, val_tokens, luts))")),
    )
    illegal = (
        Example("no branch", spelled(_MISSING), says="6 bytes"),
        Example("stripped, with a branch for control tokens only", spelled(_MISSING_ELSE), says="6 bytes"),
        Example("in one line", spelled(_MISSING_ONE_LINE), says="6 bytes"),
    )

    def check(self, case: Case) -> Iterator[Finding | Unproven]:
        """A table that counts more than one byte for a byte token."""
        if case.walk is None or counted_right(case):
            return
        for table in byte_tables(case.walk.modules):
            if table.marks_space and table.fallback is not None and table.fallback > 1:
                yield self.finding(
                    f"A byte-fallback token such as <0x41> is counted as {table.fallback} bytes instead of one.",
                    place(case, table.file, table.line),
                )
                return
