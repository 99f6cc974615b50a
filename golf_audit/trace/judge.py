"""
From runs to findings: each of the four conditions, the artifact and the fence, with the witness for it.

A foul is certain where it was observed in the scores that make up the claim; where the runs do not repeat, or the claim is
not made of the scores that were observed, the answer is that nothing was proved.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import pairwise, zip_longest

import numpy as np

from golf_audit.case import Case
from golf_audit.decoding.source import Source
from golf_audit.finding import Confidence, Finding, Location, Related, Unproven
from golf_audit.registry import find_rules
from golf_audit.rule import Rule
from golf_audit.sandbox import Ending
from golf_audit.trace.accounts import LATEST, Account, Counting, account, results
from golf_audit.trace.fouls import (
    ArtifactMovesWithValidation,
    PredictionMovesWithItsToken,
    ProbabilitiesSumPastOne,
    ScoreMovesWithLaterTokens,
    TrainDataReadWhileScoring,
)
from golf_audit.trace.ledger import Adapt, Forward, Ledger, Path, Score, learned_from
from golf_audit.trace.mixtures import in_order
from golf_audit.trace.probes import MOVED, Probed, artifacts, comparable, differing, own_row_moves, written_at

_COVERED = 0.97
_ROUNDING = 1e-3


class State(StrEnum):
    """What the runs say about one condition."""

    HELD = "held"
    VIOLATED = "violated"
    UNSEEN = "not observed"


@dataclass(frozen=True)
class Condition:
    """One condition with its witness."""

    name: str
    """`C1` to `C4`, `artifact` or `fence`."""
    state: State
    witness: str
    """A sentence: what was seen, or why nothing was."""


@dataclass(frozen=True)
class Judgement:
    """What the runs of one submission prove."""

    conditions: tuple[Condition, ...]
    findings: tuple[Finding, ...]
    unproven: tuple[Unproven, ...]


@dataclass(frozen=True)
class Early:
    """Counted scores of positions that their state had learned before."""

    score: Score
    adapt: Adapt
    positions: "np.ndarray[tuple[int], np.dtype[np.int64]]"


def judge(case: Case, probed: Probed) -> Judgement:
    """Every condition, worst first."""
    stopped = _stopped(case, probed)
    if stopped is not None:
        names = ("C1", "C2", "C3", "C4", "artifact", "fence")
        conditions = tuple(Condition(name, State.UNSEEN, stopped.reason) for name in names)
        return Judgement(conditions, (), (stopped,))
    parts = [*_conditions(case, probed)]
    findings = tuple(finding for _, found in parts for finding in found if isinstance(finding, Finding))
    unproven = [one for _, found in parts for one in found if isinstance(one, Unproven)]
    conditions = tuple(condition for condition, _ in parts)
    if (reason := _untrusted(probed)) is not None:
        conditions = tuple(_unheld(condition, reason) for condition in conditions)
        unproven.append(Unproven("trace", reason))
    return Judgement(conditions, findings, tuple(dict.fromkeys(unproven)))


def _untrusted(probed: Probed) -> str | None:
    """Why what the runs reported is not only the observer's word, if it is not."""
    for seen in (probed.base, probed.null, probed.changed):
        if seen is not None and seen.run.ledger.tampered:
            return f"the submission reaches for its observer: it {seen.run.ledger.tampered[0]}"
        if seen is not None and seen.run.ledger.spoiled:
            return f"{seen.run.ledger.spoiled} lines of a run's report are not the observer's, or out of their order"
    return None


def _unheld(condition: Condition, reason: str) -> Condition:
    return replace(condition, state=State.UNSEEN, witness=reason) if condition.state is State.HELD else condition


Part = tuple[Condition, list[Finding | Unproven]]


def _conditions(case: Case, probed: Probed) -> Iterator[Part]:
    if probed.base.account is None:
        yield from _unaccounted(case, probed)
    else:
        yield _first(case, probed)
        mixed = probed.base.account.counting is Counting.AMOUNTS
        yield _mixed(case, probed, probed.base.account) if mixed else _second(probed.base.account)
        yield _third(case, probed)
        yield _fourth(case, probed.base.account, probed.plan.val_tokens - 1)
    yield _artifact(case, probed)
    yield _fence(case, probed)


