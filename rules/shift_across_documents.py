"""A token shift carries the end of one document into the start of the next."""

from collections.abc import Iterator

from golf_audit.case import Case
from golf_audit.example_script import script
from golf_audit.finding import Confidence, Finding, Related, Severity, Unproven
from golf_audit.places import place
from golf_audit.program.token_shift import separates_documents, shifts
from golf_audit.rule import Example, Rule

_ATTENTION = """
from flash_attn_interface import flash_attn_varlen_func

def attend(q, k, v, bounds):
    return flash_attn_varlen_func(q, k, v, cu_seqlens_q=bounds, cu_seqlens_k=bounds, causal=True)
"""
_PLAIN = """
class Shifted(Model):
    def hidden(self, x):
        h = self.table(x)
        return torch.cat([h[:, :1], h[:, 1:] + 0.1 * h[:, :-1]], dim=1)
"""
_MASKED = """
class Shifted(Model):
    def hidden(self, x):
        h = self.table(x)
        inside = (x[:, 1:] != 1).unsqueeze(-1)
        return torch.cat([h[:, :1], h[:, 1:] + 0.1 * h[:, :-1] * inside], dim=1)
"""
_TWO = (
    _MASKED
    + """
    def adapt_hidden(self, x, gate):
        h = self.table(x)
        return torch.cat([h[:, :1], h[:, 1:] + gate * h[:, :-1]], dim=1)
"""
)
_RUN = "report('final', evaluate(Shifted(), val_tokens, luts))"


class ShiftAcrossDocuments(Rule):
    """
    Where attention keeps documents apart, a token shift must do so too.

    A shift (“smear”) adds to each position something of the position before it. In a packed stream the position before
    a document's first token is the last token of another document. That is causal, but a model whose attention is
    given the bounds of documents claims that they are apart, and organisers called the leak a validity blocker for
    such rows, in the evaluation and in the adaptation alike. Rows with the leak are still on the board: a person has
    to say.

    A model that attends across documents by design has nothing to leak.
    """

    code = "GA-C1-002"
    severity = Severity.RULING
    authority = ("cocohearts-1797",)
    would_change = (
        "A mask by the start of documents in every forward pass that shifts, or a ruling that the leak does not matter."
    )
    legal = (
        Example("no shift", script("report('final', evaluate(model, val_tokens, luts))", _ATTENTION)),
        Example("masked by the start of documents", script(_RUN, _ATTENTION + _MASKED)),
        Example("attention across documents by design", script(_RUN, _PLAIN)),
        Example(
            "a hashed pair of input tokens",
            script(
                _RUN,
                _ATTENTION
                + """
class Shifted(Model):
    def hidden(self, x):
        key = torch.cat([x[:, :1] * 0, (x[:, 1:] * 7919) ^ x[:, :-1]], dim=1) % 256
        return self.table(x) + self.table(key)
""",
            ),
        ),
    )
    illegal = (
        Example("no mask", script(_RUN, _ATTENTION + _PLAIN), says="without a mask"),
        Example("a mask in one of two forward passes", script(_RUN, _ATTENTION + _TWO), says="without a mask"),
        Example(
            "in a helper module",
            script(
                _RUN,
                "from layers import smear\n"
                + _ATTENTION
                + "\nclass Shifted(Model):\n    def hidden(self, x):\n        return smear(self.table(x))\n",
            ),
            files={
                "layers.py": "import torch\n\ndef smear(h):\n    return torch.cat([h[:, :1], h[:, 1:] + 0.5 * h[:, :-1]], dim=1)\n"
            },
            says="without a mask",
        ),
    )

    def check(self, case: Case) -> Iterator[Finding | Unproven]:
        """A shift in a function that masks nothing, in a program whose attention is given the bounds of documents."""
        if case.walk is None:
            return
        modules = case.walk.modules
        apart = next(separates_documents(modules), None)
        bare = [shift for shift in shifts(modules) if not shift.masked] if apart else []
        if not bare or apart is None:
            return
        places = [place(case, shift.file, shift.line) for shift in bare]
        yield self.finding(
            "Activations are mixed with those of the token before without a mask by the start of documents, although attention"
            " keeps documents apart.",
            places[0],
            *(Related(other, "shifts without a mask, too") for other in places[1:]),
            Related(place(case, *apart), "attention is given the bounds of documents"),
            confidence=Confidence.HIGH,
        )
