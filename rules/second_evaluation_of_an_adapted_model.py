"""The headline is a second evaluation of a model that the first one adapted."""

from collections.abc import Iterator

from golf_audit.case import Case
from golf_audit.certainty import certainty
from golf_audit.example_script import script
from golf_audit.finding import Confidence, Finding, Severity, Unproven
from golf_audit.order import Relation
from golf_audit.program.claimed import path_to, why_live
from golf_audit.rule import Example, Rule

_TTT = """
def score_first(model, tokens, luts):
    loss_sum, byte_count = 0.0, 0
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    for start in range(0, tokens.numel() - 1, SEQ):
        x, y = pairs(tokens, start)
        with torch.no_grad():
            loss_sum += model(x, y).item() * y.numel()
            byte_count += count_bytes(luts, x, y)
        optimizer.zero_grad()
        model(x, y).backward()
        optimizer.step()
    return loss_sum / tokens.numel(), loss_sum / math.log(2.0) / byte_count
"""


class SecondEvaluationOfAnAdaptedModel(Rule):
    """
    The first pass of an adapting evaluation is the score; the model that it leaves behind has seen every token.

    Score-first adaptation changes the model in place. Evaluating that model again on the same tokens, with whatever
    stride or temperature, scores tokens that it has learned. Only the first pass may be claimed.
    """

    code = "GA-C4-002"
    severity = Severity.DISQUALIFYING
    authority = ("valerio-991", "guide-c4")
    would_change = "Claim the first pass, or show that the second one uses a model from before the adaptation."
    legal = (
        Example("claims the first pass", script("report('final_ttt', score_first(model, val_tokens, luts))", _TTT)),
        Example(
            "the second pass uses a copy made before",
            script(
                """
                fresh = copy.deepcopy(model)
                report('ttt', score_first(model, val_tokens, luts))
                report('final', evaluate(fresh, val_tokens, luts))
                """,
                _TTT,
            ),
        ),
        Example(
            "evaluates before it adapts",
            script(
                """
                report('before', evaluate(model, val_tokens, luts))
                report('final_ttt', score_first(model, val_tokens, luts))
                """,
                _TTT,
            ),
        ),
    )
    illegal = (
        Example(
            "evaluates again after the adaptation",
            script(
                """
                report('ttt', score_first(model, val_tokens, luts))
                report('final_sliding', evaluate(model, val_tokens, luts))
                """,
                _TTT,
            ),
            says="second evaluation",
        ),
        Example(
            "runs the adapting evaluation twice",
            script(
                """
                score_first_result = score_first(model, val_tokens, luts)
                report('first', score_first_result)
                report('final', score_first(model, val_tokens, luts))
                """,
                _TTT,
            ),
            says="second evaluation",
        ),
        Example(
            "goes through the disk in between",
            script(
                """
                report('ttt', score_first(model, val_tokens, luts))
                torch.save(model.state_dict(), "adapted_model.pt")
                again = Model()
                again.load_state_dict(torch.load("adapted_model.pt"))
                report('final', evaluate(again, val_tokens, luts))
                """,
                _TTT,
            ),
            says="second evaluation",
        ),
    )

    def check(self, case: Case) -> Iterator[Finding | Unproven]:
        """Updates of an earlier score-first pass that the headline's states went through."""
        claimed = case.claimed
        if claimed is None:
            return
        for one in claimed.learned:
            if one.relation is not Relation.SAME or claimed.shared_loops(one) or not claimed.scored_first(one):
                continue
            update = one.update
            yield self.finding(
                f"the headline “{claimed.report.label.strip()}” is a second evaluation of a model that an earlier one adapted"
                f" to the same tokens ({why_live(update)}).",
                update.location,
                *path_to(update),
                *claimed.evidence(one),
                confidence=certainty(case, update) if claimed.headline.sure else Confidence.MEDIUM,
            )
            return
