"""
How long the command takes to say something: `--help`, `rules` and `explain`, beside `python -c pass`.

Bound: 0.25 s (median of 11 runs). `python benchmarks/bench_start.py` prints a table and fails where it is exceeded.
"""

import statistics
import subprocess
import sys
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


def seconds(arguments: tuple[str, ...]) -> float:
    """Wall-clock seconds of one run."""
    start = time.perf_counter()
    subprocess.run([sys.executable, *arguments], cwd=ROOT, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - start


def main() -> int:
    """Print the table; 1 where a command is slower than the bound."""
    slow = 0
    print(f"{'command':<32}{'median s':>10}{'best s':>10}")
    for name, arguments in COMMANDS.items():
        times = [seconds(arguments) for _ in range(RUNS)]
        median = statistics.median(times)
        slow += median > BOUND
        print(f"{name:<32}{median:>10.3f}{min(times):>10.3f}")
    return int(slow > 0)


if __name__ == "__main__":
    sys.exit(main())
