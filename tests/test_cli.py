"""The command, run as users run it."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from golf_audit.registry import all_rules, known_rules

ROOT = Path(__file__).resolve().parent.parent
RECORDS = ROOT / "examples" / "records" / "track_10min_16mb"
LEGAL = RECORDS / "2026-05-01_ScoreFirst"
ILLEGAL = RECORDS / "2026-05-01_TrainThenScore"


def run(*arguments: object, cwd: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command and give back what it printed."""
    return subprocess.run(
        [sys.executable, "-m", "golf_audit", *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8", **environment},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        timeout=120,
    )


def test_legal() -> None:
    """The score-first example is legal: exit code 0, and nothing found."""
    done = run("static", LEGAL)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(" legal  2026-05-01_ScoreFirst\n")


def test_illegal() -> None:
    """The example that adapts before it scores is illegal, by the line that steps and the authority that forbids it."""
    done = run("static", ILLEGAL)
    assert done.returncode == 1
    assert done.stdout.startswith(" illegal  2026-05-01_TrainThenScore")
    assert "GA-C3-001" in done.stdout
    assert "https://github.com/openai/parameter-golf/" in done.stdout
    assert "would change" in done.stdout


def test_several_folders() -> None:
    """A checkout with several folders gives a report each, and the exit code of the worst."""
    done = run("static", ROOT / "examples", "--quiet")
    assert done.returncode == 1
    assert [line.split()[:2] for line in done.stdout.splitlines()] == [
        ["legal", "2026-05-01_ScoreFirst"],
        ["illegal", "2026-05-01_TrainThenScore"],
    ]


def test_json_alone_on_stdout() -> None:
    """With `--json -` stdout is one JSON document and nothing else."""
    done = run("static", ROOT / "examples", "--json", "-")
    assert done.returncode == 1
    document = json.loads(done.stdout)
    assert [one["verdict"] for one in document["submissions"]] == ["legal", "illegal"]


def test_files_are_written_beside_the_report(tmp_path: Path) -> None:
    """`--json`, `--sarif` and `--markdown` write files, and the terminal report is printed all the same."""
    names = {option: tmp_path / f"report.{option}" for option in ("json", "sarif", "markdown")}
    done = run("static", ILLEGAL, *(part for option, path in names.items() for part in (f"--{option}", path)))
    assert done.returncode == 1
    assert "illegal" in done.stdout
    assert json.loads(names["json"].read_text())["schema"] == "golf-audit/report-1"
    assert json.loads(names["sarif"].read_text())["version"] == "2.1.0"
    assert names["markdown"].read_text().startswith("### illegal: `2026-05-01_TrainThenScore`")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report.json", "report.markdown", "report.sarif"]


def test_events() -> None:
    """`--events` shows that the legal example scores a part before it adapts to it, and which line is the claim."""
    done = run("static", LEGAL, "--events")
    lines = [line.strip() for line in done.stdout.splitlines()]
    scored = next(number for number, line in enumerate(lines) if line.startswith("Score a part of val"))
    adapted = next(number for number, line in enumerate(lines) if line.startswith("Adapt") and " val" in line)
    assert scored < adapted
    assert sum(line.endswith("<-- the claimed score") for line in lines) == 1


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("nowhere", "nowhere: no such directory; expected a records folder"),
        ("file", "file: a file, not a directory; expected a records folder"),
        ("empty", "empty: no submission here; expected a records folder"),
    ],
)
def test_path_that_is_no_submission(path: str, expected: str, tmp_path: Path) -> None:
    """A path that holds no submission is a usage error that names it and says what is expected."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").touch()
    done = run("static", path, cwd=tmp_path)
    assert done.returncode == 64
    assert done.stdout == ""
    assert expected in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("arguments", [(), ("static",), ("bogus",), ("static", "examples", "--bogus")])
def test_usage_errors(arguments: tuple[str, ...]) -> None:
    """A command that is not understood exits with 64, never with a verdict's code."""
    done = run(*arguments)
    assert done.returncode == 64
    assert "usage: golf-audit" in done.stderr


def test_base(tmp_path: Path) -> None:
    """With a base, folders that it has already are left out and named; where nothing is left it says so."""
    base = tmp_path / "base" / "records" / "track_10min_16mb"
    shutil.copytree(LEGAL, base / LEGAL.name)
    done = run("static", ROOT / "examples", "--base", tmp_path / "base", "--json", "-")
    assert done.returncode == 1
    document = json.loads(done.stdout)
    assert [one["folder"] for one in document["submissions"]] == [ILLEGAL.name]
    assert [one["path"] for one in document["left_out"]] == [f"records/track_10min_16mb/{LEGAL.name}"]
    assert f"left out: records/track_10min_16mb/{LEGAL.name}" in done.stderr
    done = run("static", LEGAL, "--base", tmp_path / "base")
    assert (done.returncode, done.stdout) == (64, "")
    assert "nothing to judge" in done.stderr


def test_two_reports_cannot_share_stdout() -> None:
    """Asking for two documents on stdout is a usage error."""
    done = run("static", LEGAL, "--json", "-", "--sarif", "-")
    assert (done.returncode, done.stdout) == (64, "")
    assert "only one of" in done.stderr


