"""Absolute paths of another machine are found, and nothing that this machine needs is hidden by them."""

import sys

import pytest

from golf_audit.trace.elsewhere import places


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('DATA = "/workspace/pg/data"', ("/workspace",)),
        ('x = f"/data/{name}/x"; y = "/data/sets/y.bin"', ("/data",)),
        ('HOME = "/home/somebody/data/x"', ("/home/somebody",)),
        ('a = "/usr/local/share"; b = "/tmp/x"; c = "/dev/shm/y"; d = "/data/../etc"', ()),
        ('a = "/"; b = "a/b"; c = " / "; d = "/name"', ()),
        ("not python (", ()),
    ],
)
def test_places(text: str, found: tuple[str, ...]) -> None:
    """The outermost folder that is the path's own; none of the system's, and nothing that is no path."""
    assert places([text]) == found


def test_own_python_stays() -> None:
    """A path around this Python is not put over it; one beside it is put as deep as it must be."""
    assert places([f'x = "{sys.prefix}/lib"']) in {(), (f"{sys.prefix}/lib",)}
    for place in places([f'x = "{sys.prefix}-data/set/a.bin"']):
        assert not sys.prefix.startswith(f"{place}/")
        assert sys.prefix != place
