"""A run goes from data to a score by itself, says what it does, and ends early rather than wrongly."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from golf_audit.reference_model.bundle import packed_script
from golf_audit.reference_model.commands import main as command
from golf_audit.reference_model.config import Config
from golf_audit.reference_model.presets import PRESETS, preset, preset_from_environment
from golf_audit.reference_model.results import headline
from golf_audit.reference_model.train import main

from golf_audit.evidence.events import (
    CodeSize,
    Echo,
    Evaluation,
    Event,
    Reserve,
    Seed,
    Step,
    TotalSize,
    ValTokens,
    World,
)
from golf_audit.evidence.families import events_of

ROOT = Path(__file__).resolve().parents[2]
CODE = b"print('the script')\n"


def log_of(config: Config) -> str:
    """The text of a run's log."""
    return Path(config.log_path).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", PRESETS)
def test_every_recipe_runs_to_its_score(tiny: Callable[..., Config], name: str) -> None:
    """Each recipe trains, quantises, writes its artifact and reports its headline from it, looped as it should be."""
    config = tiny(name)
    main(config, CODE)
    text = log_of(config)
    assert "layer_loop:enabled step:2" in text
    assert re.search(rf"^{headline(config)} val_loss:\d", text, re.M)
    assert Path(config.artifact_path).is_file()
    assert ("FORBIDDEN" in text) == config.prequant_ttt_enabled
    said = ["Hyperparameters:", "source sha256:", "Running PyTorch", "device: ", "val_tokens:"]
    assert sorted(said, key=text.index) == said
    assert "total_eval_time:" in text


def test_a_run_learns(tiny: Callable[..., Config]) -> None:
    """The loss falls, the average of the weights is what is scored, and quantisation costs little."""
    config = tiny(iterations=12, warmup_steps=1)
    main(config, CODE)
    losses = [float(loss) for loss in re.findall(r"train_loss: ([\d.]+)", log_of(config))]
    scores = dict(re.findall(r"^(\S.*?) val_loss:([\d.]+)", log_of(config), re.M))
    assert losses[-1] < 0.9 * losses[0]
    assert float(scores["quantized"]) == pytest.approx(float(scores["pre-quantization post-ema"]), abs=0.05)


def test_the_same_seed_is_the_same_artifact(tiny: Callable[..., Config], tmp_path: Path) -> None:
    """Two runs of one seed agree byte for byte, warm-up or not; another seed does not."""

    def artifact(**settings: object) -> bytes:
        config = tiny(**settings)
        main(config, CODE)
        return Path(config.artifact_path).read_bytes()

    first = artifact(out_dir=str(tmp_path / "a"))
    assert first == artifact(out_dir=str(tmp_path / "b"), warmup_steps=2)
    assert first != artifact(out_dir=str(tmp_path / "c"), seed=7)


def test_evaluation_needs_only_the_artifact(tiny: Callable[..., Config], monkeypatch: pytest.MonkeyPatch) -> None:
    """The phases run apart: evaluation finds in the artifact all it needs, and its log goes on where training's ended."""
    config = tiny()
    monkeypatch.setenv("PHASE", "train")
    main(config, CODE)
    trained = log_of(config)
    assert "quantized_ttt" not in trained
    monkeypatch.setenv("PHASE", "eval")
    monkeypatch.setattr("golf_audit.reference_model.train.TrainLoader", None)  # evaluation reads no training data
    main(config, CODE)
    assert log_of(config).startswith(trained)
    assert "quantized_ttt val_loss:" in log_of(config)


