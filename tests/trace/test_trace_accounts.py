"""Which scores were counted is told by arithmetic."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from golf_audit.trace.accounts import IN_TRAINING, Counting, account, headline, results
from tests.trace.ledgers import Script

TOKENS = 200
EARLY = np.linspace(3.0, 5.0, TOKENS)
LATE = np.linspace(4.5, 2.0, TOKENS)


def in_chunks(script: Script, nll: "np.ndarray[tuple[int], np.dtype[np.float64]]", at: str = "t.py:1:f") -> None:
    """Score all of the stream in chunks of fifty."""
    for start in range(0, TOKENS, 50):
        script.score(range(start + 1, start + 51), nll[start : start + 50].tolist(), at=at)


@pytest.mark.parametrize(
    ("counted", "counting"),
    [(EARLY, Counting.FIRST), (LATE, Counting.LAST), (np.minimum(EARLY, LATE), Counting.LEAST)],
)
def test_first_last_and_least(counted: "np.ndarray[tuple[int], np.dtype[np.float64]]", counting: Counting) -> None:
    """Of two epochs' scores the printed mean says which were counted: the first, the last or the smaller of each."""
    script = Script()
    in_chunks(script, EARLY)
    in_chunks(script, LATE)
    script.result(counted.tolist())
    ledger = script.ledger
    (result,) = results(ledger)
    found = account(ledger, result, TOKENS)
    assert found is not None
    assert found.counting is counting
    assert found.times == 2
    assert found.positions.tolist() == list(range(1, TOKENS + 1))
    assert np.allclose(found.nll, counted)


def test_tails_of_windows() -> None:
    """Of overlapping windows the last tokens count, all of the first's, and the stream's end as often as windows end there."""
    script, counted = Script(), []
    for start in range(0, TOKENS, 10):
        nll = EARLY[start : start + 40] + start / 1000
        script.score(range(start + 1, start + len(nll) + 1), nll.tolist())
        counted.append(nll if not start else nll[-10:])
    script.result(np.concatenate(counted).tolist())
    ledger = script.ledger
    found = account(ledger, results(ledger)[0], TOKENS)
    assert found is not None
    assert found.counting is Counting.TAIL
    assert found.positions.tolist() == list(range(1, TOKENS + 1))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(0.01, 20.0), min_size=TOKENS, max_size=TOKENS), st.floats(0.001, 1.0))
def test_another_mean_is_not_accounted_for(nll: list[float], off: float) -> None:
    """A printed score that is a thousandth or more away from every mean has no account."""
    script = Script()
    in_chunks(script, np.array(nll))
    script.result([loss + off for loss in nll])
    ledger = script.ledger
    assert account(ledger, results(ledger)[0], TOKENS) is None


def test_a_part_of_the_stream_is_no_evaluation() -> None:
    """Half of the stream with the right mean is not taken for the evaluation."""
    script = Script()
    script.score(range(1, 101), EARLY[:100].tolist())
    script.result(EARLY[:100].tolist())
    ledger = script.ledger
    assert account(ledger, results(ledger)[0], TOKENS) is None


def test_scores_after_the_line_do_not_count() -> None:
    """A result is made of scores that were computed before it was printed."""
    script = Script()
    script.result(EARLY.tolist())
    in_chunks(script, EARLY)
    ledger = script.ledger
    assert account(ledger, results(ledger)[0], TOKENS) is None


def test_the_latest_pass_with_the_mean() -> None:
    """Of two passes by different places with one mean, the later stands behind the result."""
    script = Script()
    in_chunks(script, EARLY, at="t.py:1:diagnostic")
    in_chunks(script, EARLY, at="t.py:9:final")
    script.result(EARLY.tolist())
    ledger = script.ledger
    found = account(ledger, results(ledger)[0], TOKENS)
    assert found is not None
    assert found.path[0] == "t.py:9:final"


def test_the_headline_has_the_claimed_label() -> None:
    """The result with the label of the claimed line is the headline; without one, the last that is none of training."""
    script = Script()
    script.line("step:6/6 val_loss:4.0000 val_bpb:1.3000")
    script.result([4.0], "pre_quant")
    script.result([3.0], "final_int8_zlib_roundtrip_exact")
    script.result([2.0], "other")
    found = results(script.ledger)
    assert found[0].label == IN_TRAINING
    assert headline(found, ("final_int8_zlib_roundtrip",)) == found[2]
    assert headline(found, ("nothing like it",)) == found[3]
    assert headline(found[:1], ()) == found[0]
    assert headline((), ()) is None


def test_lines_with_returns_keep_their_places() -> None:
    """A printed line that holds other line ends, or half a character, does not shift those after it."""
    script = Script()
    for odd in ("a\rb", "a\x0bb\u2028c", "\ud800", "progress 1%\rprogress 2%\r"):
        script.line(odd)
    number = script.result([2.0])
    (result,) = results(script.ledger)
    assert result.printed.number == number


@pytest.mark.parametrize("by_slice", [False, True])
def test_what_was_added_up(by_slice: bool) -> None:
    """Of padded windows only the losses that went into the sum count, whether the rest was masked or left out."""
    script, counted = Script(), []
    for start in range(0, TOKENS, 40):
        length = min(60, TOKENS - start)
        nll = EARLY[start : start + length] + start / 1000
        script.score(range(start + 1, start + length + 1), nll.tolist())
        mask = np.arange(length) < 40
        script.add("amount", how="sum", at=["t.py:5:add"], v=nll[mask] if by_slice else nll * mask)
        script.add("amount", how="sum", at=["t.py:6:add"], v=mask.astype(np.float64))
        counted.append(nll[mask])
    script.line("nothing of note")
    script.result(np.concatenate(counted).tolist())
    ledger = script.ledger
    found = account(ledger, results(ledger)[0], TOKENS)
    assert found is not None
    assert found.positions.tolist() == list(range(1, TOKENS + 1))
    assert np.allclose(found.nll, np.concatenate(counted))


def test_sums_of_other_things_do_not_count() -> None:
    """Sums whose terms are no losses of the score leave it out, and a claim made of nothing has no account."""
    script = Script()
    for start in range(0, TOKENS, 50):
        nll = EARLY[start : start + 50]
        script.score(range(start + 1, start + 51), nll.tolist())
        script.add("amount", how="sum", at=["t.py:5:add"], v=nll / 2)
    script.result((EARLY / 2).tolist())
    ledger = script.ledger
    assert account(ledger, results(ledger)[0], TOKENS) is None
