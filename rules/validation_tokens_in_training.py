"""The model is trained on validation tokens as training data."""

from collections.abc import Iterator

from golf_audit.case import Case
from golf_audit.certainty import certainty, headline_at
from golf_audit.events import Load, Update
from golf_audit.example_script import script
from golf_audit.finding import Finding, Severity, Unproven
from golf_audit.program.claimed import Claimed
from golf_audit.program.walk import Walk
from golf_audit.rule import Example, Rule

_MIXED = "train(model, torch.cat([train_tokens, val_tokens]), 2000)\n"
_SCORE = "report('final', evaluate(model, val_tokens, luts))"


class ValidationTokensInTraining(Rule):
    """
    The training loop must not read the validation split.

    A loader whose pattern also matches the validation shards, a concatenation of both splits, or a switch that trains
    on validation alone makes the score one of memory. Organisers refused models trained so from the first day on.

    Evaluations inside the training loop read validation tokens and learn nothing from them; adaptation after training
    is judged by the rules about test-time training.
    """

    code = "GA-DATA-001"
    severity = Severity.DISQUALIFYING
    authority = ("readme-r6", "ohq-152", "cocohearts-262")
    would_change = (
        "A training loader that reads the training shards only, or a log that shows that the claimed run used one."
    )
    legal = (
        Example("trains on the training split", script(_SCORE)),
        Example(
            "validates inside the training loop, learning nothing",
            script(
                """
                for step in range(10):
                    train(model, train_tokens, 100)
                    report(f'step {step}', evaluate(model, val_tokens, luts))
                report('final', evaluate(model, val_tokens, luts))
                """
            ),
        ),
        Example(
            "opens the validation shards before training",
            script(
                """
                expected = val_tokens.numel() // SEQ
                train(model, train_tokens, 500)
                print(f"{expected} windows")
                report('final', evaluate(model, val_tokens, luts))
                """
            ),
        ),
        Example(
            "a switch to train on validation that is off",
            script(
                """
                if os.environ.get("VAL_ONLY", "0") == "1":
                    train(model, val_tokens, 2000)
                report('final', evaluate(model, val_tokens, luts))
                """
            ),
        ),
    )
    illegal = (
        Example("both splits in one stream", script(_MIXED + _SCORE), says="validation tokens"),
        Example(
            "the training pattern names the validation shards",
            script(_SCORE).replace("fineweb_train_*.bin", "fineweb_val_*.bin"),
            says="validation tokens",
        ),
        Example(
            "the shards of both splits in one list",
            script(_SCORE).replace(
                'train_tokens = load_split(os.path.join(DATA, "fineweb_train_*.bin"))',
                'shards = sorted(glob.glob(DATA + "/fineweb_train_*.bin")) + sorted(glob.glob(DATA + "/fineweb_val_*.bin"))\n'
                "    train_tokens = torch.cat([load_shard(p) for p in shards])",
            ),
            says="validation tokens",
        ),
        Example(
            "validation alone",
            script(_SCORE).replace("train(model, train_tokens, int", "train(model, val_tokens, int"),
            says="validation tokens",
        ),
    )

    def check(self, case: Case) -> Iterator[Finding | Unproven]:
        """A step on both splits at once, or a program whose every step is on validation, before the headline."""
        claimed = case.claimed
        if claimed is None or case.walk is None:
            return
        for update in _training_on_validation(case.walk, claimed):
            yield self.finding(
                "The training loop takes steps on validation tokens, and the headline"
                f" “{claimed.report.label.strip()}” scores them.",
                update.location,
                headline_at(claimed),
                confidence=certainty(case, update, claimed.report),
            )
            return


def _training_on_validation(walk: Walk, claimed: Claimed) -> Iterator[Update]:
    """The steps that a scored state had been through, with validation tokens where training tokens belong."""
    steps = [u for u in walk.updates.values() if u.kind == "step"]
    trained = any(_splits(u) == {"train"} for u in steps)
    loaded = any(True for _ in walk.of(Load))
    for one in claimed.learned:
        splits = _splits(one.update)
        if one.update.kind != "step" or not one.foul or claimed.scored_first(one) or claimed.shared_loops(one):
            continue
        if {"train", "val"} <= splits or (splits == {"val"} and not trained and not loaded):
            yield one.update


def _splits(update: Update) -> set[str]:
    return {ref.split for ref in update.refs if ref.split in ("train", "val")}
