"""The sandbox against submissions that take more than they may: time, memory, processes, disk, output."""

from dataclasses import replace

import pytest

from golf_audit.sandbox import Ending, Outcome
from golf_audit.sandbox.capture import HEAD, TAIL
from tests.sandbox.conftest import QUICK, Box

MEGABYTE = 2**20
WAIT = "import time; time.sleep(60)\n"


def stopped(outcome: Outcome, ending: Ending, seconds: float = 20.0) -> None:
    """The run was ended for this reason, long before it would have ended by itself."""
    assert (outcome.ending, outcome.returncode) == (ending, None), outcome.output[-500:]
    assert outcome.seconds < seconds


def test_a_run_ends_at_its_wall_clock(box: Box) -> None:
    """A run that only waits is killed on time."""
    outcome = box.run(WAIT, limits=replace(QUICK, wall_seconds=0.5))
    stopped(outcome, Ending.WALL_CLOCK, 5.0)
    assert outcome.cpu_seconds < 0.5


def test_signals_ignored_change_nothing(box: Box) -> None:
    """A program that ignores every signal it can ignore is killed like any other."""
    script = (
        "import signal\n"
        "for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:\n"
        "    try: signal.signal(number, signal.SIG_IGN)\n"
        "    except OSError: pass\n"
        "print('deaf', flush=True)\n"
    )
    outcome = box.run(script + WAIT, limits=replace(QUICK, wall_seconds=0.8))
    stopped(outcome, Ending.WALL_CLOCK, 5.0)
    assert outcome.output == b"deaf\n"


def test_cpu_time_of_one_process(box: Box) -> None:
    """A loop without end is over when its CPU time is, by the kernel or by the sample."""
    outcome = box.run("while True: pass", limits=replace(QUICK, cpu_seconds=1.0))
    assert outcome.ending is Ending.CPU
    assert 0.8 < outcome.cpu_seconds < 3.0


@pytest.mark.slow
def test_cpu_time_of_many_processes(box: Box) -> None:
    """Processes that each take less than the limit are ended by what they take together, finished ones included."""
    script = (
        "import os, time\n"
        "while True:\n"
        "    if os.fork() == 0:\n"
        "        while time.process_time() < 0.3: pass\n"
        "        os._exit(0)\n"
        "    os.wait()\n"
    )
    outcome = box.run(script, limits=replace(QUICK, cpu_seconds=1.0))
    stopped(outcome, Ending.CPU)
    assert outcome.cpu_seconds < 4.0


@pytest.mark.parametrize(
    "script",
    [
        "held = []\nwhile True: held.append(bytearray(2**22))\n",
        "import os\nfor _ in range(6):\n    if os.fork() == 0:\n        held = bytearray(2**26)\n        break\n"
        + WAIT,
        "import os\nfor _ in range(64): os.write(os.memfd_create('x'), bytes(2**24))\n" + WAIT,
    ],
    ids=["one-process", "many-processes", "nameless-files"],
)
def test_memory_of_the_whole_tree(box: Box, script: str) -> None:
    """Memory counts wherever it is: in one process, in many, in files that only memory holds."""
    outcome = box.run(script, limits=replace(QUICK, memory_bytes=256 * MEGABYTE))
    stopped(outcome, Ending.MEMORY)
    assert 256 * MEGABYTE < outcome.peak_memory < 2048 * MEGABYTE


def test_memory_that_is_shared_counts_once(box: Box) -> None:
    """Children that only read what their parent holds do not multiply it."""
    script = (
        "import os, time\n"
        "held = bytearray(2**26)\n"
        "for _ in range(8):\n"
        "    if os.fork() == 0:\n"
        "        time.sleep(1)\n"
        "        os._exit(0)\n"
        "for _ in range(8): os.wait()\n"
        "print('done')\n"
    )
    assert box.run(script, limits=replace(QUICK, memory_bytes=256 * MEGABYTE)).output == b"done\n"


@pytest.mark.parametrize("place", ["/tmp", "/dev/shm"])
def test_file_systems_in_memory_are_small(box: Box, place: str) -> None:
    """Where files would be memory, there is room for a quarter of what a run may hold."""
    script = (
        "try:\n"
        "    for number in range(64):\n"
        f"        with open(f'{place}/{{number}}', 'wb') as file: file.write(bytes(2**24))\n"
        "except OSError as error: print(error.errno, number)\n"
    )
    outcome = box.run(script, limits=replace(QUICK, memory_bytes=512 * MEGABYTE))
    assert outcome.output.split() == [b"28", b"8"]


