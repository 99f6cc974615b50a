"""Logs as typed events: every family of lines, several runs in a file, embedded source."""

import pytest

from golf_audit.evidence.events import (
    CodeForm,
    CodeSize,
    Crash,
    Echo,
    Evaluation,
    Event,
    Gpu,
    ModelSize,
    Note,
    Phase,
    PhaseKind,
    Progress,
    Reserve,
    Seed,
    Step,
    Stop,
    TotalSize,
    Validation,
    ValTokens,
    Version,
    World,
)
from golf_audit.evidence.families import events_of
from golf_audit.evidence.runlog import RunLog, read_log
from golf_audit.evidence.samples import SampleRun
from golf_audit.submission import Folder


def log_of(text: str, name: str = "train.log") -> RunLog:
    """The log that `text` is."""
    log = read_log(Folder.from_files({name: text}).files[name])
    assert log is not None
    return log


@pytest.mark.parametrize(
    ("line", "event"),
    [
        ("step:400/20000 train_loss:2.4310 train_time:36012ms step_avg:90.03ms", Step(1, 400, 20000, 2.431, 36.012)),
        ("400/20000 train_loss: 2.4310 train_time: 0.6m tok/s: 7600000", Step(1, 400, 20000, 2.431, 36.0, coarse=True)),
        ("step 340 | loss 2.5433 | lr 0.00907 | 300s", Step(1, 340, 0, 2.5433, 300.0)),
        ("step:900/20000 val_loss:2.0411 val_bpb:1.2089 train_time:599982ms", Validation(1, 900, 20000, 2.0411, 1.2089, 599.982)),
        ("900/20000 val_loss: 2.8127 val_bpb: 1.0889", Validation(1, 900, 20000, 2.8127, 1.0889, None)),
        ("stopping_early: wallclock_cap train_time:600133ms step:4518/20000", Stop(1, 600.133, 4518)),
        ("stopping_early: cap reached at step 4622 (Train time: 594.7s)", Stop(1, 594.7, 4622)),
        ("Serialized model: 69118949 bytes", ModelSize(1, "", 69118949)),
        ("Serialized model int6+zstd: 15374410 bytes (payload:22835776)", ModelSize(1, "int6+zstd", 15374410)),
        ("Code size: 52440 bytes", CodeSize(1, 52440, CodeForm.PLAIN)),
        ("Code size (compressed): 26845 bytes", CodeSize(1, 26845, CodeForm.COMPRESSED)),
        ("Code size: 16740 bytes (lzma compressed; raw 72788 bytes)", CodeSize(1, 16740, CodeForm.COMPRESSED, 72788)),
        ("Total submission size int8+zlib: 16560043 bytes", TotalSize(1, "int8+zlib", 16560043)),
        ("Size OK: 15.94 MB", TotalSize(1, "", 15940000, exact=False)),
        ("mlx_version:0.31.1", Gpu(1, "a device of Apple's (MLX)")),
        ("Running MLX 0.31.1", Gpu(1, "a device of Apple's (MLX)")),
        ("seed:1337", Seed(1, 1337)),
        ("world_size:8 grad_accum_steps:1", World(1, 8)),
        ("val_loader:shards pattern=./data/fineweb_val_*.bin tokens:62021632", ValTokens(1, 62021632)),
        ("val_tokens: 40540160", ValTokens(1, 40540160)),
        ("gptq:reserving 12s, effective=588000ms", Reserve(1, 12.0)),
        ("GPTQ:collected 67 Hessians in 12.8s", Phase(1, PhaseKind.CALIBRATION, "GPTQ:collected 67 Hessians", 12.8)),
        ("prequant_ttt:done total_time=523.0s", Phase(1, PhaseKind.ADAPTATION, "prequant_ttt:done", 523.0)),
        ("total_eval_time:497.5s", Phase(1, PhaseKind.TOTAL, "total_eval_time", 497.5)),
        ("ttt_chunk [11/1893] bpb=1.158340 time=3.5s", Progress(1, "ttt_chunk", 11, 1893)),
        ("ema:applying EMA weights", Note(1, "ema:applying EMA weights")),
        ("Running PyTorch 2.8.0+cu128", Version(1, "PyTorch", "2.8.0+cu128")),
        ("|   0  NVIDIA H100 80GB HBM3          On  |   00000000:8D:00.0 Off |", Gpu(1, "NVIDIA H100 80GB HBM3")),
        ("Traceback (most recent call last):", Crash(1, "Traceback (most recent call last):")),
        ("  ttt_enabled: True", Echo(1, "ttt_enabled", "True")),
        ("  seed:                   1337", Seed(1, 1337)),
        ("params:39883904 L:16 d:512 h:8 kv:4 ws:8 ga:1 s:42", Seed(1, 42)),
        ("Training done: 4457 steps, 600.1s", Stop(1, 600.1, 4457)),
        ("Training complete: 4300 steps in 605.7s", Stop(1, 605.7, 4300)),
        ("  phase2 [101/1500] loss=2.2489 ms/step=47 elapsed=5s", Step(1, 101, 1500, 2.2489, 5.0)),
        ("  PPM built: order=5 prune=4 size=11.9MB (782.4s)", Step(1, 0, 0, None, 782.4)),
        (
            "training: 100%|##| 1000/1000 [01:28<00:00, 21.62it/s, loss=1.502]step:1000/1000 train_loss:1.5017 train_time:72007ms",
            Step(1, 1000, 1000, 1.5017, 72.007),
        ),
    ],
)  # fmt: skip
def test_a_line_is_its_event(line: str, event: Event) -> None:
    """A line of a known family gives the event it states, with its numbers in base units."""
    assert event in list(events_of(1, line))


