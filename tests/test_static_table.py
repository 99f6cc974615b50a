"""The measures of the static audit, on a handful of made-up labels and results."""

import json
from pathlib import Path

import pytest

from benchmarks import measures
from benchmarks.audit_tree import line
from benchmarks.evidence_found import classes, disagreements
from benchmarks.records import Found, Label, Result, quantile, read_results, wilson
from benchmarks.static_table import table
from benchmarks.workers import Lost, each


def label(pr: int, verdict: str, *categories: str, authority: str = "own_reading", confirms: bool = True) -> Label:
    """A label about the folder `entry` of a pull request."""
    folder = f"records/track_10min_16mb/folder{pr}"
    return Label(pr, folder, f"{folder}/train_gpt.py", verdict, categories, authority, confirms)


def result(pr: int, verdict: str, *findings: Found, state: str = "plain", seconds: float = 1.0) -> Result:
    """The result on that folder."""
    folder = f"records/track_10min_16mb/folder{pr}"
    return Result(pr, folder, verdict, "train_gpt.py", state, findings, phases={"walk": seconds}, cpu=seconds)


def found(code: str, confidence: str = "high", severity: str = "disqualifying") -> Found:
    """A finding of some rule of this code."""
    return Found("some-rule", code, severity, confidence, "A foul.", "train_gpt.py:1")


FOUL, OTHER = found("GA-C3-001"), found("GA-BPB-001")
RESULTS = (
    result(1, "legal"),
    result(2, "illegal", FOUL),
    result(3, "illegal", FOUL, seconds=3.0),
    result(4, "needs-ruling", found("GA-C3-001", "medium")),
    result(5, "illegal", OTHER),
    result(6, "illegal", FOUL),
    Result(7, "records/track_10min_16mb/folder7", "", errors=("walk: KeyError: 1",)),
    Result(8, "records/track_10min_16mb/folder8", "unproven", state="limit", unproven=("source: too large (a.py)",)),
    result(9, "needs-ruling", found("GA-C1-006", severity="ruling")),
)
LABELS = (
    label(1, "legal", "legal_no_ttt", authority="merged"),
    label(2, "legal", "legal_no_ttt", authority="merged"),
    label(3, "illegal", "prequant_ttt_multi_epoch"),
    label(4, "illegal", "score_after_adapt_ttt"),
    label(5, "illegal", "prequant_ttt_multi_epoch"),
    label(6, "disputed", "slot_causal"),
    label(9, "legal", "legal_no_ttt"),
    label(10, "illegal", "over_bytes", confirms=False),
)
JUDGED = measures.pair(LABELS, RESULTS)


def test_false_alarms_are_told_apart_by_authority() -> None:
    """Illegal on a merged legal, on another legal and on a disputed one are three counts, each with its names."""
    merged, other, disputed, metadata = measures.false_alarms(JUDGED)
    assert (merged.hits, merged.total) == (1, 2)
    assert merged.named == ("#2 legal_no_ttt (merged): illegal: GA-C3-001 some-rule",)
    assert (other.hits, other.total) == (0, 1)
    assert (disputed.hits, disputed.total) == (1, 1)
    assert metadata.figure() == "none to count"


def test_recall_counts_only_what_was_audited_and_names_misses() -> None:
    """Recall is over the audited code-visible fouls; a miss is named with the verdict and what was said instead."""
    recall = measures.recall(JUDGED)
    assert (recall.hits, recall.total) == (2, 3)
    assert recall.named == ("#4 score_after_adapt_ttt (own_reading): needs-ruling: GA-C3-001 some-rule?",)


def test_foul_found_for_another_reason_is_told() -> None:
    """A foul judged illegal by a rule about something else counts as judged, but not as found for itself."""
    rows = {measure.title: (measure.hits, proper) for measure, proper in measures.recall_by_class(JUDGED)}
    assert rows["prequant_ttt_multi_epoch"] == (2, 1)


def test_open_questions_on_legal_ones_are_named() -> None:
    """A legal submission that needs a ruling is counted, with the rule that asked."""
    asked = measures.open_questions(JUDGED)
    assert (asked.hits, asked.total) == (1, 3)
    assert "GA-C1-006 some-rule?" in asked.named[0]


