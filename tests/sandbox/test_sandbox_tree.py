"""Looking at processes from outside, on a /proc made for the test."""

import os
from collections.abc import Callable
from mmap import PAGESIZE
from pathlib import Path

import pytest

from golf_audit.sandbox import tree

Process = Callable[..., None]


@pytest.fixture
def process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Process:
    """Makes a process of a /proc that holds no other."""
    monkeypatch.setattr(tree, "_PROC", tmp_path)

    def make(pid: int, *, threads: dict[int, str | None], pages: int = 0, shared: int = 0, ticks: int = 0) -> None:
        """A process with threads, by the children that each lists, or None for one that is just ending."""
        folder = tmp_path / str(pid)
        for thread, children in threads.items():
            (folder / "task" / str(thread)).mkdir(parents=True)
            if children is not None:
                (folder / "task" / str(thread) / "children").write_text(children)
        numbers = ["S", "1", *["0"] * 9, str(ticks), "0", "0", "0", "20", "0", str(len(threads)), "0"]
        (folder / "stat").write_text(f"{pid} (a) b\n) {' '.join(numbers)}\n")
        (folder / "statm").write_text(f"900000 {pages} {shared} 0 0 0 0\n")

    return make


def test_descendants_are_found_through_every_thread(process: Process) -> None:
    """A process is found whichever thread forked it, even while another thread is ending."""
    process(1, threads={1: "", 2: None, 3: "4 "})
    process(4, threads={4: "5 6"})
    assert tree.descendants(1, 10) == [1, 4, 5, 6]
    assert tree.descendants(1, 1) == [1, 4]


def test_use_is_added_up(process: Process) -> None:
    """Threads and CPU time are sums, whatever a process calls itself; shared memory counts once."""
    process(1, threads={1: "", 2: ""}, pages=100, shared=60, ticks=50)
    process(2, threads={3: ""}, pages=80, shared=50, ticks=150)
    usage = tree.usage([1, 2, 99])
    assert (usage.tasks, usage.memory) == (3, (40 + 30 + 60) * PAGESIZE)
    assert usage.cpu_seconds == pytest.approx(200 / os.sysconf("SC_CLK_TCK"))


def test_a_process_that_hides_its_memory_is_held_to_all_of_it(process: Process, tmp_path: Path) -> None:
    """The proportional share is used where it can be read, and what is resident where it cannot."""
    process(1, threads={1: ""}, pages=100)
    assert tree.held([1]) == 100 * PAGESIZE
    (tmp_path / "1" / "smaps_rollup").write_text(
        "0-f ---p 0 00:00 0 [rollup]\nRss: 50 kB\nPss: 30 kB\nPss_Shmem: 10 kB\n"
    )
    assert tree.held([1]) == 20 * 1024
