"""What comes out of the sandbox is read, whatever it is."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from golf_audit.trace.accounts import account, headline, results
from golf_audit.trace.ledger import learned_from, read_ledger
from golf_audit.trace.timeline import draw
from tests.trace.ledgers import Script

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("dsbnep"), inner, max_size=3),
    max_leaves=8,
)
_ARRAY = st.fixed_dictionaries(
    {
        "d": st.sampled_from(["<i4", "<f8", "|O", "<U4", "<c16", "|V8", "x"]),
        "s": _JSON,
        "b": st.text("AB=+", max_size=32),
    }
)
_FIELD = _JSON | _ARRAY
_EVENT = st.fixed_dictionaries(
    {
        "n": _JSON,
        "e": st.sampled_from(["score", "adapt", "forward", "amount", "step", "open", "line", "net", "end", 1]),
    },
    optional=dict.fromkeys(
        ("pos", "nll", "rows", "at", "held", "kind", "grad", "loss_at", "low", "high", "v", "how", "path", "t"), _FIELD
    ),
)


def example() -> Script:
    """Two scores with a step between them, and their result."""
    script = Script()
    script.score(range(1, 9), [2.0] * 8)
    number = script.adapt(range(1, 9))
    script.score(range(9, 17), [1.0] * 8, held=(number, number))
    script.result([1.5])
    script.end()
    return script


def test_a_run_is_read() -> None:
    """Scores, steps, lines and the end come back as they were sent, and nothing is spoiled."""
    ledger = example().ledger
    first, second = ledger.scores
    assert (first.positions.tolist(), first.nll.tolist(), first.held) == (list(range(1, 9)), [2.0] * 8, None)
    assert np.isnan(first.rows[:-1]).all()
    assert first.rows[-1] == 1.0
    assert list(learned_from(ledger, first)) == []
    assert [adapt.number for adapt in learned_from(ledger, second)] == [2]
    assert ledger.end is not None
    assert ledger.spoiled == 0


@settings(max_examples=60, deadline=None)
@given(st.lists(st.binary(max_size=40), max_size=12))
def test_garbage_is_counted(lines: list[bytes]) -> None:
    """Bytes that are no events are counted, one by one, and do not hide the events among them."""
    noise = [b"\xff" + line for line in lines]
    ledger = read_ledger([*noise, *example().lines])
    assert ledger.spoiled == len(noise)
    assert len(ledger.scores) == 2


@settings(max_examples=60, deadline=None)
@given(st.lists(st.builds(lambda raw: json.dumps(raw).encode(), _EVENT | _JSON) | st.binary(max_size=60), max_size=6))
def test_nothing_raises(lines: list[bytes]) -> None:
    """Whatever is written, reading it and all that is made of it come to an end without an exception."""
    ledger = read_ledger([*example().lines[:-1], *lines])
    found = results(ledger)
    chosen = headline(found, ())
    assert chosen is not None
    account(ledger, chosen, 16)
    draw(ledger, 17, None, ())


@pytest.mark.parametrize(
    "forged",
    [
        {"n": 2, "e": "stand-in", "name": "x"},
        {"n": 4, "e": "stand-in", "name": "x"},
        {"n": 5, "e": "stand-in", "name": "x"},
        {"n": 1, "e": "stand-in", "name": "x"},
    ],
)
def test_a_forged_event_shows(forged: dict[str, object]) -> None:
    """An event that somebody else wrote repeats a number or leaves one out, wherever it claims to belong."""
    lines = example().lines
    assert read_ledger([*lines[:3], json.dumps(forged).encode(), *lines[3:]]).spoiled > 0


def test_a_removed_event_shows() -> None:
    """A number that is missing is counted."""
    lines = example().lines
    assert read_ledger([*lines[:1], *lines[2:]]).spoiled == 1


def test_a_last_line_cut_short_is_no_forgery() -> None:
    """A run that was ended from outside may leave half a line; what came before it counts, and nothing is spoiled."""
    lines = example().lines[:-1]
    ledger = read_ledger([*lines[:-1], lines[-1][:20]])
    assert ledger.end is None
    assert len(ledger.scores) == 2
    assert ledger.spoiled == 0


def test_half_a_line_after_the_end_is() -> None:
    """After a proper end nothing is cut short, so half a line there was written by somebody else."""
    assert read_ledger([*example().lines, b'{"n": 6, "e"']).spoiled == 1


@pytest.mark.parametrize("place", [2**40, -2])
def test_positions_out_of_any_stream_are_refused(place: int) -> None:
    """A position that no toy stream has makes its event no event."""
    script = Script()
    script.add("adapt", kind="SGD", at=[], loss_at=[], pos=np.array([place]))
    script.end()
    ledger = script.ledger
    assert ledger.adapts == ()
    assert ledger.spoiled == 2