def test_the_second_clock_runs_from_the_first_moment(
    tiny: Callable[..., Config], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that only evaluates has spent what it took to start; one that also trained has spent nothing yet."""
    monkeypatch.setattr("golf_audit.reference_model.train.seconds_since_start", lambda: 1000.0)
    config = tiny()
    main(config, CODE)
    assert "overdrew" not in log_of(config)
    monkeypatch.setenv("PHASE", "eval")
    main(config, CODE)
    assert re.search(
        r"^total_eval_time:100\d\.\ds budget:600\.0s\nevaluation overdrew its clock by 40", log_of(config), re.M
    )


def test_a_process_knows_its_age() -> None:
    """The seconds since a process began include what it did before it asked."""
    code = "import time; time.sleep(0.5); from golf_audit.reference_model.clock import seconds_since_start as age; print(age())"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert 0.5 <= float(done.stdout) < 60


def test_evaluation_says_what_it_does_differently(tiny: Callable[..., Config], monkeypatch: pytest.MonkeyPatch) -> None:
    """A later process echoes the settings in which it differs from the log so far, and no others."""
    config = tiny("pr1971")
    monkeypatch.setenv("PHASE", "train")
    main(config, CODE)
    before = log_of(config)
    monkeypatch.setenv("PHASE", "eval")
    main(replace(config, eval_stride=16, ttt_enabled=True), CODE)
    echoed = [line for line in log_of(config)[len(before) :].splitlines() if line.startswith("  ")]
    assert echoed == ["  eval_stride: 16", "  ttt_enabled: True"]


@pytest.mark.parametrize("phases", ["train,eval", "train", "eval"])
@pytest.mark.parametrize("name", ["prequant_ttt", "ppm"])
def test_no_exhibit_is_on_in_silence(
    tiny: Callable[..., Config], monkeypatch: pytest.MonkeyPatch, name: str, phases: str
) -> None:
    """Whichever process an exhibit is switched on in, its log says that it is forbidden before it reads a token."""
    config = tiny("legal", **{f"{name}_enabled": True})
    for function in ("train_phase", "eval_phase"):
        monkeypatch.setattr(f"golf_audit.reference_model.train.{function}", lambda *_: None)
    monkeypatch.setenv("PHASE", phases)
    main(config, CODE)
    assert re.search(rf"^FORBIDDEN exhibit on: {name} ", log_of(config), re.M)


def test_a_phase_is_not_misspelt(tiny: Callable[..., Config], monkeypatch: pytest.MonkeyPatch) -> None:
    """A phase that does not exist is refused instead of passed over."""
    monkeypatch.setenv("PHASE", "evaluate")
    with pytest.raises(ValueError, match="'evaluate' is not train, eval or both"):
        main(tiny(), CODE)


def test_exhibits_speak_first(tiny: Callable[..., Config]) -> None:
    """The byte mixture cannot be on without the log saying so before any token is read, nor be the headline."""
    config = tiny(ppm_enabled=True)
    main(config, CODE)
    text = log_of(config)
    assert text.index("FORBIDDEN exhibit on: ppm") < text.index("val_tokens:") < text.index("ppm_mix bytes=")
    assert headline(config) == "quantized_ttt"


def test_no_preset_has_the_mixture_and_two_have_the_training() -> None:
    """The exhibits are on where a recipe is named for them, and nowhere else."""
    assert not any(config.ppm_enabled for config in PRESETS.values())
    assert {name for name, config in PRESETS.items() if config.prequant_ttt_enabled} == {"pr1972", "pr1487"}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"vocab_size": 300}, "512 pieces, but VOCAB_SIZE is 300"),
        ({"dataset": "nothing"}, "no shards match"),
        ({"tokenizer": "none.model"}, "no tokenizer at"),
        ({"artifact_bytes": 5000}, "nothing was written"),
        ({"max_wallclock_seconds": 0.002, "gptq_reserve_seconds": 0.001}, "the first step took"),
        ({"max_wallclock_seconds": 5.0}, "leaves nothing beside a reserve"),
    ],
)
def test_what_cannot_run_is_refused(tiny: Callable[..., Config], settings: dict[str, object], message: str) -> None:
    """Wrong data, too short a clock and too large an artifact end the run with a reason in the log and no artifact."""
    config = tiny(**settings)
    with pytest.raises(SystemExit) as caught:
        main(config, CODE)
    assert caught.value.code == 64
    last = log_of(config).splitlines()[-1]
    assert last.startswith("refused: ")
    assert message in last
    assert not Path(config.artifact_path).exists()


def test_a_damaged_shard_is_refused(tiny: Callable[..., Config], data_dir: Path, tmp_path: Path) -> None:
    """A shard whose header does not fit ends the run before it begins, with the shard's name in the log."""
    copy = tmp_path / "data"
    shutil.copytree(data_dir, copy)
    shard = max(copy.rglob("fineweb_train_*.bin"))
    shard.write_bytes(shard.read_bytes()[:-2])
    config = tiny(data_dir=str(copy))
    with pytest.raises(SystemExit):
        main(config, CODE)
    assert re.search(rf"^refused: {re.escape(str(shard))} holds \d+ bytes, but its header", log_of(config), re.M)
    assert not Path(config.artifact_path).exists()


def test_the_clock_stops_a_run(tiny: Callable[..., Config]) -> None:
    """A run whose clock ends before its steps stops early, says so, and keeps Hessians inside the clock."""
    config = tiny(iterations=10_000, max_wallclock_seconds=2.0, gptq_reserve_seconds=1.0, val_loss_every=0)
    main(config, CODE)
    text = log_of(config)
    stop = re.search(r"^stopping_early: wallclock_cap train_time: (\d+)ms step: (\d+)/10000$", text, re.M)
    clock = re.search(r"^train clock: .* total:([\d.]+)s budget:2.0s$", text, re.M)
    assert stop is not None
    assert int(stop[1]) >= 1000
    assert clock is not None
    assert float(clock[1]) < 2.5


def test_our_own_parser_reads_the_log(tiny: Callable[..., Config]) -> None:
    """The log's lines are those of the contest's families: the auditor reads settings, clocks, sizes and scores from them."""
    config = tiny()
    main(config, packed_script(preset("legal")))
    events: list[Event] = [e for i, line in enumerate(log_of(config).splitlines()) for e in events_of(i, line)]

    def all_of(kind: type[Event]) -> list[Event]:
        return [event for event in events if isinstance(event, kind)]

    assert {event.value for event in all_of(Seed)} == {1337}  # type: ignore[attr-defined]  # of its own kind
    assert {event.size for event in all_of(World)} == {1}  # type: ignore[attr-defined]  # of its own kind
    assert {event.count for event in all_of(ValTokens)} == {1408}  # type: ignore[attr-defined]  # of its own kind
    assert {event.seconds for event in all_of(Reserve)} == {12.0}  # type: ignore[attr-defined]  # of its own kind
    assert len(all_of(Step)) == 4
    assert ("ttt_enabled", "True") in {(e.name, e.value) for e in all_of(Echo)}  # type: ignore[attr-defined]  # of its own kind
    labels = [event.label for event in all_of(Evaluation)]  # type: ignore[attr-defined]  # of its own kind
    assert labels == ["pre-quantization post-ema", "quantized", "quantized_sliding_window", "quantized_ttt"]
    assert all_of(CodeSize)
    assert all_of(TotalSize)


def test_settings_name_a_recipe() -> None:
    """A checkout's run is chosen by PRESET and SCALE; an unknown one is refused with those there are."""
    chosen = preset_from_environment({"PRESET": "pr1487", "SCALE": "toy", "SEED": "7"})
    assert (chosen.preset, chosen.model_dim, chosen.seed) == ("pr1487", 64, 7)
    assert preset_from_environment({}).preset == "legal"
    with pytest.raises(ValueError, match="pr1971, pr1972, pr1858, pr1487, legal"):
        preset("pr1")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["pr1858", "legal"])
