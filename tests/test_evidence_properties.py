"""Whatever a run's numbers are, the log gives them back, and every number in a message follows from them."""

import math
import re
from statistics import fmean, pstdev, stdev

from hypothesis import given, settings
from hypothesis import strategies as st

from golf_audit.case import Case
from golf_audit.evidence import read_evidence
from golf_audit.evidence.budget import training_time
from golf_audit.evidence.coverage import Ruler
from golf_audit.evidence.samples import SampleRun, submission
from golf_audit.evidence.sizes import weigh
from golf_audit.finding import Finding
from golf_audit.registry import all_rules
from golf_audit.rulebook import Rulebook
from golf_audit.submission import Folder

BOOK = Rulebook.load()
RUNS = st.builds(
    SampleRun,
    seed=st.integers(0, 99_999),
    bpb=st.floats(0.5, 2.5).map(lambda value: round(value, 8)),
    tokens=st.integers(1_000_000, 99_000_000),
    bytes_per_token=st.floats(2.0, 4.5),
    train_ms=st.integers(100_000, 2_000_000),
    steps=st.integers(500, 19_000),
    eval_ms=st.integers(1_000, 3_000_000),
    model=st.integers(1_000_000, 20_000_000),
    code=st.integers(5_000, 99_000),
)


def messages(folder: Folder, rule: str) -> list[str]:
    """What one rule says."""
    case = Case(folder, None, None, read_evidence(folder), BOOK)
    (asked,) = [one for one in all_rules() if one.id == rule]
    return [found.message for found in asked.check(case) if isinstance(found, Finding)]


def figures(message: str) -> list[float]:
    """The numbers of a message, without thousands separators."""
    return [float(number.replace(",", "")) for number in re.findall(r"\d[\d,]*(?:\.\d+)?(?:e-\d+)?", message)]


@settings(max_examples=60, deadline=None)
@given(run=RUNS)
def test_a_log_gives_its_numbers_back(run: SampleRun) -> None:
    """Seed, score, times, sizes and tokens of any run are read from its log as they were."""
    evidence = read_evidence(Folder.from_files({"train.log": run.log()}))
    ((_, found),) = evidence.claimed_runs
    took = training_time(found)
    (weighing,) = weigh(evidence)
    assert took is not None
    assert found.val_tokens is not None
    assert (found.seed, found.results[-1].bpb, found.val_tokens.count) == (run.seed, run.bpb, run.tokens)
    assert (round(took.seconds * 1000), found.steps) == (run.train_ms, run.steps)
    assert (weighing.logged, weighing.model and weighing.model.size) == (run.model + run.code, run.model)
    assert found.results[-1].seconds == run.eval_ms / 1000


@settings(max_examples=60, deadline=None)
@given(run=RUNS)
def test_the_byte_law(run: SampleRun) -> None:
    """The implied bytes are tokens times bytes per token, whatever the score."""
    evidence = read_evidence(Folder.from_files({"train.log": run.log()}))
    found = Ruler(BOOK).measure(evidence.scored_lines[0])
    assert math.isclose(found.nbytes, run.tokens * run.bytes_per_token, rel_tol=1e-6)


@settings(max_examples=40, deadline=None)
@given(before=st.integers(100_000, 900_000), scoring=st.integers(100_000, 900_000))
def test_the_evaluation_is_the_sum_of_its_parts(before: int, scoring: int) -> None:
    """Adaptation and scoring together are what the message says, and it is said exactly when they pass 600 s."""
    run = SampleRun(before=f"prequant_ttt:done total_time={before / 1000:.1f}s", eval_ms=scoring)
    said = messages(Folder.from_files(submission(run)), "evaluation-past-the-budget")
    whole = round(before / 1000, 1) + scoring / 1000
    assert bool(said) == (whole > 600)
    if said:
        assert math.isclose(figures(said[0])[1], whole, abs_tol=0.06)


@settings(max_examples=40, deadline=None)
@given(values=st.lists(st.floats(1.0, 1.2).map(lambda value: round(value, 5)), min_size=3, max_size=5, unique=True))
def test_a_wrong_deviation_is_answered_with_both_right_ones(values: list[float]) -> None:
    """The message holds the sample and the population deviation of the stated values."""
    runs = tuple(SampleRun(seed, bpb) for seed, bpb in enumerate(values, 1))
    said = messages(
        Folder.from_files(submission(*runs, metadata={"val_bpb_std": 0.98765})), "deviation-not-of-its-seeds"
    )
    assert said
    sample, population = figures(said[0])[-2:]
    assert math.isclose(sample, stdev(values), rel_tol=0.06)
    assert math.isclose(population, pstdev(values), rel_tol=0.06)


@settings(max_examples=40, deadline=None)
@given(values=st.lists(st.integers(1_050_000, 1_090_000), min_size=3, max_size=4, unique=True))
def test_a_best_seed_is_answered_with_the_mean(values: list[int]) -> None:
    """Where the headline is the best seed's score, the message holds the mean of all."""
    scores = [value / 1e6 for value in sorted(values)]
    if fmean(scores) - scores[0] < 1e-4:
        return
    runs = tuple(SampleRun(seed, bpb) for seed, bpb in enumerate(scores, 1))
    headline = {"val_bpb": scores[0], "seed_results": {str(r.seed): {"val_bpb": r.bpb} for r in runs}}
    said = messages(Folder.from_files(submission(*runs, metadata=headline, readme="# R\n")), "mean-not-of-its-seeds")
    if said:
        assert math.isclose(figures(said[0])[-1], fmean(scores), abs_tol=1e-5)
