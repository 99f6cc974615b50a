"""Walks small scripts for the tests."""

from typing import Any

from golf_audit.decoding import decode
from golf_audit.evidence.configuration import Configuration
from golf_audit.evidence.setting import Setting
from golf_audit.example_script import script
from golf_audit.finding import Location
from golf_audit.program.walk import Walk, walk
from golf_audit.program.witness import Witness
from golf_audit.submission import Folder


def walked(
    code: str,
    env: dict[str, str] | None = None,
    echo: dict[str, str] | None = None,
    printed: list[list[str]] | None = None,
    **files: str,
) -> Walk:
    """The walk of `code` as the entry script; `files` are sibling modules by name, `printed` the lines of each log."""
    folder = Folder.from_files(
        {"train_gpt.py": code, **{f"{name}.py": text for name, text in files.items()}}, name="t", track=""
    )
    source = decode(folder, "train_gpt.py")
    place = Location("README.md", 1)
    return walk(
        source,  # type: ignore[arg-type]  # plain text always decodes
        Configuration(
            env={k: Setting(v, "README command", place) for k, v in (env or {}).items()},
            echo={k: Setting(v, "log", place) for k, v in (echo or {}).items()},
        ),
        Witness(lambda: printed or []),
    )


def framed(main: str, functions: str = "", **settings: Any) -> Walk:
    """The walk of an example script."""
    return walked(script(main, functions), **settings)
