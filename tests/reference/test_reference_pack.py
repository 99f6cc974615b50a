"""A packed folder is a complete submission, its numbers are its logs', and it appears whole or not at all."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from golf_audit.reference_model.bundle import packed_script
from golf_audit.reference_model.claims import Author, metadata, readme
from golf_audit.reference_model.commands import main
from golf_audit.reference_model.pack import PackError, pack
from golf_audit.reference_model.presets import preset
from golf_audit.reference_model.results import ResultsError, RunResults, Score, read_results

from tests.toy import SMALL

ROOT = Path(__file__).resolve().parents[2]
AUTHOR = Author("A. Nobody", "anobody", "2026-05-01")


@pytest.fixture(scope="module")
def run(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of the legal recipe at toy scale, two steps long, trained and evaluated by the shipped script itself."""
    folder = tmp_path_factory.mktemp("runs") / "run42"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        for name, value in SMALL.items():
            patch.setenv(name, value)
        options = ["--preset", "legal", "--scale", "toy", "--data", str(data_dir), "--seed", "42"]
        assert main(["train", *options, "--out", str(folder)]) == 0
        assert main(["eval", "--out", str(folder)]) == 0
    return folder


SHOWN = ("ITERATIONS", "WARMUP_STEPS", "TRAIN_BATCH_TOKENS", "VAL_LOSS_EVERY", "LORA_CHUNK_TOKENS", "TTT_CHUNK_TOKENS")
"""Those of `SMALL` that differ from the defaults of the toy scale of `legal`."""


def test_a_packed_folder_is_complete(run: Path, tmp_path: Path) -> None:
    """The folder holds the shipped script, the artifact, the log, README, submission.json and requirements, and nothing else."""
    out = tmp_path / "submission"
    assert main(["pack", "--preset", "legal", "--scale", "toy", "--runs", str(run), "--out", str(out)]) == 0
    assert sorted(path.name for path in out.iterdir()) == [
        "README.md",
        "final_model.int6.ptz",
        "requirements.txt",
        "submission.json",
        "train_gpt.py",
        "train_seed42.log",
    ]
    assert (out / "train_gpt.py").read_bytes() == packed_script(preset("legal", "toy"))
    data = json.loads((out / "submission.json").read_text(encoding="utf-8"))
    sizes = [(out / name).stat().st_size for name in ("train_gpt.py", "final_model.int6.ptz")]
    assert data["bytes_total"] == sum(sizes)
    assert data["bytes_code"] == sizes[0]
    log = (out / "train_seed42.log").read_text(encoding="utf-8")
    assert f"quantized_lora_ttt val_loss:{data['val_loss']:.8f} val_bpb:{data['val_bpb']:.8f} " in log
    assert f"Total submission size quantized+brotli: {sum(sizes)} bytes" in log
    assert packed_script(preset("legal", "toy")).decode().strip() in log
    assert f"**val_bpb {data['val_bpb']:.5f}**" in (out / "README.md").read_text(encoding="utf-8")


def test_packing_twice_is_the_same(run: Path, tmp_path: Path) -> None:
    """The same runs give the same files, byte for byte."""
    config = preset("legal", "toy")
    first, second = (pack(config, [run], tmp_path / name, AUTHOR) for name in ("a", "b"))
    assert {p.name: p.read_bytes() for p in first.iterdir()} == {p.name: p.read_bytes() for p in second.iterdir()}


def made_from(run: Path, folder: Path, *changes: tuple[str, str]) -> Path:
    """A copy of `run` of another seed, its log changed."""
    shutil.copytree(run, folder)
    text = (folder / "train_seed42.log").read_text(encoding="utf-8")
    for old, new in [("\n  seed: 42\n", "\n  seed: 7\n"), *changes]:
        assert old in text
        text = text.replace(old, new)
    (folder / "train_seed42.log").unlink()
    (folder / "train_seed7.log").write_text(text, encoding="utf-8")
    return folder


def test_the_order_of_runs_does_not_matter(run: Path, tmp_path: Path) -> None:
    """Runs are packed by seed, however they are named."""
    config, other = preset("legal", "toy"), made_from(run, tmp_path / "run7")
    first, second = (
        pack(config, [run, other], tmp_path / "a", AUTHOR),
        pack(config, [other, run], tmp_path / "b", AUTHOR),
    )
    assert {p.name: p.read_bytes() for p in first.iterdir()} == {p.name: p.read_bytes() for p in second.iterdir()}
    assert json.loads((first / "submission.json").read_text(encoding="utf-8"))["seeds"] == [7, 42]


