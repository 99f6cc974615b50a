"""
Writes what the documentation says twice: the page of rules, README's help text and its tree of files.

`python docs/generate.py` writes; with `--check` it only compares, and fails where something is out of date.
"""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TOP = ("golf_audit", "rules", "reference_model", "examples", "tests", "benchmarks", "docs")
"""Folders of the tree, in order."""
DEEP = (
    "golf_audit",
    "golf_audit/decoding",
    "golf_audit/program",
    "golf_audit/evidence",
    "golf_audit/reports",
    "golf_audit/sandbox",
    "golf_audit/trace",
    "golf_audit/trace/inside",
)
"""Folders whose files are listed one by one."""
COLUMN = 34
"""Where the half-line about a file begins."""
LONGEST = 90
"""Characters of that half-line."""
ABOUT = {
    "golf_audit": "the engine; imports no torch at import time",
    "golf_audit/decoding": "a script peeled to the text that runs, by reading its constants",
    "golf_audit/decoding/library": "the functions of other libraries that wrappers call, as far as they only unpack",
    "golf_audit/evidence": "logs, submission.json and README as facts, and whether they agree",
    "golf_audit/program": "the abstract walk: what the entry script does to tokens, in order",
    "golf_audit/reports": "one file per format",
    "golf_audit/sandbox": "where everything runs that a submission brought; its docstring says what it does not hold off",
    "golf_audit/schema": "the JSON schema of a report",
    "golf_audit/trace": "the runtime witness: the submission's own code, run small, observed, and compared with itself",
    "golf_audit/trace/inside": "what runs in the sandbox beside the submission: the observer",
    "golf_audit/trace/inside/standins": "what takes the place of hardware and of packages that are not there",
    "rules": "one foul, one file: reason, authority, examples, check",
    "reference_model": "the contest's recipe as readable modules; itself a submission",
    "examples": "two small submissions of ours, one legal and one not",
    "tests": "one file per module; the rules' examples run as tests",
    "benchmarks": "speed, memory, and accuracy on labelled pull requests",
    "docs": "this generator",
}


def main() -> int:
    """Write, or compare with `--check`; 1 where it compares and a file is out of date."""
    stale = {path: text for path, text in generated() if not path.exists() or path.read_text(encoding="utf-8") != text}
    names = " ".join(str(path.relative_to(ROOT)) for path in stale)
    if "--check" in sys.argv[1:]:
        print(f"out of date, run `make docs`: {names}" if stale else "up to date")
        return int(bool(stale))
    for path, text in stale.items():
        path.write_text(text, encoding="utf-8")
    print(f"wrote {names}" if stale else "nothing to write")
    return 0


def generated() -> Iterator[tuple[Path, str]]:
    """Every generated file with the text that it should have."""
    readme = ROOT / "README.md"
    text = readme.read_text(encoding="utf-8")
    yield readme, block(block(text, "help", help_text()), "tree", tree())
    yield ROOT / "rules" / "README.md", command("rules", "--markdown", "-")


def block(text: str, name: str, content: str) -> str:
    """The text with the block between `<!-- name -->` and `<!-- /name -->` replaced."""
    pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
    found, count = pattern.subn(lambda match: f"{match[1]}```text\n{content}```\n{match[2]}", text)
    if count != 1:
        raise ValueError(f"README.md must hold the markers of {name} once, it holds them {count} times")
    return found


def help_text() -> str:
    """What the command says about itself and about its main job."""
    asked = (("--help",), ("static", "--help"), ("trace", "--help"))
    return "\n".join(f"$ golf-audit {' '.join(words)}\n{command(*words)}" for words in asked)


def command(*arguments: str) -> str:
    """What the command prints, at a width of 100."""
    return subprocess.run(  # noqa: S603 -- this project's own command
        [sys.executable, "-m", "golf_audit", *arguments],
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "100", "NO_COLOR": "1", "PYTHONIOENCODING": "utf-8"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        encoding="utf-8",
    ).stdout


def tree() -> str:
    """Folders, and the engine's files with the first sentence of their docstrings."""
    lines = [entry("cli.py", summary(ROOT / "cli.py"))]
    for top in TOP:
        if (ROOT / top).is_dir():
            lines += folder(ROOT / top)
    return "\n".join(lines) + "\n"


def folder(path: Path) -> Iterator[str]:
    """A folder's line, then the lines of what is in it."""
    name = path.relative_to(ROOT).as_posix()
    depth = name.count("/")
    yield entry(f"{'  ' * depth}{path.name}/", ABOUT.get(name, ""))
    if name not in DEEP:
        return
    for file in sorted(path.glob("*.py")):
        if file.name != "__init__.py":
            yield entry(f"{'  ' * (depth + 1)}{file.name}", summary(file))
    for below in sorted(path.iterdir()):
        if below.is_dir() and (below / "__init__.py").exists():
            yield from folder(below)


def entry(name: str, about: str) -> str:
    """One line of the tree."""
    return f"{name:<{COLUMN}}{about}".rstrip()


def summary(file: Path) -> str:
    """The first sentence of a module's docstring; a long one loses what follows its last colon, comma or bracket."""
    text = " ".join((ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or "").split())
    first = re.split(r"(?<=[^.])\.(?:\s|$)|; ", text, maxsplit=1)[0]
    while len(first) > LONGEST and (shorter := re.match(r"(.*)(?:[:,] | \()", first)):
        first = shorter[1]
    return first if first[1:2].isupper() else first[:1].lower() + first[1:]


if __name__ == "__main__":
    sys.exit(main())