@pytest.mark.parametrize(
    ("line", "label", "bpb", "seconds"),
    [
        ("final_int6_roundtrip val_loss:2.0203 val_bpb:1.1965 eval_time:1547ms", "final_int6_roundtrip", 1.1965, 1.547),
        (
            "ttt_sliding:done val_loss=1.89064359 val_bpb=1.11900566 elapsed=419.3s",
            "ttt_sliding:done",
            1.11900566,
            419.3,
        ),
        ("q_sw vl:1.9226 bpb:1.1387 s:64 t:94699ms", "q_sw", 1.1387, 94.699),
        ("[13:34:49] FINAL QUANTIZED - val_loss:2.0795 val_bpb:1.2331 eval_time:8ms", "FINAL QUANTIZED", 1.2331, 0.008),
        ("[rank0]: quantized val_loss:2.8 val_bpb:1.0840 eval_time:9000ms", "quantized", 1.0840, 9.0),
    ],
)
def test_a_result_is_read_with_its_label_and_time(line: str, label: str, bpb: float, seconds: float) -> None:
    """A result line gives its label, score and seconds, whatever the separators and units."""
    (event,) = [event for event in events_of(1, line) if isinstance(event, Evaluation)]
    assert (event.label, event.bpb, event.seconds) == (label, bpb, seconds)
    assert not event.loose


def test_bytes_and_tokens_of_a_mixture_are_read() -> None:
    """A mixture's line gives the bytes and tokens that it says it scored."""
    (event,) = [
        e for e in events_of(1, "cond tokens=9662464 bytes=32756252 mix_bpb=1.030048") if isinstance(e, Evaluation)
    ]
    assert (event.tokens, event.nbytes) == (9_662_464, 32_756_252)


def test_source_in_a_log_is_not_read_as_a_run() -> None:
    """Format strings and constants of a script that the log carries are no results."""
    rule = "=" * 100
    source = 'import os\nimport sys\nfrom math import log\n\ndef main():\n    print(f"x val_loss:{a} val_bpb:1.0000")\n\nmain()\n'
    log = log_of(f"{source}{rule}\nRunning Python 3.12.3\n{rule}\n" + SampleRun().log())
    assert [event.bpb for event in log.of(Evaluation)] == [1.08]
    assert [embedded.line for embedded in log.sources] == [1]
    assert log.sources[0].text.splitlines()[4] == "def main():"


def test_runs_in_one_file_are_told_apart() -> None:
    """A second run that starts over at step zero is a run of its own, with its own seed and result."""
    log = log_of(SampleRun(1, 1.09).log() + SampleRun(2, 1.08).log())
    assert [(run.seed, run.results[-1].bpb) for run in log.runs] == [(1, 1.09), (2, 1.08)]
    assert log.main.seed == 2


def test_a_log_that_breaks_off_is_noticed() -> None:
    """A log without a stop and a result after its last step is truncated; a whole one is not."""
    whole = SampleRun().log()
    assert not log_of(whole).truncated
    assert log_of(
        "step:10/200 train_loss:5.0 train_time:900ms\nstep:20/200 train_loss:4.0 train_time:1800ms\n"
    ).truncated


def test_the_seed_comes_from_the_name_where_the_log_is_silent() -> None:
    """The file's name gives the seed that its text does not; the text wins where both do."""
    silent = "final_int8 val_loss:2.0000 val_bpb:1.1845\n"
    assert log_of(silent, "train_seed314.log").seed == 314
    assert log_of("seed:7\n" + silent, "train_seed314.log").seed == 7


def test_the_last_clock_stands_for_a_stop() -> None:
    """A run that prints no stop is as long as its last printed clock."""
    log = log_of("step:1/9 train_loss:5.0 train_time:100ms\nstep:9/9 val_loss:3.0 val_bpb:1.90 train_time:900ms\n")
    assert log.main.stop is not None
    assert log.main.stop.seconds == 0.9


def test_a_text_without_training_or_result_is_no_log() -> None:
    """A requirements list or notes give no log at all."""
    assert read_log(Folder.from_files({"notes.txt": "torch\nnumpy\n"}).files["notes.txt"]) is None


def test_the_seed_is_read_from_the_path_that_a_log_prints_first() -> None:
    """A run that prints the path of its own log names its seed there."""
    assert log_of("logs/runpod_8xh100_seed1337.txt\n" + SampleRun(7).log().replace("  seed: 7\n", "")).seed == 1337


@pytest.mark.parametrize(
    "line",
    [
        "[rank0]:[2026-03-26 18:23:12,581] torch._dynamo.convert_frame: [WARNING] time: 3.0s",
        "  Training: 7000 steps, 600s",
    ],
)
def test_warnings_and_plans_say_nothing(line: str) -> None:
    """What a library warns of, and the budget that a run announces, are no measurements."""
    assert not [event for event in events_of(1, line) if isinstance(event, Step | Stop | Phase)]
