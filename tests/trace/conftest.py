"""A sandbox for small submissions, and what a run of one says."""

import os
from collections.abc import Callable
from importlib.util import find_spec

import pytest

from golf_audit.engine import Report
from golf_audit.folder import Folder
from golf_audit.sandbox import Sandbox, SandboxUnavailableError, find_sandbox

collect_ignore_glob = [] if find_spec("torch") and find_spec("sentencepiece") else ["test_*.py"]


@pytest.fixture(scope="session")
def sandbox() -> Sandbox:
    """The sandbox of this machine; where CI has none, that fails."""
    try:
        return find_sandbox()
    except SandboxUnavailableError as error:
        if os.environ.get("CI") == "true":
            pytest.fail(str(error))
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def traced(sandbox: Sandbox) -> Callable[..., Report]:
    """`traced(folder, seconds=…)`: the report of the runtime witness on a submission of ours."""
    from golf_audit.trace.witness import Options, witness

    def trace(folder: Folder, **options: float) -> Report:
        return witness(folder, Options(sandbox, **options))  # type: ignore[arg-type]  # numbers go to numbers

    return trace
