"""The wheel holds one package and nothing else, and its command works elsewhere."""

import os
import shutil
import subprocess
import sys
import tomllib
import venv
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
SHIPPED = ("golf_audit", "rules", "reference_model")

pytestmark = pytest.mark.slow


def call(command: Sequence[object], cwd: Path, **environment: str) -> str:
    """Run a command, which must succeed, and give back what it printed."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        list(map(str, command)), cwd=cwd, env={**kept, **environment}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the checkout without anything that was built in it."""
    target = tmp_path_factory.mktemp("clone") / "golf-audit"
    ignore = shutil.ignore_patterns(
        ".git", ".*_cache", "__pycache__", "*.egg-info", "build", "dist", ".venv", ".hypothesis"
    )
    shutil.copytree(ROOT, target, ignore=ignore)
    return target


@pytest.fixture(scope="module")
def wheel(clone: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the source distribution, as a release would be."""
    out = tmp_path_factory.mktemp("dist")
    call([sys.executable, "-m", "build", "--no-isolation", "--outdir", out, clone], clone)
    (found,) = out.glob("*.whl")
    return found


def environment(path: Path, *links: str) -> Path:
    """A new virtual environment that also sees the libraries of this one, but not what is installed editable here."""
    venv.create(path, with_pip=False)
    python = path / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    site = Path(call([python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], path).strip())
    (site / "outer.pth").write_text("".join(f"{link}\n" for link in links))
    return python


def libraries() -> list[str]:
    """Where this interpreter keeps its libraries."""
    return [entry for entry in sys.path if entry.endswith("site-packages")]


def test_wheel_holds_one_name(wheel: Path) -> None:
    """The wheel's only top-level name beside its metadata is golf_audit."""
    names = {name.split("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert {name for name in names if not name.endswith(".dist-info")} == {"golf_audit"}


def test_wheel_holds_every_module(wheel: Path, clone: Path) -> None:
    """Every module of the checkout is in the wheel, and the data files, too."""
    inside = set(zipfile.ZipFile(wheel).namelist())
    for top in SHIPPED:
        for file in (clone / top).rglob("*.py"):
            name = file.relative_to(clone).as_posix()
            assert (name if top == "golf_audit" else f"golf_audit/{name}") in inside
    assert {"golf_audit/rulebook.toml", "golf_audit/py.typed", "golf_audit/schema/report-1.json"} <= inside


def test_packages_are_all_listed() -> None:
    """pyproject.toml lists every package there is: discovery does not work with the layout."""
    mapped = {"rules": "golf_audit.rules", "reference_model": "golf_audit.reference_model"}
    folders = {file.parent.relative_to(ROOT) for top in SHIPPED for file in (ROOT / top).rglob("*.py")}
    names = {".".join([mapped.get(path.parts[0], path.parts[0]), *path.parts[1:]]) for path in folders}
    assert sorted(names) == PROJECT["tool"]["setuptools"]["packages"]


def test_installed_command_works_elsewhere(wheel: Path, clone: Path, tmp_path: Path) -> None:
    """Installed from the wheel, the command audits a folder from any directory, and takes no other name."""
    python = environment(tmp_path / "venv", *libraries())
    call([sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--no-index", wheel], tmp_path)
    command = python.parent / "golf-audit"
    legal = clone / "examples/records/track_10min_16mb/2026-05-01_ScoreFirst"
    assert call([command, "static", legal, "--quiet"], tmp_path).startswith(" legal ")
    where = call([python, "-c", "import golf_audit.rules as r; print(*r.__path__)"], tmp_path).strip()
    assert Path(where).parent.name == "golf_audit"
    assert str(tmp_path) in where
    for name in ("rules", "cli", "reference_model"):
        probe = f"import importlib.util as u; print(u.find_spec({name!r}))"
        assert call([python, "-c", probe], tmp_path).strip() == "None"


def test_editable_install_sees_new_rules(clone: Path, tmp_path: Path) -> None:
    """Installed editable, the command runs the checkout's own rules under the one import name."""
    python = environment(tmp_path / "venv", *libraries())
    call(
        [
            sys.executable,
            "-m",
            "pip",
            "--python",
            python,
            "install",
            "--no-deps",
            "--no-index",
            "--no-build-isolation",
            "-e",
            clone,
        ],
        tmp_path,
    )
    listed = call([python.parent / "golf-audit", "rules"], tmp_path)
    assert listed == call([sys.executable, "cli.py", "rules"], clone)
    assert call([python, "-c", "import golf_audit.rules as r; print(*r.__path__)"], tmp_path).strip() == str(
        clone / "rules"
    )


def test_checkout_that_was_never_installed(clone: Path, tmp_path: Path) -> None:
    """`python cli.py` works in a checkout that was never installed, given the dependencies."""
    legal = clone / "examples/records/track_10min_16mb/2026-05-01_ScoreFirst"
    assert call([sys.executable, clone / "cli.py", "static", legal, "--quiet"], tmp_path).startswith(" legal ")
