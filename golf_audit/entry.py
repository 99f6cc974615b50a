"""Which script of a folder is the one that was run."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from golf_audit.folder import File

USUAL = "train_gpt.py"
"""The name that the contest gives the entry script."""
_LAUNCH = re.compile(
    r"(?:\btorchrun|\bpython[\d.]*|\baccelerate\s+launch|\bdeepspeed)\b([^\n;|&`#]{0,400}?[\w)}-]\.py)\b"
)
_SCRIPT = re.compile(r"[^\s'\"=,`(\[]+\.py$")
_CODE_SIZE = re.compile(r"[Cc](?:ode|ODE)[ _]?(?:[Ss]ize|[Bb]ytes|SIZE|BYTES)\b[^\d\n]{0,24}(\d[\d,_]{2,})")
_HEAD = 400_000
"""Characters of a document or log that are searched."""


@dataclass(frozen=True, slots=True)
class Entry:
    """The script that is run."""

    path: str
    reason: str
    """A sentence that says why this script is taken to be the entry."""


@dataclass(frozen=True, slots=True)
class _Launch:
    """A command that starts one of the folder's scripts."""

    script: str
    source: str
    distributed: bool


def choose_entry(files: Mapping[str, "File"], name: str) -> Entry | None:
    """
    The entry among the `files` of the folder called `name`, or None where there is no Python.

    What a document or run script starts comes first, then what the logs' code sizes fit, then the usual name.
    """
    scripts = [path for path in files if path.endswith(".py")]
    if not scripts:
        return None
    if len(scripts) == 1:
        return Entry(scripts[0], f"{scripts[0]} is the folder's only Python file.")
    launches = list(_launches(files, scripts, name))
    return (
        _launched([launch for launch in launches if launch.distributed], scripts)
        or _weighed(files, scripts)
        or _usual(scripts)
        or _launched(launches, scripts)
        or _by_size(files, scripts)
    )


def _launched(launches: list[_Launch], scripts: list[str]) -> Entry | None:
    """What the folder's own commands start: the usual name where it is among them, else the most frequent."""
    if not launches:
        return None
    counts = Counter(launch.script for launch in launches)
    chosen = USUAL if USUAL in counts else min(counts, key=lambda path: (-counts[path], scripts.index(path)))
    source = next(launch.source for launch in launches if launch.script == chosen)
    return Entry(chosen, f"{source} starts {chosen}.")


def _launches(files: Mapping[str, "File"], scripts: list[str], name: str) -> Iterator[_Launch]:
    for file in files.values():
        if not _tells_commands(file):
            continue
        text = re.sub(r"\\+n|\\\n", " ", file.text[:_HEAD])
        for match in _LAUNCH.finditer(text):
            words = match[1].split()
            if (script := _named(words[-1], scripts, name)) is not None and "-c" not in words:
                yield _Launch(script, file.path, _is_distributed(match[0]))


def _is_distributed(command: str) -> bool:
    return command.startswith(("torchrun", "accelerate", "deepspeed")) or "torch.distributed" in command


def _tells_commands(file: "File") -> bool:
    lowered = file.name.lower()
    return lowered.endswith((".sh", ".bash")) or lowered.startswith("readme") or lowered == "submission.json"


def _named(word: str, scripts: list[str], name: str) -> str | None:
    """The script of this folder that a command's `word` names, if it names one."""
    if not _SCRIPT.match(word):
        return None
    parts = [part for part in word.split("/") if part not in {"", "."}]
    if "records" in parts[:-1] and name not in parts:
        return None
    tail = parts[parts.index(name) + 1 :] if name in parts else parts
    wanted = "/".join(tail)
    if wanted in scripts:
        return wanted
    same = [script for script in scripts if script.rpartition("/")[2] == parts[-1]]
    return same[0] if len(same) == 1 or parts[-1] in same else None


def _weighed(files: Mapping[str, "File"], scripts: list[str]) -> Entry | None:
    """The script whose size the logs state as that of the code, where that is not already the usual one."""
    sizes = Counter(_code_sizes(file for file in files.values() if file.name.lower().endswith((".log", ".txt"))))
    fitting = [path for path in scripts if files[path].size in sizes]
    if not fitting or USUAL in fitting:
        return None
    chosen = max(fitting, key=lambda path: sizes[files[path].size])
    if USUAL in scripts and files[chosen].name in files[USUAL].text:
        return Entry(USUAL, f"{USUAL} runs {chosen}, whose size the logs state as that of the code.")
    return Entry(chosen, f"The logs state a code size of {files[chosen].size:,} bytes, which is that of {chosen}.")


def _code_sizes(logs: Iterable["File"]) -> Iterator[int]:
    for log in logs:
        for match in _CODE_SIZE.finditer(log.text):
            yield int(re.sub(r"[,_]", "", match[1]))


def _usual(scripts: list[str]) -> Entry | None:
    if USUAL in scripts:
        return Entry(USUAL, f"{USUAL} is the name that the contest gives the entry.")
    nested = sorted((path for path in scripts if path.endswith(f"/{USUAL}")), key=lambda path: (path.count("/"), path))
    return Entry(nested[0], f"{nested[0]} carries the name that the contest gives the entry.") if nested else None


def _by_size(files: Mapping[str, "File"], scripts: list[str]) -> Entry:
    """The largest script, one called train*.py before any other, one at the top before a nested one."""

    def rank(path: str) -> tuple[bool, bool, int]:
        return files[path].name.startswith("train"), "/" not in path, files[path].size

    chosen = max(scripts, key=rank)
    kind = "train*.py" if files[chosen].name.startswith("train") else "Python file"
    return Entry(chosen, f"{chosen} is the largest {kind} of the folder, and nothing names another.")
