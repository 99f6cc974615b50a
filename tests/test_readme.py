"""README and the generated pages say what is so."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_generated_pages_are_up_to_date() -> None:
    """The page of rules, README's help text and its tree of files are what their generator writes."""
    done = subprocess.run(
        [sys.executable, "docs/generate.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_two_commands_set_up() -> None:
    """README's set-up is two commands: one installs and audits the legal example, one runs the tests."""
    block = re.search(r"<!-- setup -->\n```bash\n(.*?)```", README, re.DOTALL)
    assert block is not None
    install, test = block[1].strip().splitlines()
    folder = install.split("golf-audit static ")[1]
    assert (ROOT / folder / "train_gpt.py").is_file()
    assert "pip install" in install
    assert test.startswith("python -m pytest")


def test_links_lead_somewhere() -> None:
    """Every relative link of the documents leads to a file."""
    for name in (
        "README.md",
        "ARCHITECTURE.md",
        "CONTRIBUTING.md",
        "CHANGELOG.md",
        "docs/reference.md",
        "docs/trace.md",
    ):
        page = ROOT / name
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{name}: {target}"


def test_exit_codes_are_documented() -> None:
    """README, the help text and the code agree about the exit codes."""
    table = dict(re.findall(r"^\| ([a-z-]+) \| (\d) \|", README, re.MULTILINE))
    assert table == {"legal": "0", "illegal": "1", "needs-ruling": "2", "unproven": "2", "none": "3"}