def _stopped(case: Case, probed: Probed) -> Unproven | None:
    """Why there is nothing to judge, if there is not."""
    run = probed.base.run
    if probed.base.result is not None:
        return None
    end = run.ledger.end
    if end is None and run.outcome.ending in {Ending.EXITED, Ending.SIGNALLED}:
        status, said = run.outcome.returncode, _last_line(run.outcome.output)
        return Unproven("trace", f"the process ended without a score and without saying why (status {status}): {said}")
    if end is None:
        return Unproven(
            "trace", f"the run was ended by its limit ({run.outcome.ending.value}) before it printed a score"
        )
    if end.code:
        said = f" ({_last_line(run.outcome.output)})" if end.why.startswith("exit ") else ""
        return Unproven("trace", f"the run stopped before it printed a score: {end.why}{said}", _place(case, end.at))
    return Unproven("trace", "the run ended without printing a score that could be read")


def _last_line(output: bytes) -> str:
    lines = output.decode("utf-8", "replace").strip().splitlines()
    return lines[-1][-200:] if lines else "it printed nothing"


def _unaccounted(case: Case, probed: Probed) -> Iterator[Part]:
    """The claimed score is not made of the likelihoods that were observed."""
    result = probed.base.result
    label = result.label if result else ""
    reason = f"the score printed as “{label}” is not the mean of the likelihoods that were observed: a mixture, another pass, or code that cannot be seen into"
    one = Unproven("trace", reason, _place(case, (result.printed.at or ("",))[0] if result else ""))
    for name in ("C1", "C2", "C3", "C4"):
        yield Condition(name, State.UNSEEN, reason), [one]


def _first(case: Case, probed: Probed) -> Part:
    """C1: the suffix probe."""
    account_ = probed.base.account
    if account_ is None or probed.changed is None or probed.changed.account is None:
        reason = "the run on the changed stream came to no score that could be compared"
        return Condition("C1", State.UNSEEN, reason), [Unproven("trace", reason)]
    if not probed.is_repeatable:
        reason = (
            "not deterministic: two runs of the same plan gave different scores, so nothing can be told from a third"
        )
        return Condition("C1", State.UNSEEN, reason), [Unproven("trace", reason)]
    known = account_.counting is not Counting.AMOUNTS or in_order(probed.base.run.ledger, account_)
    if known is False:
        reason = "to which token each amount of the mixture belongs was not observed"
        return Condition("C1", State.UNSEEN, reason), [Unproven("trace", reason)]
    fixed, moved = comparable(account_, probed.position), probed.moved
    own = own_row_moves(probed) or 0.0
    if not len(moved) and own > MOVED:
        return _own_row(case, probed, own)
    if not len(moved):
        witness = f"{len(fixed):,} scores before position {probed.position:,} are the same to the last bit when all that follows changes"
        return Condition("C1", State.HELD, witness), []
    nats = probed.largest_move()
    witness = f"{len(moved):,} of {len(fixed):,} scores before position {probed.position:,} move, by up to {nats:.4f} nats, when only what follows changes"
    if _early(probed.base.run.ledger, account_) or _explained(probed):
        return Condition("C1", State.VIOLATED, witness), []
    at = account_.path or _event(probed.base.run.ledger, _counted_by(account_, int(moved[0]))).at
    finding = ScoreMovesWithLaterTokens().finding(
        f"{witness[0].upper()}{witness[1:]}; the first is position {moved[0]:,}.",
        _place(case, (at or ("",))[0]),
        *_path(case, at),
        confidence=Confidence.HIGH if known else Confidence.MEDIUM,
    )
    return Condition("C1", State.VIOLATED, witness), [finding]


def _own_row(case: Case, probed: Probed, own: float) -> Part:
    """C1 where nothing before the change moved, but the prediction at its place did."""
    one, k = probed.base.account, probed.position
    if one is None:
        raise ValueError("a row is compared where the claim is accounted for")
    witness = f"the prediction for position {k:,} moves by {own:.4f} nats when only the tokens from there on change"
    score = _event(probed.base.run.ledger, _counted_by(one, k))
    finding = PredictionMovesWithItsToken().finding(
        f"Observed: {witness}.", _place(case, (score.at or ("",))[0]), *_path(case, score.at)
    )
    return Condition("C1", State.VIOLATED, witness), [finding]


