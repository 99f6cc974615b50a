"""Every thread of the submission is watched as its main one is: what a mode of torch sees is a thread's own."""

import threading
from contextlib import AbstractContextManager
from typing import Any


def install(watch: AbstractContextManager[Any]) -> None:
    """Enter `watch` in each thread that starts from now on."""
    begin = threading.Thread._bootstrap_inner  # type: ignore[attr-defined]

    def begun(thread: threading.Thread) -> None:
        with watch:
            begin(thread)

    threading.Thread._bootstrap_inner = begun  # type: ignore[attr-defined]
