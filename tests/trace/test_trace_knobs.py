"""The environment variables that a script reads are found with the value that the claimed run had."""

import pytest

from golf_audit.decoding import decode
from golf_audit.decoding.source import Source
from golf_audit.evidence.configuration import Configuration
from golf_audit.evidence.setting import Setting
from golf_audit.finding import Location
from golf_audit.folder import Folder
from golf_audit.trace.knobs import Knob, read_knobs

HERE = Location("somewhere", 1)


def knobs_of(text: str, env: dict[str, str] | None = None, echo: dict[str, str] | None = None) -> dict[str, Knob]:
    """The variables of a script, with what the command and the log say."""
    source = decode(Folder.from_files({"train_gpt.py": text}), "train_gpt.py")
    assert isinstance(source, Source)
    said = {name: Setting(value, "README command", HERE) for name, value in (env or {}).items()}
    printed = {name: Setting(value, "log", HERE) for name, value in (echo or {}).items()}
    return dict(read_knobs(source, Configuration(env=said, echo=printed)))


@pytest.mark.parametrize(
    ("read", "default"),
    [
        ("int(os.environ.get('STEPS', 20000))", "20000"),
        ("int(os.environ.get('STEPS', '20_000'.replace('_', '')))", ""),
        ("int(os.getenv('STEPS', str(4 * 1024)))", "4096"),
        ("int(os.environ.get('STEPS', 1 << 10))", "1024"),
        ("float(os.environ.get('STEPS', -0.5))", "-0.5"),
        ("_env('STEPS', 7, int)", "7"),
        ("bool(int(os.environ.get('STEPS', True)))", "1"),
        ("os.environ.get('STEPS', default='a')", "a"),
        ("os.environ.get(_S, _T)", "12"),
    ],
)
def test_defaults(read: str, default: str) -> None:
    """The default that the code gives, also by arithmetic, by a helper, and by names that a minifier made."""
    knob = knobs_of(f"import os\n_T = 12\n_S = 'STEPS'\nx = {read}\n").get("STEPS")
    assert knob is not None
    assert (knob.value, knob.source, knob.required) == (default, "code", False)


def test_required() -> None:
    """A variable that is read without a default is required; one that is written is not read."""
    knobs = knobs_of("import os\nrank = int(os.environ['RANK'])\nos.environ['OTHER'] = '1'\n")
    assert knobs["RANK"].required
    assert "OTHER" not in knobs


def test_the_log_has_the_last_word() -> None:
    """The run's own command beats the code, and its log beats the command, in the words of the environment."""
    text = "import os\na = os.environ.get('A', '1')\nb = os.environ.get('B', '1')\nc = os.environ.get('C', '0')\n"
    knobs = knobs_of(text, {"A": "2", "B": "2"}, {"b": "3.0", "c": "True"})
    assert [(knobs[name].value, knobs[name].source) for name in "ABC"] == [
        ("2", "README command"),
        ("3", "log"),
        ("1", "log"),
    ]


@pytest.mark.parametrize("printed", ["None", "/data/x", "start", "1,2"])
def test_what_is_no_value(printed: str) -> None:
    """What a log prints is not taken where it is a place, a list, nothing, or no number for a number."""
    assert knobs_of("import os\nx = os.environ.get('STEPS', 5)\n", echo={"steps": printed})["STEPS"].value == "5"