def _counted_by(one: Account, position: int) -> int:
    """The number of the event whose score of a position was counted."""
    return int(one.events[np.searchsorted(one.positions, position)])


def _explained(probed: Probed) -> bool:
    """Whether the artifact already says why scores move."""
    return bool(
        probed.changed
        and probed.null
        and not differing(probed.base, probed.null)
        and differing(probed.base, probed.changed)
    )


def _mixed(case: Case, probed: Probed, one: Account) -> Part:
    """C2 where the claim is made of amounts that are no plain likelihoods: what they give to other tokens."""
    place = _place(case, (one.path or ("",))[0])
    total = sum(other.probability for other in probed.alternatives)
    tried = f"the {len(probed.alternatives)} tokens tried in the last place are given {total:.3f} together"
    if total > 1 + _ROUNDING:
        finding = ProbabilitiesSumPastOne().finding(
            f"Observed: {tried}, and no distribution gives more than one.", place, *_path(case, one.path)
        )
        return Condition("C2", State.VIOLATED, tried), [finding]
    reason = f"“{one.result.label}” is the sum of a mixture's amounts, not of likelihoods from full rows" + (
        f"; {tried}" if probed.alternatives else ""
    )
    return Condition("C2", State.UNSEEN, reason), [Unproven("trace", reason, place)]


def _second(one: Account) -> Part:
    """C2: every counted score is a row that sums to one."""
    witness = f"“{one.result.label}” is the mean of {len(one.positions):,} likelihoods, each taken from a full row over the alphabet"
    if one.counting is Counting.LEAST:
        return Condition("C2", State.VIOLATED, "the smallest of several scores is counted for each token"), []
    return Condition("C2", State.HELD, witness), []


def _third(case: Case, probed: Probed) -> Part:
    """C3: no counted score of a position whose state had learned it."""
    one = probed.base.account
    if one is None:
        raise ValueError("C3 is judged where the claim is accounted for")
    early = _early(probed.base.run.ledger, one)
    if one.counting is Counting.AMOUNTS:
        return Condition("C3", State.UNSEEN, "what a mixture had learned when it was asked was not observed"), []
    carried = _carried(probed)
    if carried and {e.adapt.number for e in early} <= {adapt.number for adapt in carried}:
        tokens = len(np.unique(np.concatenate([adapt.positions for adapt in carried])))
        witness = f"{len(carried)} steps on {tokens:,} validation tokens reach the scores through the artifact"
        return Condition("C3", State.VIOLATED, witness), []
    if not early:
        adapted = sum(adapt.number < one.events.max() for adapt in probed.base.run.ledger.adapts)
        how = (
            f"{adapted} adaptations were seen, none of them to a token before its score"
            if adapted
            else "nothing learned from validation tokens before they were scored"
        )
        return Condition("C3", State.HELD, how), []
    worst = max(early, key=lambda e: len(e.positions))
    total = len(np.unique(np.concatenate([e.positions for e in early])))
    witness = f"{total:,} tokens were learned from before the score that counts; position {worst.positions[0]:,} by event {worst.adapt.number}, scored by event {worst.score.number}"
    if one.counting is Counting.LEAST:
        return Condition("C3", State.VIOLATED, witness), []
    place = _place(case, (worst.adapt.at or ("",))[0])
    if not _confirmed(probed):
        reason = f"{witness}; but no score shows it, so the state that learned may be another than the one that scored"
        return Condition("C3", State.UNSEEN, reason), [Unproven("trace", reason, place)]
    rule = _order_rule(probed, one, early)
    finding = rule.finding(
        f"Observed: {witness}.",
        place,
        Related(
            _place(case, (worst.score.at or ("",))[0]),
            f"scores position {worst.positions[0]:,} afterwards, and this score is counted",
        ),
        *_path(case, worst.adapt.at),
    )
    return Condition("C3", State.VIOLATED, witness), [finding]


