"""Finding a sandbox, refusing where there is none, and what a run gets to see."""

import os
import sys
from pathlib import Path

import pytest

from golf_audit.sandbox import RUN_FOLDER, Limits, Mount, SandboxUnavailableError, Unsandboxed, find_sandbox
from golf_audit.sandbox.bubblewrap import Bubblewrap
from golf_audit.sandbox.find import trouble
from golf_audit.sandbox.layout import Bind, kernel_files, layout
from golf_audit.sandbox.private import private_folder
from golf_audit.sandbox.seccomp import filter_program
from tests.sandbox.conftest import QUICK, Box


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder in which programs are found; empty at first."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def program(path: Path, text: str) -> None:
    """A shell script that can be run."""
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def test_without_any_sandbox_nothing_is_run(programs: Path) -> None:
    """Where nothing is installed the error says what to install, and how to go without."""
    with pytest.raises(SandboxUnavailableError, match=r"apt-get install bubblewrap.*--no-sandbox"):
        find_sandbox()


def test_a_sandbox_that_only_pretends_is_refused(programs: Path) -> None:
    """A bwrap that runs its command without isolating it is found out."""
    program(programs / "bwrap", 'while [ "$1" != "--" ]; do shift; done; shift; exec "$@"')
    with pytest.raises(SandboxUnavailableError, match="bubblewrap: "):
        find_sandbox()


def test_a_sandbox_that_fails_says_why(programs: Path) -> None:
    """What bwrap complains about is in the error."""
    program(programs / "bwrap", "echo no permission to make a namespace >&2; exit 1")
    with pytest.raises(SandboxUnavailableError, match="no permission to make a namespace"):
        find_sandbox()


def test_no_sandbox_isolates_nothing_and_says_so() -> None:
    """The probe would refuse what --no-sandbox uses, and its name and words hide nothing."""
    assert "does not isolate" in str(trouble(Unsandboxed()))
    assert (Unsandboxed.name, Unsandboxed.covers) == ("none", ())
    assert Unsandboxed.lacks


def test_a_sandbox_that_breaks_later_is_no_failed_run(box: Box) -> None:
    """Where the sandbox cannot be put together the program is not blamed."""
    broken = Bubblewrap("/bin/false")
    with pytest.raises(SandboxUnavailableError, match="could not be put together"):
        broken.run(["true"], folder=box.folder, environment={}, limits=QUICK)


def test_mounts_without_a_sandbox_are_links(tmp_path: Path) -> None:
    """Below the private folder a mount can be shown without a sandbox and is taken away again; elsewhere it cannot."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "shard").write_text("tokens")
    argv = [sys.executable, "-S", "-c", "print(open('data/val/shard').read())"]
    with private_folder() as folder:
        mount = Mount(tmp_path / "data", f"{RUN_FOLDER}/data/val")
        outcome = Unsandboxed().run(argv, folder=folder, mounts=[mount], environment={}, limits=QUICK)
        assert outcome.output == b"tokens\n"
        assert not os.path.lexists(folder / "data" / "val")
        with pytest.raises(ValueError, match="without a sandbox"):
            Unsandboxed().run(argv, folder=folder, mounts=[Mount(tmp_path, "/data")], environment={}, limits=QUICK)


def test_mounts_are_seen_where_they_were_asked_for(box: Box, tmp_path: Path) -> None:
    """A folder or a file is shown anywhere, inside the private folder too."""
    (tmp_path / "shard").write_text("tokens")
    mounts = [Mount(tmp_path, "/data/val"), Mount(tmp_path / "shard", f"{RUN_FOLDER}/given/shard")]
    script = "print(open('/data/val/shard').read(), open('given/shard').read())"
    assert box.said(script, mounts=mounts) == ["tokens tokens"]


def test_this_package_and_its_python_work_inside(box: Box) -> None:
    """The auditor itself, its rules and its dependencies can be imported."""
    argv = [sys.executable, "-c", "import golf_audit.registry, golf_audit.rules, libcst; print('imported')"]
    outcome = box.sandbox.run(argv, folder=box.folder, environment={}, limits=QUICK)
    assert outcome.output == b"imported\n"


def test_only_the_private_folder_is_writable(tmp_path: Path) -> None:
    """Of all that is shown, one folder may be written."""
    steps = layout(tmp_path, [Mount(tmp_path, "/data")], Limits())
    assert [step.target for step in steps if isinstance(step, Bind) and step.writable] == [RUN_FOLDER]


def test_no_folder_is_shown_that_holds_the_home_folder(tmp_path: Path) -> None:
    """Neither the home folder nor one above it is among what is shown."""
    shown = [Path(step.source) for step in layout(tmp_path, (), Limits()) if isinstance(step, Bind)]
    assert not [path for path in shown if Path.home().is_relative_to(path)]


def test_what_is_the_machines_in_proc_is_shown_read_only_or_not() -> None:
    """/proc/sys is shown and cannot be written; the list of keys is not shown."""
    shown = {bind.target: bind for bind in kernel_files()}
    assert shown["/proc/sys"] == Bind("/proc/sys", "/proc/sys")
    if Path("/proc/keys").exists():
        assert shown["/proc/keys"].source == "/dev/null"


def test_the_filter_of_calls_is_known_for_two_machines() -> None:
    """Each jump of the filter stays inside it, and a machine whose calls are not known gets no sandbox."""
    for machine in ("x86_64", "aarch64"):
        steps = filter_program(machine)
        assert all(place + 1 + max(yes, no) < len(steps) for place, (_, yes, no, _) in enumerate(steps[:-1]))
    with pytest.raises(SandboxUnavailableError, match="riscv64"):
        filter_program("riscv64")
