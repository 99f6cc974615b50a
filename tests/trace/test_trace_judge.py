"""The judge: from hand-made ledgers to conditions and findings."""

from functools import partial

import pytest

from golf_audit.finding import Confidence
from golf_audit.sandbox import Ending
from golf_audit.trace.judge import Judgement, State, judge
from golf_audit.trace.probes import Probed
from tests.trace.ledgers import Script
from tests.trace.probing import TOKENS, Write, case, evaluation, probed, runs, seen


def states(judgement: Judgement) -> dict[str, State]:
    """The state of each condition."""
    return {one.name: one.state for one in judgement.conditions}


def rules(judgement: Judgement) -> list[str]:
    """The rules of the findings."""
    return [finding.rule for finding in judgement.findings]


def judged(write: Write, found: Probed | None = None) -> Judgement:
    """What is said about these runs."""
    return judge(case(), found or runs(write))


def test_legal() -> None:
    """A run whose scores stay, whose steps come after and whose artifact stays has every condition held."""
    judgement = judged(evaluation)
    assert set(states(judgement).values()) == {State.HELD}
    assert not judgement.findings
    assert not judgement.unproven


@pytest.mark.parametrize(
    ("settings", "rule"),
    [({"moved": 0.5}, "score-moves-with-later-tokens"), ({"own": 0.5}, "prediction-moves-with-its-token")],
)
def test_first_condition(settings: dict[str, float], rule: str) -> None:
    """A score before the change that moves, or the prediction at the change, breaks C1 by its rule, at the score."""
    judgement = judged(partial(evaluation, **settings))  # type: ignore[arg-type]  # numbers go to numbers
    assert states(judgement)["C1"] is State.VIOLATED
    assert rules(judgement) == [rule]
    assert judgement.findings[0].location.line == 20


def test_steps_before_the_scores() -> None:
    """A state that had learned a chunk before it was scored breaks C3; the score and the step are both named."""
    judgement = judged(lambda script, changed: evaluation(script, changed, held=True, moved=0.5))
    assert states(judgement)["C3"] is State.VIOLATED
    (finding,) = judgement.findings
    assert (finding.rule, finding.confidence) == ("optimised-on-the-scored-slice", Confidence.HIGH)
    assert finding.location.line == 25
    assert 20 in {place.location.line for place in finding.related}


def test_steps_that_do_not_show_in_the_scores() -> None:
    """Where the ledger says that a step came too early and no score moves, nothing is proved, and nobody accused."""
    judgement = judged(lambda script, changed: evaluation(script, changed, held=True))
    assert judgement.findings == ()
    assert states(judgement)["C3"] is State.UNSEEN
    assert any("no score shows it" in one.reason for one in judgement.unproven)


def test_training_on_everything_first() -> None:
    """Steps on the whole stream before any of it is scored are training first, then scoring."""

    def write(script: Script, changed: bool) -> None:
        first = script.adapt(range(1, TOKENS + 1))
        nll = [3.0 + changed / 7] * TOKENS
        script.score(range(1, TOKENS + 1), nll, held=(first, first))
        script.result(nll)

    assert rules(judged(write)) == ["train-then-score"]


def test_a_step_before_each_score_of_one_model() -> None:
    """A model that goes on learning, each chunk before its score, steps before it scores."""

    def write(script: Script, changed: bool) -> None:
        first, losses = 0, [3.0 + changed / 7] * TOKENS
        for start in range(0, TOKENS, 100):
            last = script.adapt(range(start + 1, start + 101))
            first = first or last
            script.score(range(start + 1, start + 101), losses[:100], held=(first, last))
        script.result(losses)

    assert rules(judged(write)) == ["step-before-score"]


