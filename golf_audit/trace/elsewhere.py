"""Absolute paths that a script names, `/workspace/data`: places of its author's machine, made for the run and private to it."""

import ast
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import golf_audit
from golf_audit.parsing import Parsed, parse

_PATH = re.compile(r"/[A-Za-z][\w.-]*(?:/[\w.-]*)+")
_SYSTEM = frozenset(
    {"usr", "bin", "sbin", "lib", "lib32", "lib64", "etc", "proc", "sys", "dev", "tmp", "var", "run", "sandbox"}
)
_SHARED = frozenset({"root", "home", "mnt", "media", "opt", "srv"})
"""Folders of which a path means only its own part."""
_MOST = 8


def places(texts: Iterable[str]) -> tuple[str, ...]:
    """The folders to be made, none within another."""
    named = {place for text in texts for path in _paths(text) if (place := _place(path)) is not None}
    return tuple(
        sorted(place for place in named if not any(other != place and place.startswith(f"{other}/") for other in named))
    )[:_MOST]


def _paths(text: str) -> Iterator[str]:
    parsed = parse(text)
    if isinstance(parsed, Parsed):
        for node in ast.walk(parsed.tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and _PATH.match(node.value):
                yield node.value


def _place(path: str) -> str | None:
    """The outermost folder of a path that can be put there without hiding this machine's Python."""
    parts = [part for part in path.split("/") if part]
    if parts[0] in _SYSTEM or ".." in parts:
        return None
    for depth in range(2 if parts[0] in _SHARED else 1, len(parts) + 1):
        place = "/" + "/".join(parts[:depth])
        if not any(own.is_relative_to(place) for own in _own()):
            return place
    return None


def _own() -> tuple[Path, ...]:
    """What the run itself needs to see."""
    found = {
        Path(path)
        for path in (sys.prefix, sys.base_prefix, sys.executable, *golf_audit.__path__, *filter(None, sys.path))
    }
    return tuple(found | {path.resolve() for path in found})
