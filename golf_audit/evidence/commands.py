"""The commands that a submission says it was run with: README code blocks, run scripts, Dockerfiles."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from golf_audit.evidence.setting import Setting
from golf_audit.finding import Location

if TYPE_CHECKING:
    from golf_audit.submission import File, Folder

_LARGEST = 400_000
"""Bytes; no README or script that a person wrote is longer."""
_RANKS = 8
_FENCE = re.compile(r"^\s*(?:```|~~~)")
_HEADING = re.compile(r"^\s{0,3}#{1,6}\s+(.*)|^\*\*(.+?)\*\*:?\s*$")
_ASSIGN = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=(\"[^\"]*\"|'[^']*'|\$\{[^}]*\}|[^\s;&|\"']*)")
_DOCKER_ENV = re.compile(r"^\s*ENV\s+([A-Z_][A-Z0-9_]*)(?:=|\s+)(\S+)")
_YAML_ENV = re.compile(r"^\s*(?:-\s*)?([A-Z][A-Z0-9_]{2,})\s*[:=]\s*[\"']?([^\s\"'#]+)[\"']?\s*$")
_DEFAULT = re.compile(r"\$\{(\w+)(?::?-([^}]*))?\}|\$(\w+)")
_LAUNCH = re.compile(r"(?:^|[\s/;&|])(?:torchrun|python[\d.]*|deepspeed|accelerate|uv|srun)\b")
_WORD_BEFORE = frozenset(
    {"export", "env", "set", "-e", "--env", "then", "do", "time", "nohup", "sudo", "exec", "declare", "-x"}
)
_COMMENT = re.compile(r"(?:^|\s)#(?!\{).*$")

_FOR_THE_RUN = re.compile(
    r"reproduc|how to run|run(?:ning)? (?:it|command|the)|usage|command|full run|main|record|submission|final|train",
    re.I,
)
_NOT_THE_RUN = re.compile(
    r"ablat|baseline|smoke|debug|quick|sanity|local|previous|mac\b|mlx|apple|single[- ]gpu|\b1[x× ]*gpu|diagnos|variant|optional"
    r"|control|compar|alternativ|negative|not used|disab|without|old\b|tokenizer|dataset|data prep|download|setup|install",
    re.I,
)


@dataclass(frozen=True, slots=True)
class Command:
    """One launch of a script, with the environment that its own text gives it."""

    script: str
    """The Python file it launches, by base name; empty where it launches a module or another tool."""
    env: Mapping[str, Setting]
    file: str
    line: int
    heading: str
    """The nearest heading above it, empty outside Markdown."""
    ranks: int = 0
    """Processes per node that it asks for; 0 where it does not say."""


@dataclass(slots=True)
class _Shell:
    """What a block of shell text has set so far."""

    file: "File"
    source: str
    heading: str = ""
    plain: bool = True
    """Whether a bare `NAME=value` line counts as set for the launch (true in READMEs, where `export` is often forgotten)."""
    exported: dict[str, Setting] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)

    def expand(self, text: str) -> str:
        def value(match: re.Match[str]) -> str:
            name = match[1] or match[3]
            return self.variables.get(name, match[2] if match[2] is not None else match[0])

        return _DEFAULT.sub(value, text.strip("\"'"))

    def launches(self, lines: list[tuple[int, str]]) -> Iterator[Command]:
        for number, line in _logical(lines):
            yield from self._line(number, line)

    def _line(self, number: int, line: str) -> Iterator[Command]:
        launch = _LAUNCH.search(line)
        cut = launch.start() if launch else len(line)
        own = dict(self._assignments(line[:cut], number))
        bare = line[:cut].split(None, 1)[0] if line[:cut].strip() else ""
        for name, setting in own.items():
            self.variables[name] = setting.value
            if bare in {"export", "ENV", "set"} or (launch is None and self.plain):
                self.exported[name] = setting
        if launch is None:
            return
        script = re.search(r"([\w.-]+\.py)\b", line[launch.start() :])
        ranks = re.search(r"nproc[_-]per[_-]node[= ]+(\d+)", line)
        settings = {**self.exported, **own}
        yield Command(
            script[1] if script else "", settings, self.file.path, number, self.heading, int(ranks[1]) if ranks else 0
        )

    def _assignments(self, text: str, number: int) -> Iterator[tuple[str, Setting]]:
        for match in _ASSIGN.finditer(text):
            before = text[: match.start()].split()
            word = before[-1] if before else ""
            if match.start() and not text[match.start() - 1].isspace() and text[match.start() - 1] not in ";&|":
                continue
            if word and word not in _WORD_BEFORE and "=" not in word and not word.endswith((";", "&&", "||")):
                continue
            value = self.expand(match[2])
            yield match[1], Setting(value, self.source, self._place(number, match[0]))

    def _place(self, number: int, words: str) -> Location:
        """Where the words stand, in line `number` or in those that continue it."""
        lines = enumerate(self.file.lines[number - 1 :], number)
        found = next(((line, text.find(words)) for line, text in lines if words in text), (number, 0))
        return self.file.location(*found)


def read_commands(folder: "Folder") -> tuple[Command, ...]:
    """Every launch that the folder's README and scripts show, in reading order."""
    found: list[Command] = []
    for path, file in folder.files.items():
        name = path.rsplit("/", 1)[-1].lower()
        if name.startswith("readme") and file.size < _LARGEST:
            found += _from_markdown(file)
        elif name.endswith((".sh", ".bash", ".slurm", ".sbatch")) and file.size < _LARGEST:
            found += _Shell(file, "run script", plain=False).launches(list(enumerate(file.lines, 1)))
        elif name == "dockerfile" or name.endswith((".yaml", ".yml")):
            found += _from_settings_file(file)
    return tuple(found)


