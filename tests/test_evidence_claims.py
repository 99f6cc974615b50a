"""Claims: metadata in its schemas, malformed JSON, README tables and prose, and the headline they make."""

import json

import pytest

from golf_audit.evidence import read_evidence
from golf_audit.evidence.claim import Quantity
from golf_audit.evidence.claims import read_claims
from golf_audit.evidence.metadata import read_metadata
from golf_audit.evidence.numbers import numbers
from golf_audit.evidence.positions import read_json
from golf_audit.evidence.readme import StatementKind
from golf_audit.evidence.samples import SampleRun, submission
from golf_audit.finding import Confidence
from golf_audit.submission import Folder


@pytest.mark.parametrize(
    "schema",
    [
        {"seed_results": {"42": {"val_bpb": 1.08}, "1337": {"val_bpb": 1.09}}},
        {"seeds": {"42": {"sliding_bpb": 1.08}, "1337": {"sliding_bpb": 1.09}}},
        {"seed_results": [{"seed": 42, "val_bpb": 1.08}, {"seed": 1337, "val_bpb": 1.09}]},
        {"seeds": [42, 1337], "val_bpb_seeds": [1.08, 1.09]},
        {"seed_42": {"val_bpb": 1.08}, "seed_1337": {"val_bpb": 1.09}},
        {"val_bpb_seed42": 1.08, "val_bpb_seed1337": 1.09},
        {"val_bpb_per_seed": {"42": 1.08, "1337": 1.09}},
    ],
)
def test_per_seed_scores_are_found_in_every_schema(schema: dict[str, object]) -> None:
    """Seven ways to write two seeds' scores give the same claims."""
    metadata = read_metadata(Folder.from_files({"submission.json": json.dumps(schema)}))
    assert {c.seed: c.value for c in metadata.claims if c.quantity is Quantity.BPB} == {42: 1.08, 1337: 1.09}


def test_a_claim_knows_its_pointer_and_line() -> None:
    """A claim from metadata carries its JSON pointer and line."""
    metadata = read_metadata(Folder.from_files({"submission.json": '{\n "name": "x",\n "val_bpb": 1.0611\n}'}))
    assert metadata.headline is not None
    assert (
        metadata.headline.location.pointer,
        metadata.headline.location.line,
        metadata.headline.unit_of_last_place,
    ) == ("/val_bpb", 3, 1e-4)


@pytest.mark.parametrize(
    ("name", "quantity", "seed", "statistic"),
    [
        ("three_seed_mean_bpb_rank80_original_seed42", Quantity.BPB, 42, "mean"),
        ("val_bpb_seed42", Quantity.BPB, 42, ""),
        ("artifact_bytes_max", Quantity.TOTAL_BYTES, None, "max"),
        ("ttt_eval_time_s", Quantity.EVAL_SECONDS, None, ""),
        ("ttt_process_real_s", Quantity.PROCESS_SECONDS, None, ""),
    ],
)
def test_a_field_is_known_by_its_name(name: str, quantity: Quantity, seed: int | None, statistic: str) -> None:
    """A mean is a mean although its name ends in a seed, and a process's time is not the evaluation's."""
    (claim,) = read_metadata(Folder.from_files({"submission.json": json.dumps({name: 1.5})})).claims
    assert (claim.quantity, claim.seed, claim.statistic) == (quantity, seed, statistic)


@pytest.mark.parametrize(
    ("text", "problem", "line"),
    [
        ('{"a": 1\n "b": 2}', "a comma is missing", 2),
        ('{"a": 1}\n{"b": 2}', "there is more after the end of the object", 2),
        ('{"a":\n}', "a value is missing", 2),
        ("{", "a property name in double quotes is missing", 1),
        ("[" * 200, "nested too deeply", 1),
    ],
)
def test_malformed_json_is_located(text: str, problem: str, line: int) -> None:
    """Bad JSON is reported with the line of the mistake, and never raises."""
    document = read_json(text)
    assert (document.problem, document.line) == (problem, line)


def test_what_stands_before_a_mistake_is_kept() -> None:
    """The score before a mistake is still read."""
    assert read_metadata(Folder.from_files({"submission.json": '{"val_bpb": 1.07, "x": }'})).headline is not None


@pytest.mark.parametrize("text", ['{"a": [1, 2.5, {"b": null}], "c": true, "d": "\\u00e9"}', "[]", '{"x": -1e-3}'])
def test_valid_json_reads_as_the_standard_library_does(text: str) -> None:
    """Every leaf has the value that `json` gives it."""

    def leaves(value: object, pointer: str = "") -> dict[str, object]:
        if isinstance(value, dict):
            return {k: v for key, item in value.items() for k, v in leaves(item, f"{pointer}/{key}").items()}
        if isinstance(value, list):
            return {k: v for index, item in enumerate(value) for k, v in leaves(item, f"{pointer}/{index}").items()}
        return {pointer: value}

    assert {pointer: leaf.value for pointer, leaf in read_json(text).leaves.items()} == leaves(json.loads(text))


@pytest.mark.parametrize(
    ("text", "value", "ulp"),
    [
        ("15,953,107", 15_953_107, 1),
        ("15.95 MB", 15_950_000, 10_000),
        ("523.0s", 523, 0.1),
        ("588,097ms", 588.097, 0.001),
        ("-0.04", -0.04, 0.01),
    ],
)
def test_numbers_are_read_in_base_units(text: str, value: float, ulp: float) -> None:
    """Thousands separators, megabytes and milliseconds become bytes and seconds, with the worth of the last digit."""
    (number,) = numbers(text)
    assert number.value == pytest.approx(value)
    assert number.ulp == pytest.approx(ulp)


