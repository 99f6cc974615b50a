"""
Changes of a script that leave its meaning alone: what must not change what is said about it.

`VARIANTS[name](text)` gives the files of a folder, the changed script as `train_gpt.py`, or None where the change does
not apply. The text must be one that the running Python parses.
"""

from collections.abc import Callable

from tests.packing import ENTRY, PACKINGS, Files
from tests.variants_functions import loop_split, methods, tail_split
from tests.variants_inline import inlined
from tests.variants_layout import hoisted, minified
from tests.variants_names import renamed

Variant = Callable[[str], Files | None]
CHANGES_THE_RUN = frozenset({"defaults set outside", "bundle cut at a marker"})
"""Packings that also set environment variables."""


def _changed(change: Callable[[str], str | None]) -> Variant:
    """A change of the text, as one of the folder's files."""

    def variant(text: str) -> Files | None:
        changed = change(text)
        return None if changed is None else {ENTRY: changed}

    return variant


def _as_golfed(text: str) -> Files:
    """All that a script goes through before it is counted: renamed, hoisted, minified and packed."""
    for change in (renamed, hoisted, minified):
        text = change(text) or text
    return PACKINGS["raw lzma in base85"](text)


def _turned_inside_out(text: str) -> Files | None:
    """Helpers put back, loops split, and the rest moved into methods."""
    changed = text
    for change in (inlined, loop_split, tail_split, methods):
        changed = change(changed) or changed
    return None if changed == text else {ENTRY: changed}


STRUCTURE: dict[str, Variant] = {
    "renamed": _changed(renamed),
    "minified": _changed(minified),
    "constants hoisted": _changed(hoisted),
    "tails split off": _changed(tail_split),
    "loop bodies split off": _changed(loop_split),
    "helpers inlined": _changed(inlined),
    "functions made methods": _changed(methods),
    "turned inside out": _turned_inside_out,
    "as golfed": _as_golfed,
}
"""Changes of the text itself, by name."""
VARIANTS: dict[str, Variant] = STRUCTURE | {
    f"packed: {name}": packing for name, packing in PACKINGS.items() if name not in CHANGES_THE_RUN
}
"""These, and every way of packing."""
