"""What the claimed score rests on: the headline's losses, and what their states had learned by then."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from golf_audit.events import Event, Report
from golf_audit.finding import Related
from golf_audit.order import Learned, Relation, inserted_before, learned_before, relate
from golf_audit.program.headline import Headline, choose
from golf_audit.program.values import Atom, Context, Lookup
from golf_audit.program.walk import Walk


@dataclass(frozen=True)
class Claimed:
    """The headline of a walked program."""

    walk: Walk
    headline: Headline

    @property
    def report(self) -> Report:
        """The report that counts."""
        return self.headline.report

    @property
    def flags(self) -> frozenset[str]:
        """Marks that the score carries, e.g. `hashed-ratio`."""
        return self.report.flags

    @property
    def atoms(self) -> tuple[Atom, ...]:
        """The losses over validation tokens that the score sums, by line."""
        return tuple(sorted(self.report.atoms, key=lambda a: (a.file, a.line, str(a.context))))

    @property
    def lookups(self) -> tuple[Lookup, ...]:
        """The table reads that the score mixes in, by line."""
        return tuple(sorted(self.report.lookups, key=lambda k: (k.file, k.line, str(k.context))))

    @cached_property
    def learned(self) -> tuple[Learned, ...]:
        """Updates of a scored state that were made from tokens the score is about, or from their neighbours."""
        return _worth_telling(one for one in self._before if one.update.kind in ("step", "write"))

    @cached_property
    def fitted(self) -> tuple[Learned, ...]:
        """Writes of a scored state that were made from activations of tokens the score is about."""
        return _worth_telling(one for one in self._before if one.update.kind == "statistics")

    @cached_property
    def _before(self) -> tuple[Learned, ...]:
        return tuple(one for atom in self.atoms for one in learned_before(atom, self.walk.updates))

    @cached_property
    def looked(self) -> tuple[Learned, ...]:
        """Insertions into a table that were made from tokens which the table was then asked about."""
        asked = (one for look in self.lookups for one in inserted_before(look, self.walk.updates))
        biased = (one for one in self._before if one.update.kind == "table")
        return _worth_telling((*asked, *biased))

    def shared_loops(self, one: Learned) -> frozenset[int]:
        """The loops that an update and the score stand in together."""
        return loops_of(one.update.context) & loops_of(one.score.context)

    def repeats(self, one: Learned) -> bool:
        """Whether a loop around both turns without moving on to other tokens (epochs)."""
        return one.relation is Relation.AGAIN

    def made_with_the_window(self, one: Learned) -> bool:
        """Whether what was updated is made anew for each window that is scored (SLOT's vector)."""
        return bool(one.update.sites) and all(
            bool(loops_of(self.walk.sites[s].context) & self.shared_loops(one))
            for s in one.update.sites
            if s in self.walk.sites
        )

    def shared_by_the_batch(self, one: Learned) -> bool:
        """Whether what was updated is one vector for all windows of a batch."""
        return all(self.walk.sites[s].shared for s in one.update.sites if s in self.walk.sites)

    def only_on_a_branch(self, one: Learned) -> bool:
        """Whether the update stands under a condition on data that the score does not stand under."""
        shared = set(one.score.context)
        return any(frame[0] == "if" and frame[2] == 1 and frame not in shared for frame in one.update.context)

    def scored_first(self, one: Learned) -> bool:
        """Whether the update belongs to an evaluation of its own that scores each part before it learns it."""
        return any(
            one.update.id in atom.priors and relate(one.update, atom.targets, atom.context) is Relation.OTHER
            for report in self.clean_scores
            for atom in report.atoms
        )

    @cached_property
    def clean_scores(self) -> tuple[Report, ...]:
        """Reports of a score over bytes in which no token was learned before it was scored."""
        return tuple(
            report
            for report in self.walk.of(Report)
            if "bytes" in report.flags
            and not any(one.foul for atom in report.atoms for one in learned_before(atom, self.walk.updates))
        )

    def evidence(self, one: Learned) -> Iterator[Related]:
        """Where the tokens are scored afterwards, and which line of the program is the claim."""
        yield Related(self.walk.place(one.score.file, one.score.line), "computes the loss that is scored")
        yield Related(self.report.location, f"prints the headline: {self.headline.reason}")


def loops_of(context: Context) -> frozenset[int]:
    """The loops of a context."""
    return frozenset(i for kind, i, _ in context if kind == "loop")


def _worth_telling(found: Iterable[Learned]) -> tuple[Learned, ...]:
    seen: dict[tuple[object, ...], Learned] = {}
    for one in found:
        if one.relation not in (Relation.NEVER, Relation.OTHER):
            key = (one.update.location, one.relation, one.score.line, one.score.file, one.update.kind)
            seen.setdefault(key, one)
    return tuple(seen.values())


def claimed(walk: Walk, labels: Iterable[str], near: Iterable[str] = ()) -> Claimed | None:
    """
    The claimed score of a program.

    `labels` are those of the log lines that the claim was made from; `near` those of all results in the logs, the
    nearest to the claim first.
    """
    headline = choose(list(walk.of(Report)), list(dict.fromkeys(labels)), list(dict.fromkeys(near)))
    return Claimed(walk, headline) if headline else None


def path_to(event: Event) -> Iterator[Related]:
    """How the run gets to an event: calls from the entry, and the settings that keep the path live."""
    for call in event.path:
        yield Related(call.location, f"calls {call.function}()")
    for decision in event.because:
        values = ", ".join(decision.values)
        how = "taken" if decision.taken else "not taken"
        yield Related(decision.location, f"`{decision.condition}` is {how}: {values}")


def why_live(event: Event) -> str:
    """In words: the settings that keep a path live, or that none is needed."""
    settings: Mapping[str, None] = dict.fromkeys(v for d in event.because for v in d.values)
    return "live because " + ", ".join(settings) if settings else "on the path whatever the settings"
