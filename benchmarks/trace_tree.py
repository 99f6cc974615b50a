"""
Run every submission below a directory of pull requests once at toy scale, one line of JSON per folder.

    python -m benchmarks.trace_tree DIR RESULTS [--labels FILE] [--prs N,N,…] [--sample N --seed S] [--again]

DIR holds `<number>/records/<track>/<folder>/`. Each line says how the run ended and why, whether the line that the claim
was made from was printed, and whether the losses that were observed add up to it. A run that was stopped goes on where it
stopped. `--show RESULTS` prints what a results file adds up to.
"""

import argparse
import json
import math
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.jobs import Job, asked, chosen, jobs_below
from benchmarks.records import quantile, read_labels
from benchmarks.workers import Lost, each
from golf_audit.engine import audit
from golf_audit.files import write_atomically
from golf_audit.sandbox import Limits, find_sandbox
from golf_audit.submission import open_submission
from golf_audit.trace.accounts import account, headline, label_key, results
from golf_audit.trace.mixtures import account_of_amounts
from golf_audit.trace.plan import Plan, may_be_sizes, plans
from golf_audit.trace.run import Run, run
from golf_audit.trace.stream import make_streams
from golf_audit.trace.world import make_world

_LIMITS = Limits(wall_seconds=1200, cpu_seconds=150)
"""Mainly of the processor: a busy machine must not change what is measured."""
_TRIES = 2
_SHOWN = 160
"""Characters of a reason that the table shows."""


@dataclass(frozen=True, slots=True)
class Traced:
    """How the toy run of one folder went."""

    pr: int
    folder: str
    ending: str = ""
    """What ended the process; empty where there was none."""
    returncode: int | None = None
    why: str = ""
    """The exception, or why there was no run; empty where the program came to its end."""
    at: str = ""
    """The submission's line that the exception went through."""
    label: str = ""
    """Of the result taken as the headline; empty where no result was printed."""
    claimed: tuple[str, ...] = ()
    """The labels of the claimed lines."""
    loss: float | None = None
    bpb: float | None = None
    counting: str = ""
    """By which counting the observed losses give the printed one; empty where by none."""
    counted: int = 0
    """Positions that were counted."""
    spread: float = 0.0
    """The observed losses' standard deviation: near zero where nothing was learned."""
    scores: int = 0
    adapts: int = 0
    tries: int = 0
    """Plans that were run."""
    notes: tuple[str, ...] = ()
    """Of the last plan."""
    stand_ins: tuple[str, ...] = ()
    seconds: float = 0.0
    cpu: float = 0.0
    """Of all tries together; so are the seconds."""
    memory: int = 0

    @property
    def key(self) -> tuple[int, str]:
        """What the folder is known by."""
        return self.pr, self.folder

    @property
    def reached(self) -> bool:
        """Whether the line of the claim was printed, or any final result where the claim's line is not known."""
        return bool(self.label) and (not self.claimed or label_key(self.label) in map(label_key, self.claimed))


def main() -> int:
    """Run what is missing from the results file."""
    options = _options()
    if options.show:
        print("\n".join(table(read_traced(options.show))))
        return 0
    labels = {label.pr: label for label in read_labels(options.labels)} if options.labels else None
    wanted = set(map(int, options.prs.split(","))) if options.prs else None
    jobs = chosen(jobs_below(options.tree, lambda pr: asked(pr, labels, wanted)), labels, options.sample, options.seed)
    done = _done(options.results, {(job.pr, job.path) for job in jobs} if options.again else set())
    todo = [job for job in jobs if (job.pr, job.path) not in done]
    print(f"{len(todo):,} folders to run, {len(jobs) - len(todo):,} done already", file=sys.stderr)
    _run(todo, options.results, options.jobs, options.keep)
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
    parser.add_argument("--again", action="store_true", help="run folders again that the results hold already")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="processes")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="leave what each run printed and its files there")
    return parser.parse_args()


def _done(results: Path, again: set[tuple[int, str]]) -> set[tuple[int, str]]:
    """What the results file holds; it is rewritten without those to do `again` and without a line cut short."""
    if not results.exists():
        return set()
    kept = [result for result in read_traced(results) if result.key not in again]
    write_atomically(results, "".join(map(line, kept)))
    return {result.key for result in kept}


def _run(jobs: Sequence[Job], results: Path, processes: int, keep: Path | None) -> None:
    start = time.monotonic()
    work = Tracer(keep)
    with results.open("a", encoding="utf-8") as file:
        for number, outcome in enumerate(each(work, jobs, processes=processes, limit=3600.0), 1):
            result = _lost(outcome) if isinstance(outcome, Lost) else outcome
            file.write(line(result))
            file.flush()
            said = result.counting or ("headline" if result.reached else result.why or result.ending)
            print(f"{number}/{len(jobs)} {time.monotonic() - start:.0f} s  #{result.pr} {said}", file=sys.stderr)


def _lost(lost: Lost[Job]) -> Traced:
    return Traced(lost.job.pr, lost.job.path, why=f"lost: {lost.reason}")


def line(result: Traced) -> str:
    """A result as its line of the results file."""
    return json.dumps(asdict(result), ensure_ascii=False) + "\n"


