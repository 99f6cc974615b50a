"""A report comes in pieces, and is heard line by line."""

from hypothesis import given, settings
from hypothesis import strategies as st

from golf_audit.trace.lines import Lines


@settings(deadline=None)
@given(st.lists(st.binary(max_size=12), max_size=12))
def test_pieces_make_lines(pieces: list[bytes]) -> None:
    """However a report is cut into pieces, each whole line is heard once and in order, and half a last one is kept."""
    heard: list[bytes] = []
    lines = Lines(heard.append)
    for piece in pieces:
        lines.heard(piece)
    *whole, rest = b"".join(pieces).split(b"\n")
    assert heard == whole
    assert lines.end() == whole + [rest] * bool(rest)
