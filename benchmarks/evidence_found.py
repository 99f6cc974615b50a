"""
What was found of many pull requests' evidence: how many carry each disagreement, and how much of the labelled fouls.

    python -m benchmarks.evidence_found RESULTS [LABELS]

RESULTS comes from `benchmarks.audit_tree`. Hints are left out. A class counts as found where a rule about that foul says
so, whatever it concludes: the sizes and times of a log are shown to a human where they are not certain.
"""

import argparse
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from benchmarks.records import LOW, Label, Result, read_labels, read_results

EVIDENCE = ("GA-ART", "GA-BPB", "GA-CODE", "GA-DATA-003", "GA-META", "GA-PR", "GA-STAT", "GA-TIME")
"""What the codes of rules on evidence begin with."""
CLASSES: Mapping[str, tuple[str, ...]] = {
    "over_bytes": ("GA-ART-001",),
    "over_eval_time": ("GA-TIME-004", "GA-TIME-005"),
    "over_train_time": ("GA-TIME-001", "GA-TIME-005", "GA-TIME-007"),
    "byte_accounting_bug": ("GA-BPB",),
    "val_subset_eval": ("GA-BPB",),
}
"""The labelled fouls that logs and metadata can show, with what the codes of the rules about them begin with."""
METADATA = "metadata_error"
EXAMPLES = 6


def main() -> int:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").strip().splitlines()[0])
    parser.add_argument("results", type=Path, metavar="RESULTS")
    parser.add_argument("labels", type=Path, nargs="?", metavar="LABELS")
    options = parser.parse_args()
    results = read_results(options.results)
    print("\n".join(disagreements(results)))
    if options.labels:
        print("\n".join(classes(results, read_labels(options.labels))))
    return 0


def disagreements(results: Sequence[Result]) -> Iterator[str]:
    """A row for each rule on evidence: the pull requests that carry its finding, how grave, and the first few by number."""
    numbers: dict[str, set[int]] = defaultdict(set)
    kinds: dict[str, Counter[str]] = defaultdict(Counter)
    for result in results:
        for one in result.findings:
            if one.code.startswith(EVIDENCE) and one.confidence != LOW:
                numbers[f"{one.code} {one.rule}"].add(result.pr)
                kinds[f"{one.code} {one.rule}"][f"{one.severity}, {one.confidence}"] += 1
    yield f"{len({result.pr for result in results}):,} pull requests, {len(results):,} folders"
    yield from ("", "| rule | pull requests | findings | e.g. |", "|---|---|---|---|")
    for rule in sorted(numbers, key=lambda name: -len(numbers[name])):
        told = "; ".join(f"{count} {kind}" for kind, count in kinds[rule].most_common())
        first = ", ".join(f"#{number}" for number in sorted(numbers[rule])[:EXAMPLES])
        yield f"| {rule} | {len(numbers[rule])} | {told} | {first} |"


def classes(results: Sequence[Result], labels: Sequence[Label]) -> Iterator[str]:
    """A row for each labelled class, every miss with what was said instead, and the legal ones called illegal; of what was audited."""
    said = {label.pr: [one for one in results if one.pr == label.pr and label.is_about(one.folder)] for label in labels}
    labels = [label for label in labels if said[label.pr]]
    yield from ("", "| class | found | missed |", "|---|---|---|")
    for name, codes in CLASSES.items():
        yield _row(name, codes, [label for label in labels if name in label.categories], said)
    yield _row(METADATA, EVIDENCE, [label for label in labels if label.verdict == METADATA], said)
    legal = [label for label in labels if label.verdict == "legal"]
    wrong = [label for label in legal if any(_condemned(one) for one in said[label.pr])]
    merged = sum(label.authority == "merged" for label in wrong)
    yield ""
    yield f"illegal by evidence: {len(wrong)} of {len(legal)} legal, {merged} of them merged"
    yield from (f"  #{label.pr}" for label in wrong)


def _row(name: str, codes: tuple[str, ...], labels: Sequence[Label], said: Mapping[int, Sequence[Result]]) -> str:
    missed = [label for label in labels if not any(_tells(one, codes) for one in said[label.pr])]
    told = ", ".join(f"#{label.pr} ({', '.join(sorted(_codes(said[label.pr]))) or 'nothing'})" for label in missed)
    return f"| {name} | {len(labels) - len(missed)} of {len(labels)} | {told or '–'} |"


def _tells(result: Result, codes: tuple[str, ...]) -> bool:
    return any(one.code.startswith(codes) and one.confidence != LOW for one in result.findings)


def _codes(results: Sequence[Result]) -> set[str]:
    return {one.code for result in results for one in result.findings if one.confidence != LOW}


def _condemned(result: Result) -> bool:
    return any(one.condemns and one.code.startswith(EVIDENCE) for one in result.findings)


if __name__ == "__main__":
    sys.exit(main())