def test_smallest_of_several() -> None:
    """A claim made of the smaller of two scores breaks C2 and C4, by one rule."""

    def write(script: Script, changed: bool) -> None:
        for low, high in ((3.0, 4.0), (4.0, 3.0)):
            script.score(range(1, TOKENS + 1), [low] * (TOKENS // 2) + [high] * (TOKENS // 2))
        script.result([3.0])

    judgement = judged(write)
    assert rules(judgement) == ["smaller-of-two-losses"]
    assert {states(judgement)[name] for name in ("C2", "C4")} == {State.VIOLATED}


def test_a_changed_artifact_nobody_looked_for() -> None:
    """An artifact that moves with the stream, with nothing seen that looked at it, needs a ruling by its own rule."""
    found = runs(evaluation, artifact=lambda changed: f"{changed}")
    judgement = judged(evaluation, found)
    assert states(judgement)["artifact"] is State.VIOLATED
    assert rules(judgement) == ["artifact-moves-with-validation"]


def test_a_train_shard_while_scoring() -> None:
    """A training shard that is opened after the first counted score breaks the fence."""

    def write(script: Script, changed: bool) -> None:
        nll = [3.0] * (TOKENS // 2)
        script.score(range(1, TOKENS // 2 + 1), nll)
        script.add("open", path="data/fineweb_train_000001.bin", write=False)
        script.score(range(TOKENS // 2 + 1, TOKENS + 1), nll)
        script.result(nll)

    judgement = judged(write)
    assert states(judgement)["fence"] is State.VIOLATED
    assert rules(judgement) == ["train-data-read-while-scoring"]


def test_not_deterministic() -> None:
    """Two runs of one plan that differ prove nothing about a third."""
    turn = iter(range(9))
    judgement = judged(lambda script, _: evaluation(script, changed=True, moved=next(turn) / 9))
    assert states(judgement)["C1"] is State.UNSEEN
    assert judgement.findings == ()
    assert "not deterministic" in judgement.unproven[0].reason


def test_a_claim_that_is_not_made_of_the_scores() -> None:
    """A printed score that no pass has is not judged by what was observed."""

    def write(script: Script, changed: bool) -> None:
        script.score(range(1, TOKENS + 1), [3.0] * TOKENS)
        script.result([2.0])

    judgement = judged(write)
    assert {states(judgement)[name] for name in ("C1", "C2", "C3", "C4")} == {State.UNSEEN}
    assert "not the mean of the likelihoods" in judgement.unproven[0].reason
    assert judgement.findings == ()


def test_a_part_of_the_tokens() -> None:
    """A claim over nine tenths of the stream leaves C4 open."""

    def write(script: Script, changed: bool) -> None:
        script.score(range(1, 361), [3.0] * 360)
        script.result([3.0])

    judgement = judged(write)
    assert states(judgement)["C4"] is State.UNSEEN
    assert [one.reason for one in judgement.unproven] == ["360 of 400 tokens are counted"]


@pytest.mark.parametrize(
    ("ending", "code", "reason"),
    [
        (Ending.WALL_CLOCK, None, "ended by its limit (wall clock)"),
        (Ending.EXITED, None, "without saying why (status 0): last words"),
        (Ending.EXITED, 1, "stopped before it printed a score: KeyError: 'x'"),
        (Ending.EXITED, 0, "without printing a score that could be read"),
    ],
)
def test_runs_without_a_result(ending: Ending, code: int | None, reason: str) -> None:
    """A run that printed no score proves nothing, and the reason says how it ended."""
    script = Script()
    script.score(range(1, 101), [3.0] * 100)
    if code is not None:
        script.end(code, "KeyError: 'x'" if code else "")
    judgement = judge(case(), probed(seen(script, ending=ending), None, None))
    assert set(states(judgement).values()) == {State.UNSEEN}
    assert reason in judgement.unproven[0].reason


@pytest.mark.parametrize("which", ["base", "null", "changed"])
def test_a_spoiled_report_holds_nothing(which: str) -> None:
    """Where somebody else wrote to a run's report, nothing is held to be kept, and what was found stays found."""
    clean, spoiled = Script(), Script()
    evaluation(clean, changed=False)
    evaluation(spoiled, changed=False)
    spoiled.lines.insert(2, b'{"n": 2, "e": "stand-in", "name": "forged"}')
    made = {name: seen(spoiled if name == which else clean) for name in ("base", "null", "changed")}
    judgement = judge(case(), probed(**made))
    assert State.HELD not in states(judgement).values()
    assert any("report" in one.reason for one in judgement.unproven)
