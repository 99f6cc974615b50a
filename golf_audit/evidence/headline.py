"""Which log lines produced the claimed score."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from math import prod
from statistics import fmean

from golf_audit.evidence.claim import Claim
from golf_audit.evidence.claims import Claims
from golf_audit.evidence.events import Evaluation, Validation
from golf_audit.evidence.runlog import Run, RunLog
from golf_audit.finding import Confidence, Location

_FLOOR = 1e-5
_COARSEST = 1e-3
"""No score is rounded further than this: JSON drops zeros at the end, so `1.1` may be `1.1000`."""
_FINE = 1e-4
"""A claim written more coarsely than this may meet a line by chance."""
_COMBINATIONS = 256
_FEW = (2, 5)
"""Between how many logs a mean of any lines is looked for."""
_PAIR = 2
_DIAGNOSTIC = re.compile(r"diagnostic|pre-?quant|post[-_ ]?(?:ema|swa|average)|pre[-_ ]ttt", re.I)


@dataclass(frozen=True, slots=True)
class HeadlineLine:
    """One seed's line: the result that counts for the claim."""

    log: RunLog
    run: Run
    event: Evaluation | Validation
    seed: int | None

    @property
    def label(self) -> str:
        """What the log calls the result."""
        return self.event.label if isinstance(self.event, Evaluation) else "training-time validation"

    @property
    def location(self) -> Location:
        """The line in the log."""
        return self.log.location(self.event.line)


@dataclass(frozen=True, slots=True)
class Headline:
    """The claimed score and the lines that it was made from."""

    claim: Claim
    lines: tuple[HeadlineLine, ...]
    how: str
    """In words: how the lines make the claim."""
    confidence: Confidence

    @property
    def values(self) -> tuple[float, ...]:
        """The lines' scores, bits per byte."""
        return tuple(line.event.bpb for line in self.lines)

    @property
    def mean(self) -> float:
        """The mean of the lines' scores."""
        return fmean(self.values)


def find_headline(claims: Claims, logs: Sequence[RunLog]) -> Headline | None:
    """The lines behind the claimed score; None where nothing is claimed or no line or mean of lines gives it."""
    claim = claims.headline
    if claim is None or not logs:
        return None
    claim = replace(claim, unit_of_last_place=min(claim.unit_of_last_place, _COARSEST))
    for attempt in (_by_seed_claims, _by_label, _by_single_line, _by_seed_values, _by_validation):
        if found := attempt(claim, claims, logs):
            return found
    return None


def _lines(log: RunLog) -> Iterator[HeadlineLine]:
    for run in log.runs:
        seed = run.seed if run.seed is not None else log.seed
        for event in run.of(Evaluation):
            yield HeadlineLine(log, run, event, seed)


def _best(lines: Iterable[HeadlineLine]) -> HeadlineLine | None:
    """Of lines with one value: a strict one before free text, a finished pass before a diagnostic, most digits, then the last."""
    ranked = [
        (
            (
                not line.event.loose,
                not _DIAGNOSTIC.search(line.label),
                line.event.loss is not None,
                line.event.digits,
                line.event.line,
            ),
            line,
        )
        for line in lines
        if isinstance(line.event, Evaluation)
    ]
    return max(ranked, key=lambda item: item[0])[1] if ranked else None


def _printed(event: Evaluation | Validation) -> float:
    """What the log itself rounded away."""
    return 0.51 * 10.0**-event.digits if isinstance(event, Evaluation) else 0.0


def _seed_lines(seed: int, value: Claim, logs: Sequence[RunLog]) -> HeadlineLine | None:
    lines = [line for log in logs for line in _lines(log) if value.agrees(line.event.bpb, _FLOOR)]
    printed = [line for line in lines if line.seed == seed]
    return _best(printed or (line for line in lines if line.log.named_seed == seed))


def _by_seed_claims(claim: Claim, claims: Claims, logs: Sequence[RunLog]) -> Headline | None:
    """A per-seed field or column whose mean is the claim, and every value of it in that seed's log."""
    for label, column in claims.columns():
        if len(column) < _PAIR or not claim.agrees(fmean(c.value for c in column.values()), 2 * _FLOOR):
            continue
        found = [_seed_lines(seed, value, logs) for seed, value in column.items()]
        lines = tuple(line for line in found if line)
        if lines:
            how = f"the mean of {label!r} over seeds, each value found in its seed's log"
            if len(lines) < len(column):
                how = (
                    f"the mean of {label!r} over seeds, {len(lines)} of {len(column)} values found in their seeds' logs"
                )
            return Headline(claim, lines, how, Confidence.HIGH if len(lines) == len(column) else Confidence.MEDIUM)
    return None