def command_of_the_run(commands: tuple[Command, ...], entry: str) -> Command | None:
    """
    The command that most likely is the claimed run's: it launches `entry` (a base name), stands under a heading about
    reproducing, asks for eight ranks, and sets most; a later one wins a tie. None where nothing launches the entry.
    """
    ours = [command for command in commands if command.script in {entry, "train_gpt.py"} or not command.script]
    ours = [command for command in ours if command.script] or ours
    if not ours:
        return None
    return max(enumerate(ours), key=lambda item: (_fitness(item[1]), item[0]))[1]


def _fitness(command: Command) -> tuple[int, int]:
    score = 2 * bool(_FOR_THE_RUN.search(command.heading)) - 4 * bool(_NOT_THE_RUN.search(command.heading))
    return score + (command.ranks == _RANKS) - (command.ranks == 1), len(command.env)


def _logical(lines: list[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    """Lines with backslash continuations joined, comments and prompts gone, numbered by their first line."""
    start, buffer = 0, ""
    for number, raw in lines:
        text = raw.rstrip()
        if not buffer and text.lstrip().startswith("#"):
            continue
        text = _COMMENT.sub("", text).rstrip() if "#" in text and "'" not in text and '"' not in text else text
        if not buffer:
            start, text = number, re.sub(r"^\s*(?:\$|>|%)\s+", "", text)
        if text.endswith("\\"):
            buffer += text[:-1] + " "
        else:
            if (buffer + text).strip():
                yield start, (buffer + text).strip()
            buffer = ""
    if buffer.strip():
        yield start, buffer.strip()


def _from_markdown(file: "File") -> Iterator[Command]:
    heading, inside = "", False
    block: list[tuple[int, str]] = []
    for number, line in enumerate(file.lines, 1):
        if _FENCE.match(line):
            if inside:
                yield from _Shell(file, "README command", heading).launches(block)
            inside, block = not inside, []
        elif inside:
            block.append((number, line))
        elif match := _HEADING.match(line):
            heading = match[1] or match[2]
        elif _LAUNCH.search(line) and ("    " in line[:4] or line.startswith("\t")):
            yield from _Shell(file, "README command", heading).launches([(number, line.strip())])


def _from_settings_file(file: "File") -> Iterator[Command]:
    env: dict[str, Setting] = {}
    for number, line in enumerate(file.lines, 1):
        if match := _DOCKER_ENV.match(line) or _YAML_ENV.match(line):
            env[match[1]] = Setting(match[2].strip("\"'"), "run script", file.location(number))
    launch = [number for number, line in enumerate(file.lines, 1) if _LAUNCH.search(line) and ".py" in line]
    if env and launch:
        script = re.search(r"([\w.-]+\.py)\b", file.lines[launch[0] - 1])
        yield Command(script[1] if script else "", env, file.path, launch[0], "")
