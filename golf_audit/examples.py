"""Turns a rule's example into the small submission that it stands for."""

from textwrap import dedent

from golf_audit.rule import Example
from golf_audit.submission import Folder

NAME = "2026-04-15_Example"
"""The folder that every example pretends to be."""
TRACK = "track_10min_16mb"
ENTRY = "train_gpt.py"


def folder(example: Example) -> Folder:
    """
    The example as a folder in memory.

    Its code is the entry script; an example without code ships what it says in `files`, and nothing else.
    """
    files: dict[str, bytes | str] = {path: dedent(text) for path, text in example.files.items()}
    if example.code:
        files[ENTRY] = dedent(example.code).lstrip("\n")
    return Folder.from_files(files, name=NAME, track=TRACK)
