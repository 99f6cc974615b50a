"""A table is filled from training tokens when the evaluation runs."""

from collections.abc import Iterator

from golf_audit.case import Case
from golf_audit.certainty import certainty, headline_at
from golf_audit.events import Event, Save, Update
from golf_audit.example_script import script
from golf_audit.finding import Finding, Severity, Unproven
from golf_audit.program.claimed import Claimed, path_to
from golf_audit.program.walk import Walk
from golf_audit.rule import Example, Rule

_COUNTS = """
def fill(counts, tokens):
    for start in range(0, tokens.numel() - 1, SEQ):
        x, y = pairs(tokens, start)
        np.add.at(counts, (x.flatten().numpy(), y.flatten().numpy()), 1)

def evaluate_rows(model, tokens, luts, counts):
    loss_sum, byte_count = 0.0, 0
    for start in range(0, tokens.numel() - 1, SEQ):
        x, y = pairs(tokens, start)
        with torch.no_grad():
            neural = torch.softmax(model.logits(x).flatten(0, 1), -1).numpy()
        rows = counts[x.flatten().numpy()]
        mixed = 0.8 * neural + 0.2 * rows / rows.sum(axis=1, keepdims=True)
        loss_sum -= np.log(mixed[np.arange(len(mixed)), y.flatten().numpy()]).sum()
        byte_count += count_bytes(luts, x, y)
    return loss_sum / tokens.numel(), loss_sum / math.log(2.0) / byte_count
"""
_SAVED = 'torch.save(model.state_dict(), "model.ptz")\n'


class TrainDataAtEvaluation(Rule):
    """
    What the evaluation knows of the training data must be inside the artifact.

    The README allows training data at evaluation only where its bits are paid for. A table of counts that is filled
    from the training shards after the artifact was written, and then asked by the scorer, is carried past the cap.
    Tables that are packed into the artifact and loaded from it are paid for.
    """

    code = "GA-DATA-004"
    severity = Severity.DISQUALIFYING
    authority = ("readme-r2", "readme-r5", "valerio-609")
    would_change = "An evaluation that reads the artifact, the code and the validation split only."
    legal = (
        Example("no table", script(_SAVED + "report('final', evaluate(model, val_tokens, luts))")),
        Example(
            "a table filled from what was scored",
            script(_SAVED + "report('final', evaluate_rows(model, val_tokens, luts, np.ones((256, 256))))", _COUNTS),
        ),
        Example(
            "fills a table after the claim, for analysis",
            script(
                _SAVED
                + "report('final', evaluate(model, val_tokens, luts))\ncounts = np.ones((256, 256))\nfill(counts, train_tokens)\nprint(counts.max())",
                _COUNTS,
            ),
        ),
    )
    illegal = (
        Example(
            "counts of the training shards, filled before the score",
            script(
                _SAVED
                + "counts = np.ones((256, 256))\nfill(counts, train_tokens)\nreport('final', evaluate_rows(model, val_tokens, luts, counts))",
                _COUNTS,
            ),
            says="training tokens",
        ),
        Example(
            "a single shard of them",
            script(
                _SAVED + 'counts = np.ones((256, 256))\nfill(counts, load_shard(DATA + "/fineweb_train_000000.bin"))\n'
                "report('final', evaluate_rows(model, val_tokens, luts, counts))",
                _COUNTS,
            ),
            says="training tokens",
        ),
        Example(
            "in the evaluation loop",
            script(
                _SAVED
                + """
counts, loss_sum, byte_count = np.ones((256, 256)), 0.0, 0
fill(counts, train_tokens[: 1 << 20])
for start in range(0, val_tokens.numel() - 1, SEQ):
    x, y = pairs(val_tokens, start)
    with torch.no_grad():
        neural = torch.softmax(model.logits(x).flatten(0, 1), -1).numpy()
    rows = counts[x.flatten().numpy()]
    mixed = 0.5 * neural + 0.5 * rows / rows.sum(axis=1, keepdims=True)
    loss_sum -= np.log(mixed[np.arange(len(mixed)), y.flatten().numpy()]).sum()
    byte_count += count_bytes(luts, x, y)
report('final', (loss_sum / val_tokens.numel(), loss_sum / math.log(2.0) / byte_count))
""",
                _COUNTS,
            ),
            says="training tokens",
        ),
    )

    def check(self, case: Case) -> Iterator[Finding | Unproven]:
        """Insertions of training tokens, after the model was written, into a table that the headline asks."""
        claimed = case.claimed
        if claimed is None or case.walk is None:
            return
        for update in _late_insertions(case.walk, claimed):
            yield self.finding(
                "A table that the headline depends on is filled from training tokens after the artifact was written.",
                update.location,
                *path_to(update),
                headline_at(claimed),
                confidence=certainty(case, update, claimed.report),
            )
            return


def _late_insertions(walk: Walk, claimed: Claimed) -> Iterator[Update]:
    """Insertions of training tokens that lie after the last place where a model state is written."""
    saves = [_order(event) for event in walk.of(Save) if event.sites]
    asked = {identity for look in claimed.lookups for identity in look.priors}
    for identity in sorted(asked):
        update = walk.updates.get(identity)
        if update is None or update.kind != "table" or not any(ref.split == "train" for ref in update.refs):
            continue
        if saves and _order(update) > max(saves):
            yield update


def _order(event: Event) -> tuple[tuple[str, int], ...]:
    """Where an event stands in the program's text, call by call: comparable where the calls are."""
    lines = [call.location for call in event.path]
    return tuple((place.file, place.line) for place in (*lines, event.location))