def test_two_processes_are_one(name: str, data_dir: Path, tmp_path: Path) -> None:
    """`torchrun` with two processes trains and scores as one process does, within float tolerance."""
    small = {
        "ITERATIONS": "4",
        "NUM_LAYERS": "11",
        "TRAIN_BATCH_TOKENS": "1024",
        "WARMUP_STEPS": "0",
        "TTT_EPOCHS": "1",
    }
    losses = []
    for processes in (1, 2):
        out = tmp_path / str(processes)
        environment = (
            os.environ
            | small
            | {
                "PRESET": name,
                "SCALE": "toy",
                "DATA_DIR": str(data_dir),
                "OUT_DIR": str(out),
                "OMP_NUM_THREADS": "1",
            }
        )
        launcher = ["-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={processes}"]
        run = [sys.executable, *launcher, "-m", "reference_model.train"]
        subprocess.run(run, cwd=ROOT, env=environment, check=True, capture_output=True)
        text = (out / "train_seed1337.log").read_text(encoding="utf-8")
        assert f"  world_size: {processes}\n" in text
        losses.append([float(loss) for loss in re.findall(r"(?:train|val)_loss: ?([\d.]+)", text)])
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)
    assert len(losses[0]) == 4 + 2 + 4


@pytest.mark.slow
def test_a_refusal_of_many_processes_is_a_refusal(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """What rules a run out is told alike for one process and for two, and only the log stays."""
    options = ["train", "--preset", "legal", "--scale", "toy", "--data", str(tmp_path / "none")]
    assert command([*options, "--out", str(tmp_path / "run"), "--processes", "2"]) == 64
    last = capfd.readouterr().err.splitlines()[-1]
    assert last.startswith("golf-audit: the train phase was refused: no tokenizer at ")
    assert [path.name for path in tmp_path.iterdir()] == ["run.failed.log"]


def test_a_team_divides_the_micro_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """A number of processes that does not divide the eight micro-batches of a step is refused."""
    from golf_audit.reference_model.team import join_team

    monkeypatch.setenv("WORLD_SIZE", "3")
    with pytest.raises(ValueError, match="WORLD_SIZE=3 must divide the 8"):
        join_team()


def test_the_headline_is_the_last_legal_evaluation() -> None:
    """What a submission claims follows from what it runs."""
    claimed = {name: headline(config) for name, config in PRESETS.items()}
    assert claimed == {
        "pr1971": "quantized_sliding_window",
        "pr1972": "quantized_sliding_window",
        "pr1858": "quantized_ttt",
        "pr1487": "quantized_sliding_window",
        "legal": "quantized_lora_ttt",
    }
    assert headline(replace(PRESETS["pr1971"], sliding_window_enabled=False)) == "quantized"
