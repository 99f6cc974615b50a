"""The shipped script is the modules, and the same bytes whenever and wherever it is made."""

import ast
import base64
import lzma
import os
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path

import pytest
from golf_audit.reference_model.bundle import BundleError, bundle, configuration, packed_script, stripped
from golf_audit.reference_model.config import DERIVED, settings
from golf_audit.reference_model.presets import PRESETS, SCALES, preset

from golf_audit.reference_model import bundle as module

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("name", PRESETS)
def test_it_unpacks_to_the_bundle(name: str) -> None:
    """Decoding the one literal of the shipped script gives the bundle without comments, and no path or package of ours."""
    script = packed_script(preset(name)).decode()
    literals = [node.value for node in ast.walk(ast.parse(script)) if isinstance(node, ast.Constant)]
    literal = max((value for value in literals if isinstance(value, str)), key=len)
    code = lzma.decompress(base64.b85decode(literal)).decode()
    assert code == stripped(bundle(preset(name)))
    assert "golf_audit" not in code
    assert not [n for n in ast.walk(ast.parse(code)) if isinstance(n, ast.ImportFrom) and n.level]


def test_stripping_keeps_the_code() -> None:
    """Without comments and docstrings the syntax tree is what it was."""
    source = bundle(preset("legal"))

    def bare(text: str) -> str:
        tree = ast.parse(text)
        for node in ast.walk(tree):
            body = getattr(node, "body", None)
            if isinstance(body, list):
                node.body = [s for s in body if not module._is_docstring(s) and not isinstance(s, ast.Pass)]  # type: ignore[attr-defined]  # as every node with a body
        return ast.dump(tree)

    assert bare(stripped(source)) == bare(source)
    assert "# " in source
    assert '"""' not in stripped(source)


def test_every_name_is_defined_once_and_used_names_exist() -> None:
    """The bundle compiles, and every module that a run imports is in it."""
    source = bundle(preset("pr1487"))
    compile(source, "train_gpt.py", "exec")
    for name in module.ORDER:
        tree = ast.parse((module.FOLDER / f"{name}.py").read_text(encoding="utf-8"))
        for node in tree.body:
            if isinstance(node, ast.ImportFrom) and node.level:
                assert node.module == "config" or node.module in module.ORDER


@pytest.mark.parametrize("text", ["def norm(x): ...\n", "MAGIC = 1\n", "from .ppm import mixture_bits\n"])
def test_clashing_modules_are_refused(text: str) -> None:
    """Two modules that define one name, or an import of what comes later, cannot be laid side by side."""
    names = {"norm": "layers", "MAGIC": "data"}
    with pytest.raises(BundleError):
        module._body("extra", text, set(), names)


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("name", PRESETS)
def test_settings_are_the_presets(name: str, scale: str) -> None:
    """The bundle's configuration has every setting and path of the preset, with its value and type."""
    config = preset(name, scale)
    scope: dict[str, object] = {"os": os}
    exec(configuration(config), scope)
    made = scope["Config"]()  # type: ignore[operator]  # the class that the text defines
    names = [field.name for field in fields(config)] + list(DERIVED)
    assert {key: getattr(made, key) for key in names} == settings(config)
    assert scope["settings"](made).keys() == {*names}  # type: ignore[operator]  # the function that it defines


def test_the_environment_overrides(monkeypatch: pytest.MonkeyPatch) -> None:
    """The script reads each setting from the variable of its name, as the contest's scripts do."""
    monkeypatch.setenv("TTT_ENABLED", "0")
    monkeypatch.setenv("MATRIX_LR", "0.5")
    monkeypatch.setenv("DATA_DIR", "/elsewhere")
    scope: dict[str, object] = {"os": os}
    exec(configuration(preset("pr1858")), scope)
    made = scope["Config"]()  # type: ignore[operator]  # the class that the text defines
    assert (made.ttt_enabled, made.matrix_lr) == (False, 0.5)
    assert made.val_files == "/elsewhere/datasets/fineweb10B_sp8192/fineweb_val_*.bin"


def test_the_bytes_depend_on_nothing_else(tmp_path: Path) -> None:
    """Another process, hash seed, working directory, seed and date make the same script, byte for byte."""
    target = tmp_path / "train_gpt.py"
    command = ["pack", "--preset", "legal", "--script", "--out", str(target)]
    environment = os.environ | {"PYTHONHASHSEED": "7", "SEED": "999", "PYTHONPATH": str(ROOT), "TZ": "Asia/Tokyo"}
    run = [sys.executable, "-m", "golf_audit.reference_model.commands", *command]
    subprocess.run(run, cwd=tmp_path, env=environment, check=True)
    assert target.read_bytes() == packed_script(preset("legal"))
    assert packed_script(replace(preset("legal"))) == packed_script(preset("legal"))


def test_the_code_leaves_room_for_the_model() -> None:
    """The shipped script is at most 24,000 bytes: what the largest published model of these recipes leaves."""
    assert max(len(packed_script(preset(name))) for name in PRESETS) <= 24_000
