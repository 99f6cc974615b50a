"""
Run the runtime witness over every submission below a directory of pull requests, and hold its verdicts against labels.

    python -m benchmarks.trace_verdicts DIR RESULTS [--labels FILE] [--prs N,N,…] [--sample N --seed S] [--time-limit S]
    python -m benchmarks.trace_verdicts --show RESULTS --labels FILE

DIR holds `<number>/records/<track>/<folder>/`. One line of JSON per folder; a run that was stopped goes on where it
stopped. `--show` prints how many ran to the headline, what was decided, each verdict that a label contradicts, which
classes of foul were proved, and what stopped the others.
"""

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.jobs import Job, asked, chosen, jobs_below
from benchmarks.measures import CODE_CLASSES
from benchmarks.records import Label, quantile, read_labels
from benchmarks.workers import Lost, each
from golf_audit.engine import Report
from golf_audit.finding import Confidence, Severity
from golf_audit.sandbox import find_sandbox
from golf_audit.submission import open_submission
from golf_audit.trace.witness import Options, witness

_HANGS = 4.0
"""So many time limits after its start a folder is given up."""
_SHOWN = 150


@dataclass(frozen=True, slots=True)
class Witnessed:
    """What the witness said about one folder."""

    pr: int
    folder: str
    verdict: str = ""
    certain: tuple[str, ...] = ()
    """Codes and names of the rules that were found broken for certain."""
    likely: tuple[str, ...] = ()
    conditions: Mapping[str, str] = field(default_factory=dict)
    """The state of each condition."""
    reached: bool = False
    """Whether a score was printed that could be read."""
    counted: str = ""
    """How the claimed score is made up of what was observed; empty where it is not."""
    unproven: tuple[str, ...] = ()
    seconds: float = 0.0
    cpu: float = 0.0
    """Of all runs together."""
    memory_mb: int = 0
    """The most of any run."""
    failed: str = ""


def main() -> int:
    """Run what is missing, or show what there is."""
    options = _options()
    labels = {label.pr: label for label in read_labels(options.labels)} if options.labels else None
    if options.show:
        print("\n".join(table(read_witnessed(options.show), labels or {})))
        return 0
    wanted = set(map(int, options.prs.split(","))) if options.prs else None
    jobs = chosen(jobs_below(options.tree, lambda pr: asked(pr, labels, wanted)), labels, options.sample, options.seed)
    done = {(one.pr, one.folder) for one in read_witnessed(options.results)} if options.results.exists() else set()
    todo = [job for job in jobs if (job.pr, job.path) not in done]
    print(f"{len(todo):,} folders to run, {len(jobs) - len(todo):,} done already", file=sys.stderr)
    start = time.monotonic()
    with options.results.open("a", encoding="utf-8") as file:
        work = _Work(options.time_limit)
        for number, outcome in enumerate(each(work, todo, processes=1, limit=_HANGS * options.time_limit), 1):
            one = (
                Witnessed(outcome.job.pr, outcome.job.path, failed=outcome.reason)
                if isinstance(outcome, Lost)
                else outcome
            )
            file.write(json.dumps(asdict(one), ensure_ascii=False) + "\n")
            file.flush()
            said = one.failed or f"{one.verdict} {', '.join(one.certain) or '; '.join(one.unproven)[:_SHOWN]}"
            print(f"{number}/{len(todo)} {time.monotonic() - start:.0f} s  #{one.pr} {said}", file=sys.stderr)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").strip().splitlines()[0])
    parser.add_argument("tree", type=Path, nargs="?", metavar="DIR", help="holds <number>/records/<track>/<folder>/")
    parser.add_argument("results", type=Path, nargs="?", metavar="RESULTS", help="JSONL file to add to")
    parser.add_argument("--show", type=Path, metavar="RESULTS", help="only print what these results add up to")
    parser.add_argument("--labels", type=Path, metavar="FILE", help="only the folders that these labels are about")
    parser.add_argument("--prs", metavar="N,N,…", help="only these pull requests")
    parser.add_argument("--sample", type=int, metavar="N", help="only so many folders, drawn at random")
    parser.add_argument("--seed", type=int, default=0, help="of the sample")
    parser.add_argument("--time-limit", type=float, default=300.0, metavar="S", help="for all runs of one folder (300)")
    return parser.parse_args()


@dataclass(frozen=True, slots=True)
class _Work:
    """The witness on one folder."""

    seconds: float

    def __call__(self, job: Job) -> Witnessed:
        """What it says; whatever goes wrong is in `failed`."""
        try:
            folder = next(folder for folder in open_submission(Path(job.place)) if folder.path == job.path)
            return _summary(job.pr, witness(folder, Options(find_sandbox(), self.seconds)))
        except Exception as error:  # noqa: BLE001 -- one folder must not stop the others
            return Witnessed(job.pr, job.path, failed=f"{type(error).__name__}: {error}")


