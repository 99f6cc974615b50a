"""
Count what the evidence of many pull requests shows.

    python benchmarks/evidence_counts.py DIR [--labels LABELS.jsonl] [--limit N]

DIR holds one folder for each pull request, laid out as `<number>/records/<track>/<folder>/`. One folder of each is read: one
that no lower number has, with script and metadata, the last by name. Printed are the coverage of logs, the disagreements, the
implied bytes of validation text, and, with labels, what is found of the classes that logs and metadata can show.
"""

import argparse
import json
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from golf_audit.decoding import decode
from golf_audit.evidence import Evidence, read_evidence
from golf_audit.evidence.coverage import Coverage, Ruler
from golf_audit.evidence.events import CodeSize, Evaluation, ModelSize, Step, Stop, TotalSize, Validation
from golf_audit.evidence.runlog import RunLog
from golf_audit.finding import Confidence, Finding, Severity
from golf_audit.registry import all_rules
from golf_audit.rule import Rule
from golf_audit.rulebook import Rulebook
from golf_audit.submission import Folder, SubmissionError, open_submission

LEAST_LINES = 3
"""Training or result lines that make a log count."""
CLASSES = {
    "over_bytes": ("bytes-over-the-cap",),
    "over_eval_time": ("evaluation-past-the-budget",),
    "over_train_time": ("training-past-the-budget", "other-hardware"),
    "byte_accounting_bug": ("denominator-not-the-validation-set", "bytes-of-a-second-scorer"),
    "val_subset_eval": ("part-of-the-validation-set", "other-validation-documents", "bytes-of-a-second-scorer"),
}


@dataclass
class Case:
    """What the rules on evidence ask of a case: no walk of the program, and the source decoded only where one asks."""

    folder: Folder
    evidence: Evidence
    rulebook: Rulebook
    walk: None = None
    claimed: None = None

    @cached_property
    def source(self) -> object:
        """The entry script's layers."""
        return decode(self.folder, self.folder.entry.path) if self.folder.entry else None


@dataclass
class Tally:
    """Everything counted."""

    logs: Counter[str] = field(default_factory=Counter)
    uncovered: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    rules: dict[str, list[tuple[int, Finding]]] = field(default_factory=lambda: defaultdict(list))
    texts: list[tuple[int, str, float, str, str]] = field(default_factory=list)
    coverage: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)


def evidence_rules() -> list[Rule]:
    """The rules on evidence: those whose examples are sample submissions."""
    return [
        rule
        for rule in all_rules()
        if "golf_audit.evidence.samples"
        in Path(sys.modules[type(rule).__module__].__file__ or "").read_text(encoding="utf-8")
    ]


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
            tally.uncovered[what].append(f"{number}:{log.path}")


def count(tally: Tally, number: int, folder: Folder, rules: list[Rule], rulebook: Rulebook) -> None:
    """Add one folder to every table."""
    begun = time.perf_counter()
    evidence = read_evidence(folder)
    _ = evidence.logs, evidence.claims, evidence.headline, evidence.configuration
    tally.seconds.append(time.perf_counter() - begun)
    for log in evidence.logs:
        count_log(tally, number, log)
    case = Case(folder, evidence, rulebook)
    for rule in rules:
        for found in rule.check(case):  # type: ignore[arg-type]
            if isinstance(found, Finding) and found.confidence is not Confidence.LOW:
                tally.rules[rule.id].append((number, found))
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
        print(
            f"  {what:12} {tally.logs[what] / max(logs, 1):7.2%}   without, for example: {', '.join(tally.uncovered[what][:3])}"
        )
    print(
        f"  train time {tally.logs['trained, timed'] / max(tally.logs['trained'], 1):.2%} of the {tally.logs['trained']} that trained"
    )
    seconds = sorted(tally.seconds)
    print(
        f"\nEvidence of a folder: median {seconds[len(seconds) // 2] * 1000:.1f} ms, 95 % {seconds[int(len(seconds) * 0.95)] * 1000:.1f} ms"
    )
    print("\nDisagreements (pull requests):")
    for rule, found in sorted(tally.rules.items(), key=lambda item: -len({n for n, _ in item[1]})):
        numbers = sorted({number for number, _ in found})
        kinds = Counter(f"{one.severity.value}/{one.confidence.value}" for _, one in found)
        print(f"  {len(numbers):5} {rule:36} {dict(kinds)} e.g. {numbers[:6]}")
    print("\nImplied validation text of the headline:", dict(tally.coverage))
    explained = [row for row in tally.texts if row[3] != Coverage.UNEXPLAINED.value]
    for title, rows in (
        ("explained", explained),
        ("unexplained", [row for row in tally.texts if row not in explained]),
    ):
        print(f"\n{title} ({len(rows)}):")
        for number, track, megabytes, kind, means in rows:
            print(f"  {number:5} {track:24} {megabytes:9.2f} MB  {kind}: {means}")


def judge(tally: Tally, labels: Path) -> None:
    """Print what is found of the labelled classes, and what is wrongly called illegal."""
    rows = {row["pr"]: row for row in map(json.loads, labels.read_text(encoding="utf-8").splitlines())}
    hits: dict[int, set[str]] = defaultdict(set)
    illegal: dict[int, set[str]] = defaultdict(set)
    for rule, found in tally.rules.items():
        for number, one in found:
            hits[number].add(rule)
            if one.severity is Severity.DISQUALIFYING and one.confidence is Confidence.HIGH:
                illegal[number].add(rule)
    print("\nLabelled classes (found / labelled, missed):")
    for name, rules in CLASSES.items():
        numbers = [n for n, row in rows.items() if name in row["categories"]]
        missed = [n for n in numbers if not hits[n] & set(rules)]
        print(f"  {name:22} {len(numbers) - len(missed)} / {len(numbers)}  {missed}")
    legal = [n for n, row in rows.items() if row["verdict"] == "legal"]
    wrong = {n: sorted(illegal[n]) for n in legal if illegal[n]}
    print(
        f"  legal called illegal: {len(wrong)} of {len(legal)} {wrong}; merged: {[n for n in wrong if rows[n]['authority'] == 'merged']}"
    )


def main() -> None:
    """Run over a tree of pull requests."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").strip().splitlines()[0])
    parser.add_argument("root", type=Path)
    parser.add_argument("--labels", type=Path)
    parser.add_argument("--limit", type=int, default=0)
    options = parser.parse_args()
    tally, rules, rulebook = Tally(), evidence_rules(), Rulebook.load()
    for number, folder in primary(options.root, options.limit):
        count(tally, number, folder, rules, rulebook)
    show(tally)
    if options.labels:
        judge(tally, options.labels)


if __name__ == "__main__":
    main()
