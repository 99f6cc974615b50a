"""
The fact table: what is claimed against what the logs show, per seed and stage.

A row is one number of one seed (or of the whole, seed None) at one stage. `claimed` and `observed` are in the row's
`unit`; either may be None where it is not stated. `agrees` is True or False where both are there, and None where they
cannot be compared. `claim` and `source` are the places that say so. Rows come in reading order: the whole first, then seed by
seed; within a seed: training, artifact, evaluation, score, validation text.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from golf_audit.evidence.budget import evaluation_time, training_time
from golf_audit.evidence.claim import Claim, Quantity
from golf_audit.evidence.coverage import Coverage, Ruler, bytes_per_token
from golf_audit.evidence.events import Evaluation
from golf_audit.evidence.frontier import Frontier, day_of
from golf_audit.evidence.sizes import weigh
from golf_audit.finding import Location
from golf_audit.rulebook import Rulebook

if TYPE_CHECKING:
    from golf_audit.evidence.evidence import Evidence
    from golf_audit.evidence.runlog import Run, RunLog


class Stage(StrEnum):
    """Where in a run a fact belongs."""

    WHOLE = "whole"
    TRAINING = "training"
    ARTIFACT = "artifact"
    EVALUATION = "evaluation"
    SCORE = "score"
    VALIDATION = "validation text"


@dataclass(frozen=True, slots=True)
class Fact:
    """One row of the table."""

    seed: int | None
    stage: Stage
    quantity: str
    claimed: float | None
    observed: float | None
    unit: str
    agrees: bool | None = None
    claim: Location | None = None
    source: Location | None = None
    note: str = ""
    """What the numbers are of: a label, a cause."""


def fact_table(evidence: "Evidence", rulebook: Rulebook | None = None) -> tuple[Fact, ...]:
    """Every fact of the claimed runs."""
    rulebook = rulebook or Rulebook.load()
    rows = [*_whole(evidence)]
    for log, run in sorted(evidence.claimed_runs, key=lambda item: (_seed(*item) is None, _seed(*item) or 0)):
        rows += [
            *_training(evidence, log, run),
            *_artifact(evidence, log, run),
            *_score(evidence, run, Ruler(rulebook)),
        ]
    return tuple(rows)


def _seed(log: "RunLog", run: "Run") -> int | None:
    return run.seed if run.seed is not None else log.seed


def _whole(evidence: "Evidence") -> Iterator[Fact]:
    headline, metadata = evidence.headline, evidence.claims.metadata
    claim = evidence.claims.headline
    if claim:
        observed = headline.mean if headline else None
        yield Fact(
            None,
            Stage.WHOLE,
            "val_bpb",
            claim.value,
            observed,
            "bpb",
            claim.agrees(observed, 1e-5) if observed is not None else False if evidence.logs else None,
            claim.location,
            headline.lines[0].location if headline else None,
            headline.how if headline else "in no log" if evidence.logs else "there is no log",
        )
    heaviest = max((w for w in weigh(evidence) if w.logged), key=lambda w: w.logged or 0, default=None)
    if metadata.total or heaviest:
        size = heaviest.logged if heaviest else None
        stated = metadata.total.value if metadata.total else None
        line = (heaviest.total or heaviest.model) if heaviest else None
        yield Fact(
            None,
            Stage.WHOLE,
            "artifact, heaviest seed",
            stated,
            size,
            "bytes",
            stated >= size if stated and size else None,
            metadata.total.location if metadata.total else None,
            heaviest.log.location(line.line) if heaviest and line else None,
        )


def _first(claims: tuple[Claim, ...]) -> Claim | None:
    return next((claim for claim in claims if not claim.statistic), None)


def _training(evidence: "Evidence", log: "RunLog", run: "Run") -> Iterator[Fact]:
    seed, took = _seed(log, run), training_time(run)
    if took:
        claim = _first(evidence.claims.of(Quantity.TRAIN_SECONDS, seed)) if seed is not None else None
        agrees = abs(claim.value - took.seconds) <= max(1.5, claim.unit_of_last_place) if claim else None
        yield Fact(
            seed,
            Stage.TRAINING,
            "training time",
            claim.value if claim else None,
            took.seconds,
            "s",
            agrees,
            claim.location if claim else None,
            log.location(took.line),
        )
    if run.steps:
        claim = _first(evidence.claims.of(Quantity.STEPS, seed)) if seed is not None else None
        agrees = abs(claim.value - run.steps) <= 1 if claim else None
        place = log.location(run.stop.line) if run.stop else None
        yield Fact(
            seed,
            Stage.TRAINING,
            "steps",
            claim.value if claim else None,
            float(run.steps),
            "steps",
            agrees,
            claim.location if claim else None,
            place,
        )


def _artifact(evidence: "Evidence", log: "RunLog", run: "Run") -> Iterator[Fact]:
    weighing = next((w for w in weigh(evidence) if w.log is log and w.run is run), None)
    if weighing is None:
        return
    line = weighing.total or weighing.model
    note = "" if weighing.shipped is None else f"{weighing.shipped:,} with the script as shipped"
    for claim in _each_value(weighing.claims) or (None,):
        yield Fact(
            weighing.seed,
            Stage.ARTIFACT,
            "artifact",
            claim.value if claim else None,
            float(weighing.logged) if weighing.logged else None,
            "bytes",
            claim.agrees(weighing.logged) if claim and weighing.logged else None,
            claim.location if claim else None,
            log.location(line.line) if line else None,
            note,
        )


def _each_value(claims: tuple[Claim, ...]) -> tuple[Claim, ...]:
    """The claims of a seed's own number, those that state the same one told once."""
    told: dict[float, Claim] = {}
    for claim in claims:
        if not claim.statistic:
            told.setdefault(claim.value, claim)
    return tuple(told.values())


