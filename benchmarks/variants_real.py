"""
Do changes that leave a script's meaning alone leave the verdict on real submissions alone?

    python -m benchmarks.variants_real DIR [--sample N] [--seed S] [--prs N,N,…] [--packings N] [--jobs N]

DIR holds `<number>/records/<track>/<folder>/`. Each sampled folder is audited with its script decoded, then with every
variant of that script; what changes is printed. Findings about the size or packing of the script are left out of the
comparison: those do change. A script that imports modules of its own, or that a wrapper gives settings, is not sampled.
"""

import argparse
import ast
import random
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.workers import Lost, each
from golf_audit.decoding import decode
from golf_audit.decoding.source import Source
from golf_audit.engine import audit
from golf_audit.folder import Folder
from golf_audit.registry import all_rules
from golf_audit.submission import SubmissionError, open_submission
from golf_audit.verdict import Verdict, verdict_of, worst
from tests.packing import ENTRY, PACKINGS
from tests.variants import CHANGES_THE_RUN, STRUCTURE, VARIANTS

ABOUT_THE_FILE = ("GA-CODE", "GA-ART-001", "GA-ART-002", "GA-ART-003", "GA-ART-004")
"""Rules about the script as a file, whose findings change with its size and packing."""
MOST = 2_000_000
"""Bytes of a folder above which it is not sampled: its other files are held in memory many times over."""


@dataclass(frozen=True, slots=True)
class Job:
    """One folder, and the variants to try on it."""

    root: str
    path: str
    variants: tuple[str, ...]

    @property
    def name(self) -> str:
        """The pull request and its folder, for showing."""
        return f"#{Path(self.root).name} {self.path.rsplit('/', 1)[-1]}"


@dataclass(frozen=True, slots=True)
class Said:
    """What the audit says, without what depends on the script as a file."""

    verdict: str
    rules: frozenset[str]
    """`code rule` of every certain foul; with a question mark where it is a question."""
    entry: str

    def against(self, other: "Said") -> str:
        """What has changed from `other` to this, in words; nothing where it is the same."""
        gone, come = other.rules - self.rules, self.rules - other.rules
        moved = [f"{other.verdict} → {self.verdict}"] if self.verdict != other.verdict else []
        moved += [f"entry {other.entry} → {self.entry}"] if self.entry != other.entry else []
        return "; ".join([*moved, *(f"lost {one}" for one in sorted(gone)), *(f"new {one}" for one in sorted(come))])


@dataclass(frozen=True, slots=True)
class Tried:
    """One folder's verdict, and what each variant changed."""

    job: Job
    verdict: str
    changes: Mapping[str, str]
    """By variant: empty where nothing changed."""
    without: tuple[str, ...] = ()
    """Variants that do not apply."""


def main() -> int:
    """Print every change; 1 where there is one."""
    options = _options()
    packings = [name for name in PACKINGS if name not in CHANGES_THE_RUN]
    draw = random.Random(options.seed)  # noqa: S311 -- a sample to measure on
    wanted = set(options.prs.split(",")) if options.prs else None
    roots = [root for root in sorted(options.tree.iterdir()) if wanted is None or root.name in wanted]
    draw.shuffle(roots)
    jobs: list[Job] = []
    for root, path in _suitable(roots):
        packed = draw.sample(packings, min(options.packings, len(packings)))
        jobs.append(Job(str(root), path, (*STRUCTURE, *(f"packed: {name}" for name in packed))))
        if len(jobs) == options.sample:
            break
    all_rules()
    return int(_run(jobs, options.jobs, options.limit) > 0)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").strip().splitlines()[0])
    parser.add_argument("tree", type=Path, metavar="DIR", help="holds <number>/records/<track>/<folder>/")
    parser.add_argument("--sample", type=int, default=20, metavar="N", help="folders to try")
    parser.add_argument("--seed", type=int, default=0, help="of the sample")
    parser.add_argument("--prs", metavar="N,N,…", help="only these pull requests")
    parser.add_argument("--packings", type=int, default=2, metavar="N", help="ways of packing tried on each, by draw")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="processes")
    parser.add_argument("--limit", type=float, default=600.0, metavar="S", help="seconds after which a folder is lost")
    return parser.parse_args()


