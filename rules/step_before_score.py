"""A chunk is learned before it is scored."""

from collections.abc import Iterator

from golf_audit.case import Case
from golf_audit.certainty import certainty
from golf_audit.example_script import script
from golf_audit.finding import Finding, Severity, Unproven
from golf_audit.order import Relation
from golf_audit.program.claimed import path_to, why_live
from golf_audit.rule import Example, Rule

_LOOP = """
def chunks(model, tokens, luts, score_first):
    loss_sum, byte_count = 0.0, 0
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    for start in range(0, tokens.numel() - 1, SEQ):
        x, y = pairs(tokens, start)
        {body}
    return loss_sum / tokens.numel(), loss_sum / math.log(2.0) / byte_count
"""
_SCORE = """with torch.no_grad():
            loss_sum += model(x, y).item() * y.numel()
            byte_count += count_bytes(luts, x, y)"""
_STEP = """optimizer.zero_grad()
        model(x, y).backward()
        optimizer.step()"""
_GOOD = _LOOP.replace("{body}", _SCORE + "\n        " + _STEP)
_BAD = _LOOP.replace("{body}", _STEP + "\n        " + _SCORE)
_RUN = "report('final_ttt', chunks(model, val_tokens, luts, True))"


class StepBeforeScore(Rule):
    """
    Inside an adapting evaluation each chunk must be scored before the step that learns it.

    A loop that first steps on a chunk and then adds the chunk's loss, with a second forward pass after the step,
    scores what it has just learned. Adding the loss of the very forward pass that is then back-propagated is fine:
    that loss was computed before the step, whether or not it was computed with gradients.
    """

    code = "GA-C3-003"
    severity = Severity.DISQUALIFYING
    authority = ("readme-r7", "guide-c3", "valerio-771")
    would_change = "Show that the loss that is summed was computed before the step on the same tokens."
    legal = (
        Example("scores, then steps", script(_RUN, _GOOD)),
        Example(
            "sums the loss that it then back-propagates",
            script(
                """
                optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
                loss_sum, byte_count = 0.0, 0
                for start in range(0, val_tokens.numel() - 1, SEQ):
                    x, y = pairs(val_tokens, start)
                    loss = model(x, y)
                    optimizer.zero_grad()
                    loss.backward()
                    optimizer.step()
                    loss_sum += loss.item() * y.numel()
                    byte_count += count_bytes(luts, x, y)
                report("final_ttt", (loss_sum, loss_sum / math.log(2.0) / byte_count))
                """
            ),
        ),
        Example(
            "steps on the chunk before, which was scored in the turn before",
            script(
                """
                optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
                loss_sum, byte_count, before = 0.0, 0, []
                for start in range(0, val_tokens.numel() - 1, SEQ):
                    for x, y in before:
                        optimizer.zero_grad()
                        model(x, y).backward()
                        optimizer.step()
                    x, y = pairs(val_tokens, start)
                    with torch.no_grad():
                        loss_sum += model(x, y).item() * y.numel()
                        byte_count += count_bytes(luts, x, y)
                    before = [(x, y)]
                report("final_ttt", (loss_sum, loss_sum / math.log(2.0) / byte_count))
                """
            ),
        ),
    )
    illegal = (
        Example("steps, then scores", script(_RUN, _BAD), says="just been trained on"),
        Example(
            "trains on the chunk for three epochs before scoring it",
            script(
                _RUN,
                _LOOP.replace(
                    "{body}",
                    "for epoch in range(3):\n            optimizer.zero_grad()\n"
                    "            model(x, y).backward()\n            optimizer.step()\n        " + _SCORE,
                ),
            ),
            says="just been trained on",
        ),
        Example(
            "writes the parameters by hand before scoring",
            script(
                _RUN,
                _LOOP.replace(
                    "{body}",
                    "g = torch.autograd.grad(model(x, y), list(model.parameters()))\n"
                    "        with torch.no_grad():\n            for p, d in zip(model.parameters(), g):\n"
                    "                p.data.sub_(0.01 * d)\n        " + _SCORE,
                ),
            ),
            says="just been trained on",
        ),
    )

    def check(self, case: Case) -> Iterator[Finding | Unproven]:
        """Updates earlier in the same turn, on the tokens that are then scored."""
        claimed = case.claimed
        if claimed is None:
            return
        for one in claimed.learned:
            if one.relation is not Relation.SAME or not claimed.shared_loops(one) or claimed.made_with_the_window(one):
                continue
            update = one.update
            yield self.finding(
                f"the headline “{claimed.report.label.strip()}” sums losses of validation tokens that have just been trained"
                f" on ({why_live(update)}).",
                update.location,
                *path_to(update),
                *claimed.evidence(one),
                confidence=certainty(case, update),
            )
            return
