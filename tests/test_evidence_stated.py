"""Settings that a README states, against the log; the track and the date of a folder."""

import pytest

from golf_audit.engine import audit
from golf_audit.evidence import read_evidence
from golf_audit.evidence.samples import SampleRun, submission
from golf_audit.evidence.stated import as_number, disagreements
from golf_audit.registry import all_rules
from golf_audit.submission import Folder

RUN = SampleRun(settings="ttt_epochs: 2\nmin_lr: 0.1\nema_decay: 0.9965")


def differing(readme: str) -> list[str]:
    """The names of the settings that `readme` gives otherwise than the log of `RUN`."""
    evidence = read_evidence(Folder.from_files(submission(RUN, readme=readme)))
    return [one.name for one in disagreements(evidence)]


def of_track(where: str, name: str, **overlay: object) -> list[str]:
    """What the rule on tracks says about a folder called `name` in the track `where`."""
    rules = [rule for rule in all_rules() if rule.id == "another-track-named"]
    files = submission(metadata=overlay)
    return [one.message for one in audit(Folder.from_files(files, name=name, track=where), rules=rules).findings]


@pytest.mark.parametrize(
    ("text", "number"),
    [("0.10", 0.1), ("True", 1.0), ("off", 0.0), ("131,072", 131072.0), ("5e-4", 0.0005), ("relu", None)],
)
def test_numbers_and_switches(text: str, number: float | None) -> None:
    """A number and a switch are compared as numbers, words are not compared."""
    assert as_number(text) == number


@pytest.mark.parametrize(
    ("header", "row", "names"),
    [
        ("Parameter | Value", "`min_lr` | 0.0", ["min_lr"]),
        ("Hyperparameter | This run | Why", "ema_decay | 0.997 (was 0.9965) | smoother", ["ema_decay"]),
        ("Parameter | Baseline | Value", "min_lr | 0.0 | 0.1", []),
        ("Parameter | Baseline | Other", "min_lr | 0.0 | 0.2", []),
        ("Parameter | Value", "min_lr | 10%", []),
        ("Parameter | Value", "min lr | 0.0", []),
    ],
)
def test_a_table_of_settings(header: str, row: str, names: list[str]) -> None:
    """Only the column of this run's values counts, and only under the names that the log prints."""
    rule = "|".join("---" for _ in header.split("|"))
    assert differing(f"# R\n\n| {header} |\n|{rule}|\n| {row} |\n") == names


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("Score-first TTT with 3 epochs per chunk", ["ttt_epochs"]),
        ("Score-first TTT with 2 epochs per chunk", []),
        ("TTT, 2 epochs instead of the 3 epochs of the previous row", []),
        ("10-epoch pre-quant TTT was tried", []),
    ],
)
def test_epochs_in_prose(line: str, names: list[str]) -> None:
    """Epochs of adaptation are compared where a sentence is about this run's."""
    assert differing(f"# R\n\n{line}\n") == names


def test_a_record_in_the_other_track() -> None:
    """Metadata that say `10min_16mb` do not belong into the non-record track."""
    (message,) = of_track("track_non_record_16mb", "2026-04-15_Stack", track="10min_16mb")
    assert "track_non_record_16mb" in message
    assert "10min_16mb" in message


@pytest.mark.parametrize(
    ("name", "told"), [("2026-04-15_Stack", 0), ("2026-4-5-Stack", 0), ("working", 1), ("2026-03-XX_Stack", 1)]
)
def test_a_folder_carries_its_date(name: str, told: int) -> None:
    """A folder without a date at the beginning of its name is told so."""
    assert len(of_track("track_10min_16mb", name)) == told