@pytest.mark.parametrize(
    "script",
    [
        "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass\n",
        "import os\nwhile True:\n    if os.fork() == 0: os.setsid()\n    else: os._exit(0)\n",
        "import threading\nfor _ in range(99): threading.Thread(target=threading.Event().wait, args=(60,)).start()\n",
    ],
    ids=["doubling", "fleeing", "threads"],
)
def test_processes_without_end(box: Box, script: str) -> None:
    """Processes and threads beyond number are killed, and the machine is none the worse; one that flees is always one."""
    outcome = box.run(script, limits=replace(QUICK, processes=32, wall_seconds=3.0))
    assert outcome.ending in {Ending.PROCESSES, Ending.WALL_CLOCK, Ending.EXITED}
    assert outcome.seconds < 15.0
    if "setsid" not in script:
        assert outcome.ending is Ending.PROCESSES


@pytest.mark.slow
@pytest.mark.parametrize(
    "script",
    [
        "import itertools\nfor number in itertools.count(): open(str(number), 'wb').write(bytes(2**22))\n",
        "import itertools\nfor number in itertools.count(): open(str(number), 'wb').close()\n",
        "import os\nheld = []\nfor number in range(200):\n"
        "    held.append(open('x', 'wb', 0))\n    os.unlink('x')\n    held[-1].write(bytes(2**22))\n" + WAIT,
    ],
    ids=["large", "empty", "deleted"],
)
def test_the_folder_is_bounded(box: Box, script: str) -> None:
    """A run that fills its folder is killed: with few large files, with many empty ones, with deleted ones it keeps open."""
    stopped(box.run(script, limits=replace(QUICK, folder_bytes=64 * MEGABYTE)), Ending.DISK)


def test_a_deep_folder_is_no_hiding_place(box: Box) -> None:
    """Folders in folders are counted, and too deep to be counted is too much."""
    script = (
        "import os\n"
        "while True:\n"
        "    os.mkdir('d' * 200)\n"
        "    os.chdir('d' * 200)\n"
        "    open('x', 'wb').write(bytes(2**20))\n"
    )
    stopped(box.run(script, limits=replace(QUICK, folder_bytes=64 * MEGABYTE)), Ending.DISK)


def test_one_file_is_bounded(box: Box) -> None:
    """A file grows to its limit and no further; the program is told, or dies of it."""
    limits = replace(QUICK, file_bytes=8 * MEGABYTE)
    write = "with open('x', 'wb') as file:\n    while True: file.write(bytes(2**20))\n"
    told = box.run(write, limits=limits)
    assert (told.ending, told.returncode) == (Ending.EXITED, 1)
    assert b"File too large" in told.output
    assert (box.folder / "x").stat().st_size == 8 * MEGABYTE
    died = box.run("import signal; signal.signal(signal.SIGXFSZ, signal.SIG_DFL)\n" + write, limits=limits)
    assert died.ending is Ending.DISK


def test_output_without_end(box: Box) -> None:
    """A program that prints without end is killed, and of its output head and tail are kept."""
    outcome = box.run(
        "print('first')\nwhile True: print('x' * 4000)\n", limits=replace(QUICK, output_bytes=4 * MEGABYTE)
    )
    stopped(outcome, Ending.OUTPUT)
    assert outcome.cut
    assert outcome.output.startswith(b"first\n")
    assert b"bytes left out" in outcome.output
    assert len(outcome.output) < HEAD + TAIL + 100


def test_reports_without_end(box: Box) -> None:
    """A report is bounded, too; what is handed on stays within the bound."""
    taken: list[int] = []
    script = "import os\nfd = int(os.environ['GOLF_AUDIT_REPORT_FD'])\nwhile True: os.write(fd, bytes(2**16))\n"
    limits = replace(QUICK, report_bytes=2 * MEGABYTE)
    stopped(box.run(script, limits=limits, on_report=lambda data: taken.append(len(data))), Ending.OUTPUT)
    assert MEGABYTE < sum(taken) <= 2 * MEGABYTE


def test_memory_hunger_is_stopped_before_the_machine_starves(box: Box) -> None:
    """One huge allocation is refused by the kernel rather than sampled."""
    outcome = box.run("bytearray(2**37)", limits=replace(QUICK, memory_bytes=64 * MEGABYTE))
    assert b"MemoryError" in outcome.output
