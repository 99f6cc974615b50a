"""Writing files whole or not at all."""

import os
import re
import tempfile
from pathlib import Path


def write_atomically(path: Path, text: str) -> None:
    """
    Replace `path` by a file that holds `text` (UTF-8); a reader never sees half of it.

    Raises OSError where it cannot be written; nothing is left behind then.
    """
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        os.chmod(temporary, 0o666 & ~_umask())  # noqa: PTH101 -- mkstemp makes files that only their owner may read
        os.replace(temporary, path)  # noqa: PTH105 -- the two names are strings and a path
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def safe_name(name: str) -> str:
    """A submission's name as one harmless file name."""
    return re.sub(r"[^\w.+-]", "_", name).lstrip(".")[:120] or "unnamed"


def _umask() -> int:
    """The process's umask; there is no way to ask without setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