def test_a_table_by_seed_is_read() -> None:
    """Rows are seeds, columns quantities; mean and deviation rows are known as such; a table of comparisons is left out."""
    table = "| Seed | Sliding BPB | Steps | Artifact |\n|---|---|---|---|\n| 42 | **1.0766** | 4,518 | 15,975,529 |\n| Mean | 1.0766 | | |\n| Std | 0.0004 | | |\n"
    claims = read_claims(
        Folder.from_files({"README.md": "# R\n\n## Results\n\n" + table + "\n## Comparison\n\n" + table})
    ).readme.claims
    assert [(c.quantity, c.value, c.seed, c.statistic, c.location.line) for c in claims] == [
        (Quantity.BPB, 1.0766, 42, "", 7),
        (Quantity.STEPS, 4518.0, 42, "", 7),
        (Quantity.TOTAL_BYTES, 15_975_529.0, 42, "", 7),
        (Quantity.BPB, 1.0766, None, "mean", 8),
        (Quantity.BPB, 0.0004, None, "std", 9),
    ]


def test_times_of_another_machine_are_not_the_run_s() -> None:
    """Below a heading that names another device a table's scores are read, and its times are not."""
    table = "| Seed | val_bpb | TTT time |\n|---|---|---|\n| 42 | 1.1220 | 4,914s |\n"
    folder = Folder.from_files({"README.md": f"# R\n\n## Validation runs (2xA6000, 3 seeds)\n\n{table}"})
    assert [claim.quantity for claim in read_claims(folder).readme.claims] == [Quantity.BPB]


def test_prose_is_read() -> None:
    """The headline, the record that is quoted, a bound on evaluation and a denial of adaptation are read from sentences."""
    text = "# R\n\n**val_bpb = 1.0750** (std 0.0023) | ~15.99 MB\n\nvs leaderboard SOTA (1.0827): better\n- Eval ops < 200s (no TTT)\n"
    readme = read_claims(Folder.from_files({"README.md": text})).readme
    assert readme.headline is not None
    assert readme.std is not None
    assert (readme.headline.value, readme.std.value) == (1.0750, 0.0023)
    assert [(s.value, s.bound) for s in readme.said(StatementKind.EVAL_BOUND)] == [(200.0, True)]
    assert [s.value for s in readme.said(StatementKind.BASELINE)] == [1.0827]
    assert [s.location.line for s in readme.said(StatementKind.NO_TTT)] == [6]


def test_the_headline_is_found_line_by_line() -> None:
    """The claimed mean is traced to one line of each seed's log, with its label."""
    headline = read_evidence(Folder.from_files(submission())).headline
    assert headline is not None
    assert [(line.seed, line.label, line.event.bpb) for line in headline.lines] == [
        (42, "quantized_sliding_window", 1.08),
        (1337, "quantized_sliding_window", 1.0806),
        (2025, "quantized_sliding_window", 1.0812),
    ]
    assert headline.mean == pytest.approx(1.0806)
    assert headline.confidence is Confidence.HIGH


def test_any_field_may_hold_the_headline() -> None:
    """Where a seed states several scores, the field whose mean is the claim is taken, not the first."""
    runs = tuple(
        SampleRun(s, 1.07 + s / 1e5, before=f"quantized val_loss:2.9000 val_bpb:{1.1 + s / 1e5:.8f}") for s in (1, 2, 3)
    )
    seeds = {str(r.seed): {"quantized_bpb": round(r.bpb + 0.03, 5), "ttt_bpb": r.bpb} for r in runs}
    headline = read_evidence(
        Folder.from_files(submission(*runs, metadata={"val_bpb": 1.07002, "seed_results": seeds}, readme="# R\n"))
    ).headline
    assert headline is not None
    assert {line.label for line in headline.lines} == {"quantized_sliding_window"}


def test_a_score_that_is_in_no_log_has_no_headline() -> None:
    """A claim that no line and no mean gives is not traced to anything."""
    assert (
        read_evidence(
            Folder.from_files(submission(metadata={"val_bpb": 1.0, "seed_results": {}}, readme="# R\n"))
        ).headline
        is None
    )


def test_every_run_behind_the_claim_is_claimed() -> None:
    """Two seeds whose runs are in one file are two claimed runs, each with its own steps."""
    runs = (SampleRun(42, 1.08, steps=4600), SampleRun(1337, 1.09, steps=4700))
    files = submission(*runs, files={f"train_seed{run.seed}.log": "" for run in runs})
    evidence = read_evidence(Folder.from_files({**files, "all.log": "".join(run.log() for run in runs)}))
    assert [run.steps for _, run in evidence.claimed_runs] == [4600, 4700]


def test_a_round_number_of_bytes_is_rounded() -> None:
    """A whole number of bytes that ends in zeros may have been rounded there, and one that does not may not."""
    claims = {
        stated: read_metadata(Folder.from_files({"submission.json": json.dumps({"bytes_total": stated})})).claims[0]
        for stated in (15_630_000, 15_340_000, 15_630_001)
    }
    assert claims[15_630_000].agrees(15_633_197)
    assert not claims[15_340_000].agrees(15_360_000)
    assert not claims[15_630_001].agrees(15_633_197)