def _score(evidence: "Evidence", run: "Run", ruler: Ruler) -> Iterator[Fact]:
    for line in evidence.headline_lines:
        if line.run is not run:
            continue
        if isinstance(line.event, Evaluation) and (took := evaluation_time(run, line.event)):
            claim = _first(evidence.claims.of(Quantity.EVAL_SECONDS, line.seed)) if line.seed is not None else None
            agrees = abs(claim.value - took.seconds) <= max(1.5, claim.unit_of_last_place) if claim else None
            parts = " + ".join(f"{part.seconds:.1f} s {part.label}" for part in took.needed)
            yield Fact(
                line.seed,
                Stage.EVALUATION,
                "evaluation time",
                claim.value if claim else None,
                took.seconds,
                "s",
                agrees,
                claim.location if claim else None,
                line.log.location(took.needed[-1].line),
                parts if len(took.needed) > 1 else took.needed[0].label,
            )
        scores = (
            [c for c in evidence.claims.of(Quantity.BPB, line.seed) if not c.statistic] if line.seed is not None else []
        )
        claim = min(scores, key=lambda c: abs(c.value - line.event.bpb), default=None)
        yield Fact(
            line.seed,
            Stage.SCORE,
            "val_bpb",
            claim.value if claim else None,
            line.event.bpb,
            "bpb",
            claim.agrees(line.event.bpb, 1e-5) if claim else None,
            claim.location if claim else None,
            line.location,
            line.label,
        )
        found = ruler.measure(line)
        if found.nbytes:
            yield Fact(
                line.seed,
                Stage.VALIDATION,
                "text scored",
                float(ruler.nbytes),
                round(found.nbytes),
                "bytes",
                found.coverage == Coverage.WHOLE,
                None,
                line.log.location(found.tokens_line or line.event.line),
                found.means,
            )


def as_json(evidence: "Evidence", rulebook: Rulebook | None = None) -> dict[str, object]:
    """The facts as plain data: `table` (rows as in `Fact`, places as `file:line`), `logs`, `headline`, `against_the_record`."""
    rulebook = rulebook or Rulebook.load()
    facts: dict[str, object] = {
        "table": [_row(fact) for fact in fact_table(evidence, rulebook)],
        "logs": [
            {"file": log.path, "runs": len(log.runs), "seed": log.seed, "truncated": log.truncated}
            for log in evidence.logs
        ],
    }
    if headline := evidence.headline:
        facts["headline"] = {
            "claimed": headline.claim.value,
            "mean": headline.mean,
            "how": headline.how,
            "confidence": headline.confidence.value,
            "lines": [
                {"seed": line.seed, "label": line.label, "bpb": line.event.bpb, "at": str(line.location)}
                for line in headline.lines
            ],
        }
    if compared := against_the_record(evidence, rulebook):
        facts["against_the_record"] = compared
    return facts


def _row(fact: Fact) -> dict[str, object]:
    row: dict[str, object] = asdict(fact)
    row["stage"] = fact.stage.value
    row["claim"] = str(fact.claim) if fact.claim else None
    row["source"] = str(fact.source) if fact.source else None
    return row


def against_the_record(evidence: "Evidence", rulebook: Rulebook) -> Mapping[str, object] | None:
    """The headline's seeds against the row that stood on the folder's day, both bars side by side; None where none stood."""
    headline, day = evidence.headline, day_of(evidence.folder.name)
    if headline is None or day is None or not evidence.for_the_record:
        return None
    ratio = next((found for line in headline.lines if (found := bytes_per_token(line.event))), 0.0)
    compared = Frontier(rulebook).compare(headline.values, ratio, day) if ratio else None
    if compared is None:
        return None
    return {
        "record": {"pr": compared.against.pr, "date": compared.against.date.isoformat(), "bpb": compared.against.bpb},
        "gain_bpb": round(compared.gain_bpb, 6),
        "gain_nats_per_token": round(compared.gain_nats_per_token, 6),
        "p": compared.p,
        "clears_nats": compared.clears_nats,
        "clears_p": compared.clears_p,
        "clears_practised_p": compared.clears_practised_p,
        "waived_for": "a change of systems alone, which this comparison cannot tell",
    }
