"""The sandbox against submissions that reach for what is not theirs: network, files, processes, privileges."""

import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from golf_audit.sandbox import RUN_FOLDER, Mount
from golf_audit.sandbox.layout import own_folders
from tests.sandbox.conftest import Box

TRY = """
import os, socket, sys
def attempt(name, act):
    try:
        print(name, "DONE", act())
    except OSError as error:
        print(name, "refused", error.errno)
"""


def refused(lines: list[str]) -> bool:
    """Whether every attempt was made and none succeeded."""
    return bool(lines) and all(line.split()[1] == "refused" for line in lines)


@contextmanager
def listening(family: int, kind: int, address: object) -> Iterator[socket.socket]:
    """A socket of this machine that waits for whoever comes."""
    with socket.socket(family, kind) as server:
        server.bind(address)  # type: ignore[arg-type]
        if kind == socket.SOCK_STREAM:
            server.listen()
        server.setblocking(False)
        yield server


def test_tcp_reaches_nobody(box: Box) -> None:
    """A listener of this machine is not there, and an address outside has no route."""
    script = TRY + (
        "for host, port in (('127.0.0.1', int(sys.argv[1])), ('10.0.0.1', 80), ('1.1.1.1', 443)):\n"
        "    attempt(host, lambda: socket.create_connection((host, port), 3))\n"
    )
    with listening(socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 0)) as server:
        assert refused(box.said(script, server.getsockname()[1]))
        with pytest.raises(BlockingIOError):
            server.accept()


