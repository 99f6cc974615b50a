"""Counts are blended into the probability of the realised token, and of no other."""

from collections.abc import Iterator

from golf_audit.case import Case
from golf_audit.certainty import certainty, headline_at
from golf_audit.example_script import script
from golf_audit.finding import Finding, Severity, Unproven
from golf_audit.program.claimed import path_to
from golf_audit.rule import Example, Rule

_EXACT = """
from collections import defaultdict

def evaluate_counted(model, tokens, luts, share=0.2):
    seen, pair, loss_sum, byte_count = defaultdict(int), defaultdict(int), 0.0, 0
    for start in range(0, tokens.numel() - 1, SEQ):
        x, y = pairs(tokens, start)
        with torch.no_grad():
            losses = F.cross_entropy(model.logits(x).flatten(0, 1), y.flatten(), reduction="none").tolist()
        for before, token, loss in zip(x.flatten().tolist(), y.flatten().tolist(), losses):
            p = math.exp(-loss)
            if seen[before] > 4:
                p = (1 - share) * p + share * pair[(before, token)] / seen[before]
            loss_sum -= math.log(p)
            seen[before] += 1
            pair[(before, token)] += 1
        byte_count += count_bytes(luts, x, y)
    return loss_sum / tokens.numel(), loss_sum / math.log(2.0) / byte_count
"""
_TOLD = _EXACT.replace("if seen[before] > 4:", "if pair[(before, token)] > 0:")
_ROWS = """
def evaluate_rows(model, tokens, luts):
    counts, loss_sum, byte_count = torch.ones(256, 256), 0.0, 0
    for start in range(0, tokens.numel() - 1, SEQ):
        x, y = pairs(tokens, start)
        with torch.no_grad():
            neural = torch.softmax(model.logits(x).flatten(0, 1), -1)
            rows = counts[x.flatten()]
            mixed = 0.8 * neural + 0.2 * rows / rows.sum(-1, keepdim=True)
            loss_sum -= mixed.gather(1, y.flatten()[:, None]).log().sum().item()
        byte_count += count_bytes(luts, x, y)
        counts.index_put_((x.flatten(), y.flatten()), torch.ones(y.numel()), accumulate=True)
    return loss_sum / tokens.numel(), loss_sum / math.log(2.0) / byte_count
"""


class BlendAtTheTargetOnly(Rule):
    """
    A cache must give every token its probability, not only the one that came.

    Where a ratio of counts for the realised token is blended with the model's probability of that token, the other
    tokens keep what the model gave them (or something that nobody computes). Where the realised token's own count or
    loss decides whether, or how much, is blended, the whole does not sum to one, and the blend is forbidden. Where the
    context alone decides and the counts are exact, it may sum to one although nobody computed the row: the organisers
    asked for a row that is normalised before the realised token is looked at, so that form needs a ruling.
    """

    code = "GA-C2-003"
    severity = Severity.DISQUALIFYING
    authority = ("valerio-1026", "guide-c2")
    would_change = (
        "Blending whole rows over the vocabulary that sum to one, and reading the realised token from the result."
    )
    legal = (
        Example("no cache", script("report('final', evaluate(model, val_tokens, luts))")),
        Example(
            "rows over the vocabulary, normalised before the target is gathered",
            script("report('final', evaluate_rows(model, val_tokens, luts))", _ROWS),
        ),
        Example(
            "the counts are printed as a diagnostic and the claim is the model's own",
            script(
                """
                report('counted', evaluate_counted(model, val_tokens, luts))
                report('final', evaluate(model, val_tokens, luts))
                """,
                _EXACT,
            ),
        ),
        Example(
            "a ratio of byte counts is printed",
            script(
                """
                sizes, space, _ = luts
                spaces = space[val_tokens].sum().item() / val_tokens.numel()
                print(f"share of tokens with a space: {spaces:.3f}")
                report('final', evaluate(model, val_tokens, luts))
                """
            ),
        ),
    )
    illegal = (
        Example(
            "only where the realised pair was met",
            script("report('final', evaluate_counted(model, val_tokens, luts))", _TOLD),
            says="the realised token decides",
        ),
        Example(
            "with a weight that its loss decides",
            script(
                "report('final', evaluate_counted(model, val_tokens, luts))",
                _EXACT.replace("p = math.exp(-loss)", "p = math.exp(-loss)\n            share = 0.2 * min(loss, 2.0)"),
            ),
            says="the realised token decides",
        ),
        Example(
            "exact counts of the pair, over counts of its first half",
            script("report('final', evaluate_counted(model, val_tokens, luts))", _EXACT),
            says="realised token",
        ),
        Example(
            "a larger share",
            script("report('final', evaluate_counted(model, val_tokens, luts, share=0.5))", _EXACT),
            says="realised token",
        ),
        Example(
            "arrays of counts",
            script(
                """
                seen, pair, loss_sum, byte_count = np.zeros(256), np.zeros((256, 256)), 0.0, 0
                for start in range(0, val_tokens.numel() - 1, SEQ):
                    x, y = pairs(val_tokens, start)
                    with torch.no_grad():
                        losses = F.cross_entropy(model.logits(x).flatten(0, 1), y.flatten(), reduction="none").numpy()
                    a, b = x.flatten().numpy(), y.flatten().numpy()
                    p = 0.9 * np.exp(-losses) + 0.1 * pair[a, b] / np.maximum(seen[a], 1)
                    loss_sum -= np.log(p).sum()
                    np.add.at(seen, a, 1)
                    np.add.at(pair, (a, b), 1)
                    byte_count += count_bytes(luts, x, y)
                report('final', (loss_sum / val_tokens.numel(), loss_sum / math.log(2.0) / byte_count))
                """
            ),
            says="realised token",
        ),
    )

    def check(self, case: Case) -> Iterator[Finding | Unproven]:
        """A headline that mixes in a ratio of exact counts at the realised token."""
        claimed = case.claimed
        if claimed is None or "count-ratio" not in claimed.flags or not claimed.lookups:
            return
        if "hashed-ratio" in claimed.flags:
            return
        look = claimed.lookups[-1]
        told = "told-weight" in claimed.flags
        why = (
            "and the realised token decides whether or how much: no distribution sums to one behind it"
            if told
            else "nothing is normalised over the vocabulary, and it sums to one only if the counts are exact and complete"
        )
        yield self.finding(
            f"The headline “{claimed.report.label.strip()}” blends a ratio of counts into the probability of the realised token"
            f" alone, {why}.",
            claimed.walk.place(look.file, look.line),
            headline_at(claimed),
            *path_to(claimed.report),
            severity=Severity.DISQUALIFYING if told else Severity.RULING,
            confidence=certainty(case, claimed.report),
        )
