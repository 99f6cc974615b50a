"""Literals that say sizes are found by what they are sizes of, and rewritten where they stand."""

import pytest

from golf_audit.trace.constants import ACCUMULATION, ELEMENTS, read_literals, rewritten

SCRIPT = """
import argparse
LIMIT = 1 << 16
é = "é"; NUM_HEADS = 8; NAME = "text"; ON = True
class H:
    iterations: int = 20_000
    seq_len = 2 * 1024
parser = argparse.ArgumentParser()
parser.add_argument("--n-embd", type=int, default=448)
accum = 8 // world_size
half = 8 // parts
def quantise(t):
    return t if t.numel() <= LIMIT or t.numel() > 0 else t.numel() > 4096
"""


def test_roles() -> None:
    """Names, options, micro-batches and thresholds of elements are read with their values; the rest is not."""
    found = {(literal.role, literal.value) for literal in read_literals(SCRIPT)}
    assert found == {
        ("LIMIT", 65536.0),
        (ELEMENTS, 65536.0),
        ("NUM_HEADS", 8.0),
        ("ITERATIONS", 20000.0),
        ("SEQ_LEN", 2048.0),
        ("N_EMBD", 448.0),
        (ACCUMULATION, 8.0),
        (ELEMENTS, 4096.0),
    }


def test_rewritten_in_place() -> None:
    """Only the literal changes, after other alphabets and several times in a line, too."""
    text = 'é = "é"; A = 10; B = 2 ** 4\nC = A * 3\n'
    changes = {literal: {"A": "1", "B": "2"}[literal.role] for literal in read_literals(text)}
    assert rewritten(text, changes) == 'é = "é"; A = 1; B = 2\nC = A * 3\n'


@pytest.mark.parametrize("text", ["def", "x = 1" * 3, "\x00"])
def test_broken_texts_hold_none(text: str) -> None:
    """A text that is no Python has no literals to rewrite."""
    assert read_literals(text) == ()


def test_newer_grammar() -> None:
    """Where newer grammar moved the columns of a line, a literal is only rewritten if it stands where it should."""
    text = 'x = f"{\'a\' + "b"}"; STEPS = 20000\nWIDTH = 512\n'
    changes = dict.fromkeys(read_literals(text), "1")
    assert rewritten(text, changes) in {
        'x = f"{\'a\' + "b"}"; STEPS = 1\nWIDTH = 1\n',
        'x = f"{\'a\' + "b"}"; STEPS = 20000\nWIDTH = 1\n',
    }