def _label(event: Evaluation) -> str:
    return re.sub(r"[_ :]?exact\b", "", event.label.lower()).strip(" :_")


def _by_label(claim: Claim, _: Claims, logs: Sequence[RunLog]) -> Headline | None:
    """A label whose mean over the logs (one for each seed) is the claim."""
    for group in _groups(logs):
        table: dict[str, list[HeadlineLine]] = defaultdict(list)
        for log in group:
            last: dict[str, HeadlineLine] = {}
            for line in _lines(log):
                if isinstance(line.event, Evaluation) and not line.event.loose:
                    known = last.get(_label(line.event))
                    if (
                        known is None
                        or not isinstance(known.event, Evaluation)
                        or line.event.digits >= known.event.digits
                    ):
                        last[_label(line.event)] = line
            for label, line in last.items():
                table[label].append(line)
        for label, lines in sorted(
            table.items(), key=lambda item: (bool(_DIAGNOSTIC.search(item[0])), -len(item[1]), -item[1][0].event.line)
        ):
            if (
                len(lines) > 1
                and len(lines) == len(group)
                and claim.agrees(fmean(line.event.bpb for line in lines), _FLOOR)
            ):
                return Headline(claim, tuple(lines), f"the mean of {label!r} over {len(lines)} logs", Confidence.HIGH)
    return None


def _groups(logs: Sequence[RunLog]) -> list[list[RunLog]]:
    """Logs by directory, the folder's root first, each with one log for a seed (the last by name); then all of them."""
    by_directory: dict[str, dict[object, RunLog]] = defaultdict(dict)
    for log in logs:
        directory = log.path.rpartition("/")[0]
        by_directory[directory][log.seed if log.seed is not None else log.path] = log
    groups = [
        list(group.values())
        for _, group in sorted(by_directory.items(), key=lambda item: (item[0].count("/"), item[0] != "", item[0]))
    ]
    return [*groups, list(logs)]


def _by_single_line(claim: Claim, _: Claims, logs: Sequence[RunLog]) -> Headline | None:
    """One line whose score is the claim."""
    line = _best(line for log in logs for line in _lines(log) if claim.agrees(line.event.bpb, _printed(line.event)))
    if line is None:
        return None
    strict = isinstance(line.event, Evaluation) and not line.event.loose
    sure = strict and claim.unit_of_last_place <= _FINE
    return Headline(claim, (line,), f"one line, {line.label!r}", Confidence.HIGH if sure else Confidence.MEDIUM)


def _by_seed_values(claim: Claim, _: Claims, logs: Sequence[RunLog]) -> Headline | None:
    """One result for each seed, any label, whose mean is the claim."""
    per_log = [
        [line for line in _lines(log) if isinstance(line.event, Evaluation) and not line.event.loose] for log in logs
    ]
    per_log = [lines for lines in per_log if lines]
    if not _FEW[0] <= len(per_log) <= _FEW[1] or prod(len(lines) for lines in per_log) > _COMBINATIONS:
        return None
    for choice in product(*per_log):
        if claim.agrees(fmean(line.event.bpb for line in choice), 0.0):
            return Headline(claim, choice, "a mean of lines with different labels", Confidence.LOW)
    return None


def _by_validation(claim: Claim, _: Claims, logs: Sequence[RunLog]) -> Headline | None:
    """The last validation of the training loop."""
    ends = [
        HeadlineLine(log, run, validations[-1], run.seed if run.seed is not None else log.seed)
        for log in logs
        for run in log.runs
        if (validations := run.of(Validation))
    ]
    for line in ends:
        if claim.agrees(line.event.bpb, 0.0):
            return Headline(claim, (line,), "one training-time validation", Confidence.MEDIUM)
    if len(ends) > 1 and claim.agrees(fmean(line.event.bpb for line in ends), _FLOOR):
        return Headline(claim, tuple(ends), "the mean of the last training-time validations", Confidence.MEDIUM)
    return None
