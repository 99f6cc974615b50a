"""
Audit every submission below a directory of pull requests, one line of JSON per folder.

    python -m benchmarks.audit_tree DIR RESULTS [--labels FILE] [--again] [--jobs N]

DIR holds `<number>/records/<track>/<folder>/`. A run that was stopped goes on where it stopped; a folder on which the
auditor crashes, dies or hangs is recorded as such. `benchmarks.static_table` reads the results.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks.jobs import Job, asked, chosen, jobs_below
from benchmarks.records import Found, Result, read_labels, read_results
from benchmarks.workers import Lost, each
from golf_audit.decoding.source import Source, Undecodable
from golf_audit.engine import Report, audit
from golf_audit.events import Update
from golf_audit.files import write_atomically
from golf_audit.finding import Unproven
from golf_audit.folder import Folder
from golf_audit.parsing import ParseFailure, parse
from golf_audit.program.walk import Walk
from golf_audit.registry import all_rules
from golf_audit.submission import open_submission

FAILED = "audit"
"""The part that is named where the whole audit of a folder was lost."""
VALIDATION = "val"
"""The split that must not be learned from before it is scored."""


def main() -> int:
    """Audit what is missing from the results file; 1 where a folder failed."""
    options = _options()
    results: Path = options.results
    labels = {label.pr: label for label in read_labels(options.labels)} if options.labels else None
    wanted = set(map(int, options.prs.split(","))) if options.prs else None
    jobs = chosen(jobs_below(options.tree, lambda pr: asked(pr, labels, wanted)), labels, options.sample, options.seed)
    done = _done(results, {(job.pr, job.path) for job in jobs} if options.again else set())
    todo = [job for job in jobs if (job.pr, job.path) not in done]
    print(f"{len(todo):,} folders to audit, {len(jobs) - len(todo):,} done already", file=sys.stderr)
    return int(_run(todo, results, options.jobs, options.limit) > 0)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").strip().splitlines()[0])
    parser.add_argument("tree", type=Path, metavar="DIR", help="holds <number>/records/<track>/<folder>/")
    parser.add_argument("results", type=Path, metavar="RESULTS", help="JSONL file to add to")
    parser.add_argument("--labels", type=Path, metavar="FILE", help="only the folders that these labels are about")
    parser.add_argument("--prs", metavar="N,N,…", help="only these pull requests")
    parser.add_argument("--sample", type=int, metavar="N", help="only so many folders, drawn at random")
    parser.add_argument("--seed", type=int, default=0, help="of the sample")
    parser.add_argument("--again", action="store_true", help="audit folders again that the results hold already")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="processes")
    parser.add_argument("--limit", type=float, default=120.0, metavar="S", help="seconds after which a folder is lost")
    return parser.parse_args()


def _done(results: Path, again: set[tuple[int, str]]) -> set[tuple[int, str]]:
    """What the results file holds; it is rewritten without those to do `again` and without a line cut short."""
    if not results.exists():
        return set()
    kept = [result for result in read_results(results) if result.key not in again]
    write_atomically(results, "".join(map(line, kept)))
    return {result.key for result in kept}


def _run(jobs: Sequence[Job], results: Path, processes: int, limit: float) -> int:
    """Audit the folders, add a line for each, and say on stderr how far it is; the number that failed."""
    all_rules()
    start, failed = time.monotonic(), 0
    with results.open("a", encoding="utf-8") as file:
        for number, outcome in enumerate(each(audited, jobs, processes=processes, limit=limit), 1):
            result = _lost(outcome) if isinstance(outcome, Lost) else outcome
            file.write(line(result))
            file.flush()
            failed += bool(result.errors)
            _progress(number, len(jobs), time.monotonic() - start, failed, result)
    return failed


def _progress(number: int, total: int, seconds: float, failed: int, result: Result) -> None:
    left = seconds / number * (total - number)
    text = f"{number:,}/{total:,}  {seconds:.0f} s, {left:.0f} s left, {failed} failed  {result.verdict or 'FAILED'} {result.name}"
    end = "\r" if sys.stderr.isatty() and number < total else "\n"
    if sys.stderr.isatty() or result.errors or number % 25 == 0 or number == total:
        print(f"{text:<120.120}", end=end, file=sys.stderr, flush=True)


def line(result: Result) -> str:
    """A result as its line of the results file."""
    return json.dumps(asdict(result), ensure_ascii=False) + "\n"


def audited(job: Job) -> Result:
    """The audit of one folder; whatever goes wrong is in its errors."""
    try:
        folder = next(folder for folder in open_submission(Path(job.place)) if folder.path == job.path)
        start = time.process_time()
        report = audit(folder)
        return _summary(job.pr, folder, report, time.process_time() - start)
    except Exception as error:  # noqa: BLE001 -- one folder must not stop the others
        return Result(job.pr, job.path, "", errors=(f"{FAILED}: {type(error).__name__}: {error}",))


def _lost(lost: Lost[Job]) -> Result:
    return Result(lost.job.pr, lost.job.path, "", errors=(f"{FAILED}: {lost.reason}",))


def _summary(pr: int, folder: Folder, report: Report, cpu: float) -> Result:
    return Result(
        pr=pr,
        folder=report.path,
        verdict=report.verdict or "",
        entry=folder.entry.path if folder.entry else "",
        state=_state(report),
        findings=tuple(
            Found(one.rule, one.code, one.severity, one.confidence, one.message, str(one.location))
            for one in report.findings
        ),
        unproven=tuple(map(_told, report.unproven)),
        errors=tuple(f"{one.part}: {one.message}" for one in report.errors),
        phases={name: round(seconds, 4) for name, seconds in report.phases.items()},
        cpu=round(cpu, 4),
        updates=_updates(report.case.walk) if report.case and report.case.walk else None,
    )


def _told(one: Unproven) -> str:
    return f"{one.rule}: {one.reason}" + (f" ({one.location})" if one.location else "")


def _state(report: Report) -> str:
    """How far the entry was read."""
    source = report.case.source if report.case else None
    if isinstance(source, Undecodable):
        return source.kind.value
    if not isinstance(source, Source):
        return "no-entry" if report.case else ""
    if isinstance(parsed := parse(source.text), ParseFailure):
        return "unparsable" if parsed.broken else "unparsed"
    return "packed" if source.packed else "plain"


def _updates(walk: Walk) -> int:
    """How many updates follow the gradient of a loss over validation tokens."""
    return sum(
        any(ref.split == VALIDATION for atom in update.atoms for ref in atom.targets) for update in walk.of(Update)
    )


if __name__ == "__main__":
    sys.exit(main())
