"""Files are written whole or not at all."""

import stat
from pathlib import Path

import pytest

from golf_audit.files import safe_name, write_atomically


def test_replaces(tmp_path: Path) -> None:
    """A file is replaced, in UTF-8 and with plain line ends, and nothing else is left in its folder."""
    target = tmp_path / "report.json"
    target.write_text("old")
    write_atomically(target, "ä\n")
    assert target.read_bytes() == b"\xc3\xa4\n"
    assert list(tmp_path.iterdir()) == [target]
    assert stat.S_IMODE(target.stat().st_mode) & 0o400


def test_failure_keeps_the_old_file(tmp_path: Path) -> None:
    """Where the text cannot be written, the old file stays and no piece of the new one does."""
    target = tmp_path / "report.json"
    target.write_text("old")
    with pytest.raises(UnicodeEncodeError):
        write_atomically(target, "\ud800")
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("2026-05-01_ScoreFirst", "2026-05-01_ScoreFirst"),
        ("../../etc/passwd", "_.._etc_passwd"),
        ("a b(c)\n\x1b[2J", "a_b_c____2J"),
        ("...", "unnamed"),
        ("x" * 300, "x" * 120),
    ],
)
def test_safe_name(name: str, safe: str) -> None:
    """A submission's name becomes one plain file name."""
    assert safe_name(name) == safe
