"""Tokens are scored again with a table of all of them."""

from collections.abc import Iterator

from golf_audit.case import Case
from golf_audit.certainty import certainty
from golf_audit.example_script import script
from golf_audit.finding import Confidence, Finding, Severity, Unproven
from golf_audit.order import Relation
from golf_audit.program.claimed import path_to, why_live
from golf_audit.rule import Example, Rule

_TWO = """
def fill(table, stream):
    np.add.at(table, (stream[:-1], stream[1:]), 1)

def rescore(model, tokens, luts, table):
    loss_sum, byte_count = 0.0, 0
    for start in range(0, tokens.numel() - 1, SEQ):
        x, y = pairs(tokens, start)
        with torch.no_grad():
            row = torch.from_numpy(table[x[0].numpy()] + 0.1)
            mixed = 0.9 * F.softmax(model.logits(x)[0], -1) + 0.1 * row / row.sum(-1, keepdim=True)
            loss_sum += -torch.log(mixed.gather(-1, y[0].unsqueeze(-1))).sum().item()
            byte_count += count_bytes(luts, x, y)
    return loss_sum / tokens.numel(), loss_sum / math.log(2.0) / byte_count
"""


class SecondPassOverTheScores(Rule):
    """
    Each token is scored once, left to right, by what came before it.

    A cache that is built from the whole validation stream and then used to score that stream (again) tells every
    token its own continuation, and its future. Leaving a token's own count out does not mend it.
    """

    code = "GA-C4-001"
    severity = Severity.DISQUALIFYING
    authority = ("valerio-846", "guide-c4", "guide-c1")
    would_change = "Show that the claimed number is the first pass, with a cache of earlier tokens only."
    legal = (
        Example("one pass, no table", script("report('final', evaluate(model, val_tokens, luts))")),
        Example(
            "builds the table, claims the pass without it",
            script(
                """
                table = np.zeros((256, 256))
                fill(table, val_tokens.numpy())
                report('final', evaluate(model, val_tokens, luts))
                """,
                _TWO,
            ),
        ),
        Example(
            "a table of training tokens, packed beforehand",
            script(
                """
                table = np.load("counts.npz")
                report('final', rescore(model, val_tokens, luts, table))
                """,
                _TWO,
            ),
        ),
    )
    illegal = (
        Example(
            "fills the table with the whole stream, then scores with it",
            script(
                """
                table = np.zeros((256, 256))
                fill(table, val_tokens.numpy())
                report('final', rescore(model, val_tokens, luts, table))
                """,
                _TWO,
            ),
            says="all of them",
        ),
        Example(
            "scores once without, once with",
            script(
                """
                report('pass1', evaluate(model, val_tokens, luts))
                table = np.zeros((256, 256))
                fill(table, val_tokens.numpy())
                report('final', rescore(model, val_tokens, luts, table))
                """,
                _TWO,
            ),
            says="all of them",
        ),
        Example(
            "fills it in chunks first",
            script(
                """
                table = np.zeros((256, 256))
                for start in range(0, val_tokens.numel(), 4096):
                    fill(table, val_tokens[start : start + 4097].numpy())
                report('final', rescore(model, val_tokens, luts, table))
                """,
                _TWO,
            ),
            says="all of them",
        ),
    )

    def check(self, case: Case) -> Iterator[Finding | Unproven]:
        """Insertions into a table, all made before the loop that asks it."""
        claimed = case.claimed
        if claimed is None:
            return
        for one in claimed.looked:
            if one.relation is Relation.CONTEXT or (one.relation is Relation.SAME and claimed.shared_loops(one)):
                continue
            yield self.finding(
                f"a table behind the headline “{claimed.report.label.strip()}” holds validation tokens, all of them, before it"
                f" is asked about the first ({why_live(one.update)}).",
                one.update.location,
                *path_to(one.update),
                *claimed.evidence(one),
                confidence=Confidence.MEDIUM if claimed.only_on_a_branch(one) else certainty(case, one.update),
            )
            return
