"""
How long the command takes to say something: `--help`, `rules` and `explain`, beside `python -c pass`.

Bound: 0.25 s (median of 11 runs after one that compiles the modules). `python benchmarks/bench_start.py` prints a table and fails where it is exceeded.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BOUND = 0.25
RUNS = 11
COMMANDS = {
    "python -c pass": ("-c", "pass"),
    "golf-audit --help": ("-m", "golf_audit", "--help"),
    "golf-audit rules": ("-m", "golf_audit", "rules"),
    "golf-audit explain GA-C3-001": ("-m", "golf_audit", "explain", "GA-C3-001"),
}


def seconds(arguments: tuple[str, ...], environment: dict[str, str]) -> float:
    """Wall-clock seconds of one run."""
    start = time.perf_counter()
    subprocess.run([sys.executable, *arguments], cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - start


def main() -> int:
    """Print the table; 1 where a command is slower than the bound."""
    slow = 0
    print(f"{'command':<32}{'median s':>10}{'best s':>10}")
    with tempfile.TemporaryDirectory() as cache:
        kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        environment = {**kept, "PYTHONPYCACHEPREFIX": cache}
        for name, arguments in COMMANDS.items():
            times = [seconds(arguments, environment) for _ in range(RUNS + 1)][1:]
            median = statistics.median(times)
            slow += median > BOUND
            print(f"{name:<32}{median:>10.3f}{min(times):>10.3f}")
    return int(slow > 0)


if __name__ == "__main__":
    sys.exit(main())
