"""
Count what the evidence of many pull requests shows.

    python -m benchmarks.evidence_counts DIR [--limit N]

DIR holds one folder for each pull request, laid out as `<number>/records/<track>/<folder>/`. One folder of each is read: one
that no lower number has, with script and metadata, the last by name. Printed are the coverage of logs, the families of
logs that are not covered, and the implied bytes of validation text.
"""

import argparse
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from golf_audit.evidence import read_evidence
from golf_audit.evidence.coverage import Coverage, Ruler
from golf_audit.evidence.events import CodeSize, Evaluation, Gpu, ModelSize, Step, Stop, TotalSize, Validation
from golf_audit.evidence.runlog import RunLog
from golf_audit.rulebook import Rulebook
from golf_audit.submission import Folder, SubmissionError, open_submission

EXAMPLES = 3
LEAST_LINES = 3
"""Training or result lines that make a log count."""


@dataclass
class Tally:
    """Everything counted."""

    logs: Counter[str] = field(default_factory=Counter)
    uncovered: dict[str, dict[str, list[str]]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(list)))
    """What was not found, by family of log, with the logs."""
    texts: list[tuple[int, str, float, str, str]] = field(default_factory=list)
    coverage: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)


def primary(root: Path, limit: int) -> Iterator[tuple[int, Folder]]:
    """One folder for each pull request."""
    seen: set[str] = set()
    numbers = sorted(int(path.name) for path in root.iterdir() if path.name.isdigit())
    for number in numbers[: limit or None]:
        try:
            folders = open_submission(root / str(number))
        except SubmissionError:
            continue
        best = max(
            folders, key=lambda f: (f.path not in seen, {"train_gpt.py", "submission.json"} <= set(f.files), f.name)
        )
        seen |= {folder.path for folder in folders}
        yield number, best


def count_log(tally: Tally, number: int, log: RunLog) -> None:
    """Add one log to the coverage table."""
    events = list(log.events)
    if sum(isinstance(e, Step | Validation | Evaluation) for e in events) < LEAST_LINES:
        return
    has = {
        "a result": any(isinstance(e, Evaluation | Validation) for e in events),
        "train time": any(isinstance(e, Step | Validation | Stop) and e.seconds is not None for e in events),
        "a size": any(isinstance(e, ModelSize | TotalSize | CodeSize) for e in events),
        "the seed": log.seed is not None,
    }
    has["all four"] = all(has.values())
    tally.logs["logs"] += 1
    if any((isinstance(e, Step | Validation) and e.step > 0) or isinstance(e, Stop) for e in events):
        tally.logs["trained"] += 1
        tally.logs["trained, timed"] += has["train time"]
    for what, found in has.items():
        tally.logs[what] += found
        if not found:
            tally.uncovered[what][family(log)].append(f"{number}:{log.path}")


def family(log: RunLog) -> str:
    """What kind of log it is, in words, by what its runs did."""
    events = list(log.events)
    if any(isinstance(e, Gpu) and "MLX" in e.name for e in events):
        return "on a device of Apple's"
    if not any((isinstance(e, Step | Validation) and e.step > 0) or isinstance(e, Stop) for e in events):
        return "evaluation alone"
    if log.truncated:
        return "broken off"
    return "training in a form of its own" if not any(isinstance(e, Stop) for e in events) else "training, as usual"


def count(tally: Tally, number: int, folder: Folder, rulebook: Rulebook) -> None:
    """Add one folder to every table."""
    begun = time.perf_counter()
    evidence = read_evidence(folder)
    _ = evidence.logs, evidence.claims, evidence.headline, evidence.configuration
    tally.seconds.append(time.perf_counter() - begun)
    for log in evidence.logs:
        count_log(tally, number, log)
    measured = [
        pair for pair in Ruler(rulebook).all_of(evidence.headline_lines) if pair[1].coverage is not Coverage.UNKNOWN
    ]
    off = [pair for pair in measured if pair[1].coverage is not Coverage.WHOLE]
    tally.coverage[(off or measured)[0][1].coverage.value if measured else "unknown"] += 1
    if off:
        line, text = off[0]
        tally.texts.append(
            (number, folder.track, text.nbytes / 1e6, text.coverage.value, f"{text.means} ({line.label})")
        )


def show(tally: Tally) -> None:
    """Print the tables."""
    logs = tally.logs["logs"]
    print(f"Logs with {LEAST_LINES} lines or more: {logs}")
    for what in ("a result", "train time", "a size", "the seed", "all four"):
        print(f"  {what:12} {tally.logs[what] / max(logs, 1):7.2%}")
        for kind, paths in sorted(tally.uncovered[what].items(), key=lambda item: -len(item[1])):
            print(f"      {len(paths):4} without: {kind}, e.g. {', '.join(paths[:EXAMPLES])}")
    print(
        f"  train time {tally.logs['trained, timed'] / max(tally.logs['trained'], 1):.2%} of the {tally.logs['trained']} that trained"
    )
    seconds = sorted(tally.seconds)
    print(
        f"\nEvidence of a folder: median {seconds[len(seconds) // 2] * 1000:.1f} ms, 95 % {seconds[int(len(seconds) * 0.95)] * 1000:.1f} ms"
    )
    print("\nImplied validation text of the headline:", dict(tally.coverage))
    explained = [row for row in tally.texts if row[3] != Coverage.UNEXPLAINED.value]
    for title, rows in (
        ("explained", explained),
        ("unexplained", [row for row in tally.texts if row not in explained]),
    ):
        print(f"\n{title} ({len(rows)}):")
        for number, track, megabytes, kind, means in rows:
            print(f"  {number:5} {track:24} {megabytes:9.2f} MB  {kind}: {means}")


def main() -> None:
    """Run over a tree of pull requests."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").strip().splitlines()[0])
    parser.add_argument("root", type=Path)
    parser.add_argument("--limit", type=int, default=0)
    options = parser.parse_args()
    tally, rulebook = Tally(), Rulebook.load()
    for number, folder in primary(options.root, options.limit):
        count(tally, number, folder, rulebook)
    show(tally)


if __name__ == "__main__":
    main()
