"""Which folders a measuring script works through."""

import random
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.records import Label
from golf_audit.submission import SubmissionError, open_submission


@dataclass(frozen=True, slots=True)
class Job:
    """One folder to audit."""

    pr: int
    place: str
    """Where the folder lies."""
    path: str
    """Where it lies inside the pull request."""


def asked(pr: int, labels: Mapping[int, Label] | None, wanted: set[int] | None) -> bool:
    """Whether a pull request is to be looked at: it has a label, where there are labels, and is one of those wanted."""
    return (labels is None or pr in labels) and (wanted is None or pr in wanted)


def jobs_below(tree: Path, asked: Callable[[int], bool]) -> Iterator[Job]:
    """Every folder of the pull requests below `tree` that are asked for, by number."""
    numbers = sorted(int(entry.name) for entry in tree.iterdir() if entry.name.isdigit())
    for pr in filter(asked, numbers):
        root = tree / str(pr)
        try:
            folders = open_submission(root)
        except SubmissionError as error:
            print(f"left out: {error}", file=sys.stderr)
            continue
        except Exception:  # noqa: BLE001 -- it will fail again where failures are recorded
            yield Job(pr, str(root), "")
            continue
        for folder in folders:
            yield Job(pr, str(root), folder.path)


def chosen(jobs: Iterator[Job], labels: Mapping[int, Label] | None, sample: int | None, seed: int) -> list[Job]:
    """Those that a label is about, where there are labels; a sample of them, where one is asked for."""
    about = [job for job in jobs if labels is None or labels[job.pr].is_about(job.path)]
    return random.Random(seed).sample(about, sample) if sample and sample < len(about) else about  # noqa: S311 -- a sample to measure on
