"""
The one vocabulary: what happens to tokens, in order.

The static walk and the runtime tracer both speak it; a rule about order judges either.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from golf_audit.finding import Location
from golf_audit.program.values import EMPTY, Atom, Context, Lookup, Ref


@dataclass(frozen=True, slots=True)
class Decision:
    """A branch that the configuration decided: why a path is live."""

    condition: str
    """The condition's source text, shortened."""
    taken: bool
    names: tuple[str, ...]
    """The environment variables it depends on."""
    values: tuple[str, ...]
    """Their values, each with where it was read, e.g. `TTT_ENABLED=1 (README command)`."""
    location: Location


@dataclass(frozen=True, slots=True)
class Call:
    """One step of the path from the entry to an event."""

    function: str
    location: Location
    """Where it was called."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happens; `path` and `because` say how the run gets there."""

    location: Location
    context: Context = ()
    path: tuple[Call, ...] = ()
    because: tuple[Decision, ...] = ()
    doubtful: tuple[str, ...] = ()
    """Conditions on the way that the configuration leaves open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Read(Event):
    """A split, the artifact or another file is opened."""

    split: str
    path_text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Score(Event):
    """A loss over realised tokens is computed."""

    atom: Atom


@dataclass(frozen=True, slots=True, kw_only=True)
class Update(Event):
    """A state learns from tokens: an optimizer's step, a hand-written write, or counts put into a table (`Adapt`)."""

    id: int
    kind: str
    """`step`, `write` (by hand, from a gradient or a loss), `statistics` (by hand, from activations) or `table`."""
    sites: frozenset[int] = EMPTY
    table: int = 0
    refs: frozenset[Ref] = EMPTY
    """The tokens it learns from."""
    atoms: frozenset[Atom] = EMPTY
    """The losses whose gradient it follows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reset(Event):
    """A state goes back to an earlier value."""

    sites: frozenset[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibrate(Event):
    """A forward pass whose activations are kept, for quantisation."""

    refs: frozenset[Ref]


@dataclass(frozen=True, slots=True, kw_only=True)
class Save(Event):
    """Something is written to a file."""

    path_text: str
    refs: frozenset[Ref]
    """The tokens that the bytes depend on other than through learning."""
    sites: frozenset[int]
    priors: frozenset[int] = EMPTY


@dataclass(frozen=True, slots=True, kw_only=True)
class Load(Event):
    """A state is loaded from a file or a dictionary."""

    sites: frozenset[int]
    refs: frozenset[Ref] = EMPTY
    """The tokens that what is loaded depends on other than through learning."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report(Event):
    """A line with losses in it is printed or logged."""

    label: str
    """The line's text; unknown parts are left out as `…`."""
    atoms: frozenset[Atom]
    lookups: frozenset[Lookup] = EMPTY
    flags: frozenset[str] = EMPTY


@dataclass(frozen=True, slots=True, kw_only=True)
class Choose(Event):
    """The smaller of several losses for the same tokens is kept."""

    atoms: frozenset[Atom]
    lookups: frozenset[Lookup] = EMPTY


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetch(Event):
    """The network is used, or a package installed."""

    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Exec(Event):
    """Another program, or code made at run time, is run."""

    what: str


@dataclass(slots=True)
class Node:
    """A branch of the event tree: a call, a loop, a condition, or an event as a leaf."""

    kind: str
    """`call`, `loop`, `if`, `event`."""
    title: str
    line: int
    event: Event | None = None
    children: list[Node] = field(default_factory=list)

    def events(self) -> Iterator[Event]:
        """All events below, in program order."""
        if self.event is not None:
            yield self.event
        for child in self.children:
            yield from child.events()
