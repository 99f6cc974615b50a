"""Which sandbox this machine can have: found by trying."""

import os
import platform
import shutil
import sys
from collections.abc import Iterator

from golf_audit.sandbox.bubblewrap import Bubblewrap
from golf_audit.sandbox.interface import Sandbox
from golf_audit.sandbox.private import private_folder
from golf_audit.sandbox.terms import Ending, Limits, SandboxUnavailableError
from golf_audit.sandbox.unshare import Unshare

_LIMITS = Limits(wall_seconds=20.0, cpu_seconds=20.0)
_NAMESPACES = ("user", "pid", "net", "mnt", "ipc", "uts", "cgroup")
_PROBE = """
import os, socket, sys
names = [name for _, name in socket.if_nameindex()]
print(*(os.readlink(f"/proc/self/ns/{kind}") for kind in sys.argv[2:]))
print("lonely" if names == ["lo"] and not os.path.exists(sys.argv[1]) else "in company")
"""
_ADVICE = (
    "install bubblewrap 0.8 or newer (`apt-get install bubblewrap`) and allow user namespaces "
    "(on Ubuntu 24.04 `sysctl kernel.apparmor_restrict_unprivileged_userns=0`), "
    "or pass --no-sandbox on a machine that holds nothing of value"
)


def find_sandbox() -> Sandbox:
    """
    The best sandbox that works here; each is tried before it is trusted.

    Raises SandboxUnavailableError, which says why none does.
    """
    if not sys.platform.startswith("linux"):
        raise SandboxUnavailableError(f"no sandbox on {platform.system()}: use Linux, a container or a virtual machine")
    failures: list[str] = []
    for sandbox in candidates():
        failure = trouble(sandbox)
        if failure is None:
            return sandbox
        failures.append(f"{sandbox.name}: {failure}")
    reason = "; ".join(failures) or "bwrap and unshare are not installed"
    raise SandboxUnavailableError(f"no sandbox works here ({reason}); {_ADVICE}")


def candidates() -> Iterator[Sandbox]:
    """The sandboxes whose programs are installed, best first."""
    if (bwrap := shutil.which("bwrap")) is not None:
        yield Bubblewrap(bwrap)
    unshare, setpriv = shutil.which("unshare"), shutil.which("setpriv")
    if unshare is not None and setpriv is not None:
        yield Unshare(unshare, setpriv)


def trouble(sandbox: Sandbox) -> str | None:
    """What is wrong with a sandbox: it fails, or does not isolate; None where a program in it is alone."""
    with private_folder() as folder:
        try:
            argv = [sys.executable, "-I", "-S", "-c", _PROBE, str(folder), *_NAMESPACES]
            outcome = sandbox.run(argv, folder=folder, environment={}, limits=_LIMITS)
        except SandboxUnavailableError as error:
            return str(error)
    said = outcome.output.decode("utf-8", "replace").splitlines()
    if outcome.ending is not Ending.EXITED or outcome.returncode != 0 or len(said) != 2:  # noqa: PLR2004 -- two lines
        return f"a trivial program fails in it ({outcome.ending}): {' '.join(said)[-300:]}"
    shared = {os.readlink(f"/proc/self/ns/{kind}") for kind in _NAMESPACES} & set(said[0].split())  # noqa: PTH115
    if shared or said[1] != "lonely":
        return f"it does not isolate: {' '.join(sorted(shared)) or said[1]}"
    return None
