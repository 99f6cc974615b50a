"""A record is claimed with fewer seeds than it takes."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from golf_audit.evidence.samples import THREE, SampleRun, submission
from golf_audit.finding import Confidence, Finding, Location, Related, Severity, Unproven
from golf_audit.rule import Example, Rule

if TYPE_CHECKING:
    from golf_audit.case import Case

_NAMELESS = {
    f"run_{n}.log": run.log().replace(f"  seed: {run.seed}\n", "") for n, run in zip("abc", THREE, strict=True)
}


class TooFewSeeds(Rule):
    """
    A record needs three seeds, each with its log.

    The mean of three runs is usually enough evidence, one run is not. A seed counts when a run of it that is logged has a
    result; two runs of one seed are one seed.
    """

    code = "GA-STAT-003"
    severity = Severity.METADATA
    authority = ("readme-r12", "cocohearts-1963")
    would_change = "Logs of three seeds of the claimed configuration."
    legal: ClassVar[tuple[Example, ...]] = (
        Example("three seeds", files=submission()),
        Example("five seeds", files=submission(*(SampleRun(s) for s in range(1, 6)))),
        Example(
            "three runs in one file",
            files={
                **submission(*THREE, files={f"train_seed{run.seed}.log": "" for run in THREE}),
                "all.log": "".join(run.log() for run in THREE),
            },
        ),
        Example("three logs that name no seed", files={**_NAMELESS, "submission.json": '{"val_bpb": 1.0806}'}),
    )
    illegal: ClassVar[tuple[Example, ...]] = (
        Example("one seed", files=submission(THREE[0]), says="1 seed"),
        Example("two seeds", files=submission(*THREE[:2]), says="2 seeds"),
        Example(
            "three names, one seed",
            files={**submission(THREE[0]), "train_seed7.log": THREE[0].log(), "train_seed8.log": THREE[0].log()},
            says="1 seed",
        ),
    )

    def check(self, case: "Case") -> Iterator[Finding | Unproven]:
        """Count the seeds that the logs themselves show."""
        evidence = case.evidence
        if not evidence.for_the_record or evidence.claims.headline is None or not evidence.logs:
            return
        needed = int(case.rulebook.limit("record_seeds"))
        shown = [
            (log, run.seed if run.seed is not None else log.seed)
            for log in evidence.logs
            for run in log.runs
            if run.results
        ]
        seeds = {seed for _, seed in shown if seed is not None}
        unknown = len({log.path for log, seed in shown if seed is None})
        if not shown or len(seeds) + unknown >= needed:
            return
        count = len(seeds) + unknown
        place = evidence.claims.headline.location
        yield self.finding(
            f"The logs show {count} seed{'s' if count > 1 else ''} with a result where a record takes {needed}.",
            place,
            *(Related(Location(log.path), "no seed" if seed is None else f"seed {seed}") for log, seed in shown),
            confidence=Confidence.HIGH,
        )
