"""Data appear where a submission looks for them, in whatever way it looks."""

import subprocess
import sys
from pathlib import Path

import pytest

HEAD = """
import glob, os, pathlib, sys
import numpy as np
from golf_audit.trace.inside.files import Files
from golf_audit.trace.inside.serving import Serving
class Channel:
    def emit(self, event, **fields): pass
used = []
serving = Serving(sys.argv[1], used.append)
serving.install()
Files(Channel(), serving.serve, os.getcwd()).install()
def is_shard(path): return pathlib.Path(path).read_bytes() in (b"train", b"val")
"""

PIECES = {
    "a search": """
[found] = sorted(glob.glob("data/datasets/fineweb10B_sp1024/fineweb_val_*.bin"))
assert open(found, "rb").read() == b"val" and used == ["data"]
""",
    "a lazy search": "assert all(map(is_shard, glob.iglob('data/fineweb_train_*.bin'))) and used",
    "a choice of characters": """
[found] = glob.glob("data/fineweb_val_[0-9][0-9][0-9][0-9][0-9][0-9].bin")
assert found.endswith("fineweb_val_000000.bin") and is_shard(found)
""",
    "a search from a folder": """
[found] = pathlib.Path("deep/er").glob("fineweb_train_*.bin")
assert found.read_bytes() == b"train"
""",
    "an exact path": "assert np.fromfile('x/fineweb_val_000000.bin', dtype=np.uint8).tobytes() == b'val'",
    "a test before reading": """
assert os.path.exists("a/fineweb_train_000007.bin") and os.path.isfile("b/fineweb_val_000000.bin")
assert pathlib.Path("c/fineweb_1024_bpe.model").is_file() and pathlib.Path("d/fineweb_1024_bpe.model").exists()
""",
    "a memory map": "assert bytes(np.memmap('m/fineweb_train_000000.bin', dtype=np.uint8, mode='r')) == b'train'",
    "a byte count beside the tokens": """
[found] = glob.glob("data/fineweb_val_bytes_*.bin")
assert open(found, "rb").read() == b"val bytes"
""",
    "nothing else": """
assert not os.path.exists("weights.bin") and not glob.glob("*.pt") and not glob.glob("data/**/*.json")
assert not pathlib.Path("model.bin").is_file() and used == []
""",
    "what is there already": """
pathlib.Path("fineweb_val_000000.bin").write_bytes(b"mine")
assert open(glob.glob("fineweb_val_*.bin")[0], "rb").read() == b"mine" and used == []
""",
}


@pytest.mark.parametrize("piece", PIECES)
def test_piece(piece: str, tmp_path: Path) -> None:
    """The piece finds what it looks for, and what it makes itself stays as it is."""
    data, run = tmp_path / "data", tmp_path / "run"
    data.mkdir()
    run.mkdir()
    for name, text in {"train": "train", "val": "val", "train_bytes": "train bytes", "val_bytes": "val bytes"}.items():
        (data / f"toy_{name}.bin").write_text(text)
    (data / "toy.model").write_text("model")
    command = [sys.executable, "-c", HEAD + PIECES[piece], str(data)]
    ran = subprocess.run(command, cwd=run, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
