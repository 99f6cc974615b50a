"""What the path of a file says about what is in it: the contest's own names for its shards."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from golf_audit.program.values import HOLE

OR: Final = "\x01"
"""Stands in a text template between two paths that it may be."""
_SIDE: Final = re.compile(r"val\w*bytes|bytes_val|\bbyte_?(len|count)s?\b", re.IGNORECASE)
_VAL: Final = re.compile(r"(?:^|[/_\-.*])(?:val|valid|validation)(?:[/_\-.*\d]|$)", re.IGNORECASE)
_TRAIN: Final = re.compile(r"(?:^|[/_\-.*])(?:train)(?:[/_\-.*\d]|$)", re.IGNORECASE)
_CODE: Final = re.compile(r"\.(py|md|log|json|model|vocab|txt|sh)$", re.IGNORECASE)
_WEIGHTS: Final = re.compile(
    r"\.(pt|ptz|pth|bin|npz|npy|safetensors|xz|br|zst|lzma|zlib|gz|int\d+|pkl)\b|model|artifact|quant|weights",
    re.IGNORECASE,
)


@lru_cache(maxsize=4096)
def split_of(text: str) -> str:
    """`val`, `train`, `side` for the byte sidecar, or nothing."""
    plain = text.replace(HOLE, "*")
    if not plain or _CODE.search(plain):
        return ""
    name = plain.rsplit("/", 1)[-1]
    for part in (name, plain):
        if _SIDE.search(part):
            return "side"
        if _VAL.search(part):
            return "val"
        if _TRAIN.search(part):
            return "train"
    return ""


@lru_cache(maxsize=1024)
def looks_like_artifact(text: str) -> bool:
    """Whether a path may be the submission's own weights."""
    return not text.strip(HOLE + "/.") or bool(_WEIGHTS.search(text))


def either_split(one: str, other: str) -> str:
    """The text of a path that is one or the other, where they are shards of different splits; empty where they are not."""
    splits = {split_of(part) for text in (one, other) for part in text.split(OR)}
    return f"{one}{OR}{other}" if splits == {"train", "val"} and one != other else ""
