"""Every number that a rule on evidence prints, worked out again here from the runs that the log was made of."""

import math
from statistics import fmean, pstdev, stdev

from scipy import stats

from golf_audit import examples
from golf_audit.engine import audit
from golf_audit.evidence.samples import SampleRun, submission
from golf_audit.evidence.sizes import Packing
from golf_audit.registry import all_rules
from golf_audit.rule import Example
from golf_audit.rulebook import Rulebook

RULES = {rule.id: rule for rule in all_rules()}
BOOK = Rulebook.load()
SET = int(BOOK.table("validation")["bytes"])
CAP = int(BOOK.limit("artifact_bytes"))
TABLE = "# R\n\n## Results\n\n| Seed | {name} |\n|---|---|\n{rows}\n| Mean | {mean} |\n| Std | {std} |\n"


def told(rule: str, files: dict[str, str]) -> str:
    """All that one rule says of a submission: messages, and what it says of further places."""
    found = audit(examples.folder(Example("a fixture", files=files)), rules=[RULES[rule]]).findings
    return "\n".join(line for one in found for line in (one.message, *(related.message for related in one.related)))


def check(rule: str, files: dict[str, str], *numbers: str) -> None:
    """The rule prints every one of the numbers."""
    text = told(rule, files)
    assert not [number for number in numbers if number not in text], text


def test_the_readings_of_an_artifact() -> None:
    """Logged: model and counted code. Shipped: model and the script's bytes. Packed: model and the script packed."""
    model, code = 15_931_980, 72_046
    script = "print('train')\n" + "".join(f"value_{n} = {n * n}\n" for n in range(1500))
    numbers = (model + code, model + len(script), model + Packing(script).size)
    check(
        "bytes-over-the-cap",
        submission(SampleRun(model=model, code=code), code=script),
        f"{CAP:,}",
        *(f"{n:,}" for n in numbers),
    )


def test_a_stated_size_and_the_logged_one() -> None:
    """The stated total stands beside model and code of the log."""
    model, code, stated = 15_931_980, 72_046, 15_953_107
    files = submission(
        SampleRun(42, model=model, code=code), metadata={"seed_results": {"42": {"artifact_bytes": stated}}}
    )
    check("fits-claim-against-the-log", files, f"{stated:,}", f"{model + code:,}")


def test_helpers_are_added() -> None:
    """A helper's own bytes, and the heaviest total with them; packed where the script is counted packed."""
    helper = "def run():\n    return 1\n" + "#" * 12_000 + "\n"
    model, code = 15_987_000, 4_000
    entry = "import helper\n\nhelper.run()\n" + "value = 1\n" * 2_000
    packed = Packing("def run():\n    return 1").size
    files = submission(SampleRun(model=model, code=code), code=entry, files={"helper.py": helper})
    check(
        "uncounted-helper", files, f"{len(helper):,}", f"{model + code + len(helper):,}", f"{model + code + packed:,}"
    )


def test_code_sizes() -> None:
    """Counted code stands beside the shipped script, and the seeds' counts beside each other."""
    files = submission(SampleRun(1, code=16_740), SampleRun(2, code=17_000), code="#" * 20_990)
    check("wrapper-size-of-another-form", files, "16,740", "20,990")
    check("code-size-differs-between-seeds", files, "16,740 (seed 1)", "17,000 (seed 2)")


def test_lines_that_differ_are_counted() -> None:
    """The number of lines is that of the lines that only one of the two texts has."""
    source = (
        "import os\nimport sys\nfrom math import log\n\nRATE = 0.022\n\n\ndef main():\n    print(RATE)\n\n\nmain()\n"
    )
    log = source + "=" * 100 + "\n" + SampleRun().log()
    files = submission(SampleRun(), code=source.replace("0.022", "0.03"), files={"train_seed42.log": log})
    check("logged-source-differs", files, "in 1 line", "RATE = 0.022' (shipped: 'RATE = 0.03')")


def test_implied_bytes() -> None:
    """val_loss / ln 2 x tokens / val_bpb, against the bytes of the set."""
    run = SampleRun(1, 0.92, 40_540_160, 4.3864)
    loss = round(run.bpb * math.log(2) * run.bytes_per_token, 8)
    implied = loss / math.log(2) * run.tokens / run.bpb
    numbers = (f"{implied / 1e6:.1f} MB", f"{SET / 1e6:.1f} MB", f"{implied / SET - 1:+.1%}", f"{run.tokens:,}")
    check("denominator-not-the-validation-set", submission(run), *numbers)


