"""Which functions and constants of Python's modules are understood; each module of this package adds some."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from golf_audit.decoding.values import Dotted, Frame

if TYPE_CHECKING:
    from golf_audit.decoding.machine import Machine


class Call:
    """One call of a known function."""

    def __init__(
        self, machine: "Machine", name: str, arguments: list[object], keywords: dict[str, object], frame: Frame
    ) -> None:
        self.machine = machine
        self.world = machine.world
        self.budget = machine.world.budget
        self.name = name
        self.arguments = arguments
        self.keywords = keywords
        self.frame = frame

    def get(self, position: int, name: str = "", default: object = None) -> object:
        """An argument by its position or its name."""
        if position < len(self.arguments):
            return self.arguments[position]
        return self.keywords.get(name, default)


Known = Callable[[Call], object]
FUNCTIONS: dict[str, Known] = {}
"""By full name."""
TOLERANT: set[str] = set()
"""Those that may be given unknown arguments."""
CONSTANTS: dict[str, object] = {}
"""Values by full name."""


def known(*names: str, tolerant: bool = False) -> Callable[[Known], Known]:
    """Register what the functions called `names` do; `tolerant` if they may be given unknown arguments."""

    def register(function: Known) -> Known:
        for name in names:
            FUNCTIONS[name] = function
            if tolerant:
                TOLERANT.add(name)
        return function

    return register


def constant(name: str) -> object:
    """The value of that full name where it is a constant, else a reference to it."""
    return CONSTANTS[name] if name in CONSTANTS else Dotted(name)