def test_udp_reaches_nobody(box: Box) -> None:
    """What is sent to this machine's port never arrives, and nothing leaves the machine."""
    script = TRY + (
        "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
        "s.sendto(b'hello', ('127.0.0.1', int(sys.argv[1])))\n"
        "attempt('outside', lambda: s.sendto(b'hello', ('1.1.1.1', 53)))\n"
    )
    with listening(socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", 0)) as server:
        assert refused(box.said(script, server.getsockname()[1]))
        with pytest.raises(BlockingIOError):
            server.recv(16)


def test_no_name_is_resolved(box: Box) -> None:
    """DNS answers nothing, for there is nobody to ask."""
    assert refused(box.said(TRY + "attempt('dns', lambda: socket.getaddrinfo('example.com', 80))"))


def test_unix_sockets_of_this_machine_are_not_there(box: Box) -> None:
    """Neither one with a path in /tmp nor one with an abstract name can be reached."""
    script = TRY + (
        "for name in (sys.argv[1], chr(0) + sys.argv[2]):\n"
        "    attempt(repr(name), lambda: socket.socket(socket.AF_UNIX).connect(name))\n"
    )
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        path, name = f"{folder}/socket", f"golf-audit-{os.getpid()}"
        with (
            listening(socket.AF_UNIX, socket.SOCK_STREAM, path),
            listening(socket.AF_UNIX, socket.SOCK_STREAM, f"\0{name}"),
        ):
            assert refused(box.said(script, path, name))


def test_sockets_past_the_network_namespace_cannot_be_made(box: Box) -> None:
    """Sockets to a virtual machine's host, raw ones and those of the kernel's crypto are refused, whatever namespace."""
    script = TRY + (
        "for family in (40, 17, 38, 31):\n    attempt(family, lambda: socket.socket(family, socket.SOCK_STREAM))\n"
        "attempt('raw', lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1))\n"
    )
    assert refused(box.said(script))


def test_a_program_may_talk_to_itself(box: Box) -> None:
    """The loopback is up and localhost has an address, as process groups of one member need it."""
    script = (
        "import socket\n"
        "server = socket.create_server(('localhost', 0))\n"
        "client = socket.create_connection(server.getsockname())\n"
        "client.sendall(b'hello')\n"
        "print(server.accept()[0].recv(5).decode())\n"
    )
    assert box.said(script) == ["hello"]


def test_the_home_folder_and_files_beside_are_not_there(box: Box, tmp_path: Path) -> None:
    """A file of the user is absent, in the home folder and next to the private folder alike."""
    (tmp_path / "secret").write_text("token")
    script = TRY + (
        "for path in sys.argv[1:]:\n    attempt(path, lambda: open(path).read())\n    attempt(path, lambda: os.stat(path))\n"
    )
    home = Path.home()
    own = [path for name in (".bashrc", ".profile", ".gitconfig", ".ssh") if (path := home / name).exists()]
    assert refused(box.said(script, tmp_path / "secret", *own))


def test_only_what_python_needs_is_below_the_home_folder(box: Box) -> None:
    """Of the home folder nothing is listed but the way to this Python, to its packages and to this checkout."""
    script = "import os, sys\nprint(*(os.listdir(sys.argv[1]) if os.path.isdir(sys.argv[1]) else []), sep='\\n')"
    homes = [Path(place) for place in (sys.prefix, sys.base_prefix, *sys.path, *map(str, own_folders()))]
    expected = {path.relative_to(Path.home()).parts[0] for path in homes if path.is_relative_to(Path.home())}
    assert set(filter(None, box.said(script, Path.home()))) <= expected


def test_the_environment_is_the_given_one(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable of the auditor's is seen, in its own process or in any other's."""
    monkeypatch.setenv("GOLF_TEST_TOKEN", "hunter2")
    script = (
        "import glob, os\n"
        "print(*sorted(os.environ))\n"
        "for path in glob.glob('/proc/[0-9]*/environ'):\n"
        "    try: print(b'hunter2' in open(path, 'rb').read())\n"
        "    except OSError: print(False)\n"
    )
    lines = box.run(script, environment={"SEED": "42"}).output.decode().splitlines()
    assert lines[0].split() == ["GOLF_AUDIT_REPORT_FD", "HOME", "LANG", "LOGNAME", "PATH", "SEED", "TMPDIR", "USER"]
    assert len(lines) > 1
    assert set(lines[1:]) == {"False"}


def test_a_given_environment_acts_inside_only(box: Box) -> None:
    """A library that the submission's environment preloads is not loaded into what builds the sandbox."""
    (box.folder / "marker.txt").write_text("no library")
    outcome = box.run("print('ran')", environment={"LD_PRELOAD": f"{RUN_FOLDER}/marker.txt"})
    assert outcome.returncode == 0
    assert outcome.output.count(b"LD_PRELOAD") == 1


def test_settings_of_this_machine_are_not_there(box: Box) -> None:
    """No passwords, no host keys, no resolver: of /etc only what libraries need, and made-up users."""
    script = TRY + (
        "for path in ('/etc/shadow', '/etc/sudoers', '/etc/resolv.conf', '/etc/ssh', '/etc/machine-id', '/var', '/run',\n"
        "             '/sys', '/home', '/proc/kcore', '/proc/keys', '/proc/kallsyms'):\n"
        "    attempt(path, lambda: open(path).read() if os.path.isfile(path) or 'proc' in path else os.listdir(path))\n"
    )
    assert refused(box.said(script))
    assert box.said("print(open('/etc/passwd').read().strip())") == [f"sandbox:x:1000:1000::{RUN_FOLDER}:/bin/sh"]


def test_other_processes_are_neither_seen_nor_signalled(box: Box) -> None:
    """/proc shows the run alone, and no signal reaches a process of the auditor's."""
    with subprocess.Popen(["sleep", "60"]) as other:
        script = TRY + (
            "print(*sorted(name for name in os.listdir('/proc') if name.isdigit()))\n"
            "attempt('kill', lambda: os.kill(int(sys.argv[1]), 9))\n"
            "attempt('kill-all', lambda: os.kill(-1, 9))\n"
        )
        lines = box.said(script, other.pid)
        assert other.poll() is None
        other.kill()
    assert lines[0] == "1 2"
    assert refused(lines[1:])


def test_nothing_outside_can_be_written(box: Box, tmp_path: Path) -> None:
    """System, Python, this package, /dev and what is mounted to be read refuse every write."""
    given = tmp_path / "given"
    given.mkdir()
    package = Path(own_folders()[0])
    places = ["/", "/usr", "/etc", "/dev", "/sandbox", "/root", sys.prefix, sys.base_prefix, package, "/data"]
    script = TRY + (
        "for place in sys.argv[1:]:\n    attempt(place, lambda: open(place + '/new', 'w'))\n"
        "attempt('change', lambda: open('/data', 'a'))\n"
    )
    lines = box.said(script, *places, mounts=[Mount(given, "/data")])
    assert refused(lines)
    assert list(given.iterdir()) == []


def test_the_kernels_settings_are_read_only(box: Box) -> None:
    """No file of /proc that is the machine's can be opened to write, not even for root: core_pattern names a program."""
    script = (
        "import os\n"
        "for folder, folders, files in os.walk('/proc'):\n"
        "    folders[:] = [name for name in folders if not name.isdigit() and name not in ('self', 'thread-self', 'net')]\n"
        "    for name in files:\n"
        "        try: os.close(os.open(os.path.join(folder, name), os.O_WRONLY | os.O_NONBLOCK))\n"
        "        except OSError: continue\n"
        "        print(folder, name)\n"
        "print('looked', os.path.exists('/proc/sys/kernel/core_pattern'))\n"
    )
    assert box.said(script) == ["looked True"]


def test_what_is_written_stays_in_the_folder(box: Box, tmp_path: Path) -> None:
    """The private folder and a writable mount keep what is written; /tmp and /dev/shm are gone with the run."""
    given = tmp_path / "given"
    given.mkdir()
    script = (
        "import os\n"
        "print(os.getcwd(), os.environ['HOME'], os.environ['TMPDIR'])\n"
        "for path in ('here', '/tmp/there', '/dev/shm/there', '/data/given'):\n"
        "    open(path, 'w').write('kept')\n"
    )
    assert box.said(script, mounts=[Mount(given, "/data", writable=True)]) == [" ".join([RUN_FOLDER] * 3)]
    assert (box.folder / "here").read_text() == (given / "given").read_text() == "kept"
    assert not Path("/tmp/there").exists()
    assert not Path("/dev/shm/there").exists()


def test_a_link_does_not_lead_out(box: Box, tmp_path: Path) -> None:
    """A link in the folder to a file of this machine ends nowhere."""
    (tmp_path / "secret").write_text("token")
    (box.folder / "link").symlink_to(tmp_path / "secret")
    assert refused(box.said(TRY + "attempt('link', lambda: open('link').read())"))


def test_no_privilege_is_left_or_gained(box: Box) -> None:
    """No capability, no root, no new namespace, no mount, no device, no key ring, no other process's memory."""
    script = TRY + (
        "import ctypes\n"
        "libc = ctypes.CDLL(None, use_errno=True)\n"
        "def call(function, *arguments):\n"
        "    ctypes.set_errno(0)\n"
        "    if getattr(libc, function)(*arguments) == -1: raise OSError(ctypes.get_errno(), function)\n"
        "attempt('setuid', lambda: os.setuid(0))\n"
        "attempt('unshare', lambda: call('unshare', 0x10000000))\n"
        "attempt('mount', lambda: call('mount', b'none', b'/tmp', b'tmpfs', 0, None))\n"
        "attempt('mknod', lambda: os.mknod('disk', 0o60600, 0x800))\n"
        "attempt('ptrace', lambda: call('ptrace', 16, 1, 0, 0))\n"
        "attempt('chroot', lambda: os.chroot('/tmp'))\n"
        "attempt('hostname', lambda: socket.sethostname('mine'))\n"
        f"attempt('keyctl', lambda: call('syscall', {NUMBERS['keyctl']}, 0, -3, 1))\n"
        f"attempt('clone', lambda: call('syscall', {NUMBERS['clone']}, 0x10000011, 0, 0, 0, 0))\n"
        f"attempt('clone3', lambda: call('syscall', 435, 0, 0))\n"
        f"attempt('io_uring', lambda: call('syscall', 425, 0, 0))\n"
    )
    assert refused(box.said(script))
    status = dict(line.split(":\t", 1) for line in box.said("print(open('/proc/self/status').read().strip())"))
    assert {status[f"Cap{kind}"].strip("0") for kind in ("Inh", "Prm", "Eff", "Bnd", "Amb")} == {""}
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")
    assert "0" not in status["Uid"].split()


def test_setuid_programs_are_ordinary_ones(box: Box) -> None:
    """A program that would run as root elsewhere runs as the sandbox's user."""
    assert (
        box.said("import subprocess; print(subprocess.getoutput('id -u; su -c id < /dev/null | head -c 0'))")[0]
        == "1000"
    )


NUMBERS = {"x86_64": {"keyctl": 250, "clone": 56}, "aarch64": {"keyctl": 219, "clone": 220}}[os.uname().machine]