def read_traced(path: Path) -> tuple[Traced, ...]:
    """The results of a JSONL file; of two about one folder, the later one."""
    text = path.read_text(encoding="utf-8")
    found: dict[tuple[int, str], Traced] = {}
    for raw in map(json.loads, text[: text.rfind("\n") + 1].splitlines()):
        fields: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in raw.items()}
        one = Traced(**fields)
        found[one.key] = one
    return tuple(found.values())


@dataclass(frozen=True, slots=True)
class Tracer:
    """Runs one folder, as often as its plans allow."""

    keep: Path | None

    def __call__(self, job: Job) -> Traced:
        """The last try of the folder; whatever goes wrong is in its reason."""
        try:
            return self._traced(job)
        except Exception as error:  # noqa: BLE001 -- one folder must not stop the others
            return Traced(job.pr, job.path, why=f"{type(error).__name__}: {error}")

    def _traced(self, job: Job) -> Traced:
        folder = next(folder for folder in open_submission(Path(job.place)) if folder.path == job.path)
        report = audit(folder, rules=())
        if report.case is None:
            return Traced(job.pr, job.path, why="the auditor failed")
        sandbox, done = find_sandbox(), Traced(job.pr, job.path)
        for plan in plans(report.case):
            with tempfile.TemporaryDirectory() as scratch:
                place = (self.keep or Path(scratch)) / f"{job.pr}-{done.tries}"
                shutil.rmtree(place, ignore_errors=True)
                streams = make_streams(plan.vocab, val_tokens=plan.val_tokens, document=plan.document)
                world = make_world(place, report.case, plan, streams, streams.val)
                outcome = run(sandbox, world, plan, _LIMITS)
                if self.keep:
                    (place / "output.txt").write_bytes(outcome.outcome.output)
            done = _summary(done, plan, outcome)
            if done.reached or done.tries == _TRIES or not (may_be_sizes(done.why) or _is_nothing(done)):
                break
        return done


def _is_nothing(one: Traced) -> bool:
    """Whether the claimed line was printed without a number in it, which sizes can cause."""
    return "nan" in one.label.lower() or (one.loss is not None and math.isnan(one.loss))


def _summary(before: Traced, plan: Plan, ran: Run) -> Traced:
    """What a run showed; times add up over the tries."""
    ledger, outcome = ran.ledger, ran.outcome
    result = headline(results(ledger), plan.labels)
    tokens = plan.val_tokens - 1
    counted = (account(ledger, result, tokens) or account_of_amounts(ledger, result, tokens)) if result else None
    return replace(
        before,
        ending=str(outcome.ending),
        returncode=outcome.returncode,
        why=ledger.end.why if ledger.end else f"ended by {outcome.ending} {outcome.returncode}",
        at=ledger.end.at if ledger.end else "",
        label=result.label if result else "",
        claimed=plan.labels,
        loss=result.loss if result else None,
        bpb=result.bpb if result else None,
        counting=counted.counting.value if counted else "",
        counted=len(counted.positions) if counted else 0,
        spread=float(counted.nll.std()) if counted else 0.0,
        scores=len(ledger.scores),
        adapts=len(ledger.adapts),
        tries=before.tries + 1,
        notes=plan.notes,
        stand_ins=ledger.stand_ins,
        seconds=round(before.seconds + outcome.seconds, 2),
        cpu=round(before.cpu + outcome.cpu_seconds, 2),
        memory=max(before.memory, outcome.peak_memory),
    )


def table(traced: Sequence[Traced]) -> Iterator[str]:
    """What the results add up to: shares, times, and what stopped the others, by count."""
    total = max(len(traced), 1)
    reached = [one for one in traced if one.reached]
    accounted = [one for one in reached if one.counting]
    yield f"{len(traced):,} folders"
    yield f"printed the claimed line: {len(reached)} = {len(reached) / total:.1%}"
    yield f"and the observed losses add up to it: {len(accounted)} = {len(accounted) / total:.1%}"
    cpu, clock = [one.cpu for one in traced if one.tries], [one.seconds for one in traced if one.tries]
    memory = [one.memory / 2**20 for one in traced if one.tries]
    yield f"CPU seconds: {_quantiles(cpu)}; by the clock: {_quantiles(clock)}; MiB: {_quantiles(memory)}"
    yield f"tries: {dict(Counter(one.tries for one in traced))}"
    yield from ("", "what stopped the others:")
    yield from _counted([_reason(one) for one in traced if not one.reached])
    yield from ("", "printed but not added up:")
    yield from _counted(
        [f"#{one.pr} {one.label} {one.loss} {one.bpb} scores {one.scores}" for one in reached if not one.counting]
    )


def _reason(one: Traced) -> str:
    if one.why:
        return one.why.split("\n", maxsplit=1)[0][:_SHOWN]
    return f"no result: label {one.label!r} for {one.claimed}"


def _counted(reasons: Sequence[Any]) -> Iterator[str]:
    for reason, count in Counter(reasons).most_common():
        yield f"{count:4}  {reason}"


def _quantiles(values: Sequence[float]) -> str:
    return ", ".join(f"{quantile(values, share):.0f}" for share in (0.5, 0.95, 1.0)) + " (median, 95 %, worst)"


if __name__ == "__main__":
    sys.exit(main())
