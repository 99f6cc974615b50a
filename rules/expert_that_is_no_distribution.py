"""Something that is no loss of the realised token is mixed in as if it were one."""

from collections.abc import Iterator

from golf_audit.case import Case
from golf_audit.certainty import headline_at
from golf_audit.example_script import script
from golf_audit.finding import Confidence, Finding, Severity, Unproven
from golf_audit.program.claimed import path_to
from golf_audit.rule import Example, Rule

_MIXED = """
def evaluate_mixed(model, other, tokens, luts):
    loss_sum, byte_count = 0.0, 0
    weights = torch.tensor([0.8, 0.2]).log()
    for start in range(0, tokens.numel() - 1, SEQ):
        x, y = pairs(tokens, start)
        with torch.no_grad():
            rows = torch.log_softmax(model.logits(x), -1)
            nll = -rows.gather(-1, y.unsqueeze(-1)).squeeze(-1)
            {expert}
            {mixed}
        loss_sum += mixed.sum().item()
        byte_count += count_bytes(luts, x, y)
    return loss_sum / tokens.numel(), loss_sum / math.log(2.0) / byte_count
"""
_SECOND = "second = -torch.log_softmax(other.logits(x), -1).gather(-1, y.unsqueeze(-1)).squeeze(-1)"
_ENTROPY = "second = -(rows.exp() * rows).sum(-1)"
_LOGSUM = "mixed = -torch.logsumexp(weights - torch.stack([nll, second], dim=-1), dim=-1)"
_EXP = "mixed = -(torch.cat([nll.unsqueeze(-1), second.unsqueeze(-1)], -1).neg().exp() * weights.exp()).sum(-1).log()"
_RUN = "report('final_mixed', evaluate_mixed(model, Model(), val_tokens, luts))"


def _with(expert: str, mixed: str = _LOGSUM) -> str:
    return script(_RUN, _MIXED.replace("{expert}", expert).replace("{mixed}", mixed))


class ExpertThatIsNoDistribution(Rule):
    """
    Every expert of a mixture must give each token a probability.

    A mixture of experts sums to one if each expert does. An entropy, a confidence or another output of the model that
    does not depend on the realised token is no loss: read as one, it gives every token of the vocabulary the same
    probability, and that is no small one. What is mixed with it is no distribution.

    A second model, a table of counts or a uniform floor are distributions, and not meant.
    """

    code = "GA-C2-008"
    severity = Severity.DISQUALIFYING
    authority = ("guide-c2", "valerio-1026")
    would_change = "A mixture whose experts are all distributions over the vocabulary."
    legal = (
        Example("two models", _with(_SECOND)),
        Example("a uniform floor", _with("second = torch.full_like(nll, math.log(256.0))")),
        Example(
            "the entropy decides the weights",
            _with(
                _SECOND + "\n            share = torch.sigmoid((rows.exp() * rows).sum(-1))",
                "mixed = -torch.log(share * torch.exp(-nll) + (1 - share) * torch.exp(-second))",
            ),
        ),
        Example(
            "the entropy is kept beside the losses, and the losses alone are summed",
            _with(_ENTROPY, "mixed = torch.stack([nll, second], dim=-1)[..., 0]"),
        ),
    )
    illegal = (
        Example("the model's entropy as an expert", _with(_ENTROPY), says="no loss of the realised token"),
        Example("joined and exponentiated", _with(_ENTROPY, _EXP), says="no loss of the realised token"),
        Example(
            "the largest logit as an expert",
            _with("second = -rows.amax(-1)"),
            says="no loss of the realised token",
        ),
    )

    def check(self, case: Case) -> Iterator[Finding | Unproven]:
        """A headline that exponentiates losses side by side with what is a loss of no token."""
        claimed = case.claimed
        if claimed is None or "odd-mixture" not in claimed.flags or not claimed.atoms:
            return
        atom = claimed.atoms[0]
        yield self.finding(
            f"The headline “{claimed.report.label.strip()}” mixes losses with an output of the model that is no loss of the"
            " realised token: what is mixed does not sum to one.",
            claimed.walk.place(atom.file, atom.line),
            headline_at(claimed),
            *path_to(claimed.report),
            confidence=Confidence.MEDIUM,
        )
