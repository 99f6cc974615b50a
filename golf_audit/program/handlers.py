"""The shape of what stands for a library's function or method."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from golf_audit.program.values import V

if TYPE_CHECKING:
    from golf_audit.program.library import Library

Args = list[V]
Kwargs = dict[str, V]
Handler = Callable[["Library", str, Args, Kwargs], V]
"""A function: the walk, the qualified name, the arguments."""
Method = Callable[["Library", V, Args, Kwargs], V | None]
"""A method: the walk, the receiver, the arguments; None where it is not the one meant."""