def test_a_part_and_other_documents() -> None:
    """A part's bytes and its share of the set's tokens; other documents' tokens and bytes."""
    part = SampleRun(1, 1.08, 3_000_000)
    low = next(row["low"] for row in BOOK.table("validation")["tokenizers"] if row["name"] == "SP8192")
    covered = part.tokens * part.bytes_per_token
    check(
        "part-of-the-validation-set",
        submission(part),
        f"{covered / 1e6:.1f} MB",
        f"{part.tokens / low:.1%}",
        "3,000,000",
    )
    other = SampleRun(1, 1.05, 9_662_464, 3.0997)
    numbers = (f"{other.tokens:,}", f"{other.tokens * other.bytes_per_token / 1e6:.2f} MB", f"{SET / 1e6:.2f} MB")
    check("other-validation-documents", submission(other), *numbers)


def test_the_bytes_of_a_mixture_stand_for_no_tokens() -> None:
    """Where only bytes are counted, no number of tokens is told."""
    mixture = SampleRun(1, 1.05, after="ppm_mix bytes=10982035 mix_bpb=1.00113500")
    files = submission(mixture, metadata={"val_bpb": 1.001135, "seed_results": {}}, readme="# R\n")
    text = told("part-of-the-validation-set", files)
    assert f"{10_982_035 / 1e6:.1f} MB" in text
    assert f"{10_982_035 / SET:.1%}" in text
    assert "tokens" not in text


def test_bytes_per_token_of_two_scorers() -> None:
    """The headline's bytes per token, the usual ones of its run, and how far they are apart."""
    run = SampleRun(1, 1.08, headline_bytes_per_token=3.9)
    usual = 9.01 / math.log(2) / round(9.01 / math.log(2) / run.bytes_per_token, 4)
    numbers = (f"{3.9:.4f}", f"{run.bytes_per_token:.4f}", f"{3.9 / usual - 1:+.1%}")
    check("bytes-of-a-second-scorer", submission(run), *numbers)


def test_bytes_of_a_pass_over_all_tokens() -> None:
    """A pass that says how many tokens and bytes it took stands beside the set's bytes."""
    run = SampleRun(1, 1.08, after="cond_ppm tokens=40540160 bytes=164594398 mix_bpb=0.97955600")
    check("bytes-of-a-second-scorer", submission(run), "40,540,160", "164,594,398", f"{SET:,}")


def test_scores_and_their_nearest() -> None:
    """A claim in no log is told with the nearest result; two headlines are told side by side."""
    check(
        "score-in-no-log",
        submission(SampleRun(1, 1.08), metadata={"val_bpb": 1.0123, "seed_results": {}}),
        "1.0123",
        "1.08",
    )
    check("scores-disagree", submission(SampleRun(1, 1.08), readme="# R\n\n**val_bpb = 0.9796**\n"), "1.08", "0.9796")


def test_a_number_of_a_table() -> None:
    """Each number that is in no log of its seed is told with its seed, and they are counted."""
    rows = "| 42 | 1.0713 |"
    files = submission(SampleRun(42, 1.08), readme=TABLE.format(name="val_bpb", rows=rows, mean="1.08", std="0"))
    check("table-against-the-log", files, "1 number ", "1.0713 (seed 42)")


def test_totals_below_a_seed() -> None:
    """The stated total stands beside the largest stated for a seed."""
    runs = (SampleRun(1, model=15_900_000), SampleRun(2, model=15_903_456))
    files = submission(*runs, metadata={"bytes_total": 15_920_001})
    check("total-below-a-seed", files, "15,920,001", f"{15_903_456 + runs[1].code:,}")


def test_means_and_deviations() -> None:
    """The mean, the sample and the population deviation are those of the stated values."""
    values = (1.07539, 1.07537, 1.07515)
    rows = "\n".join(f"| {seed} | {value} |" for seed, value in enumerate(values, 1))
    files = submission(
        *(SampleRun(seed, value) for seed, value in enumerate(values, 1)),
        readme=TABLE.format(name="val_bpb", rows=rows, mean="1.07600", std="0.00001"),
    )
    check("mean-not-of-its-seeds", files, "1.076", f"{round(fmean(values), 5):g}")
    check("deviation-not-of-its-seeds", files, "1e-05", f"{stdev(values):.2g}", f"{pstdev(values):.2g}")


def test_the_best_seed_as_headline() -> None:
    """A headline of one seed is told beside the mean of all."""
    values = (1.07991, 1.08061, 1.08123)
    runs = tuple(SampleRun(seed, value) for seed, value in enumerate(values, 1))
    check(
        "mean-not-of-its-seeds", submission(*runs, metadata={"val_bpb": values[0]}), "1.07991", f"{fmean(values):.5f}"
    )


def test_the_better_of_two_runs() -> None:
    """The score that counts, and that of the other run."""
    runs = (SampleRun(42, 1.08012), SampleRun(7, 1.08061))
    files = submission(*runs, files={"first/train_seed42.log": SampleRun(42, 1.08133).log()})
    check("better-of-two-runs", files, "1.08012", "1.08133")


