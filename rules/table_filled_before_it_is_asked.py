"""A table learns tokens before it is asked about them."""

from collections.abc import Iterator

from golf_audit.case import Case
from golf_audit.certainty import certainty
from golf_audit.example_script import script
from golf_audit.finding import Finding, Severity, Unproven
from golf_audit.order import Relation
from golf_audit.program.claimed import path_to, why_live
from golf_audit.rule import Example, Rule

_CACHE = """
def cached(model, tokens, luts):
    table = np.zeros((256, 256))
    loss_sum, byte_count = 0.0, 0
    stream = tokens.numpy()
    for start in range(0, tokens.numel() - 1, SEQ):
        x, y = pairs(tokens, start)
        {before}
        with torch.no_grad():
            row = torch.from_numpy(table[x[0].numpy()] + 0.1)
            mixed = 0.9 * F.softmax(model.logits(x)[0], -1) + 0.1 * row / row.sum(-1, keepdim=True)
            nll = -torch.log(mixed.gather(-1, y[0].unsqueeze(-1)))
            loss_sum += nll.sum().item()
            byte_count += count_bytes(luts, x, y)
        {after}
    return loss_sum / tokens.numel(), loss_sum / math.log(2.0) / byte_count
"""
_INSERT = "np.add.at(table, (x[0].numpy(), y[0].numpy()), 1)"
_COPY = """
class Copying(Model):
    def logits(self, x):
        h = self.hidden(x)
        later = torch.triu(torch.ones(x.size(1), x.size(1), dtype=torch.bool), diagonal=1)
        weights = torch.softmax((h @ h.transpose(1, 2)).masked_fill(later, float("-inf")), -1)
        copied = torch.zeros(x.size(0), x.size(1), 256)
        copied.scatter_add_(-1, x.unsqueeze(1).expand(-1, x.size(1), -1), weights)
        return torch.logaddexp(torch.log_softmax(self.head(h), -1) - 0.1, torch.log(copied.clamp_min(1e-6)) - 2.4)
"""
_RUN = "report('final_cache', cached(model, val_tokens, luts))"


def _with(before: str, after: str) -> str:
    return script(_RUN, _CACHE.replace("{before}", before).replace("{after}", after))


class TableFilledBeforeItIsAsked(Rule):
    """
    A cache may hold only tokens that were scored before.

    A count table that takes in a chunk and is then asked about the same chunk has been told the answer. The order is:
    ask, score, then insert.
    """

    code = "GA-C3-004"
    severity = Severity.DISQUALIFYING
    authority = ("guide-c3", "guide-c1")
    would_change = "Show that each token's entry is read before the token is put in."
    legal = (
        Example("asks, scores, then inserts", _with("pass", _INSERT)),
        Example(
            "a model that copies earlier tokens of its input by attention",
            script(
                "copying = Copying()\ntrain(copying, train_tokens, 100)\nreport('final', evaluate(copying, val_tokens, luts))",
                _COPY,
            ),
        ),
        Example("no table at all", script("report('final', evaluate(model, val_tokens, luts))")),
        Example(
            "a table of training tokens",
            script(
                """
                stream = train_tokens.numpy()
                counts = np.zeros((256, 256))
                np.add.at(counts, (stream[:-1], stream[1:]), 1)
                report('final', evaluate(model, val_tokens, luts))
                """
            ),
        ),
    )
    illegal = (
        Example("inserts, then asks", _with(_INSERT, "pass"), says="was filled with"),
        Example(
            "inserts one by one, then asks",
            _with("for a, b in zip(x[0].numpy(), y[0].numpy()): table[a, b] += 1", "pass"),
            says="was filled with",
        ),
        Example(
            "a list of lists",
            _with("for a, b in zip(x[0].tolist(), y[0].tolist()): rows[a][b] += 1", "pass")
            .replace(
                "torch.from_numpy(table[x[0].numpy()] + 0.1)", "torch.tensor([rows[a] for a in x[0].tolist()]) + 0.1"
            )
            .replace("table = np.zeros((256, 256))", "rows = [[0] * 256 for _ in range(256)]"),
            says="was filled with",
        ),
        Example("both before and after", _with(_INSERT, _INSERT), says="was filled with"),
    )

    def check(self, case: Case) -> Iterator[Finding | Unproven]:
        """Insertions earlier in the same turn, of the tokens that the table is then asked about."""
        claimed = case.claimed
        if claimed is None:
            return
        for one in claimed.looked:
            if one.relation is not Relation.SAME or not claimed.shared_loops(one):
                continue
            yield self.finding(
                f"a table behind the headline “{claimed.report.label.strip()}” was filled with the tokens that it is then asked"
                f" about ({why_live(one.update)}).",
                one.update.location,
                *path_to(one.update),
                *claimed.evidence(one),
                confidence=certainty(case, one.update),
            )
            return
