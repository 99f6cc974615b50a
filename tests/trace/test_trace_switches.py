"""Switches are inferred from the claimed line only where its place leaves no other reading."""

import pytest

from golf_audit.trace.knobs import Knob
from golf_audit.trace.switches import forced

KNOBS = {
    "TTT": Knob("TTT", "0", "code"),
    "SLIDING": Knob("SLIDING", "0", "code"),
    "SAID": Knob("SAID", "0", "log"),
    "ON": Knob("ON", "1", "code"),
    "WORD": Knob("WORD", "False", "code"),
}
HEAD = """
import os
class H:
    ttt = bool(int(os.environ.get("TTT", "0")))
    sliding = os.environ.get("SLIDING", "0") == "1"
    said = int(os.environ.get("SAID", "0"))
    on = int(os.environ.get("ON", "1"))
    word = os.environ.get("WORD", "False") == "True"
    both = int(os.environ.get("TTT", "0")) + int(os.environ.get("SLIDING", "0"))
"""


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("if h.ttt: print(f'final val_loss:{x}')", {"TTT": "1"}),
        ("if h.ttt and h.sliding: print(f'final val_loss:{x}')", {"TTT": "1", "SLIDING": "1"}),
        ("if h.ttt or h.sliding: print(f'final val_loss:{x}')", {}),
        ("if not h.ttt: pass\nelse: print(f'final val_loss:{x}')", {"TTT": "1"}),
        ("if h.ttt: pass\nelse: print(f'final val_loss:{x}')", {}),
        ("if h.word: timed('final', f)", {"WORD": "True"}),
        ("if h.said: print(f'final val_loss:{x}')", {}),
        ("if h.on: print(f'final val_loss:{x}')", {}),
        ("if h.both: print(f'final val_loss:{x}')", {}),
        ("if h.ttt: print(f'final_other val_loss:{x}')", {}),
        ("def f():\n    print(f'final val_loss:{x}')\ndef main():\n    if h.ttt:\n        f()\n", {"TTT": "1"}),
        ("def f():\n    print(f'final val_loss:{x}')\nf()\nif h.ttt:\n    f()\n", {}),
        ("def (", {}),
    ],
)
def test_forced(code: str, found: dict[str, str]) -> None:
    """What must be on, by conditions, conjunctions, negations and the only call of a function; nothing that was said already."""
    assert forced(HEAD + code, ["final"], KNOBS) == found
