"""The fact table: claimed beside observed, with both places, and what is drawn of it."""

import io
import json

from rich.console import Console

from golf_audit.evidence import read_evidence
from golf_audit.evidence.facts import Fact, Stage, fact_table
from golf_audit.evidence.samples import SampleRun, submission
from golf_audit.reports.facts_table import facts_table, number
from golf_audit.submission import Folder

FOLDER = Folder.from_files(
    submission(
        SampleRun(42, 1.08),
        SampleRun(7, 1.09),
        metadata={"seed_results": {"42": {"val_bpb": 1.07, "artifact_bytes": 15_920_000}}},
    )
)


def row(seed: int | None, quantity: str) -> Fact:
    """One row of the table, as the metadata states it first."""
    return next(fact for fact in fact_table(read_evidence(FOLDER)) if (fact.seed, fact.quantity) == (seed, quantity))


def test_agreement_and_disagreement_are_marked() -> None:
    """A number that the log bears out agrees, one that it does not bear out does not, and one that nobody claims is neither."""
    assert (row(42, "artifact").claimed, row(42, "artifact").observed, row(42, "artifact").agrees) == (
        15_920_000,
        15_920_000,
        True,
    )
    assert row(7, "training time").agrees is None
    assert row(7, "training time").observed == 588.1
    assert row(None, "artifact, heaviest seed").agrees is True


def test_the_nearest_claim_stands_beside_a_score() -> None:
    """A seed's score is set beside the stated score that is nearest to it, from metadata or README."""
    fact = row(42, "val_bpb")
    assert (fact.claimed, fact.observed, fact.agrees) == (1.08, 1.08, True)
    assert fact.source is not None
    assert fact.source.file == "train_seed42.log"


def test_the_validation_text_is_a_row() -> None:
    """The bytes that a score implies stand beside the bytes of the set."""
    fact = row(42, "text scored")
    assert (fact.stage, fact.claimed, fact.agrees) == (Stage.VALIDATION, 151_080_891.0, True)
    assert fact.observed is not None
    assert abs(fact.observed / 151_080_891 - 1) < 1e-3


def test_facts_are_plain_data() -> None:
    """The facts survive JSON as they are, and hold the table, the logs and the headline."""
    facts = read_evidence(FOLDER).facts()
    assert json.loads(json.dumps(facts)) == facts
    assert {"table", "logs"} <= set(facts)


def test_the_table_is_drawn() -> None:
    """The drawn table shows every number with its unit's reading, and marks."""
    out = io.StringIO()
    Console(file=out, width=200).print(facts_table(fact_table(read_evidence(FOLDER))))
    drawn = out.getvalue()
    assert "15,920,000" in drawn
    assert "588.1 s" in drawn
    assert "train_seed42.log" in drawn
    assert (number(None, "s"), number(1.08, "bpb"), number(4600, "steps")) == ("—", "1.08000", "4,600")


def test_numbers_are_whole_at_the_usual_width() -> None:
    """At a hundred columns only the places and the notes are broken into lines, and a long file name is shortened in its middle."""
    log = SampleRun(42, 1.08).log()
    files = submission(SampleRun(42, 1.08), files={"train_seed42.log": "", f"logs/{'long_' * 9}seed42.log": log})
    out = io.StringIO()
    Console(file=out, width=100).print(facts_table(fact_table(read_evidence(Folder.from_files(files)))))
    drawn = " ".join(out.getvalue().split())
    assert "artifact, heaviest seed ✓ 15,920,000 15,920,000" in drawn
    assert "long_long_lo…_seed42.log:16" in drawn


def test_one_number_is_told_once() -> None:
    """A seed's size that metadata and README both state is one row; two sizes stated for one seed are two."""
    rows = fact_table(read_evidence(FOLDER))
    assert [fact.claimed for fact in rows if (fact.seed, fact.quantity) == (42, "artifact")] == [15_920_000.0]
    told = "# R\n\n| Seed | Artifact (bytes) |\n|---|---|\n| 42 | 15,910,000 |\n"
    other = read_evidence(Folder.from_files(submission(SampleRun(42), readme=told)))
    assert [f.claimed for f in fact_table(other) if f.quantity == "artifact"] == [15_920_000.0, 15_910_000.0]
