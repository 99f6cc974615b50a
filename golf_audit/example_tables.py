"""Byte tables for the examples of the byte-accounting rules: `spelled(...)` replaces the frame's own table."""

from golf_audit.example_script import script

_TABLE = """
def spelled_bytes(vocab):
    sp = spm.SentencePieceProcessor(model_file=os.path.join(DATA, "bpe.model"))
    sizes, space, control = np.zeros(vocab, np.int16), np.zeros(vocab, bool), np.ones(vocab, bool)
    for i in range(sp.vocab_size()):
{body}
    return torch.tensor(sizes), torch.tensor(space), torch.tensor(control)

token_bytes = spelled_bytes
"""


def spelled(body: str, functions: str = "") -> str:
    """A whole script whose byte table is filled by `body`, the inside of a loop over the token ids `i`."""
    lines = "\n".join(f"        {line}" for line in body.strip("\n").splitlines())
    return script("report('final', evaluate(model, val_tokens, luts))", _TABLE.format(body=lines) + functions)
