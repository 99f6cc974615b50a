"""The event tree as indented text: what the entry script does to tokens, in order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from golf_audit import events
from golf_audit.events import Event, Node, Report, Update
from golf_audit.program.claimed import Claimed
from golf_audit.program.values import Atom, Ref
from golf_audit.program.walk import Walk
from golf_audit.reports import inert

DEPTHS = ("all of", "a part of", "a smaller part of")
"""How much of a split is meant, by the number of loops whose turn selects it."""

UPDATES = {
    "step": "by a step",
    "write": "by writing a state",
    "statistics": "by writing activations into a state",
    "table": "a table",
}
"""Kinds of update in words."""

Block = tuple[str, ...]
"""The lines of one node and what is below it."""


def render_events(walk: Walk, claimed: Claimed | None = None) -> str:
    """
    The tree, one line per node, with a mark where the claimed score is reported.

    Branches without an event are left out, and a loop is shown turn by turn only where the turns differ.
    """
    lines = _Tree(walk.updates, claimed.report if claimed else None).block(walk.tree, 0)
    return "\n".join(lines or ("nothing happens to tokens",)) + "\n"


@dataclass(frozen=True, slots=True)
class _Tree:
    """Renders nodes; knows what the updates learned from."""

    updates: Mapping[int, Update]
    headline: Report | None

    def block(self, node: Node, depth: int) -> Block:
        """One node with everything below; nothing where no event is."""
        pad = "  " * depth
        if node.event is not None:
            mark = "  <-- the claimed score" if self._is_claimed(node.event) else ""
            return (f"{pad}{self.describe(node.event)}  [{_place(node.event)}]{mark}",)
        loop = node.kind == "loop"
        body = self._turns(node, depth + 1) if loop else _joined(self._below(node.children, depth + 1))
        place = f"  [line {node.line}]" if node.line else ""
        return (f"{pad}{_title(node)}{place}", *body) if body else ()

    def _is_claimed(self, event: Event) -> bool:
        """Whether this is the headline's report; the headline holds a copy of it, without its doubts."""
        other = self.headline
        return other is not None and (event.location, event.context, event.path) == (
            other.location,
            other.context,
            other.path,
        )

    def _below(self, children: Sequence[Node], depth: int) -> list[Block]:
        """The blocks of all children that hold an event."""
        return [block for child in children if (block := self.block(child, depth))]

    def _turns(self, node: Node, depth: int) -> Block:
        """A loop's body: its first turn and a later one, or just one where both do the same."""
        middle = len(node.children) // 2
        first, later = node.children[:middle], node.children[middle:]
        if list(map(_shape, first)) != list(map(_shape, later)):
            return _joined(self._below(node.children, depth))
        one, two = _joined(self._below(first, depth)), _joined(self._below(later, depth))
        if one == two:
            return one
        pad = "  " * depth
        inner = [_joined(self._below(turn, depth + 1)) for turn in (first, later)]
        return (f"{pad}first turn", *inner[0], f"{pad}later turns", *inner[1])

    def describe(self, event: Event) -> str:
        """One event in words."""
        match event:
            case events.Read():
                return f"Read {event.split or 'a file'} {inert.line(event.path_text, 60)}".rstrip()
            case events.Score():
                return f"Score {self._atom(event.atom)}"
            case events.Update():
                return f"Adapt {UPDATES.get(event.kind, event.kind)} on {_refs(event.refs)}"
            case events.Calibrate():
                return f"Calibrate on {_refs(event.refs)}"
            case events.Save():
                return f"Save {inert.line(event.path_text, 60)}".rstrip()
            case events.Report():
                scores = "; ".join(sorted({self._atom(atom) for atom in event.atoms})) or "no score"
                return f"Report {inert.line(event.label.strip(), 60)!r}: {scores}"
            case events.Choose():
                return "Choose the smaller of several losses"
            case events.Fetch() | events.Exec():
                return f"{type(event).__name__} {inert.line(event.what, 60)}"
            case _:
                return type(event).__name__

    def _atom(self, atom: Atom) -> str:
        """A loss: over which tokens, and what the state had learned from by then."""
        learned = {ref.split for prior in atom.priors if prior in self.updates for ref in self.updates[prior].refs}
        grad = " with gradients" if atom.grad else ""
        return f"{_refs(atom.targets)}{grad}, having learned from {', '.join(sorted(learned)) or 'nothing'}"


def _joined(blocks: Sequence[Block]) -> Block:
    """All lines, with blocks that repeat the one before left out."""
    return tuple(
        line for number, block in enumerate(blocks) if not number or block != blocks[number - 1] for line in block
    )


def _shape(node: Node) -> tuple[object, ...]:
    """What a node is regardless of what the state had learned: equal for the same code in two turns."""
    if node.event is not None:
        return type(node.event), str(node.event.location)
    return node.kind, node.title, node.line, *map(_shape, node.children)


def _title(node: Node) -> str:
    title = inert.line(node.title, 100)
    return title if title.startswith(node.kind) else f"{node.kind} {title}".rstrip()


def _place(event: Event) -> str:
    doubt = f"; if {inert.line(', '.join(event.doubtful), 80)}" if event.doubtful else ""
    return f"{inert.line(str(event.location))}{doubt}"


def _refs(refs: frozenset[Ref]) -> str:
    """Tokens in words."""
    return ", ".join(sorted({f"{DEPTHS[min(len(ref.loops), 2)]} {ref.split}" for ref in refs})) or "no tokens"