def test_the_readme_tells_how_the_runs_were_made(run: Path, tmp_path: Path) -> None:
    """Settings that differ from the script's defaults are in the command; runs that differ among themselves are refused."""
    config = preset("legal", "toy")
    out = pack(config, [run], tmp_path / "out", AUTHOR)
    command = [line for line in (out / "README.md").read_text(encoding="utf-8").splitlines() if "torchrun" in line]
    words = command[0].split()
    assert {f"{name}={value}" for name, value in SMALL.items() if name in SHOWN} <= set(words)
    assert words[-4:] == ["torchrun", "--standalone", "--nproc_per_node=1", "train_gpt.py"]
    other = made_from(run, tmp_path / "run7", ("\n  min_lr: 0.0\n", "\n  min_lr: 0.1\n"))
    with pytest.raises(PackError, match=r"the runs differ in min_lr"):
        pack(config, [run, other], tmp_path / "none", AUTHOR)
    assert not (tmp_path / "none").exists()


def test_an_exhibit_by_switch_says_so(run: Path, tmp_path: Path) -> None:
    """A run of a legal recipe with a forbidden exhibit switched on is packed as the exhibit that it is."""
    switched = made_from(run, tmp_path / "run7", ("\n  ppm_enabled: False\n", "\n  ppm_enabled: True\n"))
    out = pack(preset("legal", "toy"), [switched], tmp_path / "out", AUTHOR)
    text = (out / "README.md").read_text(encoding="utf-8")
    assert "**This folder is an exhibit.**" in text
    assert " PPM_ENABLED=1 " in text


def test_what_does_not_belong_is_refused(run: Path, tmp_path: Path) -> None:
    """A taken place, a repeated seed, another recipe, changed code or artifact, and an unfinished run leave nothing behind."""
    config = preset("legal", "toy")
    copy = tmp_path / "copy"
    out = tmp_path / "out"

    def refused(runs: list[Path], error: type[ValueError], message: str) -> None:
        with pytest.raises(error, match=message):
            pack(config, runs, out, AUTHOR)
        assert sorted(path.name for path in tmp_path.iterdir()) in (["copy"], ["copy", "out"])

    shutil.copytree(run, copy)
    refused([run, copy], PackError, r"seeds \[42, 42\]")
    (copy / "train_gpt.py").write_bytes(packed_script(preset("pr1858", "toy")))
    refused([copy], PackError, "another script")
    shutil.copyfile(run / "train_gpt.py", copy / "train_gpt.py")
    (copy / "final_model.int6.ptz").write_bytes(b"short")
    refused([copy], PackError, "its log counts")
    shutil.copyfile(run / "final_model.int6.ptz", copy / "final_model.int6.ptz")
    artifact = copy / "final_model.int6.ptz"
    artifact.write_bytes(artifact.read_bytes()[:-1] + b"x")
    refused([copy], PackError, "another artifact")
    shutil.copyfile(run / "final_model.int6.ptz", artifact)
    log = copy / "train_seed42.log"
    log.write_text(log.read_text(encoding="utf-8").partition("quantized_lora_ttt")[0], encoding="utf-8")
    refused([copy], ResultsError, "to its end")
    log.unlink()
    refused([copy], ResultsError, "one log")
    out.mkdir()
    refused([run], PackError, "exists already")


def test_a_log_of_another_recipe_is_refused(run: Path) -> None:
    """A run's log belongs to the recipe that it names."""
    with pytest.raises(ResultsError, match="a run of legal, not of pr1858"):
        read_results(run / "train_seed42.log", preset("pr1858", "toy"))


def test_over_the_limit_is_refused(run: Path, tmp_path: Path) -> None:
    """A run over the artifact limit cannot be packed, whatever its log says."""
    with pytest.raises(PackError, match="over the 1000 allowed"):
        pack(replace(preset("legal", "toy"), artifact_bytes=1000), [run], tmp_path / "out", AUTHOR)


def results(seed: int, bpb: float) -> RunResults:
    """A run of three evaluations, the last of which is the claim."""
    labels = ("pre-quantization post-ema", "quantized", "quantized_ttt")
    scores = {label: Score(2.0 * bpb, bpb + (label == "quantized"), 10.0) for label in labels}
    config = replace(preset("pr1858"), seed=seed)
    return RunResults(config, 4600, 599.5, 500.0, 8, 15_900_000 + seed, 22_000, "", scores)


