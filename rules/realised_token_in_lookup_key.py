"""The realised token is part of the key that a count table is asked with."""

from collections.abc import Iterator

from golf_audit.case import Case
from golf_audit.certainty import certainty, headline_at
from golf_audit.example_script import script
from golf_audit.finding import Finding, Severity, Unproven
from golf_audit.program.claimed import path_to
from golf_audit.rule import Example, Rule

_CACHE = """
SIZE = 1 << 20

class Cache:
    def __init__(self):
        self.context = np.zeros(SIZE, dtype=np.int64)
        self.full = np.zeros(SIZE, dtype=np.int64)

    def keys(self, before, token):
        context = (before * 7919) % SIZE
        return context, (context ^ (token * 104729)) % SIZE

    def chance(self, before, token):
        context, full = self.keys(before, token)
        seen, hits = self.context[context], self.full[full]
        return np.minimum(hits, seen) / np.maximum(seen, 1), seen

    def learn(self, before, token):
        context, full = self.keys(before, token)
        np.add.at(self.context, context, 1)
        np.add.at(self.full, full, 1)
"""
_BLEND = """
def evaluate_cached(model, tokens, luts, cache):
    loss_sum, byte_count = 0.0, 0
    for start in range(0, tokens.numel() - 1, SEQ):
        x, y = pairs(tokens, start)
        with torch.no_grad():
            losses = F.cross_entropy(model.logits(x).flatten(0, 1), y.flatten(), reduction="none").numpy()
        before, token = x.flatten().numpy(), y.flatten().numpy()
        cached, seen = cache.chance(before, token)
        mixed = np.where(seen > 2, 0.7 * np.exp(-losses) + 0.3 * cached, np.exp(-losses))
        loss_sum += -np.log(mixed).sum()
        byte_count += count_bytes(luts, x, y)
        cache.learn(before, token)
    return loss_sum / tokens.numel(), loss_sum / math.log(2.0) / byte_count
"""
_EMBEDDING = """
class Pairs(nn.Module):
    def __init__(self, base, size=4096, width=32):
        super().__init__()
        self.base, self.size = base, size
        self.hashed = nn.Embedding(size, width)

    def forward(self, x, y):
        previous = F.pad(x[:, :-1], (1, 0))
        key = ((x * 36313) ^ (previous * 27191)) % self.size
        hidden = self.base.hidden(x) + self.hashed(key)
        return F.cross_entropy(self.base.head(hidden).flatten(0, 1), y.flatten())
"""


class RealisedTokenInLookupKey(Rule):
    """
    A count table must not be asked about the realised token alone, at a key that hashes it with its context.

    Such a table gives a number for one token only: nobody knows what it would give the others, and the numbers do not
    add up to one. Where buckets collide the ratio of counts tends to one for whatever token is asked about, so that a
    table with a single bucket predicts everything. Organisers closed these caches in one go.

    Hashed pairs of *input* tokens that choose an embedding row are another thing: the model still gives one
    distribution. So is a table that is asked for every token of the vocabulary and normalised before the realised one
    is read.
    """

    code = "GA-C2-002"
    severity = Severity.DISQUALIFYING
    authority = ("valerio-779", "guide-c2")
    would_change = "A mixture whose cache gives every token of the vocabulary a probability, normalised before the realised one is read."
    legal = (
        Example("no cache", script("report('final', evaluate(model, val_tokens, luts))")),
        Example(
            "an embedding of hashed pairs of input tokens",
            script(
                """
                paired = Pairs(model)
                train(paired, train_tokens, 100)
                report('final', evaluate(paired, val_tokens, luts))
                """,
                _EMBEDDING,
            ),
        ),
        Example(
            "counts for every token of the vocabulary, normalised over it",
            script(
                """
                counts, loss_sum, byte_count = np.ones((256, 256)), 0.0, 0
                for start in range(0, val_tokens.numel() - 1, SEQ):
                    x, y = pairs(val_tokens, start)
                    with torch.no_grad():
                        neural = torch.softmax(model.logits(x).flatten(0, 1), -1).numpy()
                    rows = counts[x.flatten().numpy()]
                    mixed = 0.8 * neural + 0.2 * rows / rows.sum(axis=1, keepdims=True)
                    loss_sum -= np.log(mixed[np.arange(len(mixed)), y.flatten().numpy()]).sum()
                    byte_count += count_bytes(luts, x, y)
                    np.add.at(counts, (x.flatten().numpy(), y.flatten().numpy()), 1)
                report('final', (loss_sum / val_tokens.numel(), loss_sum / math.log(2.0) / byte_count))
                """
            ),
        ),
        Example(
            "ships the cache and evaluates without it",
            script(
                """
                if os.environ.get("CACHE", "0") == "1":
                    report('final_cached', evaluate_cached(model, val_tokens, luts, Cache()))
                else:
                    report('final', evaluate(model, val_tokens, luts))
                """,
                _CACHE + _BLEND,
            ),
        ),
    )
    illegal = (
        Example(
            "a hashed bigram cache blended at the realised token",
            script("report('final', evaluate_cached(model, val_tokens, luts, Cache()))", _CACHE + _BLEND),
            says="realised token",
        ),
        Example(
            "switched on in the README's command",
            script(
                """
                if os.environ.get("CACHE", "0") == "1":
                    report('final', evaluate_cached(model, val_tokens, luts, Cache()))
                else:
                    report('final', evaluate(model, val_tokens, luts))
                """,
                _CACHE + _BLEND,
            ),
            files={
                "README.md": "# Cache\n\n**val_bpb = 0.99**\n\n```bash\nCACHE=1 torchrun --nproc_per_node=8 train_gpt.py\n```\n"
            },
            says="realised token",
        ),
        Example(
            "token by token, without a class",
            script(
                """
                first, second, loss_sum, byte_count = np.zeros(65536), np.zeros(65536), 0.0, 0
                for start in range(0, val_tokens.numel() - 1, SEQ):
                    x, y = pairs(val_tokens, start)
                    with torch.no_grad():
                        losses = F.cross_entropy(model.logits(x).flatten(0, 1), y.flatten(), reduction="none")
                    for i in range(y.numel()):
                        a = (x[0, i].item() * 31337) & 65535
                        b = (a ^ (y[0, i].item() * 271828)) & 65535
                        p = math.exp(-losses[i].item())
                        if first[a] > 3:
                            p = 0.5 * p + 0.5 * min(second[b], first[a]) / first[a]
                        loss_sum -= math.log(p)
                        first[a] += 1
                        second[b] += 1
                    byte_count += count_bytes(luts, x, y)
                report('final', (loss_sum / val_tokens.numel(), loss_sum / math.log(2.0) / byte_count))
                """
            ),
            says="realised token",
        ),
    )

    def check(self, case: Case) -> Iterator[Finding | Unproven]:
        """A headline that mixes in a ratio of counts whose numerator was looked up by the realised token, hashed."""
        claimed = case.claimed
        if claimed is None or "hashed-ratio" not in claimed.flags or not claimed.lookups:
            return
        look = claimed.lookups[-1]
        yield self.finding(
            f"The headline “{claimed.report.label.strip()}” mixes in a ratio of counts that was looked up with the realised token in"
            " the hashed key: no distribution over the vocabulary exists.",
            claimed.walk.place(look.file, look.line),
            headline_at(claimed),
            *path_to(claimed.report),
            confidence=certainty(case, claimed.report),
        )
