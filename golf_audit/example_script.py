"""The frame that most examples share: a tiny submission to which a rule's example adds the part that matters."""

from textwrap import dedent, indent

_HEAD = """
import copy, glob, math, os
import numpy as np
import sentencepiece as spm
import torch
import torch.nn as nn
import torch.nn.functional as F

SEQ = 64
DATA = os.environ.get("DATA_PATH", "./data")

def load_shard(path):
    return torch.from_numpy(np.fromfile(path, dtype="<u2", offset=1024).astype(np.int64))

def load_split(pattern):
    return torch.cat([load_shard(p) for p in sorted(glob.glob(pattern))])

class Model(nn.Module):
    def __init__(self, vocab=256, width=32):
        super().__init__()
        self.table = nn.Embedding(vocab, width)
        self.body = nn.Linear(width, width)
        self.head = nn.Linear(width, vocab)

    def hidden(self, x):
        return torch.relu(self.body(self.table(x)))

    def logits(self, x):
        return self.head(self.hidden(x))

    def forward(self, x, y):
        return F.cross_entropy(self.logits(x).flatten(0, 1), y.flatten())

def token_bytes(vocab):
    sp = spm.SentencePieceProcessor(model_file=os.path.join(DATA, "bpe.model"))
    sizes, space, control = np.zeros(vocab, np.int16), np.zeros(vocab, bool), np.ones(vocab, bool)
    for i in range(sp.vocab_size()):
        if sp.is_control(i) or sp.is_unknown(i) or sp.is_unused(i):
            continue
        control[i] = False
        if sp.is_byte(i):
            sizes[i] = 1
            continue
        piece = sp.id_to_piece(i)
        if piece.startswith("\\u2581"):
            space[i] = True
            piece = piece[1:]
        sizes[i] = len(piece.encode("utf-8"))
    return torch.tensor(sizes), torch.tensor(space), torch.tensor(control)

def pairs(tokens, start, length=SEQ):
    part = tokens[start : start + length + 1]
    return part[:-1].unsqueeze(0), part[1:].unsqueeze(0)

def count_bytes(luts, x, y):
    sizes, space, control = luts
    return (sizes[y] + (space[y] & ~control[x])).sum().item()

def train(model, tokens, steps):
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    for step in range(steps):
        x, y = pairs(tokens, (step * SEQ) % (tokens.numel() - SEQ - 1))
        optimizer.zero_grad()
        model(x, y).backward()
        optimizer.step()

def evaluate(model, tokens, luts):
    loss_sum, token_count, byte_count = 0.0, 0, 0
    with torch.no_grad():
        for start in range(0, tokens.numel() - 1, SEQ):
            x, y = pairs(tokens, start)
            loss_sum += model(x, y).item() * y.numel()
            token_count += y.numel()
            byte_count += count_bytes(luts, x, y)
    return loss_sum / token_count, loss_sum / math.log(2.0) / byte_count

def report(label, result):
    print(f"{label} val_loss:{result[0]:.8f} val_bpb:{result[1]:.8f}")
"""

_MAIN = """
def main():
    luts = token_bytes(256)
    train_tokens = load_split(os.path.join(DATA, "fineweb_train_*.bin"))
    val_tokens = load_split(os.path.join(DATA, "fineweb_val_*.bin"))
    model = Model()
    train(model, train_tokens, int(os.environ.get("ITERATIONS", 1000)))
"""

_TAIL = """
if __name__ == "__main__":
    main()
"""


def script(main: str, functions: str = "") -> str:
    """
    A whole submission script.

    The frame gives `load_split`, `Model` (with `hidden`, `logits` and a loss as `forward`), `token_bytes`, `pairs`,
    `count_bytes`, `train`, `evaluate` and `report`. `functions` are added at module level; `main` is the body of
    `main()` after training, where `model`, `luts`, `train_tokens` and `val_tokens` are at hand.
    """
    body = indent(dedent(main).strip("\n"), "    ")
    return f"{_HEAD}\n{dedent(functions).strip(chr(10))}\n{_MAIN}{body}\n{_TAIL}"
