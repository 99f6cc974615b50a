"""What follows from the numbers: bytes of text, weights, times, moments, significance; each recomputed here by hand."""

import math
from datetime import date

import pytest
from scipy import stats

from golf_audit.evidence import Evidence, read_evidence
from golf_audit.evidence.arithmetic import Spread, moments, spread, subset_with_mean
from golf_audit.evidence.budget import calibration, evaluation_time, training_time
from golf_audit.evidence.coverage import Coverage, Denominator, Ruler
from golf_audit.evidence.events import Evaluation
from golf_audit.evidence.frontier import Frontier, day_of, welch
from golf_audit.evidence.samples import SampleRun, submission
from golf_audit.evidence.sizes import Packing, weigh
from golf_audit.rulebook import Rulebook
from golf_audit.submission import Folder

BOOK = Rulebook.load()


def evidence_of(*runs: SampleRun, code: str | None = None) -> Evidence:
    """The evidence of a sample submission."""
    return read_evidence(Folder.from_files(submission(*runs, code=code)))


def measured(run: SampleRun) -> Denominator:
    """The denominator of one run's headline."""
    return Ruler(BOOK).measure(evidence_of(run).headline_lines[0])


@pytest.mark.parametrize(
    ("run", "coverage"),
    [
        (SampleRun(1, 1.08), Coverage.WHOLE),
        (SampleRun(1, 1.06, 47_851_520, 3.15736), Coverage.WHOLE),
        (SampleRun(1, 1.12, 62_021_632, 2.43593), Coverage.WHOLE),
        (SampleRun(1, 1.08, 1_000_000), Coverage.PART),
        (SampleRun(1, 1.05, 9_662_464, 3.0997), Coverage.OTHER),
        (SampleRun(1, 1.04, 49_999_872, 3.9589), Coverage.OTHER),
        (SampleRun(1, 0.92, 40_540_160, 4.3864), Coverage.WRONG_BYTES),
        (SampleRun(1, 1.06, 62_000_000, 2.9314), Coverage.UNEXPLAINED),
        (SampleRun(1, 1.2, 63_779_840, 2.4423), Coverage.OLDER),
        (SampleRun(1, 1.0, headline_bytes_per_token=4.2), Coverage.UNKNOWN),
    ],
)
def test_the_implied_bytes_tell_what_was_scored(run: SampleRun, coverage: Coverage) -> None:
    """val_loss / ln 2 x tokens / val_bpb is the bytes of the text, and decides which text it was."""
    found = measured(run)
    assert found.coverage is coverage
    if coverage is not Coverage.UNKNOWN:
        loss = round(run.bpb * math.log(2) * run.bytes_per_token, 8)
        assert found.nbytes == pytest.approx(loss / math.log(2) * run.tokens / run.bpb, rel=1e-9)


def test_the_three_weights_of_an_artifact() -> None:
    """The logged total is the log's sum; the shipped one has the script's own bytes; the packed one what the script packs to."""
    code = "print('train')\n" * 1000
    (weighing,) = weigh(evidence_of(SampleRun(42, model=15_900_000, code=20_000), code=code))
    packed = Packing(code).size
    assert (weighing.logged, weighing.shipped) == (15_920_000, 15_900_000 + len(code))
    assert weighing.packed(packed) == 15_900_000 + packed
    assert packed < len(code) / 10


def test_the_uncompressed_total_is_not_the_artifact() -> None:
    """A first total of 69 MB is the plain model's; the compressed one is the artifact."""
    (weighing,) = weigh(evidence_of(SampleRun(before="Total submission size: 69171389 bytes")))
    assert weighing.logged == 15_920_000


def test_training_time_and_step() -> None:
    """The training time is the stop's clock, and a step is its share."""
    took = training_time(evidence_of(SampleRun(train_ms=588_100, steps=4600)).claimed_runs[0][1])
    assert took is not None
    assert took.seconds == pytest.approx(588.1)
    assert took.step_seconds == pytest.approx(588.1 / 4600)


def test_evaluation_adds_what_the_score_needs_once() -> None:
    """Adaptation and scoring are added, the diagnostic pass is not, and a rounded print of the headline is not a second pass."""
    run = SampleRun(
        before="prequant_ttt:done total_time=523.0s\npost_ttt val_loss:2.9000 val_bpb:1.1000 eval_time:9000ms",
        after="quantized_sliding_window_exact val_loss:2.7900 val_bpb:1.0800 eval_time:115000ms",
        eval_ms=115_343,
    )
    line = evidence_of(run).headline_lines[0]
    assert isinstance(line.event, Evaluation)
    took = evaluation_time(line.run, line.event)
    assert took is not None
    assert took.seconds == pytest.approx(523.0 + 115.343)
    assert [part.seconds for part in took.others] == [9.0]
    assert took.everything == pytest.approx(523.0 + 115.343 + 9.0)


def test_adaptation_inside_the_pass_is_not_added() -> None:
    """A stated adaptation that fits into the scoring pass is a part of it."""
    line = evidence_of(SampleRun(before="ttt:done elapsed=410.0s", eval_ms=412_000)).headline_lines[0]
    assert isinstance(line.event, Evaluation)
    took = evaluation_time(line.run, line.event)
    assert took is not None
    assert took.seconds == pytest.approx(412.0)


