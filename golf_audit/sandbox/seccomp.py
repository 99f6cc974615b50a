"""
The system calls that a submission is refused, as a filter for the kernel.

Namespaces hide much, and not all: sockets to the machine's host (AF_VSOCK) belong to no network namespace, the keys of a
user to no namespace at all, and the calls named here are where faults of the kernel are found. Training needs none.
"""

import errno
import platform

from golf_audit.sandbox.terms import SandboxUnavailableError

_MACHINES = ("x86_64", "aarch64")
_ARCHITECTURES = (0xC000003E, 0xC00000B7)
_REFUSED = {
    "add_key": (248, 217),
    "bpf": (321, 280),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fsopen": (430, 430),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "io_uring_setup": (425, 425),
    "keyctl": (250, 219),
    "mount": (165, 40),
    "mount_setattr": (442, 442),
    "move_mount": (429, 429),
    "open_by_handle_at": (304, 265),
    "open_tree": (428, 428),
    "perf_event_open": (298, 241),
    "pivot_root": (155, 41),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "ptrace": (101, 117),
    "request_key": (249, 218),
    "setns": (308, 268),
    "umount2": (166, 39),
    "unshare": (272, 97),
    "userfaultfd": (323, 282),
}
"""System calls with their numbers on either machine."""
_SOCKET = (41, 198)
_CLONE = (56, 220)
_CLONE3 = 435
_FAMILIES = (1, 2, 10, 16)
"""Of sockets: unix, IPv4, IPv6, and netlink, by which a program asks for its interfaces."""
_NEW_NAMESPACES = 0x7E020000
"""The flags of clone that ask for namespaces: mount, cgroup, uts, ipc, user, pid, net."""
_SECOND_TABLE = 0x40000000
"""On x86-64, from this number on, the same calls again."""

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16
_ALLOW, _ERROR, _KILL = 0x7FFF0000, 0x00050000, 0x80000000

Instruction = tuple[int, int, int, int]
"""An operation, how far to jump where it holds and where not, and its operand."""


def filter_program(machine: str = "") -> list[Instruction]:
    """
    The filter for a machine, this one where none is named.

    Raises SandboxUnavailableError for a machine whose system calls are not known here.
    """
    machine = machine or platform.machine()
    if machine not in _MACHINES:
        raise SandboxUnavailableError(f"no filter of system calls is known for {machine}")
    which = _MACHINES.index(machine)
    return [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_EQUAL, 1, 0, _ARCHITECTURES[which]),
        _end(_KILL),
        (_LOAD, 0, 0, _NUMBER),
        *_when(_AT_LEAST, _SECOND_TABLE, _refuse(errno.ENOSYS)),
        *(step for numbers in _REFUSED.values() for step in _when(_EQUAL, numbers[which], _refuse(errno.EPERM))),
        *_when(_EQUAL, _CLONE3, _refuse(errno.ENOSYS)),
        *_unless_first_argument(_CLONE[which], [(_ANY_BIT, 0, 1, _NEW_NAMESPACES), _refuse(errno.EPERM)]),
        *_unless_first_argument(_SOCKET[which], _families()),
        _end(_ALLOW),
    ]


def _when(operation: int, operand: int, then: Instruction) -> list[Instruction]:
    """`then`, where the loaded number passes a test."""
    return [(operation, 0, 1, operand), then]


def _unless_first_argument(number: int, test: list[Instruction]) -> list[Instruction]:
    """For one system call, a test of its first argument that falls through where it is fine; then the number again."""
    body = [(_LOAD, 0, 0, _FIRST_ARGUMENT), *test, (_LOAD, 0, 0, _NUMBER)]
    return [(_EQUAL, 0, len(body), number), *body]


def _families() -> list[Instruction]:
    """Falls through for the families of sockets that are allowed."""
    last = len(_FAMILIES)
    return [*((_EQUAL, last - place, 0, family) for place, family in enumerate(_FAMILIES)), _refuse(errno.EAFNOSUPPORT)]


def _refuse(error: int) -> Instruction:
    """The call fails with an error."""
    return _end(_ERROR | error)


def _end(value: int) -> Instruction:
    """The filter's answer."""
    return (_RETURN, 0, 0, value)
