"""The supervisor: what it hands on, how it ends a run, and that nothing is left of it."""

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest

from golf_audit.sandbox import RUN_FOLDER, Ending, Limits, Mount, Unsandboxed, read_made
from golf_audit.sandbox.capture import HEAD, TAIL, Capture
from golf_audit.sandbox.private import private_folder
from tests.sandbox.conftest import QUICK, Box, alive

REPORT = "import os, sys, time\nreport = int(os.environ['GOLF_AUDIT_REPORT_FD'])\n"
DAEMON = """
import os, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.execv(sys.executable, [sys.executable, '-S', '-c', 'import time; time.sleep(60)', sys.argv[1]])
    os._exit(0)
os.wait()
time.sleep(0.3)
print('left', flush=True)
"""


def gone(marker: str, seconds: float = 5.0) -> bool:
    """Whether no process with a marker is alive, or will be soon."""
    end = time.monotonic() + seconds
    while alive(marker) and time.monotonic() < end:
        time.sleep(0.05)
    return not alive(marker)


def test_an_exit_status_comes_back(box: Box) -> None:
    """The program's own status is reported, and the number of the signal that killed it."""
    assert [box.run(f"raise SystemExit({code})").returncode for code in (0, 3, 137)] == [0, 3, 137]
    killed = box.run("import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    assert (killed.ending, killed.returncode) == (Ending.SIGNALLED, -9)


def test_a_program_that_is_not_there_says_so(box: Box) -> None:
    """A missing program ends like in a shell, with its name in the output."""
    outcome = box.sandbox.run(["/no/such"], folder=box.folder, environment={}, limits=QUICK)
    assert outcome.returncode == 127
    assert b"/no/such" in outcome.output


def test_a_report_comes_as_it_is_written(box: Box) -> None:
    """Each piece is handed on before the next one is written, and what a crash follows is not lost."""
    pieces: list[tuple[bytes, float]] = []
    script = REPORT + "os.write(report, b'one')\ntime.sleep(0.6)\nos.write(report, b'two')\nos.abort()\n"
    outcome = box.run(script, on_report=lambda data: pieces.append((data, time.monotonic())))
    assert [data for data, _ in pieces] == [b"one", b"two"]
    assert pieces[1][1] - pieces[0][1] > 0.3
    assert (outcome.ending, outcome.returncode) == (Ending.SIGNALLED, -signal.SIGABRT)


def test_a_report_may_be_anything(box: Box) -> None:
    """Garbage, closing the report, and writing what the supervisor's own channels carry disturbs nobody."""
    script = REPORT + (
        "os.write(report, bytes(range(256)) * 4000)\nos.close(report)\n"
        "for number in range(3, 256):\n"
        "    for path in (f'/proc/1/fd/{number}', f'/proc/self/fd/{number}'):\n"
        "        try: open(path, 'wb', 0).write(b'exit 99 99 ' + bytes(9))\n"
        "        except OSError: pass\n"
        "sys.exit(5)\n"
    )
    report = bytearray()
    outcome = box.run(script, on_report=report.extend)
    assert (outcome.ending, outcome.returncode) == (Ending.EXITED, 5)
    assert bytes(report) == bytes(range(256)) * 4000


def test_output_comes_as_it_is_written(box: Box) -> None:
    """Stdout and stderr arrive in order, and together are the outcome's output."""
    parts: list[bytes] = []
    script = "import sys\nfor n in range(3): print(n, flush=True); print(n, file=sys.stderr)\n"
    outcome = box.run(script, on_output=parts.append)
    assert b"".join(parts) == outcome.output == b"0\n0\n1\n1\n2\n2\n"
    assert not outcome.cut


def test_stdin_is_empty(box: Box) -> None:
    """A program that asks gets no answer, and does not wait for one."""
    assert box.said("import os; os.lseek(0, 0, 0); print(os.read(0, 99))") == ["b''"]


def test_only_the_report_is_inherited(box: Box) -> None:
    """Besides stdin, stdout and stderr the program holds one descriptor: its report."""
    script = "import os\nprint([n for n in range(1024) if os.path.exists(f'/proc/self/fd/{n}') and n != 3])"
    assert box.said(script) == ["[0, 1, 2, 200]"]


def test_a_daemon_does_not_outlive_its_run(box: Box, marker: str) -> None:
    """A process that forked twice and left its session is dead when the run is over."""
    assert box.said(DAEMON, marker) == ["left"]
    assert not alive(marker)


def test_a_run_stops_when_it_is_told_to(box: Box, marker: str) -> None:
    """Whoever asks for the end gets it at once, daemons included."""
    seen: list[bytes] = []
    outcome = box.run(DAEMON + "time.sleep(60)", marker, on_output=seen.append, stop=lambda: bool(seen))
    assert (outcome.ending, outcome.returncode) == (Ending.STOPPED, None)
    assert not alive(marker)


def test_a_run_can_be_stopped_before_it_began(box: Box, marker: str) -> None:
    """A run that is to stop at once does, however little of the sandbox is up by then."""
    outcome = box.run("import time; time.sleep(60)", marker, stop=lambda: True)
    assert (outcome.ending, outcome.returncode) == (Ending.STOPPED, None)
    assert outcome.seconds < 10.0
    assert not alive(marker)


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_what_a_listener_raises_ends_the_run(box: Box, marker: str, error: type[BaseException]) -> None:
    """An error of ours, or the user's interruption, comes through, and nothing of the run is left."""

    def fail(_: bytes) -> None:
        raise error

    with pytest.raises(error):
        box.run("print('hello', flush=True)\nimport time; time.sleep(60)", marker, on_output=fail)
    assert not alive(marker)


def test_nothing_is_left_of_a_run(box: Box, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No descriptor, no thread, no child, no file beside the private folder."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    def state() -> tuple[object, ...]:
        descriptors = len(list(Path("/proc/self/fd").iterdir()))
        children = Path(f"/proc/self/task/{os.getpid()}/children").read_text()
        return descriptors, threading.active_count(), children, list(tmp_path.iterdir())

    before = state()
    box.run("print('hello')")
    box.run("import time; time.sleep(60)", limits=Limits(wall_seconds=0.3))
    assert state() == before


SUPERVISOR = """
import sys
from pathlib import Path
from golf_audit.sandbox import Limits
from golf_audit.sandbox.find import candidates
sandbox = next(found for found in candidates() if found.name == sys.argv[1])
argv = [sys.executable, "-S", "-c", "print('up', flush=True); import time; time.sleep(60)", sys.argv[3]]
sandbox.run(argv, folder=Path(sys.argv[2]), environment={}, limits=Limits(),
            on_output=lambda data: print(data.decode(), end="", flush=True))
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_run_dies_with_its_supervisor(box: Box, marker: str, number: signal.Signals) -> None:
    """When the auditor is killed, terminated or interrupted, the run is over."""
    argv = [sys.executable, "-c", SUPERVISOR, box.sandbox.name, str(box.folder), marker]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as supervisor:
        assert supervisor.stdout is not None
        assert supervisor.stdout.readline() == b"up\n"
        assert alive(marker)
        supervisor.send_signal(number)
        supervisor.wait(20)
    assert gone(marker)


def test_runs_beside_each_other_do_not_meet(box: Box) -> None:
    """Two runs at once each get their own output, report and end."""
    results: dict[int, tuple[bytes, bytes]] = {}

    def one(number: int) -> None:
        report = bytearray()
        with private_folder() as folder:
            script = REPORT + f"print({number}); os.write(report, b'r{number}'); time.sleep(0.3)"
            argv = [sys.executable, "-S", "-c", script]
            outcome = box.sandbox.run(argv, folder=folder, environment={}, limits=QUICK, on_report=report.extend)
        results[number] = (outcome.output, bytes(report))

    threads = [threading.Thread(target=one, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {n: (f"{n}\n".encode(), f"r{n}".encode()) for n in range(3)}


def test_a_mount_must_be_possible(box: Box) -> None:
    """A source that is missing and a place that is no absolute path are refused before anything runs."""
    for mount in (Mount(box.folder / "no", "/data"), Mount(box.folder, "data"), Mount(box.folder, "/data/../x")):
        with pytest.raises(ValueError):
            box.run("print()", mounts=[mount])


def test_output_is_kept_from_both_ends() -> None:
    """Of a long output the first and the last bytes are kept in order, and what is missing is counted."""
    capture = Capture()
    data = bytes(index % 251 for index in range(HEAD + 5 * TAIL))
    for start in range(0, len(data), 1000):
        capture.add(data[start : start + 1000])
    assert capture.cut
    assert capture.kept == data[:HEAD] + b"\n[... %d bytes left out ...]\n" % (4 * TAIL) + data[-TAIL:]
    short = Capture()
    short.add(data[: HEAD + TAIL])
    assert (short.cut, short.kept) == (False, data[: HEAD + TAIL])


@pytest.mark.slow
def test_a_hostile_folder_can_be_removed() -> None:
    """Folders without permission, folders deeper than any path and links leave nothing behind and lead nowhere."""
    with private_folder() as keep, private_folder() as folder:
        (keep / "kept").write_text("kept")
        script = (
            "import os, sys\n"
            "os.symlink(sys.argv[1], 'link')\n"
            "os.makedirs('closed/inner'); os.chmod('closed/inner', 0); os.chmod('closed', 0)\n"
            "for _ in range(1200): os.mkdir('d' * 100); os.chdir('d' * 100)\n"
            "open('file', 'w').close(); os.chmod('.', 0o500)\n"
        )
        subprocess.run([sys.executable, "-c", script, str(keep)], cwd=folder, check=True)
        place = folder
    assert not place.exists()


def test_what_a_run_made_is_read_with_care(tmp_path: Path) -> None:
    """A plain file inside is read; a link, a way through a link, a pipe, a device, a huge file and a path outside are not."""
    folder = tmp_path / "run"
    (folder / "logs").mkdir(parents=True)
    (folder / "logs" / "train.txt").write_bytes(b"tokens")
    (tmp_path / "secret").write_bytes(b"secret")
    (folder / "link").symlink_to(tmp_path / "secret")
    (folder / "way").symlink_to(tmp_path)
    os.mkfifo(folder / "pipe")
    assert read_made(folder, "logs/train.txt", 6) == b"tokens"
    for path in ("link", "way/secret", "pipe", "logs", "../secret", str(tmp_path / "secret"), "missing", ""):
        assert read_made(folder, path, 2**20) is None, path
    assert read_made(folder, "logs/train.txt", 5) is None


def test_a_mount_does_not_follow_an_earlier_runs_link(box: Box, tmp_path: Path) -> None:
    """Where an earlier run left a link in the private folder, nothing is shown through it."""
    box.run(f"import os; os.symlink({str(tmp_path)!r}, 'data')")
    for target in (f"{RUN_FOLDER}/data", f"{RUN_FOLDER}/data/val"):
        with pytest.raises(ValueError, match="a link"):
            box.run("print()", mounts=[Mount(tmp_path, target)])


def test_words_that_no_program_can_be_given_are_told(box: Box) -> None:
    """A variable's name that cannot be is the run's failure, and says so."""
    outcome = box.run("print()", environment={"A=B": "x\0y"})
    assert (outcome.returncode, outcome.output != b"") == (127, True)


def test_without_a_sandbox_the_limits_hold(marker: str) -> None:
    """The same call without isolation still ends on time, with all that descends from it."""
    with private_folder() as folder:
        argv = [sys.executable, "-S", "-c", DAEMON + "time.sleep(60)", marker]
        outcome = Unsandboxed().run(argv, folder=folder, environment={}, limits=Limits(wall_seconds=1.0))
        assert outcome.ending is Ending.WALL_CLOCK
        assert not alive(marker)
        left = Unsandboxed().run([*argv[:3], DAEMON, marker], folder=folder, environment={}, limits=QUICK)
        assert left.output == b"left\n"
        assert not alive(marker)