def test_the_tables_are_computed() -> None:
    """Means, standard deviations and the largest total are those of the runs."""
    config, runs = preset("pr1858"), [results(1, 1.0), results(2, 1.1), results(3, 1.2)]
    data = json.loads(metadata(config, runs, AUTHOR, 22_000))
    assert (data["val_bpb"], data["val_loss"]) == (1.1, 2.2)
    assert (data["val_bpb_std"], data["bytes_total"]) == (0.1, 15_922_003)
    assert data["seeds"] == [1, 2, 3]
    text = readme(config, config, runs)
    assert "**val_bpb 1.10000** (mean of 3, standard deviation 0.10000)" in text
    assert "| 2 | 4600 | 1.10000 | 2.10000 | 2.20000 | 1.10000 | 15,922,002 | 599.5 | 500.0 |" in text


def test_an_exhibit_says_so() -> None:
    """The README of a forbidden recipe says that it must not be submitted; a folder without runs claims nothing."""
    legal, exhibit = preset("legal"), preset("pr1972")
    assert "**This folder is an exhibit.**" in readme(exhibit, exhibit, [])
    assert "exhibit" not in readme(legal, legal, [])
    assert "val_bpb" not in json.loads(metadata(preset("legal"), [], AUTHOR, 1))


def test_commands_refuse_plainly(tmp_path: Path, capfd: pytest.CaptureFixture[str], data_dir: Path) -> None:
    """A command that cannot be carried out says why on one line, exits with 64 and leaves nothing half done."""
    taken = tmp_path / "taken"
    taken.mkdir()
    common = ["--preset", "legal", "--scale", "toy", "--data"]
    assert main(["train", *common, str(data_dir), "--out", str(taken)]) == 64
    assert main(["eval", "--out", str(taken)]) == 64
    assert main(["prepare", "--text", str(tmp_path / "none.txt"), "--data", str(tmp_path / "d")]) == 64
    lines = capfd.readouterr().err.splitlines()
    assert len(lines) == 3
    assert all(line.startswith("golf-audit: ") for line in lines)
    assert main(["train", *common, str(tmp_path / "nothing"), "--out", str(tmp_path / "run")]) == 64
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run.failed.log", "taken"]
    assert "refused: no tokenizer at" in (tmp_path / "run.failed.log").read_text(encoding="utf-8")


def test_describe(capsys: pytest.CaptureFixture[str]) -> None:
    """`describe` tells the exact parameter count, the layers' order, what is quantised how, and what is forbidden."""
    assert main(["describe", "--preset", "pr1972"]) == 0
    text = capsys.readouterr().out
    assert "model_params:36993112" in text
    assert "encoder:[0, 1, 2, 3, 4, 5, 3, 4] decoder:[5, 3, 4, 5, 6, 7, 8, 9, 10]" in text
    assert "Hessians: 67" in text
    assert "gptq (int7): tok_emb.weight" in text
    assert "forbidden exhibits: prequant_ttt" in text


def test_prepare(tmp_path: Path, documents: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """`prepare` makes shards of text with a tokenizer trained on it, or with one that is given."""
    text = tmp_path / "text.txt"
    text.write_text("\n\n".join(documents), encoding="utf-8")
    options = ["prepare", "--text", str(text), "--vocab-size", "400", "--data"]
    assert main([*options, str(tmp_path / "one")]) == 0
    made = tmp_path / "one/tokenizers/toy.model"
    assert main([*options, str(tmp_path / "two"), "--tokenizer", str(made)]) == 0
    names = [sorted(p.name for p in (tmp_path / n / "datasets/toy").iterdir()) for n in ("one", "two")]
    assert names[0] == names[1] == ["fineweb_train_000000.bin", "fineweb_val_000000.bin"]
    one, two = (tmp_path / n / "datasets/toy/fineweb_train_000000.bin" for n in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()
    assert "validation tokens" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--tokenizer", "text.txt"], "not a SentencePiece model"),
        (["--val-documents", "999"], "no documents are left for the train split"),
        (["--vocab-size", "90000"], "no tokenizer of 90000 pieces"),
    ],
)
def test_prepare_leaves_nothing_half_done(
    options: list[str],
    message: str,
    tmp_path: Path,
    documents: list[str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What cannot be prepared is refused, and no shard and no tokenizer stays."""
    monkeypatch.chdir(tmp_path)
    Path("text.txt").write_text("\n\n".join(documents[:9]), encoding="utf-8")
    assert main(["prepare", "--text", "text.txt", "--data", "data", *options]) == 64
    assert message in capsys.readouterr().err
    assert not [path for path in tmp_path.rglob("data/**/*") if path.is_file()]


def test_the_commands_start_without_torch() -> None:
    """Asking for help, or naming a recipe, loads neither torch nor numpy."""
    code = "import sys; import golf_audit.reference_model.commands; print({'torch', 'numpy'} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
