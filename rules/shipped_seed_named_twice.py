"""The shipped model is said to be of two seeds."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from golf_audit.evidence.readme import StatementKind, shipped_in
from golf_audit.evidence.samples import submission
from golf_audit.finding import Finding, Location, Related, Severity, Unproven
from golf_audit.rule import Example, Rule

if TYPE_CHECKING:
    from golf_audit.case import Case

_README = "# R\n\n- `final_model.ptz`: the packed model (15.93 MB, seed {seed})\n"


class ShippedSeedNamedTwice(Rule):
    """
    The shipped model is of one seed, and every place should name it.

    Whoever evaluates the shipped artifact must know which log it belongs to.
    """

    code = "GA-META-006"
    severity = Severity.METADATA
    authority = ("readme-r10",)
    would_change = "One seed in README and metadata."
    legal: ClassVar[tuple[Example, ...]] = (
        Example(
            "one seed in both",
            files=submission(
                metadata={"note": "Shipped artifact is seed 1337's model"}, readme=_README.format(seed=1337)
            ),
        ),
        Example("named once", files=submission(readme=_README.format(seed=1337))),
        Example("never named", files=submission()),
    )
    illegal: ClassVar[tuple[Example, ...]] = (
        Example(
            "README and metadata",
            files=submission(
                metadata={"note": "Shipped artifact is seed 2025's model"}, readme=_README.format(seed=1337)
            ),
            says="1337",
        ),
        Example(
            "a note under a seed",
            files=submission(
                metadata={"seeds": {"2025": {"note": "shipped final_model is from this seed"}}},
                readme=_README.format(seed=42),
            ),
            says="2025",
        ),
        Example(
            "twice in the README",
            files=submission(readme=_README.format(seed=42) + "\nThe shipped artifact is from seed 1337.\n"),
            says="42 and 1337",
        ),
    )

    def check(self, case: "Case") -> Iterator[Finding | Unproven]:
        """Collect every statement about the shipped seed."""
        claims = case.evidence.claims
        named: list[tuple[int, Location]] = [
            (int(s.value), s.location) for s in claims.readme.said(StatementKind.SHIPPED_SEED)
        ]
        for pointer, text, location in claims.metadata.text():
            seed = shipped_in(text)
            if seed is None and "shipped" in text.lower() and "this seed" in text.lower():
                seed = next((int(part) for part in reversed(pointer.split("/")) if part.isdigit()), None)
            if seed is not None:
                named.append((seed, location))
        named = [
            (seed, place)
            for seed, place in named
            if not case.evidence.claims.seeds or seed in case.evidence.claims.seeds
        ]
        seeds = list(dict.fromkeys(seed for seed, _ in named))
        if len(seeds) > 1:
            other = next(place for seed, place in named if seed == seeds[1])
            yield self.finding(
                f"The shipped model is said to be of seed {' and '.join(map(str, seeds))}.",
                named[0][1],
                Related(other, f"says seed {seeds[1]}"),
            )
