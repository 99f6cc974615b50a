"""A vector is fitted to the context of the tokens that it scores."""

from collections.abc import Iterator

from golf_audit.case import Case
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
        s = SEQ - stride
        with torch.no_grad():
            hidden = model.hidden(x)
        delta = torch.zeros(1, 1, hidden.size(-1), requires_grad=True)
        optimizer = torch.optim.AdamW([delta], lr=1e-2)
        for step in range({steps}):
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


def _with(loss: str, steps: str = "8", run: str = "report('final_slot', slot(model, val_tokens, luts))") -> str:
    return script(run, _SLOT.replace("{loss}", loss).replace("{steps}", steps))


class FittedToTheContext(Rule):
    """
    Fitting a vector to the context of each scored slice needs a ruling.

    The tokens before the scored slice were scored in earlier windows, so the fit is causal; whether such an
    optimisation (causal SLOT, evaluation-time logit bias) is welcome was asked and never answered.
    """

    code = "GA-C1-006"
    severity = Severity.RULING
    authority = ("issue-1336",)
    would_change = "A ruling by the organisers on causal SLOT."
    legal = (
        Example("fits nothing", script("report('final', evaluate(model, val_tokens, luts))")),
        Example("no steps are taken", _with("nll[0, :s].mean()", "0")),
        Example(
            "ships it, claims the plain evaluation",
            _with(
                "nll[0, :s].mean()",
                run="slot(model, val_tokens, luts)\nreport('final', evaluate(model, val_tokens, luts))",
            ),
        ),
    )
    illegal = (
        Example("fits the context by a slice", _with("nll[0, :s].mean()"), says="context"),
        Example("fits a part of the context", _with("nll[0, 4:s].mean()"), says="context"),
        Example("sums instead of averaging", _with("nll[:, 0:s].sum()"), says="context"),
        Example(
            "cuts the targets, not the losses",
            _with("F.cross_entropy(model.head(hidden + delta)[:, :s].flatten(0, 1), y[:, :s].flatten())"),
            says="context",
        ),
        Example(
            "fits up to a place that is computed anew where the slice is scored",
            _with("nll[0, : max(x.size(1) - stride, 0)].mean()"),
            says="perhaps up to",
        ),
    )

    def check(self, case: Case) -> Iterator[Finding | Unproven]:
        """States stepped on a slice that ends where the summed slice begins, or may do so."""
        claimed = case.claimed
        if claimed is None:
            return
        for one in claimed.learned:
            if one.relation not in (Relation.CONTEXT, Relation.UNCLEAR):
                continue
            known = one.relation is Relation.CONTEXT
            what = (
                "the context of each window"
                if known
                else "the first tokens of each window, perhaps up to the scored slice"
            )
            yield self.finding(
                f"what scores the headline “{claimed.report.label.strip()}” is fitted to {what}"
                f" ({why_live(one.update)}).",
                one.update.location,
                *path_to(one.update),
                *claimed.evidence(one),
            )
            return