def _summary(pr: int, report: Report) -> Witnessed:
    trace: Mapping[str, Any] = report.facts.get("trace", {})
    runs = trace.get("runs", [])
    fouls = [one for one in report.findings if one.severity is Severity.DISQUALIFYING]
    return Witnessed(
        pr=pr,
        folder=report.path,
        verdict=report.verdict.value if report.verdict else "",
        certain=tuple(f"{one.code} {one.rule}" for one in fouls if one.confidence is Confidence.HIGH),
        likely=tuple(f"{one.code} {one.rule}" for one in report.findings if one.confidence is Confidence.MEDIUM),
        conditions={one["name"]: one["state"] for one in trace.get("conditions", [])},
        reached=bool(trace.get("headline")),
        counted=trace.get("headline", {}).get("counted") or "",
        unproven=tuple(one.reason for one in report.unproven),
        seconds=round(report.phases.get("runs", 0.0), 1),
        cpu=round(sum(run["cpu_seconds"] for run in runs), 1),
        memory_mb=max((run["peak_mb"] for run in runs), default=0),
        failed="; ".join(error.message for error in report.errors),
    )


def read_witnessed(path: Path) -> tuple[Witnessed, ...]:
    """The results of a JSONL file; of two about one folder, the later one."""
    text = path.read_text(encoding="utf-8")
    found: dict[tuple[int, str], Witnessed] = {}
    for raw in map(json.loads, text[: text.rfind("\n") + 1].splitlines()):
        fields: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in raw.items()}
        one = Witnessed(**fields)
        found[one.pr, one.folder] = one
    return tuple(found.values())


def table(found: Sequence[Witnessed], labels: Mapping[int, Label]) -> Iterator[str]:
    """What the results add up to, beside the labels."""
    pairs = [(one, label) for one in found if (label := labels.get(one.pr)) and label.is_about(one.folder)]
    reached = [one for one in found if one.reached]
    yield f"{len(found):,} folders, {len(pairs):,} with a label; the auditor failed on {sum(bool(one.failed) for one in found)}"
    yield f"ran to a score: {_share(len(reached), len(found))}"
    yield f"and it is made up of what was observed: {_share(sum(bool(one.counted) for one in reached), len(found))}"
    yield f"verdicts: {dict(Counter(one.verdict or 'failed' for one in found).most_common())}"
    yield f"seconds: {_spread([one.seconds for one in found])}; CPU: {_spread([one.cpu for one in found])}; MB: {_spread([float(one.memory_mb) for one in found])}"
    yield from ("", "| label | legal | illegal | needs-ruling | unproven |", "|---|---|---|---|---|")
    for name in ("legal", "illegal", "disputed", "metadata_error"):
        counts = Counter(one.verdict for one, label in pairs if label.verdict == name)
        yield (
            f"| {name} | " + " | ".join(str(counts[v]) for v in ("legal", "illegal", "needs-ruling", "unproven")) + " |"
        )
    yield from ("", "decided, and the label says otherwise:")
    for one, label in pairs:
        if (
            one.verdict in {"legal", "illegal"}
            and label.verdict in {"legal", "illegal"}
            and one.verdict != label.verdict
        ):
            yield f"  #{one.pr} {'+'.join(label.categories)} ({label.authority}): {one.verdict} {', '.join(one.certain)}"
    yield from ("", "| class of foul | proved | of |", "|---|---|---|")
    for name, families in CODE_CLASSES.items():
        those = [
            one
            for one, label in pairs
            if label.verdict == "illegal" and label.code_confirms and name in label.categories
        ]
        proved = [one for one in those if any(rule.startswith(families) for rule in one.certain)]
        illegal = sum(one.verdict == "illegal" for one in those)
        yield f"| {name} | {len(proved)} (illegal {illegal}) | {len(those)} |"
    yield from ("", "what stopped the others:")
    reasons = Counter(
        (one.failed or (one.unproven or ("nothing printed",))[0])[:_SHOWN] for one in found if not one.reached
    )
    yield from (f"{count:4}  {reason}" for reason, count in reasons.most_common())


def _share(part: int, whole: int) -> str:
    return f"{part}/{whole} = {part / max(whole, 1):.1%}"


def _spread(values: Sequence[float]) -> str:
    return ", ".join(f"{quantile(values, share):.0f}" for share in (0.5, 0.95, 1.0)) + " (median, 95 %, worst)"


if __name__ == "__main__":
    sys.exit(main())
