"""
The contest's published export: all its validation shards, some for training, and the tokenizer.

This is the only module that uses the network, and no submission contains it.
"""

import json
import os
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from .data import DataError, open_shard
from .prepare import write_whole

EXPORT = "willdepueoai/parameter-golf"
"""The dataset repository that the contest's own download script names."""
ROOT = "datasets"
"""The folder of that repository that holds the manifest, the shards and the tokenizers."""
Say = Callable[[str], None]


def download(data_dir: Path, dataset: str, train_shards: int, say: Say) -> list[Path]:
    """
    Fetch the published export: all validation shards, the first `train_shards` for training, and the tokenizer.

    What is there already is kept. `HF_ENDPOINT` names another hub and `MATCHED_FINEWEB_REPO_ID` another repository,
    as for the contest's own script. Raises `DataError` where the export lacks something, or what came is no shard.
    """
    repository = os.environ.get("MATCHED_FINEWEB_REPO_ID", EXPORT)
    hub = f"{os.environ.get('HF_ENDPOINT', 'https://huggingface.co')}/datasets/{repository}/resolve/main/{ROOT}"
    manifest = _manifest(f"{hub}/manifest.json")
    try:
        wanted = _files(manifest, dataset, train_shards)
    except (KeyError, TypeError) as error:
        raise DataError(f"{hub}/manifest.json does not say where {dataset} is: {error!r}") from None
    for place, name in wanted.items():
        path, url = data_dir / place, f"{hub}/{name}"
        if path.exists():
            continue
        say(f"{url} -> {path}")
        write_whole(path, _fetch(url))
        if path.suffix == ".bin":
            _check(path)
    return [data_dir / place for place in wanted]


def _manifest(url: str) -> dict[str, Any]:
    try:
        return dict(json.loads(b"".join(_fetch(url))))
    except (TypeError, ValueError) as error:
        raise DataError(f"{url} is not the manifest of an export: {error}") from None


def _files(manifest: dict[str, Any], dataset: str, train_shards: int) -> dict[str, str]:
    # Path in the data folder -> path in the export, of everything that a run needs.
    entry = _named(manifest, "datasets", dataset)
    published = int(entry["stats"]["files_train"])
    if train_shards > published:
        raise DataError(f"{dataset} has {published} training shards, not {train_shards}")
    shards = [f"fineweb_val_{number:06d}.bin" for number in range(int(entry["stats"]["files_val"]))]
    shards += [f"fineweb_train_{number:06d}.bin" for number in range(train_shards)]
    places = [f"datasets/{dataset}/{name}" for name in shards]
    model = str(_named(manifest, "tokenizers", entry["tokenizer_name"])["model_path"])
    return {place: place for place in places} | {f"tokenizers/{Path(model).name}": model}


def _check(path: Path) -> None:
    try:
        open_shard(path)
    except DataError:
        path.unlink()
        raise


def _named(manifest: dict[str, Any], kind: str, name: str) -> dict[str, Any]:
    for entry in manifest.get(kind, []):
        if entry.get("name") == name:
            return dict(entry)
    known = ", ".join(str(entry.get("name")) for entry in manifest.get(kind, []))
    raise DataError(f"the export has no {name} among its {kind}: {known or 'there are none'}")


def _fetch(url: str, block: int = 1 << 20) -> Iterator[bytes]:
    try:
        with urllib.request.urlopen(url, timeout=60) as answer:
            while part := answer.read(block):
                yield part
    except (urllib.error.URLError, TimeoutError) as error:
        raise DataError(f"{url} cannot be had: {error}") from error
