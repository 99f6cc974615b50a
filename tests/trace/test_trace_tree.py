"""What the table of toy runs counts, on a handful of made-up results."""

from pathlib import Path

import pytest

from benchmarks.trace_tree import Traced, line, read_traced, table

FOLDER = "records/track_10min_16mb/folder"
REACHED = Traced(
    1, FOLDER, "exited", 0, label="legal_ttt_exact", claimed=("legal_ttt",), counting="first", tries=1, cpu=6
)
PRINTED = Traced(
    2, FOLDER, "exited", 0, label="mix bytes=12", claimed=("mix bytes=99",), loss=1.0, bpb=0.5, tries=2, cpu=9
)
OTHER = Traced(3, FOLDER, "exited", 0, label="final", claimed=("legal_ttt",), tries=1, cpu=7)
CRASHED = Traced(4, FOLDER, "exited", 0, why="ModuleNotFoundError: No module named 'x'\nmore", tries=1, cpu=1)
ALIKE = Traced(5, FOLDER, "exited", 0, why="ModuleNotFoundError: No module named 'x'", tries=1, cpu=1)


@pytest.mark.parametrize(("one", "reached"), [(REACHED, True), (PRINTED, True), (OTHER, False), (CRASHED, False)])
def test_reached(one: Traced, reached: bool) -> None:
    """A folder has reached its headline where the claimed line was printed, whatever it counts; another line is not it."""
    assert one.reached is reached


def test_table() -> None:
    """Shares are of all folders, and what stopped the others is counted by reason."""
    text = "\n".join(table([REACHED, PRINTED, OTHER, CRASHED, ALIKE]))
    assert "printed the claimed line: 2 = 40.0%" in text
    assert "add up to it: 1 = 20.0%" in text
    assert "   2  ModuleNotFoundError: No module named 'x'" in text
    assert "   1  no result: label 'final' for ('legal_ttt',)" in text


def test_results_file(tmp_path: Path) -> None:
    """The later of two results of a folder counts, and a line cut short does not."""
    path = tmp_path / "results.jsonl"
    path.write_text(line(CRASHED) + line(REACHED) + line(Traced(4, FOLDER, "exited")) + line(OTHER)[:20])
    assert read_traced(path) == (Traced(4, FOLDER, "exited"), REACHED)
