"""A vector is fitted to the very tokens that it then scores (SLOT)."""

from collections.abc import Iterator

from golf_audit.case import Case
from golf_audit.certainty import certainty
from golf_audit.example_script import script
from golf_audit.finding import Finding, Severity, Unproven
from golf_audit.order import Relation
from golf_audit.program.claimed import path_to, why_live
from golf_audit.rule import Example, Rule

_SLOT = """
def slot(model, tokens, luts, stride=16, steps=8):
    loss_sum, byte_count = 0.0, 0
    for start in range(0, tokens.numel() - SEQ - 1, stride):
        x, y = pairs(tokens, start)
        s = 0 if start == 0 else SEQ - stride
        with torch.no_grad():
            hidden = model.hidden(x)
        delta = torch.zeros(x.size(0), 1, hidden.size(-1), requires_grad=True)
        optimizer = torch.optim.AdamW([delta], lr=1e-2)
        mask = torch.zeros(1, SEQ)
        {mask}
        for step in range(steps):
            optimizer.zero_grad()
            nll = F.cross_entropy(model.head(hidden + delta).flatten(0, 1), y.flatten(), reduction="none").view(1, SEQ)
            {loss}.backward()
            optimizer.step()
        with torch.no_grad():
            out = F.cross_entropy(model.head(hidden + delta).flatten(0, 1), y.flatten(), reduction="none").view(1, SEQ)
            loss_sum += out[0, s:SEQ].sum().item()
            byte_count += count_bytes(luts, x[:, s:SEQ], y[:, s:SEQ])
    return loss_sum / tokens.numel(), loss_sum / math.log(2.0) / byte_count
"""
_RUN = "report('final_slot', slot(model, val_tokens, luts))"


def _with(mask: str, loss: str = "((nll * mask).sum() / mask.sum())") -> str:
    return script(_RUN, _SLOT.replace("{mask}", mask).replace("{loss}", loss))


class OptimisedOnTheScoredSlice(Rule):
    """
    What is fitted at evaluation must not be fitted to the tokens that it then scores.

    SLOT makes a small vector for each window, lets an optimizer fit it to the window's losses, and scores the window
    with it. Where the fitted slice is (or holds) the scored slice, each scored token has told the predictor what it
    is. One small vector that all windows of a batch share learns less of each, and nobody ruled on it: that form is
    shown as needing a ruling. Fitting to the context before the scored slice is another matter: see
    `fitted-to-the-context`.
    """

    code = "GA-C1-005"
    severity = Severity.DISQUALIFYING
    authority = ("guide-c1", "guide-c3", "issue-1336")
    would_change = (
        "Show that the fitted losses end where the scored slice begins, or that this evaluation is not the claim."
    )
    legal = (
        Example("fits nothing", script("report('final', evaluate(model, val_tokens, luts))")),
        Example(
            "ships the fitting, claims the plain evaluation",
            script(
                "slot(model, val_tokens, luts)\nreport('final', evaluate(model, val_tokens, luts))",
                _SLOT.replace("{mask}", "mask[0, s:SEQ] = 1.0").replace("{loss}", "(nll * mask).sum()"),
            ),
        ),
        Example("fits the context only", _with("mask[0, 0:s] = 1.0")),
        Example(
            "fits the context only, cut from logits and targets",
            _with("pass", "F.cross_entropy(model.head(hidden + delta)[:, :s].flatten(0, 1), y[:, :s].flatten())"),
        ),
        Example(
            "fits up to a place that is computed anew where the slice is scored",
            _with("mask[0, : max(x.size(1) - stride, 0)] = 1.0"),
        ),
    )
    illegal = (
        Example("the mask is the scored slice", _with("mask[0, s:SEQ] = 1.0"), says="fitted to"),
        Example("fits the whole window", _with("pass", "nll.mean()"), says="fitted to"),
        Example(
            "one vector for the whole batch",
            script(
                _RUN,
                _SLOT.replace("x.size(0), 1,", "1, 1,").replace("{mask}", "pass").replace("{loss}", "nll.mean()"),
            ),
            says="shared by the windows",
        ),
        Example("slices instead of masking", _with("pass", "nll[0, s:SEQ].mean()"), says="fitted to"),
    )

    def check(self, case: Case) -> Iterator[Finding | Unproven]:
        """States made inside the scoring loop and stepped on the slice that is then summed."""
        claimed = case.claimed
        if claimed is None:
            return
        for one in claimed.learned:
            if one.relation is not Relation.SAME or not claimed.made_with_the_window(one):
                continue
            update = one.update
            shared = claimed.shared_by_the_batch(one)
            what = "one vector, shared by the windows of a batch, that" if shared else "what"
            yield self.finding(
                f"{what} scores the headline “{claimed.report.label.strip()}” was fitted to the tokens that it scores, window"
                f" by window ({why_live(update)}).",
                update.location,
                *path_to(update),
                *claimed.evidence(one),
                severity=Severity.RULING if shared else Severity.DISQUALIFYING,
                confidence=certainty(case, update),
            )
            return