def test_failures_and_unread_entries_are_counted_over_all_folders() -> None:
    """A failure of the auditor and an entry that it could not read are counted whether labelled or not."""
    assert [(row.hits, row.total) for row in (measures.failures(RESULTS), measures.unread(RESULTS))] == [(1, 9), (1, 9)]
    assert measures.failures(RESULTS).named == ("#7 folder7: walk: KeyError: 1",)
    assert measures.unread(RESULTS).named == ("#8 folder8: limit: source: too large (a.py)",)


def test_label_is_about_the_folder_that_holds_its_entry() -> None:
    """A label whose folder only groups others is about the folder below it that holds the entry."""
    grouped = Label(1, "records/a/records", "records/a/records/a/x/train.py", "legal", (), "merged", code_confirms=True)
    assert grouped.is_about("records/a/records/a/x")
    assert not grouped.is_about("records/a/records/a/xy")


@pytest.mark.parametrize(
    ("hits", "total", "low", "high"), [(0, 0, 0.0, 1.0), (0, 36, 0.0, 0.0964), (81, 100, 0.7222, 0.8749)]
)
def test_wilson(hits: int, total: int, low: float, high: float) -> None:
    """Wilson's interval has its textbook values, and says nothing where nothing was counted."""
    assert wilson(hits, total) == pytest.approx((low, high), abs=5e-4)


def test_quantiles() -> None:
    """A quantile is a value that was measured."""
    assert [quantile([3, 1, 2, 10], share) for share in (0.5, 0.95, 1.0)] == [2, 10, 10]


def test_table_tells_the_times_and_every_name() -> None:
    """The printed table holds each figure, the worst time and every named miss."""
    text = "\n".join(table(RESULTS, JUDGED))
    assert "| illegal on legal, merged | 1/2 = 50.0 % [9.5, 90.5] | 0 |" in text
    assert "1.00, 3.00, 3.00" in text
    assert "#4 score_after_adapt_ttt" in text


def test_results_survive_a_cut_and_a_second_audit(tmp_path: Path) -> None:
    """Results read back as they were written; a line cut short is dropped, and a folder's later line wins."""
    path = tmp_path / "results.jsonl"
    later = result(1, "illegal", FOUL)
    path.write_text("".join(map(line, (*RESULTS, later))) + line(RESULTS[0])[:40])
    assert read_results(path) == (later, *RESULTS[1:])
    assert json.loads(path.read_text().splitlines()[0])["pr"] == 1


def _double(job: int) -> int:
    if job == 3:
        raise SystemExit(9)
    while job == 4:
        pass
    return 2 * job


def test_a_job_that_dies_or_hangs_is_lost_alone() -> None:
    """A job that ends its process and one that never ends are reported as lost; all others are done."""
    done = list(each(_double, range(6), processes=2, limit=0.5))
    lost = {one.job: one.reason for one in done if isinstance(one, Lost)}
    assert sorted(one for one in done if isinstance(one, int)) == [0, 2, 4, 10]
    assert lost == {3: "its process ended with code 9", 4: "took longer than 0.5 s"}


def test_what_is_found_of_the_evidence_is_counted() -> None:
    """Each disagreement is counted once for a pull request, hints are not, and a class is found, of what was audited, by the rules about it."""
    results = (
        result(1, "legal", found("GA-ART-001", severity="info")),
        result(2, "illegal", found("GA-ART-001"), found("GA-ART-001")),
        result(3, "legal", found("GA-ART-001", confidence="low")),
    )
    labels = (label(1, "legal"), *(label(pr, "illegal", "over_bytes") for pr in (2, 3, 4)))
    told = "\n".join(disagreements(results))
    assert "| GA-ART-001 some-rule | 2 | 2 disqualifying, high; 1 info, high | #1, #2 |" in told
    told = "\n".join(classes(results, labels))
    assert "| over_bytes | 1 of 2 | #3 (nothing) |" in told
    assert "illegal by evidence: 0 of 1 legal, 0 of them merged" in told
