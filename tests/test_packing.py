"""The packers of the tests themselves: what they make must really run."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.packing import ENTRY, PACKINGS

PAYLOAD = 'import sys\n\n\ndef greet(name):\n    return f"hello {name}"\n\n\nprint(greet("packed"), __name__)\n'


@pytest.mark.parametrize("name", PACKINGS)
def test_runs(name: str, tmp_path: Path) -> None:
    """Running a packed script does what running the script does."""
    for path, data in PACKINGS[name](PAYLOAD).items():
        (tmp_path / path).write_bytes(data.encode() if isinstance(data, str) else data)
    done = subprocess.run(
        [sys.executable, str(tmp_path / ENTRY)], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.stdout == "hello packed __main__\n", done.stderr
