"""
The sandbox in which everything runs that a submission brought.

What it holds off: the network, with unix sockets and abstract ones; files outside the private folder, the home folder
first; the environment; other processes; gaining privileges; outliving the auditor; more memory, time, processes, files
and output than the limits allow.

What it does not hold off: faults of the kernel and, where a graphics card is shown to it, of its driver; side channels
and the measuring of time; whatever a program does to itself. Code that records what a submission does from inside its
process can be deceived by it, so a report is a witness's word and is read as hostile; so is what lies in the private
folder afterwards, which `read_made` reads without following links. Memory, CPU time, processes and disk of the whole
tree are sampled several times a second: what is faster than that can pass a limit for a moment, and to an auditor that
is not root a process can hide which deleted files it keeps open.
"""

from golf_audit.sandbox.find import find_sandbox
from golf_audit.sandbox.interface import Sandbox
from golf_audit.sandbox.made import read_made
from golf_audit.sandbox.private import private_folder
from golf_audit.sandbox.terms import (
    REPORT_FD,
    REPORT_VARIABLE,
    RUN_FOLDER,
    Ending,
    Limits,
    Mount,
    Outcome,
    SandboxUnavailableError,
)
from golf_audit.sandbox.unsandboxed import Unsandboxed

__all__ = [
    "REPORT_FD",
    "REPORT_VARIABLE",
    "RUN_FOLDER",
    "Ending",
    "Limits",
    "Mount",
    "Outcome",
    "Sandbox",
    "SandboxUnavailableError",
    "Unsandboxed",
    "find_sandbox",
    "private_folder",
    "read_made",
]