def _confirmed(probed: Probed) -> bool:
    """Whether what the ledger says about learning shows in the scores themselves."""
    return bool(probed.is_repeatable) and len(probed.moved) > 0


def _order_rule(probed: Probed, one: Account, early: list[Early]) -> Rule:
    """Which foul of order it is: the last of several epochs, a second evaluation, or training before the score."""
    if one.counting in LATEST and one.times > 1:
        return _rule("last-epoch-score")
    first = min(e.adapt.number for e in early)
    ledger = probed.base.run.ledger
    for result in results(ledger):
        if result.printed.number >= one.events.min():
            break
        earlier = account(ledger, result, probed.plan.val_tokens - 1)
        if earlier and earlier.events.min() < first < earlier.events.max() and not _early(ledger, earlier):
            return _rule("second-evaluation-of-an-adapted-model")
    if all(e.adapt.number < one.events.min() for e in early):
        return _rule("train-then-score")
    return _rule("optimised-on-the-scored-slice" if _is_fresh(early) else "step-before-score")


def _is_fresh(early: list[Early]) -> bool:
    """Whether what had learned too early was made anew for each score, and holds nothing from before the last."""
    return all(
        after.score.held is not None and after.score.held[0] > before.score.number for before, after in pairwise(early)
    )


def _rule(name: str) -> Rule:
    return find_rules(name)[0]


def _fourth(case: Case, one: Account, tokens: int) -> Part:
    """C4: every token is counted once."""
    share = len(one.positions) / tokens
    if one.counting is Counting.LEAST:
        witness = f"each token was scored up to {one.times} times, and the smallest score is counted"
        place = _place(case, (one.path or one.scores[-1].at or ("",))[0])
        return Condition("C4", State.VIOLATED, witness), [
            _rule("smaller-of-two-losses").finding(f"Observed: {witness}.", place)
        ]
    if share < _COVERED:
        witness = f"{len(one.positions):,} of {tokens:,} tokens are counted"
        return Condition("C4", State.UNSEEN, witness), [Unproven("trace", witness)]
    times = "once" if one.times == 1 else f"the {one.counting.value} of up to {one.times} times"
    return Condition("C4", State.HELD, f"{len(one.positions):,} of {tokens:,} tokens are counted, {times}"), []


def _artifact(case: Case, probed: Probed) -> Part:
    """The artifact probe."""
    if probed.changed is None or probed.null is None:
        reason = "there was only one run"
        return Condition("artifact", State.UNSEEN, reason), [Unproven("trace", reason)]
    found = artifacts(probed.base)
    if not found:
        return Condition("artifact", State.UNSEEN, "no file was written and read again before the score"), []
    if unstable := differing(probed.base, probed.null):
        reason = f"not deterministic: two runs of the same plan wrote different {', '.join(unstable)}"
        return Condition("artifact", State.UNSEEN, reason), [Unproven("trace", reason)]
    moved = differing(probed.base, probed.changed)
    if not moved:
        return Condition(
            "artifact", State.HELD, f"{', '.join(found)}: the same bytes when the validation stream changes"
        ), []
    witness = f"{', '.join(moved)}: other bytes when only the validation stream changes"
    return Condition("artifact", State.VIOLATED, witness), [_why_it_moved(case, probed, moved[0], witness)]


def _why_it_moved(case: Case, probed: Probed, path: str, witness: str) -> Finding:
    """What was seen to look at the validation stream before the artifact was written."""
    ledger, at = probed.base.run.ledger, written_at(probed.base, path)
    learned = _carried(probed)
    if learned:
        first = learned[0]
        tokens = len(np.unique(np.concatenate([adapt.positions for adapt in learned])))
        trains = {step.at[:1] for step in ledger.steps}
        rule = _rule("validation-tokens-in-training" if first.at[:1] in trains else "train-then-score")
        message = f"Observed: {len(learned)} steps on {tokens:,} validation tokens before the artifact was written ({witness})."
        return rule.finding(message, _place(case, (first.at or ("",))[0]), *_path(case, first.at))
    if seen := _calibrating(ledger, at):
        message = f"Observed: validation tokens {seen.low:,}–{seen.high:,} pass through the model without being scored before the artifact is written ({witness})."
        return _rule("calibration-on-validation").finding(
            message, _place(case, _caller(seen.at)), *_path(case, seen.at)
        )
    place = next((o for o in ledger.printed if o.number > at), None)
    return ArtifactMovesWithValidation().finding(
        f"{witness[0].upper()}{witness[1:]}; no step and no calibration was seen to look at it.",
        _place(case, (place.at or ("",))[0] if place else ""),
    )


