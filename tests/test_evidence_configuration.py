"""What the run was configured with: commands in READMEs and scripts, and what logs echo."""

from golf_audit.evidence import read_evidence
from golf_audit.evidence.commands import command_of_the_run, read_commands
from golf_audit.evidence.samples import SampleRun, submission
from golf_audit.submission import Folder


def env(readme: str, **files: str) -> dict[str, str]:
    """The environment of the chosen command."""
    folder = Folder.from_files(
        {"README.md": readme, "train_gpt.py": "x = 1\n", **{k.replace("__", "."): v for k, v in files.items()}}
    )
    return {name: setting.value for name, setting in read_evidence(folder).configuration.env.items()}


def block(*lines: str, heading: str = "Reproduction") -> str:
    """A README with one fenced block."""
    return f"# R\n\n## {heading}\n\n```bash\n" + "\n".join(lines) + "\n```\n"


def test_assignments_before_the_launch_are_its_environment() -> None:
    """Assignments in front of the launch, over continued lines, are set."""
    text = block(
        "SEED=42 TTT_ENABLED=1 \\",
        "  QK_GAIN_INIT='5.25' \\",
        "  torchrun --standalone --nproc_per_node=8 train_gpt.py",
    )
    assert env(text) == {"SEED": "42", "TTT_ENABLED": "1", "QK_GAIN_INIT": "5.25"}


def test_exports_and_env_are_read() -> None:
    """`export` lines and `env` give the environment too."""
    assert env(block("export A=1 B=two", "env C=3 python train_gpt.py")) == {"A": "1", "B": "two", "C": "3"}


def test_comments_and_flags_are_not_settings() -> None:
    """A comment sets nothing, and a command-line option is no environment variable."""
    assert env(block("# TTT_ENABLED=1", "A=1 torchrun --nproc_per_node=8 train_gpt.py --lr=3 # B=2")) == {"A": "1"}


def test_the_main_command_wins_over_an_ablation() -> None:
    """The command under a heading about the run is chosen, not the one under ablations below it."""
    text = (
        block("TTT_ENABLED=1 torchrun train_gpt.py")
        + "\n## Ablation\n\n```\nTTT_ENABLED=0 A=1 B=2 torchrun train_gpt.py\n```\n"
    )
    assert env(text) == {"TTT_ENABLED": "1"}


def test_a_run_script_is_read_with_its_variables() -> None:
    """A shell script's own variables are expanded; unexported ones are not set."""
    assert env("# R\n", run__sh="LR=0.02\nSEED=${SEED:-7} MATRIX_LR=$LR torchrun train_gpt.py\n") == {
        "SEED": "7",
        "MATRIX_LR": "0.02",
    }


def test_a_setting_knows_its_line() -> None:
    """Every setting carries the file and line that state it."""
    folder = Folder.from_files({"README.md": block("A=1 python train_gpt.py"), "train_gpt.py": "x = 1\n"})
    command = command_of_the_run(read_commands(folder), "train_gpt.py")
    assert command is not None
    assert (command.env["A"].location.file, command.env["A"].location.line, command.env["A"].source) == (
        "README.md",
        6,
        "README command",
    )


def test_nothing_that_launches_another_script_is_the_run() -> None:
    """Preparing data is not the run."""
    assert env(block("VARIANT=sp8192 python3 data/cached_challenge_fineweb.py")) == {}


def test_echoed_settings_are_the_majority_and_disagreements_are_kept() -> None:
    """Three logs of which one differs: the echo is the majority's, and the odd one is named with its line."""
    runs = (
        SampleRun(1, settings="ttt_enabled: True"),
        SampleRun(2, settings="ttt_enabled: False"),
        SampleRun(3, settings="ttt_enabled: False"),
    )
    configuration = read_evidence(Folder.from_files(submission(*runs))).configuration
    assert configuration.echo["ttt_enabled"].value == "False"
    assert list(configuration.disagreements) == ["ttt_enabled"]
    odd = configuration.disagreements["ttt_enabled"][0]
    assert (odd.value, odd.location.file, odd.location.line) == ("True", "train_seed1.log", 4)


def test_pairs_of_the_baseline_are_echoed() -> None:
    """The baseline's `key:value` lines are echoed under lower-case names; measurements are not."""
    text = "train_batch_tokens:524288 max_wallclock_seconds:600.000\nstep:1/2 train_loss:3.0 train_time:5ms\nfinal_int8 val_loss:2.0000 val_bpb:1.1845\n"
    echo = read_evidence(Folder.from_files({"train.log": text})).configuration.echo
    assert {name: setting.value for name, setting in echo.items()} == {
        "train_batch_tokens": "524288",
        "max_wallclock_seconds": "600.000",
    }


def test_a_setting_of_a_continued_command_knows_its_own_line() -> None:
    """Where a command goes on over several lines, a setting's place is the line that it stands in."""
    folder = Folder.from_files({"README.md": block("A=1 \\", "  B=2 \\", "  python train_gpt.py")})
    (command,) = read_commands(folder)
    assert (command.env["B"].location.line, command.env["B"].location.column) == (7, 2)
