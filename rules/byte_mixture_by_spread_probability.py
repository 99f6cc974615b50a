"""A token's probability is spread over its bytes and mixed byte by byte."""

from collections.abc import Iterator

from golf_audit.case import Case
from golf_audit.certainty import certainty, headline_at
from golf_audit.example_script import script
from golf_audit.finding import Finding, Severity, Unproven
from golf_audit.program.claimed import path_to
from golf_audit.rule import Example, Rule

_PIECES = """
def pieces(vocab):
    sp = spm.SentencePieceProcessor(model_file=os.path.join(DATA, "bpe.model"))
    return [sp.id_to_piece(i).replace("\\u2581", " ").encode("utf-8") for i in range(vocab)]
"""
_BYTES = """
class ByteModel:
    def __init__(self):
        self.counts = {}

    def chance(self, context, byte):
        row = self.counts.get(context, {})
        return (row.get(byte, 0) + 1) / (sum(row.values()) + 256)

    def learn(self, context, byte):
        row = self.counts.setdefault(context, {})
        row[byte] = row.get(byte, 0) + 1

def mixture(targets, losses, table, byte_model, share=0.3):
    total, count, context = 0.0, 0, b""
    for token, loss in zip(targets, losses):
        spelled = table[int(token)]
        n = max(len(spelled), 1)
        for byte in spelled:
            neural = math.exp(-loss / n)
            p = (1 - share) * neural + share * byte_model.chance(context, byte)
            total -= math.log2(p)
            byte_model.learn(context, byte)
            context = (context + bytes([byte]))[-4:]
        count += n
    return total / count
"""
_RUN = """
def token_losses(model, tokens):
    out = []
    for start in range(0, tokens.numel() - 1, SEQ):
        x, y = pairs(tokens, start)
        with torch.no_grad():
            out.append(F.cross_entropy(model.logits(x).flatten(0, 1), y.flatten(), reduction="none"))
    return torch.cat(out)
"""


class ByteMixtureBySpreadProbability(Rule):
    """
    A token's probability must not be shared out over its bytes and mixed with a byte model.

    The usual form takes the loss of the realised token, gives each of its bytes an equal share, and mixes that with the
    probability that a byte model (PPM) gives the realised byte. The share is no probability of a byte: other tokens
    that begin with the same byte are left out, and what the formula would give the 255 other bytes does not add up
    with it to one. Organisers left such rows out of the board.

    A headline that is the model's own, with the mixture switched off or printed beside, is not meant.
    """

    code = "GA-C2-004"
    severity = Severity.DISQUALIFYING
    authority = ("cocohearts-1902", "cocohearts-2083", "cocohearts-2076", "cocohearts-2080", "valerio-1835", "guide-c2")
    would_change = "A headline by the model alone, or a mixture whose distribution over tokens (or bytes) sums to one."
    legal = (
        Example("tokens only", script("report('final', evaluate(model, val_tokens, luts))")),
        Example(
            "the mixture is printed, and the claim is the model's own",
            script(
                """
                mixed = mixture(val_tokens[1:], token_losses(model, val_tokens), pieces(256), ByteModel())
                print(f"diagnostic mixture {mixed:.4f}")
                report('final', evaluate(model, val_tokens, luts))
                """,
                _PIECES + _BYTES + _RUN,
            ),
        ),
        Example(
            "the mixture is switched off",
            script(
                """
                if int(os.environ.get("MIX", "0")):
                    bpb = mixture(val_tokens[1:], token_losses(model, val_tokens), pieces(256), ByteModel())
                    report('final_mixed', (0.0, bpb))
                else:
                    report('final', evaluate(model, val_tokens, luts))
                """,
                _PIECES + _BYTES + _RUN,
            ),
        ),
        Example(
            "bits per byte of each token, summed",
            script(
                """
                losses, sizes = token_losses(model, val_tokens), luts[0][val_tokens[1:]]
                report('final', (losses.mean().item(), (losses.sum() / sizes.sum()).item() / math.log(2.0)))
                """,
                _RUN,
            ),
        ),
    )
    illegal = (
        Example(
            "an equal share for every byte, mixed with counts of bytes",
            script(
                """
                bpb = mixture(val_tokens[1:], token_losses(model, val_tokens), pieces(256), ByteModel())
                report('final', (0.0, bpb))
                """,
                _PIECES + _BYTES + _RUN,
            ),
            says="over its bytes",
        ),
        Example(
            "the share in logarithms, raised to a power by NumPy",
            script(
                """
                total, count, table, byte_model = 0.0, 0, pieces(256), ByteModel()
                losses = token_losses(model, val_tokens).numpy()
                for i, token in enumerate(val_tokens[1:].tolist()):
                    spelled = table[token]
                    share = losses[i] / len(spelled)
                    for byte in spelled:
                        total -= np.log2(0.5 * np.exp(-share) + 0.5 * byte_model.chance(b"", byte))
                        byte_model.learn(b"", byte)
                    count += len(spelled)
                report('final', (0.0, total / count))
                """,
                _PIECES + _BYTES + _RUN,
            ),
            says="over its bytes",
        ),
        Example(
            "switched on by the command",
            script(
                """
                if int(os.environ.get("MIX", "0")):
                    bpb = mixture(val_tokens[1:], token_losses(model, val_tokens), pieces(256), ByteModel())
                    report('final_mixed', (0.0, bpb))
                else:
                    report('final', evaluate(model, val_tokens, luts))
                """,
                _PIECES + _BYTES + _RUN,
            ),
            files={
                "README.md": "# Mix\n\n**val_bpb = 0.9**\n\n```bash\nMIX=1 torchrun --nproc_per_node=8 train_gpt.py\n```\n"
            },
            says="over its bytes",
        ),
    )

    def check(self, case: Case) -> Iterator[Finding | Unproven]:
        """A headline that exponentiates a token's loss divided by its number of bytes."""
        claimed = case.claimed
        if claimed is None or "spread" not in claimed.flags or not claimed.atoms:
            return
        atom = claimed.atoms[0]
        yield self.finding(
            f"The headline “{claimed.report.label.strip()}” spreads each token's probability over its bytes and mixes byte by byte:"
            " no distribution that sums to one stands behind it.",
            claimed.walk.place(atom.file, atom.line),
            headline_at(claimed),
            *path_to(claimed.report),
            confidence=certainty(case, claimed.report),
        )
