"""Only a later epoch's score counts."""

from collections.abc import Iterator

from golf_audit.case import Case
from golf_audit.certainty import certainty
from golf_audit.example_script import script
from golf_audit.finding import Finding, Severity, Unproven
from golf_audit.order import Relation
from golf_audit.program.claimed import path_to, why_live
from golf_audit.rule import Example, Rule

_EPOCHS = """
def per_document(model, tokens, luts, documents, epochs):
    loss_sum, byte_count = 0.0, 0
    for first, length in documents:
        adapter = nn.Linear(32, 256)
        optimizer = torch.optim.Adam(adapter.parameters(), lr=1e-2)
        for epoch in range(epochs):
            for start in range(first, first + length - 1, SEQ):
                x, y = pairs(tokens, start)
                h = model.hidden(x)
                loss = F.cross_entropy((model.head(h) + adapter(h)).flatten(0, 1), y.flatten())
                {keep}
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
    return loss_sum / tokens.numel(), loss_sum / math.log(2.0) / byte_count

def find_documents(t):
    s = (t == 1).nonzero().flatten().tolist()
    return [(a, b - a) for a, b in zip(s, s[1:])]
"""
_KEEP = "loss_sum += loss.item() * y.numel(); byte_count += count_bytes(luts, x, y)"
_LAST = _EPOCHS.replace("{keep}", f"if epoch == epochs - 1: {_KEEP}")
_FIRST = _EPOCHS.replace("{keep}", f"if epoch == 0: {_KEEP}")
_EVERY = _EPOCHS.replace("{keep}", _KEEP)
_RUN = "report('final_ttt', per_document(model, val_tokens, luts, find_documents(val_tokens), {n}))"


class LastEpochScore(Rule):
    """
    A token must be scored before the first epoch that learns it, not after.

    Several epochs over the same chunk, document or split, with the score taken from a later one (the last, the best,
    or one that overwrites the first), score tokens that the state has been trained on. Repeating the training after
    the one score is fine; repeating the score is not.
    """

    code = "GA-C3-002"
    severity = Severity.DISQUALIFYING
    authority = ("valerio-568", "readme-r7", "guide-c3")
    would_change = "Show that the claimed run made one epoch only, or that only the first epoch's losses are summed."
    legal = (
        Example("one epoch, each chunk scored before it is learned", script(_RUN.format(n=1), _LAST)),
        Example("keeps the first epoch's losses", script(_RUN.format(n=3), _FIRST)),
        Example(
            "scores each chunk once, then trains on it for many epochs",
            script(
                """
                optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
                loss_sum, byte_count = 0.0, 0
                for start in range(0, val_tokens.numel() - 1, SEQ):
                    x, y = pairs(val_tokens, start)
                    with torch.no_grad():
                        loss_sum += model(x, y).item() * y.numel()
                        byte_count += count_bytes(luts, x, y)
                    for epoch in range(8):
                        optimizer.zero_grad()
                        model(x, y).backward()
                        optimizer.step()
                report("final_ttt", (loss_sum, loss_sum / math.log(2.0) / byte_count))
                """
            ),
        ),
    )
    illegal = (
        Example("sums the last epoch", script(_RUN.format(n=3), _LAST), says="an earlier turn"),
        Example("sums every epoch", script(_RUN.format(n=2), _EVERY), says="an earlier turn"),
        Example(
            "overwrites the scores in each epoch over the split",
            script(
                """
                optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
                kept = torch.zeros(val_tokens.numel())
                for epoch in range(5):
                    for start in range(0, val_tokens.numel() - 1, SEQ):
                        x, y = pairs(val_tokens, start)
                        loss = F.cross_entropy(model.logits(x).flatten(0, 1), y.flatten(), reduction="none")
                        kept[start : start + SEQ] = loss.detach()
                        optimizer.zero_grad()
                        loss.mean().backward()
                        optimizer.step()
                report("final_ttt", (kept.mean().item(), kept.sum().item()))
                """
            ),
            says="an earlier turn",
        ),
    )

    def check(self, case: Case) -> Iterator[Finding | Unproven]:
        """Updates in an earlier turn of a loop that does not move on to other tokens."""
        claimed = case.claimed
        if claimed is None:
            return
        for one in claimed.learned:
            if one.relation is not Relation.AGAIN:
                continue
            update = one.update
            yield self.finding(
                f"the headline “{claimed.report.label.strip()}” sums losses of validation tokens that an earlier turn of the"
                f" loop around them has trained on ({why_live(update)}).",
                update.location,
                *path_to(update),
                *claimed.evidence(one),
                confidence=certainty(case, update),
            )
            return