def test_the_gain_over_the_record() -> None:
    """The gain in bpb and in nats per token, and the one-sided Welch probability against the row that stood."""
    record = next(row for row in BOOK.table("frontier")["rows"] if row["pr"] == 1626)
    values = (1.0600, 1.0760, 1.0770)
    runs = tuple(SampleRun(seed, value) for seed, value in enumerate(values, 1))
    gain = record["bpb"] - fmean(values)
    p = stats.ttest_ind(values, record["seeds"], equal_var=False, alternative="less").pvalue
    nats = gain * math.log(2) * runs[0].bytes_per_token
    check("insignificant-improvement", submission(*runs), f"{gain:.5f} bpb", f"{nats:.4f} nats", f"p = {p:.3g}")


def test_the_record_that_is_quoted() -> None:
    """The quoted score stands beside the best row of the day."""
    text = "# R\n\nvs leaderboard SOTA (1.0827): better\n"
    check("stale-record-quoted", submission(readme=text), "1.0827", "1.081 ", "2026-04-09")


def test_seeds_are_counted() -> None:
    """The seeds that have a result, and those that a record takes."""
    check("too-few-seeds", submission(SampleRun(1), SampleRun(2)), "2 seeds", f"takes {BOOK.limit('record_seeds'):.0f}")


def test_training_time_and_step() -> None:
    """The clock at the stop, and the time of a step between the last clocks."""
    run = SampleRun(train_ms=605_055, steps=4600)
    check("training-past-the-budget", submission(run), f"{605_055 / 1e3:.1f} s", f"{605.055 / 4600:.2f} s")


def test_calibration_is_added_to_training() -> None:
    """Training, calibration, their sum and the reserve."""
    before = "gptq:reserving 4s, effective=596000ms\nGPTQ:collected 67 Hessians in 11.0s"
    run = SampleRun(train_ms=596_100, before=before)
    check("calibration-past-the-budget", submission(run), "596.1 s", "11.0 s", f"{596.1 + 11.0:.1f} s", "4 s were kept")


def test_evaluation_is_added_up() -> None:
    """Adaptation and scoring, and their sum; on fewer ranks an eighth for each."""
    adapted = "prequant_ttt:start epochs=21\nprequant_ttt:done total_time=523.0s"
    run = SampleRun(before=adapted, eval_ms=115_343)
    check("evaluation-past-the-budget", submission(run), f"{523.0 + 115.343:.1f} s", "523.0 s", "115.3 s")
    few = SampleRun(eval_ms=816_900, world=2)
    check("evaluation-past-the-budget", submission(few), "816.9 s", "2 of 8 ranks", f"{816.9 * 2 / 8:.1f} s")


def test_what_is_outside_the_timer_is_added() -> None:
    """The timer, what was built outside it, and the two together."""
    run = SampleRun(before="hints precompute done elapsed=164.5s", eval_ms=480_000)
    check("evaluation-outside-the-timer", submission(run), "480.0 s", "164.5 s", f"{480 + 164.5:.1f} s")


def test_ranks_are_counted() -> None:
    """The runs that ran elsewhere, of all, and their ranks."""
    files = submission(SampleRun(1), SampleRun(2, world=4), SampleRun(3))
    check("other-hardware", files, "1 of 3", "4 ranks instead of 8")


def test_settings_are_counted() -> None:
    """The settings that differ, with each value."""
    runs = (SampleRun(1, settings="ttt_lr: 0.005\nclip: 1.0"), SampleRun(2, settings="ttt_lr: 0.01\nclip: 0.5"))
    check(
        "settings-differ-between-seeds", submission(*runs), "2 settings", "ttt_lr is 0.005 / 0.01", "clip is 1.0 / 0.5"
    )


def test_declared_and_measured() -> None:
    """A bound and a declaration stand beside the longest evaluation."""
    check(
        "flag-against-the-evidence",
        submission(SampleRun(eval_ms=568_800), readme="# R\n\n- Eval < 200 s\n"),
        "200 s",
        "568.8 s",
    )
    check(
        "stated-setting-differs",
        submission(SampleRun(settings="ttt_epochs: 2"), readme="# R\n\nScore-first TTT, 3 epochs per chunk.\n"),
        "3 (logged 2)",
    )


def test_where_a_log_breaks_off() -> None:
    """The last step before the log ends."""
    run = SampleRun(steps=4600)
    lines = run.log().splitlines(keepends=True)
    cut = "".join(lines[: next(n for n, line in enumerate(lines) if "train_loss" in line) + 1])
    check("log-cut-short", submission(run, files={"train_seed42.log": cut}), f"step {run.steps - 100:,}")


def test_shards_of_an_overlap() -> None:
    """The shards that the log counts, and the documents at which such a split begins."""
    log = SampleRun(1, 1.06, 47_851_520, 3.15736).log().replace("train_shards: 80", "train_shards: 1502")
    check(
        "shards-of-an-overlap",
        submission(SampleRun(1, 1.06), files={"train_seed1.log": log}),
        "1,502",
        "10,000",
        "50,000",
    )
