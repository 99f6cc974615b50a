"""Which lines of a log were printed by the run, and which are the source or the `nvidia-smi` box that the run printed first."""

import itertools
import re
from dataclasses import dataclass

_LEAST_PYTHON = 4
_LONG_HEAD = 40
"""More lines than this before the first import are the run's own, printed before its source."""
_RULE = re.compile(r"^={40,}\s*$")
_PYTHON = re.compile(
    r"^(?:import |from \w[\w.]* import|def \w+\(|class \w+|@\w+|if __name__)|^import \w+ as \w+,|b85decode\("
)
_LAST = re.compile(r"^(?:if __name__\s*==|    main\(\)|main\(\)|.*b85decode\()")
_SOURCE_HEADER = re.compile(r"^\s*source code:?\s*$", re.I)


@dataclass(frozen=True, slots=True)
class Embedded:
    """A script that a log carries: its first one-based line and its text."""

    line: int
    text: str


def split(lines: tuple[str, ...]) -> tuple[list[tuple[int, str]], tuple[Embedded, ...]]:
    """The numbered runtime lines, and the sources embedded between them."""
    runtime: list[tuple[int, str]] = []
    sources: list[Embedded] = []
    for start, end in _blocks(lines):
        first, last = _source_within(lines, start, end)
        runtime.extend((number + 1, lines[number]) for number in range(start, first) if lines[number])
        if last > first:
            sources.append(Embedded(first + 1, "\n".join(lines[first:last])))
        runtime.extend((number + 1, lines[number]) for number in range(last, end) if lines[number])
    return runtime, tuple(sources)


def _blocks(lines: tuple[str, ...]) -> list[tuple[int, int]]:
    """Index ranges between the rules of `=`."""
    rules = [index for index, line in enumerate(lines) if line[:4] == "====" and _RULE.match(line)]
    edges = [-1, *rules, len(lines)]
    return [(low + 1, high) for low, high in itertools.pairwise(edges) if high > low + 1]


def _source_within(lines: tuple[str, ...], start: int, end: int) -> tuple[int, int]:
    """Where source begins and ends inside one block; an empty range at `start` where there is none."""
    python = [
        index
        for index in range(start, end)
        if lines[index] and lines[index][0] in "ifdc@" and _PYTHON.match(lines[index])
    ]
    if len(python) < _LEAST_PYTHON and not (python and "b85decode(" in lines[python[0]]):
        return start, start
    first = start
    for index in range(start, python[0]):
        if _SOURCE_HEADER.match(lines[index]):
            first = index + 1
    if first == start and python[0] - start > _LONG_HEAD:
        first = python[0]
    if end < len(lines):
        return first, end
    last = max((index for index in range(first, end) if _LAST.match(lines[index])), default=python[-1])
    return first, last + 1
