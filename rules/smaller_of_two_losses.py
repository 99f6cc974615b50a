"""Of several losses for the same tokens the smallest is kept."""

from collections.abc import Iterator

from golf_audit.case import Case
from golf_audit.certainty import certainty, headline_at
from golf_audit.events import Choose
from golf_audit.example_script import script
from golf_audit.finding import Finding, Severity, Unproven
from golf_audit.program.claimed import Claimed, path_to
from golf_audit.rule import Example, Rule

_LOSSES = """
def losses_of(model, x, y):
    with torch.no_grad():
        return F.cross_entropy(model.logits(x).flatten(0, 1), y.flatten(), reduction="none")

def sweep(score, tokens, luts):
    loss_sum, byte_count = 0.0, 0
    for start in range(0, tokens.numel() - 1, SEQ):
        x, y = pairs(tokens, start)
        loss_sum += score(x, y).sum().item()
        byte_count += count_bytes(luts, x, y)
    return loss_sum / tokens.numel(), loss_sum / math.log(2.0) / byte_count
"""


class SmallerOfTwoLosses(Rule):
    """
    Which of two predictions counts must not be chosen by the loss on the realised token.

    Keeping the smaller loss of a cache and the model, of two passes or of several epochs uses the answer to choose the
    predictor: the distributions that win do not form one that sums to one. A mixture whose weights are fixed before
    the token is seen is the legal way to use both.
    """

    code = "GA-C2-001"
    severity = Severity.DISQUALIFYING
    authority = ("valerio-659", "valerio-611", "guide-c2", "guide-c4")
    would_change = "One prediction, or one mixture with weights fixed before the realised token is seen, whose loss counts whatever it is."
    legal = (
        Example("one model, one loss", script("report('final', evaluate(model, val_tokens, luts))")),
        Example(
            "the best checkpoint by training loss",
            script(
                """
                best = float("inf")
                for step in range(100):
                    x, y = pairs(train_tokens, step * SEQ)
                    loss = model(x, y).item()
                    if loss < best:
                        best, kept = loss, copy.deepcopy(model.state_dict())
                model.load_state_dict(kept)
                report('final', evaluate(model, val_tokens, luts))
                """
            ),
        ),
        Example(
            "losses are clamped",
            script(
                "report('final', sweep(lambda x, y: torch.clamp(losses_of(model, x, y), max=20.0), val_tokens, luts))",
                _LOSSES,
            ),
        ),
        Example(
            "a mixture of two models with a fixed weight",
            script(
                """
                other = Model()
                train(other, train_tokens, 100)
                mixed = lambda x, y: -torch.log(0.5 * torch.exp(-losses_of(model, x, y)) + 0.5 * torch.exp(-losses_of(other, x, y)))
                report('final', sweep(mixed, val_tokens, luts))
                """,
                _LOSSES,
            ),
        ),
    )
    illegal = (
        Example(
            "the better of two models, token by token",
            script(
                """
                other = Model()
                train(other, train_tokens, 100)
                report('final', sweep(lambda x, y: torch.minimum(losses_of(model, x, y), losses_of(other, x, y)), val_tokens, luts))
                """,
                _LOSSES,
            ),
            says="smaller",
        ),
        Example(
            "torch.where over the comparison",
            script(
                """
                def better(x, y):
                    a, b = losses_of(model, x, y), losses_of(other, x, y)
                    return torch.where(a < b, a, b)

                other = Model()
                train(other, train_tokens, 100)
                report('final', sweep(better, val_tokens, luts))
                """,
                _LOSSES,
            ),
            says="smaller",
        ),
        Example(
            "the better of two window losses, by min()",
            script(
                """
                other = Model()
                train(other, train_tokens, 100)
                loss_sum, byte_count = 0.0, 0
                for start in range(0, val_tokens.numel() - 1, SEQ):
                    x, y = pairs(val_tokens, start)
                    first, second = losses_of(model, x, y).tolist(), losses_of(other, x, y).tolist()
                    for a, b in zip(first, second):
                        loss_sum += min(a, b)
                    byte_count += count_bytes(luts, x, y)
                report('final', (loss_sum / val_tokens.numel(), loss_sum / math.log(2.0) / byte_count))
                """,
                _LOSSES,
            ),
            says="smaller",
        ),
    )

    def check(self, case: Case) -> Iterator[Finding | Unproven]:
        """A choice of the smallest loss among those that the headline sums."""
        claimed = case.claimed
        if claimed is None:
            return
        for choice in case.walk.of(Choose) if case.walk else ():
            if not _counted(choice, claimed):
                continue
            yield self.finding(
                "The smaller of several losses for the same tokens is kept, and the headline"
                f" “{claimed.report.label.strip()}” sums what was kept.",
                choice.location,
                headline_at(claimed),
                *path_to(claimed.report),
                confidence=certainty(case, choice, claimed.report),
            )
            return


def _counted(choice: Choose, claimed: Claimed) -> bool:
    """Whether every loss chosen among is one that the headline sums."""
    summed = {(atom.file, atom.line) for atom in claimed.atoms}
    chosen = {(atom.file, atom.line) for atom in choice.atoms}
    return bool(chosen) and chosen <= summed
