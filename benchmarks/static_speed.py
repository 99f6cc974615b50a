"""
How fast the static audit is, and how much memory it takes.

    python -m benchmarks.static_speed DIR [--sample N] [--seed S] [--rounds R]

DIR holds `<number>/records/<track>/<folder>/`. Audits a random sample of folders in one process, then parses the same
decoded code with libcst in that process, and compares the CPU seconds: the ratio does not depend on the machine. Best
of R rounds. Then the start of the command beside `python -c pass`.
"""

import argparse
import random
import resource
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from benchmarks import bench_start
from benchmarks.records import quantile
from golf_audit.decoding.source import Source
from golf_audit.engine import Report, audit
from golf_audit.registry import all_rules
from golf_audit.submission import SubmissionError, open_submission

T = TypeVar("T")

RATIO = 3.0
"""Audit over `libcst.parse_module`, at most."""
MEDIAN, WORST = 0.5, 5.0
"""Seconds of one folder, at most."""
MEMORY = 400
"""Megabytes, at most."""


@dataclass(slots=True)
class Timed:
    """One folder with its best times, in CPU seconds."""

    root: Path
    path: str
    texts: tuple[str, ...] = ()
    """The code that was walked, decoded."""
    audit: float = float("inf")
    parse: float | None = None
    """None where libcst refuses the code, or there is none."""

    @property
    def ratio(self) -> float | None:
        """How many times longer the audit takes than libcst takes to parse the same code."""
        return self.audit / self.parse if self.parse else None


def main() -> int:
    """Print the figures; 1 where a bound is exceeded."""
    options = _options()
    folders = list(_folders(options.tree))
    sample = random.Random(options.seed).sample(folders, min(options.sample, len(folders)))  # noqa: S311 -- a sample to measure on
    all_rules()
    for _ in range(options.rounds):
        for one in sample:
            _time_audit(one)
    peak = _peak()
    for _ in range(options.rounds):
        for one in sample:
            _time_parse(one)
    return int(not _told(sample, peak)) | bench_start.main()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").strip().splitlines()[0])
    parser.add_argument("tree", type=Path, metavar="DIR", help="holds <number>/records/<track>/<folder>/")
    parser.add_argument("--sample", type=int, default=40, metavar="N", help="folders to time")
    parser.add_argument("--seed", type=int, default=0, help="of the sample")
    parser.add_argument("--rounds", type=int, default=2, metavar="R", help="times that each is timed")
    return parser.parse_args()


def _folders(tree: Path) -> Iterator[Timed]:
    """Every folder with a script below `tree`."""
    for root in sorted(tree.iterdir()):
        try:
            found = open_submission(root)
        except SubmissionError:
            continue
        yield from (Timed(root, folder.path) for folder in found if folder.scripts)


def _time_audit(one: Timed) -> None:
    """Audit the folder, read anew; keeps the best time and the code that was walked."""

    def work() -> Report:
        return audit(next(folder for folder in open_submission(one.root) if folder.path == one.path))

    seconds, report = _timed(work)
    one.audit = min(one.audit, seconds)
    source = report.case.source if report.case else None
    if isinstance(source, Source) and report.case and report.case.walk:
        walked = set(report.case.walk.modules)
        siblings = {layer.file: layer.text for layer in source.modules.values() if layer.file in walked}
        one.texts = tuple(({source.layer.file: source.text} | siblings).values())


def _time_parse(one: Timed) -> None:
    import libcst

    try:
        seconds, _ = _timed(lambda: [libcst.parse_module(text) for text in one.texts])
    except (libcst.ParserSyntaxError, ValueError, RecursionError):
        return
    if one.texts:
        one.parse = min(one.parse or seconds, seconds)


def _timed(work: Callable[[], T]) -> tuple[float, T]:
    """CPU seconds of this process, and what the work gives."""
    start = time.process_time()
    done = work()
    return time.process_time() - start, done


def _peak() -> float:
    """The most memory that this process has held, in megabytes."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def _told(sample: list[Timed], peak: float) -> bool:
    """Print the figures; whether all are within their bounds."""
    ratios = [one.ratio for one in sample if one.ratio is not None]
    audits = [one.audit for one in sample]
    total = sum(one.audit for one in sample if one.parse) / (sum(one.parse or 0 for one in sample) or 1)
    rows = [
        ("audit / libcst.parse_module, all code", total, RATIO),
        ("audit / libcst.parse_module, median folder", quantile(ratios, 0.5), RATIO),
        ("audit / libcst.parse_module, worst folder", quantile(ratios, 1.0), None),
        ("audit, CPU seconds, median", quantile(audits, 0.5), MEDIAN),
        ("audit, CPU seconds, 95 %", quantile(audits, 0.95), None),
        ("audit, CPU seconds, worst", quantile(audits, 1.0), WORST),
        ("peak memory of all audits, MB", peak, MEMORY),
    ]
    print(f"{len(sample)} folders, {len(ratios)} of them parsed by libcst")
    for name, figure, bound in rows:
        print(f"{name:<46}{figure:>9.2f}{'' if bound is None else f'   bound {bound:g}'}")
    for one in sorted(sample, key=lambda one: -one.audit)[:3]:
        print(f"  slow: {one.root.name} {one.path.rsplit('/', 1)[-1]}: {one.audit:.2f} s, ratio {one.ratio or 0:.1f}")
    return all(bound is None or figure <= bound for _, figure, bound in rows)


if __name__ == "__main__":
    sys.exit(main())
