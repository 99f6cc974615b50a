"""Programs that submissions start have stand-ins, which do what their callers rely on."""

import subprocess
from pathlib import Path

import pytest

from golf_audit.trace.world import PROGRAMS

DATA = bytes(range(256)) * 40


def run(name: str, *arguments: str, given: bytes = b"") -> bytes:
    """What a stand-in prints."""
    return subprocess.run([str(PROGRAMS / name), *arguments], input=given, capture_output=True, check=True).stdout


def test_lrzip(tmp_path: Path) -> None:
    """What was packed is unpacked again, is smaller, and is the same whenever it is packed."""
    file, packed, again, back = (tmp_path / name for name in ("a", "a.lrz", "b.lrz", "c"))
    file.write_bytes(DATA)
    run("lrzip", "-z", "-L", "9", "-o", str(packed), str(file))
    run("lrzip", "-z", "-L9", "-q", "-o", str(again), str(file))
    run("lrzip", "-d", "-f", "-o", str(back), str(packed))
    assert back.read_bytes() == DATA
    assert packed.read_bytes() == again.read_bytes()
    assert len(packed.read_bytes()) < len(DATA)


def test_lrzip_names_its_output(tmp_path: Path) -> None:
    """Without a name for its output it takes the usual one."""
    (tmp_path / "a").write_bytes(DATA)
    run("lrzip", str(tmp_path / "a"))
    (tmp_path / "a").unlink()
    run("lrzip", "-d", str(tmp_path / "a.lrz"))
    assert (tmp_path / "a").read_bytes() == DATA


@pytest.mark.parametrize("options", [[], ["--no-rename-locals", "--remove-asserts"]])
def test_pyminify(options: list[str]) -> None:
    """A program is given back that does the same: the same one."""
    assert run("pyminify", *options, "-", given=b"x = 1\n") == b"x = 1\n"


def test_nvidia_smi() -> None:
    """It says that it is no such device."""
    assert b"stand-in" in run("nvidia-smi", "-q")
