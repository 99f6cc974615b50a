"""Data where the submission looks for it: toy shards and a toy tokenizer appear at the paths that are asked for."""

import glob
import os
import pathlib
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

_CLASS = re.compile(r"\[([^!\]])[^\]]*\]")
"""A choice of characters in a pattern, with the first of them."""


class Serving:
    """Puts a copy of the right toy file where a missing one is looked for."""

    def __init__(self, data: str, used: Callable[[str], None]) -> None:
        self._data, self._used = Path(data).absolute(), used
        self._exists = os.path.exists

    def serve(self, path: str) -> None:
        """Make `path` exist if it is a shard, a side file or a tokenizer that is missing."""
        source = self._source(os.path.basename(path))
        if source is None or self._exists(path):
            return
        try:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            shutil.copyfile(source, path)
            self._used("data")
        except OSError:
            return

    def _source(self, name: str) -> Path | None:
        lower = name.lower()
        if lower.endswith(".model"):
            return self._data / "toy.model"
        if lower.endswith(".vocab"):
            return self._data / "toy.vocab"
        if not lower.endswith(".bin") or ("val" not in lower and "train" not in lower):
            return None
        kind = "val" if "val" in lower else "train"
        return self._data / f"toy_{kind}_bytes.bin" if "bytes" in lower else self._data / f"toy_{kind}.bin"

    def install(self) -> None:
        """Let searches and tests for files find them."""
        find, find_lazily = glob.glob, glob.iglob
        path_glob = pathlib.Path.glob

        def found(pattern: Any, *args: Any, **kwargs: Any) -> list[Any]:
            self._all_missing(str(pattern), find_lazily)
            return find(pattern, *args, **kwargs)

        def found_lazily(pattern: Any, *args: Any, **kwargs: Any) -> Iterator[Any]:
            self._all_missing(str(pattern), find_lazily)
            return find_lazily(pattern, *args, **kwargs)

        def found_below(self_: Path, pattern: Any, **kwargs: Any) -> Iterator[Path]:
            self._all_missing(str(self_ / str(pattern)), find_lazily)
            return iter(list(path_glob(self_, pattern, **kwargs)))

        glob.glob, glob.iglob = found, found_lazily
        pathlib.Path.glob = found_below  # type: ignore[method-assign,assignment]
        for module, name in ((os.path, "exists"), (os.path, "isfile")):
            setattr(module, name, self._served(getattr(module, name)))
        for name in ("exists", "is_file"):
            setattr(pathlib.Path, name, self._served(getattr(pathlib.Path, name)))
        self._serve_tokenizers()

    def _serve_tokenizers(self) -> None:
        """SentencePiece opens files on its own, so it is asked before."""
        try:
            from sentencepiece import SentencePieceProcessor as Processor
        except ImportError:
            return
        load = Processor.LoadFromFile

        def loaded(processor: Any, path: str) -> Any:
            self.serve(os.path.abspath(path))
            return load(processor, path)

        Processor.LoadFromFile = loaded

    def _served(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def answer(path: Any, *args: Any, **kwargs: Any) -> Any:
            if isinstance(path, str | os.PathLike):
                self.serve(os.path.abspath(os.fspath(path)))
            return function(path, *args, **kwargs)

        return answer

    def _all_missing(self, pattern: str, find: Callable[[str], Iterator[str]]) -> None:
        """Serve the file that a pattern would find first, where it finds none."""
        if "*" in os.path.dirname(pattern) or any(find(pattern)):
            return
        name = _CLASS.sub(lambda match: match[1], os.path.basename(pattern)).replace("**", "*").replace("?", "0")
        example = name.replace("*", "_000000" if "_*" not in name else "000000")
        self.serve(os.path.join(os.path.dirname(os.path.abspath(pattern)), example))