def _suitable(roots: list[Path]) -> Iterator[tuple[Path, str]]:
    """Folders whose entry is one plain text that this Python parses."""
    for root in roots:
        try:
            folders = open_submission(root)
        except SubmissionError:
            continue
        for folder in folders:
            if sum(file.size for file in folder.files.values()) <= MOST and _text(folder) is not None:
                yield root, folder.path


def _text(folder: Folder) -> str | None:
    """The text that runs, if it is all that runs."""
    source = decode(folder, folder.entry.path) if folder.entry else None
    if not isinstance(source, Source) or source.modules or source.environment or source.files:
        return None
    try:
        ast.parse(source.text)
    except (SyntaxError, ValueError):
        return None
    return source.text


def _run(jobs: list[Job], processes: int, limit: float) -> int:
    """Try every job; prints what changed, and returns how many variants changed something."""
    changed: Counter[str] = Counter()
    tried: Counter[str] = Counter()
    for number, done in enumerate(each(_try, jobs, processes=processes, limit=limit), 1):
        print(f"{number}/{len(jobs)}", end="\r", file=sys.stderr, flush=True)
        if isinstance(done, Lost):
            print(f"{done.job.name}: lost: {done.reason}")
            changed["lost"] += 1
            continue
        tried.update(list(done.changes))
        changes = {name: change for name, change in done.changes.items() if change}
        changed.update(list(changes))
        print(f"{done.job.name}: {done.verdict}, {len(changes)} of {len(done.changes)} variants change it")
        for name, change in changes.items():
            print(f"    {name}: {change}")
    print(f"\n{'variant':<44}{'changed':>9}{'of':>5}")
    for name in sorted(tried):
        print(f"{name:<44}{changed[name]:>9}{tried[name]:>5}")
    return changed.total()


def _try(job: Job) -> Tried:
    """Audit one folder with its script decoded, and with every variant of it."""
    folder = next(folder for folder in open_submission(Path(job.root)) if folder.path == job.path)
    text = _text(folder)
    assert text is not None
    original = _said(folder, {ENTRY: text})
    changes: dict[str, str] = {}
    without: list[str] = []
    for name in job.variants:
        try:
            files = VARIANTS[name](text)
        except (ValueError, RecursionError) as error:
            files = None
            print(f"{job.name}: {name} is not possible: {error}", file=sys.stderr)
        if files is None:
            without.append(name)
        else:
            changes[name] = _said(folder, files).against(original)
    return Tried(job, original.verdict, changes, tuple(without))


def _said(folder: Folder, files: Mapping[str, str | bytes]) -> Said:
    """What the audit says of the folder with these files for its entry."""
    assert folder.entry is not None
    held: dict[str, str | bytes] = {path: file.data for path, file in folder.files.items()}
    held |= {folder.entry.path if path == ENTRY else path: data for path, data in files.items()}
    report = audit(Folder.from_files(held, name=folder.name, track=folder.track))
    entry = report.case.folder.entry.path if report.case and report.case.folder.entry else ""
    if report.errors:
        return Said(f"failed: {report.errors[0].part}: {report.errors[0].message}", frozenset(), entry)
    told = [one for one in report.findings if not one.code.startswith(ABOUT_THE_FILE)]
    verdicts = [verdict_of(one) for one in told] + [Verdict.UNPROVEN for _ in report.unproven]
    marks = {Verdict.ILLEGAL: "", Verdict.NEEDS_RULING: "?"}
    rules = {f"{one.code} {one.rule}{marks[verdict_of(one)]}" for one in told if verdict_of(one) in marks}
    return Said(worst(verdicts), frozenset(rules | {f"unproven {one.rule}" for one in report.unproven}), entry)


if __name__ == "__main__":
    sys.exit(main())
