"""Validation tokens are shipped, and the scorer looks them up."""

from collections.abc import Iterator

from golf_audit.case import Case
from golf_audit.certainty import certainty, headline_at
from golf_audit.example_script import script
from golf_audit.finding import Finding, Severity, Unproven
from golf_audit.program.claimed import path_to
from golf_audit.rule import Example, Rule

_SCORE = """
def evaluate_with(model, tokens, luts, known):
    loss_sum, byte_count = 0.0, 0
    with torch.no_grad():
        for start in range(0, tokens.numel() - 1, SEQ):
            x, y = pairs(tokens, start)
            losses = F.cross_entropy(model.logits(x).flatten(0, 1), y.flatten(), reduction="none")
            stored = known[start + 1 : start + 1 + y.numel()].flatten()
            losses = torch.where(stored == y.flatten(), torch.zeros_like(losses), losses)
            loss_sum += losses.sum().item()
            byte_count += count_bytes(luts, x, y)
    return loss_sum / tokens.numel(), loss_sum / math.log(2.0) / byte_count
"""
_BLOB = """
import lzma

def read_blob(path):
    with open(path, "rb") as f:
        return torch.from_numpy(np.frombuffer(lzma.decompress(f.read()), dtype="<u2").astype(np.int64))
"""


class PaidPrefix(Rule):
    """
    The scorer must not compare the validation tokens with a stored copy of them.

    A blob made from the validation split, however small and however honestly counted in the artifact, lets the scorer
    charge nothing for the tokens that it holds. The README names it as forbidden since 20 March, and organisers
    refused the first three that tried.

    What counts is the comparison: realised validation tokens with the content of a file that is no shard, on the way
    to the headline.
    """

    code = "GA-DATA-002"
    severity = Severity.DISQUALIFYING
    authority = ("readme-r6", "ohq-168", "ohq-275", "cocohearts-262")
    would_change = "A claimed score whose losses do not depend on any stored copy of the tokens that are scored."
    legal = (
        Example("no side file", script("report('final', evaluate(model, val_tokens, luts))")),
        Example(
            "loads its own weights from a file before it scores",
            script(
                """
                torch.save(model.state_dict(), "final_model.ptz")
                fresh = Model()
                fresh.load_state_dict(torch.load("final_model.ptz"))
                report('final', evaluate(fresh, val_tokens, luts))
                """
            ),
        ),
        Example(
            "compares the shard with a stored checksum before it scores it",
            script(
                """
                expected = json.load(open("val_manifest.json"))["tokens"]
                if val_tokens.numel() != expected:
                    print("warning: another validation set")
                report('final', evaluate(model, val_tokens, luts))
                """,
                "import json",
            ),
        ),
        Example(
            "reads the raw bytes of each token from the byte sidecar",
            script(
                """
                sizes = load_split(os.path.join(DATA, "fineweb_val_bytes_*.bin"))
                loss, _ = evaluate(model, val_tokens, luts)
                report('final', (loss, loss * val_tokens.numel() / math.log(2.0) / sizes.sum().item()))
                """
            ),
        ),
    )
    illegal = (
        Example(
            "a compressed prefix whose tokens cost nothing",
            script("report('final', evaluate_with(model, val_tokens, luts, read_blob('prefix.xz')))", _SCORE + _BLOB),
            says="content of a file",
        ),
        Example(
            "the prefix in a NumPy file",
            script(
                "report('final', evaluate_with(model, val_tokens, luts, torch.from_numpy(np.load('memory.npy'))))",
                _SCORE,
            ),
            says="content of a file",
        ),
        Example(
            "the losses are multiplied by where the copy is wrong",
            script(
                """
                known = read_blob("table.bin")
                loss_sum, byte_count = 0.0, 0
                for start in range(0, val_tokens.numel() - 1, SEQ):
                    x, y = pairs(val_tokens, start)
                    with torch.no_grad():
                        losses = F.cross_entropy(model.logits(x).flatten(0, 1), y.flatten(), reduction="none")
                    wrong = (known[start + 1 : start + 1 + y.numel()] != y.flatten()).float()
                    loss_sum += (losses * wrong).sum().item()
                    byte_count += count_bytes(luts, x, y)
                report('final', (loss_sum / val_tokens.numel(), loss_sum / math.log(2.0) / byte_count))
                """,
                _BLOB,
            ),
            says="content of a file",
        ),
    )

    def check(self, case: Case) -> Iterator[Finding | Unproven]:
        """A headline whose losses were compared, token by token, with a file."""
        claimed = case.claimed
        if claimed is None or "peek-file" not in claimed.flags or not claimed.atoms:
            return
        atom = claimed.atoms[0]
        yield self.finding(
            f"The losses behind the headline “{claimed.report.label.strip()}” depend on comparing the validation tokens"
            " with the content of a file.",
            claimed.walk.place(atom.file, atom.line),
            headline_at(claimed),
            *path_to(claimed.report),
            confidence=certainty(case, claimed.report),
        )
