"""Runs a small script under the observer, without a sandbox: these scripts are ours."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from golf_audit.trace.ledger import Adapt, Ledger, Score, read_ledger
from golf_audit.trace.stream import make_streams

ROOT = Path(__file__).resolve().parents[2]
VOCAB, TOKENS = 600, 1025


def stream() -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
    """The validation stream that the observer knows."""
    return make_streams(VOCAB, val_tokens=TOKENS, train_tokens=2048).val


def report_of(script: str, folder: Path, environment: Mapping[str, str] | None = None) -> list[bytes]:
    """The lines that come out of the process in which a script is observed; it finds the stream in `val.npy`."""
    run, data = folder / "run", folder / "data"
    run.mkdir()
    data.mkdir()
    np.save(data / "stream.npy", stream())
    np.save(run / "val.npy", stream())
    (data / "source.py").write_text(script, encoding="utf-8")
    (run / "script.py").write_text(script, encoding="utf-8")
    job = {
        "data": str(data),
        "entry": "script.py",
        "arguments": [],
        "constants": {},
        "threads": 1,
        "stream": str(data / "stream.npy"),
        "source": str(data / "source.py"),
    }
    (data / "job.json").write_text(json.dumps(job), encoding="utf-8")
    return _reported([sys.executable, "-m", "golf_audit.trace.inside", str(data / "job.json")], run, environment or {})


def _reported(command: list[str], folder: Path, environment: Mapping[str, str]) -> list[bytes]:
    here, there = os.pipe()
    surroundings = {**os.environ, "PYTHONPATH": str(ROOT), "GOLF_AUDIT_REPORT_FD": str(there), **environment}
    with subprocess.Popen(
        command, cwd=folder, env=surroundings, pass_fds=[there], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        os.close(there)
        with os.fdopen(here, "rb") as pipe:
            lines = pipe.readlines()
        process.wait(timeout=120)
    return lines


def observe(script: str, folder: Path) -> Ledger:
    """The ledger of a script, which must come to its end."""
    ledger = read_ledger(report_of(script, folder))
    assert ledger.end is not None, "the process ended early"
    assert ledger.end.code == 0, ledger.end.trace
    return ledger


def scores_in(ledger: Ledger, function: str) -> list[Score]:
    """The scores that were made in a function of the script."""
    return [score for score in ledger.scores if any(frame.endswith(f":{function}") for frame in score.at)]


def adapts_in(ledger: Ledger, function: str) -> list[Adapt]:
    """The adaptations that a function of the script made."""
    return [adapt for adapt in ledger.adapts if any(frame.endswith(f":{function}") for frame in adapt.at)]