def test_file_that_cannot_be_written(tmp_path: Path) -> None:
    """A report that cannot be written is a usage error that names the file, and leaves nothing behind."""
    target = tmp_path / "missing" / "report.json"
    done = run("static", LEGAL, "--json", target)
    assert done.returncode == 64
    assert f"cannot write {target}" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_no_colour_where_there_is_no_terminal() -> None:
    """What is piped holds no escape sequences."""
    assert "\x1b" not in run("static", ILLEGAL).stdout
    assert "\x1b" not in run("static", ILLEGAL, NO_COLOR="1", FORCE_COLOR="1").stdout


def test_output_that_cannot_be_encoded() -> None:
    """A terminal that knows only ASCII gets escapes instead of a crash."""
    done = run("static", ILLEGAL, PYTHONIOENCODING="ascii")
    assert done.returncode == 1
    assert "\\u2502" in done.stdout


def test_closed_pipe() -> None:
    """A reader that goes away is no failure of the audit, and no traceback."""
    command = f"{sys.executable} -m golf_audit rules --markdown - | head -n 1"
    done = subprocess.run(
        ["bash", "-c", f"{command}; exit ${{PIPESTATUS[0]}}"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode in {0, 141}
    assert done.stderr == ""


def test_interrupt() -> None:
    """Ctrl-C ends with a sentence and the shell's exit code for it, not with a traceback."""
    code = """
import signal, sys, time, golf_audit.registry as registry
from golf_audit.__main__ import main
signal.signal(signal.SIGINT, signal.default_int_handler)
registry.all_rules = lambda: (print("ready", flush=True), time.sleep(60))
sys.exit(main(["rules"]))
"""
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=90)
    assert process.returncode == 130
    assert stderr == "golf-audit: interrupted; no audit was performed\n"


def test_rule_that_raises_is_the_auditors_failure(tmp_path: Path) -> None:
    """A rule that crashes gives exit code 3, a message that names it, and no verdict."""
    code = """
import sys, golf_audit.registry as registry
rule = registry.all_rules()[0]
type(rule).check = lambda self, case: 1 / 0
from golf_audit.__main__ import main
sys.exit(main(["static", sys.argv[1], "--json", sys.argv[2]]))
"""
    report = tmp_path / "report.json"
    done = subprocess.run(
        [sys.executable, "-c", code, str(LEGAL), str(report)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    rule = all_rules()[0]
    assert done.returncode == 3
    assert f"error in rule {rule.id}: ZeroDivisionError" in done.stderr
    assert "no audit was performed" in done.stderr
    assert done.stdout.startswith(" no verdict ")
    (submission,) = json.loads(report.read_text())["submissions"]
    assert submission["verdict"] is None
    assert submission["errors"][0]["part"] == f"rule {rule.id}"


def test_decode() -> None:
    """`decode` prints the layers with sizes and hashes, then the text that runs."""
    done = run("decode", LEGAL)
    assert done.returncode == 0
    head, _, text = done.stdout.partition("\n")
    size = (LEGAL / "train_gpt.py").stat().st_size
    assert head.startswith(f"# layer 0: train_gpt.py, {size:,} bytes, sha256 ")
    assert text.strip() == (LEGAL / "train_gpt.py").read_text().strip()


def test_decode_writes_layers(tmp_path: Path) -> None:
    """`decode --output` writes every layer as a file."""
    assert run("decode", LEGAL, "--output", tmp_path).returncode == 0
    (written,) = tmp_path.iterdir()
    assert written.name == "2026-05-01_ScoreFirst.layer0.py"
    assert written.read_text() == (LEGAL / "train_gpt.py").read_text()


def test_rules_lists_every_rule() -> None:
    """`rules` prints a line per rule: code, name, severity, and what it forbids."""
    done = run("rules")
    assert done.returncode == 0
    assert [line.split()[:3] for line in done.stdout.splitlines()] == [
        [rule.code, rule.id, rule.severity.value] for rule in known_rules()
    ]


def test_explain() -> None:
    """`explain` shows the reason, the authority with its link, the way out, and an example of each side."""
    rule = all_rules()[0]
    done = run("explain", rule.code)
    assert done.returncode == 0
    assert done.stdout.startswith(f"{rule.id}  {rule.code}")
    assert "https://github.com/openai/parameter-golf" in done.stdout
    assert rule.would_change in done.stdout
    assert f"Flagged: {rule.illegal[0].title}" in done.stdout
    assert rule.legal[0].title in done.stdout


def test_explain_unknown_rule() -> None:
    """An unknown rule is a usage error with the near names."""
    done = run("explain", all_rules()[0].id + "x")
    assert done.returncode == 64
    assert f"did you mean {all_rules()[0].id}" in done.stderr


def test_shim(tmp_path: Path) -> None:
    """`python cli.py` works from a checkout that was never installed, whatever the working directory."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "cli.py"), "--version"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("golf-audit ")


@pytest.mark.parametrize("arguments", [("--help",), ("rules",), ("explain", "GA-C3-001")])
def test_light_commands_import_nothing_heavy(arguments: tuple[str, ...]) -> None:
    """Help and the list of rules start without libcst, rich, scipy, numpy or torch."""
    code = f"""
import sys
from golf_audit.__main__ import main
try:
    main({list(arguments)!r})
except SystemExit:
    pass
print(sorted(name for name in ("libcst", "rich", "scipy", "numpy", "torch", "brotli") if name in sys.modules), file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
