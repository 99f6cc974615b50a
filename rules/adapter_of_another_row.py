"""A document is scored with an adapter that learned other documents of its batch."""

from collections.abc import Iterator

from golf_audit.case import Case
from golf_audit.example_script import script
from golf_audit.finding import Finding, Severity, Unproven
from golf_audit.order import Relation
from golf_audit.program.claimed import path_to, why_live
from golf_audit.rule import Example, Rule

_ROWS = """
class Adapter(nn.Module):
    rows = None

    def __init__(self, count):
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(count, 1, 256))

    def forward(self, logits):
        return logits + (self.bias if Adapter.rows is None else self.bias[Adapter.rows])

def batched(model, tokens, luts, count=8):
    loss_sum, byte_count = 0.0, 0
    for start in range(0, tokens.numel() - count * SEQ - 1, count * SEQ):
        window = tokens[start : start + count * SEQ + 1]
        x, y = window[:-1].reshape(count, SEQ), window[1:].reshape(count, SEQ)
        adapter = Adapter(count)
        optimizer = torch.optim.Adam(adapter.parameters(), lr=1e-2)
        {body}
    return loss_sum / tokens.numel(), loss_sum / math.log(2.0) / byte_count
"""
_OWN = """loss = F.cross_entropy(adapter(model.logits(x)).flatten(0, 1), y.flatten())
        loss_sum += loss.item() * y.numel()
        byte_count += count_bytes(luts, x, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()"""
_PEERS = """loss = F.cross_entropy(adapter(model.logits(x)).flatten(0, 1), y.flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        peers = torch.randint(count, (count, 3))
        for slot in range(3):
            Adapter.rows = peers[:, slot]
            with torch.no_grad():
                loss = F.cross_entropy(adapter(model.logits(x)).flatten(0, 1), y.flatten())
            loss_sum += loss.item() * y.numel() / 3
        Adapter.rows = None
        byte_count += count_bytes(luts, x, y)"""
_RUN = "report('final_peers', batched(model, val_tokens, luts))"


class AdapterOfAnotherRow(Rule):
    """
    Scoring a document with adapters that other documents of the same batch have trained needs a ruling.

    Each row of a batch is a document with an adapter of its own. An adapter that learned its row and is then used for
    another row has not seen the tokens that it scores there, but it has seen tokens that come later in the validation
    stream. An organiser held that strictly score-first order is not established then. Which row is meant where rows
    are picked by an index, the code alone does not tell: where it is the row's own, `step-before-score` is what counts.
    """

    code = "GA-C3-009"
    severity = Severity.RULING
    authority = ("cocohearts-2139", "guide-c3")
    would_change = (
        "A ruling by the organisers on ensembles over a batch, or scores by each document's own adapter alone."
    )
    legal = (
        Example("each row with its own adapter, scored first", script(_RUN, _ROWS.replace("{body}", _OWN))),
        Example("no adapters", script("report('final', evaluate(model, val_tokens, luts))")),
        Example(
            "peers are printed, and the claim is the plain score",
            script(
                "print(batched(model, val_tokens, luts))\nreport('final', evaluate(model, val_tokens, luts))",
                _ROWS.replace("{body}", _PEERS),
            ),
        ),
    )
    illegal = (
        Example(
            "the mean over three peers", script(_RUN, _ROWS.replace("{body}", _PEERS)), says="other rows (or the same)"
        ),
        Example(
            "one neighbour after another",
            script(
                _RUN,
                _ROWS.replace("{body}", _PEERS.replace("peers[:, slot]", "(torch.arange(count) + slot + 1) % count")),
            ),
            says="other rows (or the same)",
        ),
        Example(
            "two training steps before",
            script(
                _RUN, _ROWS.replace("{body}", _PEERS.replace("optimizer.step()", "optimizer.step(); optimizer.step()"))
            ),
            says="other rows (or the same)",
        ),
    )

    def check(self, case: Case) -> Iterator[Finding | Unproven]:
        """Updates earlier in the same turn, of a state whose rows are then picked by an index."""
        claimed = case.claimed
        if claimed is None:
            return
        for one in claimed.learned:
            if one.relation is not Relation.ROWS:
                continue
            yield self.finding(
                f"the headline “{claimed.report.label.strip()}” scores rows of a batch with adapters picked by an index, which"
                f" other rows (or the same) have just trained ({why_live(one.update)}).",
                one.update.location,
                *path_to(one.update),
                *claimed.evidence(one),
            )
            return