def test_calibration_after_training_is_found() -> None:
    """Only calibration after the last training clock counts."""
    run = evidence_of(SampleRun(before="GPTQ:collected 67 Hessians in 3.6s")).claimed_runs[0][1]
    assert [phase.seconds for phase in calibration(run)] == [3.6]


def test_moments() -> None:
    """Mean, sample and population deviation are those of the definition."""
    found = moments([1.07539, 1.07537, 1.07515])
    mean = (1.07539 + 1.07537 + 1.07515) / 3
    squares = sum((v - mean) ** 2 for v in (1.07539, 1.07537, 1.07515))
    assert found.mean == pytest.approx(mean)
    assert found.sample == pytest.approx(math.sqrt(squares / 2))
    assert found.population == pytest.approx(math.sqrt(squares / 3))


@pytest.mark.parametrize(
    ("stated", "kind"),
    [(0.00013, Spread.SAMPLE), (0.00011, Spread.POPULATION), (0.0001, Spread.POPULATION), (0.00001, Spread.NEITHER)],
)
def test_a_stated_deviation_is_one_of_two(stated: float, kind: Spread) -> None:
    """A deviation is recognised as sample or population, with the rounding it was written in, or as neither."""
    assert (
        spread(stated, [1.07539, 1.07537, 1.07515], 1e-5) in {kind, Spread.BOTH} if kind is not Spread.NEITHER else True
    )
    assert (spread(stated, [1.07539, 1.07537, 1.07515], 1e-5) is Spread.NEITHER) == (kind is Spread.NEITHER)


def test_a_subset_with_the_mean_is_found() -> None:
    """The largest proper subset that gives a mean is named; none where there is none."""
    assert subset_with_mean([1.07991, 1.08061, 1.08123], 1.08026, 1e-5) == (0, 1)
    assert subset_with_mean([1.0, 1.2], 1.05, 1e-5) is None


@pytest.mark.parametrize(
    ("left", "right"), [((1.0600, 1.0604, 1.0602), (1.0613, 1.0620, 1.0598)), ((1.05, 1.07), (1.06, 1.0601, 1.0599))]
)
def test_welch_is_scipys(left: tuple[float, ...], right: tuple[float, ...]) -> None:
    """The p-value is that of scipy's own one-sided Welch test."""
    expected = stats.ttest_ind(left, right, equal_var=False, alternative="less").pvalue
    assert welch(left, right) == pytest.approx(expected, rel=1e-9)


def test_values_without_spread_have_a_plain_answer() -> None:
    """Where no value varies, a lower mean is certain and a higher one impossible."""
    assert (welch((1.0, 1.0), (1.1, 1.1)), welch((1.1, 1.1), (1.0, 1.0))) == (0.0, 1.0)


def test_the_record_that_stood_is_the_best_before_the_day() -> None:
    """The row to beat is the lowest one dated before the folder's own day."""
    day = date(2026, 4, 15)
    stood = Frontier(BOOK).standing(day)
    rows = [row for row in BOOK.table("frontier")["rows"] if row["date"] < day]
    assert stood is not None
    assert stood.bpb == min(row["bpb"] for row in rows)
    assert day_of("2026-04-15_Name") == day_of("20260415_Name") == day
    assert day_of("records") is None


def test_bits_per_byte_become_nats_per_token() -> None:
    """A gain in bpb is ln 2 x bytes per token as many nats per token: 0.005 nats are 0.00296 bpb at SP1024, 0.00194 at SP8192."""
    frontier, day = Frontier(BOOK), date(2026, 4, 15)
    stood = frontier.standing(day)
    assert stood is not None
    for ratio, gain in ((2.43593, 0.00296), (3.72663, 0.00194)):
        compared = frontier.compare([stood.bpb - gain], ratio, day)
        assert compared is not None
        assert compared.gain_nats_per_token == pytest.approx(gain * math.log(2) * ratio)
        assert compared.gain_nats_per_token == pytest.approx(0.005, abs=2e-5)
        assert compared.p is None


def test_both_bars_are_shown() -> None:
    """Nats, the README's p and the practised p are three answers of one comparison."""
    frontier, day = Frontier(BOOK), date(2026, 4, 15)
    stood = frontier.standing(day)
    assert stood is not None
    compared = frontier.compare([stood.bpb - 0.0005, stood.bpb - 0.0006, stood.bpb - 0.0007], 3.72663, day)
    assert compared is not None
    assert compared.p == pytest.approx(
        stats.ttest_ind(
            [stood.bpb - 0.0005, stood.bpb - 0.0006, stood.bpb - 0.0007],
            stood.seeds,
            equal_var=False,
            alternative="less",
        ).pvalue
    )
    assert compared.p is not None
    assert (compared.clears_nats, compared.clears_p) == (False, compared.p < 0.01)
    assert compared.clears_practised_p == (compared.p < 0.25)
