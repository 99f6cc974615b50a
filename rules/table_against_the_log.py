"""A number stated for a seed is not in that seed's log."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from golf_audit.evidence.claim import Claim, Quantity
from golf_audit.evidence.events import Evaluation, Validation
from golf_audit.evidence.runlog import Run, RunLog
from golf_audit.evidence.samples import submission
from golf_audit.finding import Confidence, Finding, Related, Severity, Unproven
from golf_audit.rule import Example, Rule

if TYPE_CHECKING:
    from golf_audit.case import Case

_ROW = "# R\n\n## Results\n\n| Seed | val_bpb | Steps |\n|---|---|---|\n| 42 | {bpb} | {steps} |\n"


class TableAgainstTheLog(Rule):
    """
    A number stated for a seed must be in that seed's log.

    Scores and steps are copied by hand into tables and metadata, and are looked for in every log of that seed: any label will do. A number
    that is in none was mistyped, or comes from a run that is not shown.
    """

    code = "GA-META-004"
    severity = Severity.METADATA
    authority = ("readme-r10",)
    would_change = "The number that the seed's log shows, or the log that shows the number."
    legal: ClassVar[tuple[Example, ...]] = (
        Example("as logged", files=submission()),
        Example("rounded", files=submission(readme=_ROW.format(bpb="1.080", steps="4600"))),
        Example("a seed without a log", files=submission(readme=_ROW.format(bpb="0.9", steps="9").replace("42", "7"))),
        Example(
            "a table of an ablation",
            files=submission(readme=_ROW.format(bpb="1.2", steps="9").replace("Results", "Ablation")),
        ),
    )
    illegal: ClassVar[tuple[Example, ...]] = (
        Example("another score", files=submission(readme=_ROW.format(bpb="1.0746", steps="4600")), says="1.0746"),
        Example(
            "another number of steps", files=submission(readme=_ROW.format(bpb="1.0800", steps="3770")), says="3770"
        ),
        Example(
            "in the metadata",
            files=submission(metadata={"seed_results": {"42": {"val_bpb": 1.0713}}}, readme="# R\n"),
            says="1.0713",
        ),
    )

    def check(self, case: "Case") -> Iterator[Finding | Unproven]:
        """Look every stated per-seed score and step count up in the seed's logs."""
        by_seed: dict[int, list[RunLog]] = {}
        for log in case.evidence.logs:
            for seed in {log.seed, log.named_seed} - {None}:
                if seed is not None:
                    by_seed.setdefault(seed, []).append(log)
        wrong = [
            claim
            for claim in case.evidence.claims.everything
            if claim.seed in by_seed and not _supported(claim, by_seed[claim.seed])
        ]
        wrong = [claim for claim in wrong if not claim.statistic]
        if not wrong:
            return
        first = wrong[0]
        logs = by_seed[first.seed] if first.seed is not None else []
        yield self.finding(
            f"{len(wrong)} number{'s' if len(wrong) > 1 else ''} stated for a seed {'are' if len(wrong) > 1 else 'is'} in none of its logs: "
            + ", ".join(f"{claim.label} {claim.value:g} (seed {claim.seed})" for claim in wrong[:4])
            + ("." if len(wrong) <= _SHOWN else " and more."),
            first.location,
            *(Related(log.location(1), f"a log of seed {first.seed}") for log in logs[:2]),
            *(Related(claim.location, f"{claim.label} {claim.value:g}") for claim in wrong[1:6]),
            confidence=Confidence.HIGH,
        )


_SHOWN = 4


def _supported(claim: Claim, logs: list[RunLog]) -> bool:
    if claim.quantity is Quantity.BPB:
        if claim.value < _LEAST or claim.unit_of_last_place > _COARSE:
            return True
        scores = [e.bpb for log in logs for e in log.events if isinstance(e, Evaluation | Validation)]
        return not scores or any(claim.agrees(score, 1e-5) for score in scores)
    if claim.quantity is Quantity.STEPS:
        steps = {run.steps for log in logs for run in log.runs} - {0}
        return not steps or any(_near(claim.value, step) for step in steps) or _between(claim.value, logs)
    return True


_LEAST, _COARSE = 0.05, 0.01


def _near(stated: float, step: int) -> bool:
    """Whether a stated count is the step, give or take one, or the step rounded to hundreds."""
    return abs(stated - step) <= 1 or (stated % 100 == 0 and abs(stated - step) <= _ROUND)


_ROUND = 100


def _between(stated: float, logs: list[RunLog]) -> bool:
    """Whether the step is printed in the log although training went on."""
    return any(stated == event.step for log in logs for run in log.runs for event in _clocked(run))


def _clocked(run: Run) -> tuple[Validation, ...]:
    return run.of(Validation)
