"""
The log of a run, in the line families that the contest's own scripts print.

A run says first what it is: settings, source, versions, hardware. Whatever fails later, the log then shows what failed.
"""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

import torch

from .config import Config, settings
from .team import Team

RULE = "=" * 100


class RunLog:
    """Lines for the console and for a file, from the main rank only."""

    def __init__(self, path: str, team: Team) -> None:
        self.path = Path(path)
        self.is_main = team.is_main
        if self.is_main:
            self.path.parent.mkdir(parents=True, exist_ok=True)

    def line(self, message: str, *, console: bool = True) -> None:
        """Write one line, on the console too unless told otherwise."""
        if not self.is_main:
            return
        if console:
            print(message, flush=True)
        with self.path.open("a", encoding="utf-8") as file:
            print(message, file=file)

    def begin(self, config: Config, team: Team, code: bytes) -> None:
        """Start the file anew with everything that identifies the run."""
        if self.is_main:
            self.path.write_text("", encoding="utf-8")
        self.line(RULE, console=False)
        self.line("Hyperparameters:")
        for line in echo(config, team):
            self.line(line)
        self.line(RULE, console=False)
        self.line(code.decode(), console=False)
        self.line(RULE, console=False)
        self.line(f"source sha256:{hashlib.sha256(code).hexdigest()} bytes:{len(code)}", console=False)
        self._hardware(team)
        self._forbidden(config)

    def resume(self, config: Config, team: Team) -> None:
        """Go on with the log of an earlier process: say which settings differ from those that it tells."""
        told = self.path.read_text(encoding="utf-8").splitlines() if self.path.is_file() else []
        for line in echo(config, team):
            if line not in told:
                self.line(line)
        self._forbidden(config)

    def _hardware(self, team: Team) -> None:
        self.line(f"Running Python {sys.version}", console=False)
        self.line(f"Running PyTorch {torch.__version__}", console=False)
        if team.on_gpu and shutil.which("nvidia-smi"):
            shown = subprocess.run(["nvidia-smi"], capture_output=True, text=True, check=False)
            self.line(shown.stdout, console=False)
        self.line(f"device: {team.device.type}, {torch.get_num_threads()} threads", console=False)
        self.line(RULE, console=False)

    def _forbidden(self, config: Config) -> None:
        # Nobody switches an exhibit on without its run saying so before anything else happens.
        if config.prequant_ttt_enabled:
            self.line("FORBIDDEN exhibit on: prequant_ttt trains on the validation tokens before they are scored")
        if config.ppm_enabled:
            self.line("FORBIDDEN exhibit on: ppm mixes in a byte model that looks at the byte it scores")


def echo(config: Config, team: Team) -> list[str]:
    """One line for each setting, and for the ranks that share the run."""
    shown = settings(config) | {
        "rank": team.rank,
        "world_size": team.world_size,
        "local_rank": team.local_rank,
        "grad_accum_steps": team.grad_accum_steps,
    }
    return [f"  {name}: {value}" for name, value in sorted(shown.items())]