def _carried(probed: Probed) -> list[Adapt]:
    """The adaptations to validation tokens that the artifact holds: it differs when the stream does, and they came before."""
    if probed.changed is None or probed.null is None or differing(probed.base, probed.null):
        return []
    written = [written_at(probed.base, path) for path in differing(probed.base, probed.changed)]
    return [adapt for adapt in probed.base.run.ledger.adapts if written and adapt.number < max(written)]


def _calibrating(ledger: Ledger, before: int) -> Forward | None:
    """A forward pass over validation tokens that no score follows."""
    numbers = np.array([score.number for score in ledger.scores] or [0])
    passes = [forward for forward in ledger.forwards if forward.number < before]
    for forward, following in zip_longest(passes, passes[1:]):
        end = following.number if following else before
        if not np.any((numbers > forward.number) & (numbers < end)):
            return forward
    return None


def _caller(path: Path) -> str:
    """The outermost call of a function: which one a script makes at its top level says little."""
    return next((frame for frame in reversed(path) if not frame.endswith(":<module>")), path[-1] if path else "")


def _fence(case: Case, probed: Probed) -> Part:
    """Nothing but the artifact, the stream and the tokenizer once the claimed scores begin."""
    ledger, one = probed.base.run.ledger, probed.base.account
    begin = int(one.events.min()) if one else (probed.base.result.printed.number if probed.base.result else 0)
    train = [o for o in ledger.opened if o.number > begin and not o.write and _is_train(o.path)]
    if train:
        witness = f"{train[0].path} is opened while the claimed scores are made"
        place = _entry(case)
        return Condition("fence", State.VIOLATED, witness), [
            TrainDataReadWhileScoring().finding(f"Observed: {witness}.", place)
        ]
    reached = [r for r in ledger.reached if r.number > begin]
    if reached:
        return Condition("fence", State.UNSEEN, f"while scoring, it asked for {reached[0].what}"), []
    return Condition("fence", State.HELD, "no training shard, network or process while the claimed scores are made"), []


def _is_train(path: str) -> bool:
    name = path.rpartition("/")[2]
    return "train" in name and name.endswith(".bin")


def _early(ledger: Ledger, one: Account) -> list[Early]:
    """Counted scores whose state had learned their position before."""
    found: list[Early] = []
    if one.counting is Counting.AMOUNTS:
        return found
    events = {score.number: score for score in one.scores}
    for number in np.unique(one.events):
        score = events[int(number)]
        if score.held is None:
            continue
        mine = one.positions[one.events == number]
        for adapt in learned_from(ledger, score):
            learned = mine[np.isin(mine, adapt.positions)]
            if adapt.number < score.number and len(learned):
                found.append(Early(score, adapt, learned))
                break
    return found


def _event(ledger: Ledger, number: int) -> Score:
    return next(score for score in ledger.scores if score.number == number)


def _path(case: Case, path: Iterable[str]) -> list[Related]:
    """The calls that led to an event, from the outermost."""
    frames = list(path)[1:]
    return [Related(_place(case, frame), f"in {frame.rpartition(':')[2]}()") for frame in reversed(frames[:4])]


def _place(case: Case, frame: str) -> Location:
    """A frame (`file:line:function`) as a place to open."""
    file, _, rest = frame.partition(":")
    line = int(rest.partition(":")[0]) if rest.partition(":")[0].isdigit() else 0
    source = case.source
    if isinstance(source, Source):
        if file == source.file and line:
            return source.layer.location(line)
        for layer in source.modules.values():
            if layer.file == file and line:
                return layer.location(line)
    return Location(file, line) if file else _entry(case)


def _entry(case: Case) -> Location:
    return Location(case.folder.entry.path if case.folder.entry else case.folder.name)
