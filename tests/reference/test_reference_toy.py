"""Toy submissions for tests are real ones: their scripts run, and give what was packed."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.toy import Packed


@pytest.mark.slow
@pytest.mark.parametrize("form", ["shipped", "decoded"])
def test_the_scripts_run(form: str, packed: Callable[[str], Packed], tmp_path: Path) -> None:
    """Shipped or decoded, the script runs on a CPU from its environment alone, and makes the artifact that was packed."""
    made = packed("pr1858")
    script = made.folder / "train_gpt.py" if form == "shipped" else made.decoded
    environment = os.environ | made.environment | {"OUT_DIR": str(tmp_path), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, str(script)], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert "quantized_ttt val_loss:" in done.stdout
    artifact = "final_model.int6.ptz"
    assert (tmp_path / artifact).read_bytes() == (made.folder / artifact).read_bytes()


def test_settings_reach_the_run(packed: Callable[[str], Packed]) -> None:
    """The log of a packed toy has the settings of its environment."""
    made = packed("pr1858")
    echo = (made.folder / "train_seed42.log").read_text(encoding="utf-8").splitlines()
    told = {line.strip().partition(": ")[0].upper(): line.partition(": ")[2] for line in echo if line.startswith("  ")}
    assert made.environment.items() <= told.items()
