"""
How good the static audit is, as the table of measures with every miss and false alarm by name.

    python -m benchmarks.static_table RESULTS LABELS

RESULTS comes from `benchmarks.audit_tree`, LABELS says what is known of each pull request. Times are those of the run
that made the results: compare them only with times of the same machine.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks import measures
from benchmarks.measures import Judged, Measure
from benchmarks.records import Result, quantile, read_labels, read_results

TELLING = 0.05
"""Seconds of a phase below which it is not worth naming."""
SLOWEST = 5
"""Folders that are named for their time."""


def main() -> int:
    """Print the table; 64 where a file cannot be read."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").strip().splitlines()[0])
    parser.add_argument("results", type=Path, metavar="RESULTS")
    parser.add_argument("labels", type=Path, metavar="LABELS")
    options = parser.parse_args()
    results = read_results(options.results)
    print("\n".join(table(results, measures.pair(read_labels(options.labels), results))))
    return 0


def table(results: Sequence[Result], judged: Sequence[Judged]) -> Iterator[str]:
    """The whole text: the measures, the classes, and the names behind each figure."""
    rows = [
        measures.failures(results),
        *measures.false_alarms(judged),
        measures.recall(judged),
        measures.open_questions(judged),
        measures.unread(results),
        measures.broken(results),
        measures.other_fouls(judged),
        measures.flagged_metadata(judged),
        measures.learning(results),
    ]
    yield f"{len(results):,} folders, {sum(one.result is not None for one in judged):,} of {len(judged):,} labels"
    yield from ("", "| measure | figure [95 %] | bound |", "|---|---|---|")
    yield from (f"| {row.title} | {row.figure()} | {row.bound or '–'} |" for row in rows)
    clock, processor = [one.seconds for one in results if one.phases], [one.cpu for one in results if one.phases]
    yield f"| CPU seconds per folder: median, 95 %, worst | {_spread(processor)} | 0.5, –, 5 |"
    yield f"| the same by the clock | {_spread(clock)} | – |"
    yield from ("", "| class of foul | judged illegal [95 %] | for the foul itself |", "|---|---|---|")
    for row, proper in measures.recall_by_class(judged):
        yield f"| {row.title} | {row.figure()} | {proper} |"
    for row in rows:
        yield from _names(row)
    yield from _rules(judged)
    yield from _slowest(results)


def _spread(seconds: Sequence[float]) -> str:
    return ", ".join(f"{quantile(seconds, share):.2f}" for share in (0.5, 0.95, 1.0))


def _names(row: Measure) -> Iterator[str]:
    if row.named:
        yield from ("", f"{row.title} ({len(row.named)}):")
        yield from (f"  {name}" for name in sorted(row.named, key=_number))


def _number(name: str) -> tuple[int, str]:
    digits = name.removeprefix("#").split(" ", 1)[0]
    return (int(digits) if digits.isdigit() else 0), name


def _rules(judged: Sequence[Judged]) -> Iterator[str]:
    """How often each rule condemned or asked, by what the label says."""
    counts: Counter[tuple[str, str]] = Counter()
    for one in judged:
        said = {reason for reason in one.result.reasons() if reason.startswith("GA-")} if one.result else set()
        counts.update((reason, one.label.verdict) for reason in said)
    columns = ("legal", "illegal", "disputed", "metadata_error")
    yield from ("", f"| rule (? asks for a ruling) | {' | '.join(columns)} |", "|---|---|---|---|---|")
    for reason in sorted({reason for reason, _ in counts}):
        yield f"| {reason} | {' | '.join(str(counts[reason, column] or '–') for column in columns)} |"


def _slowest(results: Sequence[Result]) -> Iterator[str]:
    yield from ("", "slowest:")
    for result in sorted(results, key=lambda result: -result.cpu)[:SLOWEST]:
        phases = ", ".join(f"{name} {seconds:.2f}" for name, seconds in result.phases.items() if seconds >= TELLING)
        yield f"  {result.name}: {result.cpu:.2f} s ({phases} by the clock)"


if __name__ == "__main__":
    sys.exit(main())
