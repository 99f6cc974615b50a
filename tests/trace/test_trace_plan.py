"""The toy run keeps the claimed run's structure and shrinks its sizes, by the environment or by rewriting, and says so."""

import pytest

from golf_audit.case import Case
from golf_audit.engine import audit
from golf_audit.folder import Folder
from golf_audit.trace.plan import Plan, make_plan, may_be_sizes, plans

SCRIPT = """
import os
class Hyper:
    iterations = int(os.environ.get("ITERATIONS", 20000))
    num_layers = int(os.environ.get("NUM_LAYERS", 11))
    model_dim = int(os.environ.get("MODEL_DIM", 512))
    num_heads = int(os.environ.get("NUM_HEADS", 8))
    num_kv_heads = int(os.environ.get("NUM_KV_HEADS", 4))
    train_seq_len = int(os.environ.get("TRAIN_SEQ_LEN", 2048))
    vocab_size = int(os.environ.get("VOCAB_SIZE", 8192))
    ema_decay = float(os.environ.get("EMA_DECAY", "0.997"))
    ttt_enabled = bool(int(os.environ.get("TTT_ENABLED", "0")))
    ttt_epochs = int(os.environ.get("TTT_EPOCHS", "10"))
    ttt_lr = float(os.environ.get("TTT_LR", 0.1))
    data = os.environ.get("DATA_PATH", "./data")
    calibration_batches = 64
    table_dim = 7
grad_accum_steps = 8 // world_size
def main(args):
    if args.ttt_enabled:
        print(f"legal_ttt_exact val_loss:{1.0:.8f} val_bpb:{1.0:.8f}")
"""
LOG = "num_layers: 9\nlegal_ttt_exact val_loss:1.90099177 val_bpb:1.12587738\n"
README = "# Run\n```bash\nTTT_EPOCHS=4 DATA_PATH=/data/x TTT_LR=0.5 torchrun --nproc_per_node=8 train_gpt.py\n```\n"


def case_of(script: str = SCRIPT, log: str = LOG) -> Case:
    """The case of a small folder."""
    files = {
        "train_gpt.py": script,
        "train.log": log,
        "README.md": README,
        "submission.json": '{"val_bpb": 1.12587738}',
    }
    case = audit(Folder.from_files(files), rules=()).case
    assert case is not None
    return case


def plan_of(script: str = SCRIPT) -> Plan:
    """The plan of a small folder."""
    return make_plan(case_of(script))


def test_sizes_shrink_and_structure_stays() -> None:
    """Widths, windows and steps are small; layers, and what the command said, are as claimed; places of machines are left out."""
    environment = plan_of().environment
    small = {"ITERATIONS": "8", "MODEL_DIM": "64", "NUM_HEADS": "4", "NUM_KV_HEADS": "2", "TRAIN_SEQ_LEN": "64"}
    assert small.items() <= environment.items()
    assert environment["TTT_EPOCHS"] == "3"
    assert environment["TTT_LR"] == "0.5"
    assert "DATA_PATH" not in environment
    assert "NUM_LAYERS" not in environment or environment["NUM_LAYERS"] in {"9", "11"}
    assert plan_of().vocab == 1024


def test_every_change_is_explained() -> None:
    """Each change has what was claimed, what it is now and a reason; a rewritten literal has its place."""
    changes = {change.name: change for change in plan_of().changes}
    assert (changes["ITERATIONS"].claimed, changes["ITERATIONS"].toy, changes["ITERATIONS"].place) == ("20000", "8", "")
    assert changes["TTT_EPOCHS"].claimed == "4"
    assert all(change.why for change in changes.values())
    accumulated = changes["micro-batches of a step"]
    line = SCRIPT.splitlines().index("grad_accum_steps = 8 // world_size") + 1
    assert (accumulated.claimed, accumulated.toy, accumulated.place) == ("8", "2", f"train_gpt.py:{line}")


def test_literals_are_rewritten() -> None:
    """A size without a switch is rewritten in the text that runs; what is already small, or has no role, is not touched."""
    text = plan_of().text
    assert "grad_accum_steps = 2 // world_size" in text
    assert "calibration_batches = 4" in text
    assert "table_dim = 7" in text
    assert len(text.splitlines()) == len(SCRIPT.splitlines())


def test_averages_span_the_same_share() -> None:
    """An average over the last thousands of steps becomes one over the last of a few."""
    assert 0 < float(plan_of().environment["EMA_DECAY"]) < 0.1


def test_switches_of_the_claimed_line() -> None:
    """A switch that is off by default was on if the claimed line is printed under it only."""
    assert plan_of().environment["TTT_ENABLED"] == "1"
    assert plan_of().labels == ("legal_ttt_exact",)
    [change] = [change for change in plan_of().changes if change.name == "TTT_ENABLED"]
    assert "printed only" in change.why


def test_a_toy_run_trains() -> None:
    """A switch that skips training stays off, though the claimed line is printed under it."""
    script = SCRIPT.replace("TTT_ENABLED", "EVAL_ONLY")
    assert plan_of(script).environment.get("EVAL_ONLY", "0") == "0"


def test_modules_are_rewritten_too() -> None:
    """A module of the submission's own is shrunk like the entry."""
    files = {
        "train_gpt.py": "import settings\n",
        "settings.py": "ITERATIONS = 20000\n",
        "README.md": README,
    }
    case = audit(Folder.from_files(files), rules=()).case
    assert case is not None
    assert make_plan(case).modules == {"settings.py": "ITERATIONS = 8\n"}


def test_required_variables_of_a_launcher() -> None:
    """A script that reads its rank or a place without a default is given that of a single process, and one of the run's."""
    environment = plan_of("import os\nrank = int(os.environ['RANK'])\n").environment
    assert (environment["RANK"], environment["WORLD_SIZE"]) == ("0", "1")
    assert plan_of("import os\nx = os.environ['DATA_PATH']\n").environment["DATA_PATH"].startswith("./")
    assert "RANK" not in plan_of("import os\nrank = int(os.environ.get('RANK', 0))\n").environment


def test_ladder() -> None:
    """A second plan keeps the vocabulary and is larger; it says what is different."""
    first, second, *_ = plans(case_of())
    assert (first.vocab, second.vocab) == (1024, 8192)
    assert int(second.environment["MODEL_DIM"]) > int(first.environment["MODEL_DIM"])
    assert second.notes
    assert not first.notes


def test_echo_that_is_no_number() -> None:
    """What a log prints under a setting's name is not taken for its value where it is no number."""
    log = "ttt_epochs: started\n" + LOG
    assert make_plan(case_of(log=log)).environment["TTT_EPOCHS"] in {"3", "4"}


@pytest.mark.parametrize(
    ("why", "again"),
    [
        ("AssertionError: head_dim", True),
        ("RuntimeError: shape '[-1, 64]' is invalid", True),
        ("ModuleNotFoundError: No module named 'fla'", False),
        ("NotImplementedError: triton.language.sort has no stand-in", False),
        ("", False),
    ],
)
def test_another_try(why: str, again: bool) -> None:
    """Only an error that sizes can cause is worth another try."""
    assert may_be_sizes(why) is again
