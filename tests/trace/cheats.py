"""
Small submissions of ours for the tracer: each cheats in one way, or does what looks alike and keeps the rules.

They share one frame in the contest's style, whose model mixes a token with the mean of those before it in its window; a
case adds the functions and the end of `main` that matter.
"""

from dataclasses import dataclass
from textwrap import dedent, indent

from golf_audit.folder import Folder

ENTRY = "train_gpt.py"

_HEAD = '''
import copy, glob, math, os, zlib
import numpy as np
import sentencepiece as spm
import torch
import torch.nn.functional as F
from torch import nn

DATA = os.environ.get("DATA_PATH", "./data/datasets/fineweb10B_sp1024")
TOKENIZER = os.environ.get("TOKENIZER_PATH", "./data/tokenizers/fineweb_1024_bpe.model")
VOCAB = int(os.environ.get("VOCAB_SIZE", 1024))
SEQ = int(os.environ.get("TRAIN_SEQ_LEN", 1024))
STEPS = int(os.environ.get("ITERATIONS", 20000))
CHUNK = int(os.environ.get("TTT_CHUNK_TOKENS", 32768))
EPOCHS = int(os.environ.get("TTT_EPOCHS", 3))
BOS = 1
torch.manual_seed(int(os.environ.get("SEED", 1337)))


def read_shards(pattern):
    paths = sorted(glob.glob(os.path.join(DATA, pattern)))
    return torch.cat([torch.from_numpy(np.fromfile(p, dtype="<u2", offset=1024).astype(np.int64)) for p in paths])


def byte_table():
    sp = spm.SentencePieceProcessor(model_file=TOKENIZER)
    table = torch.zeros(VOCAB, dtype=torch.float64)
    for i in range(sp.vocab_size()):
        if not (sp.is_control(i) or sp.is_unknown(i)):
            table[i] = 1 if sp.is_byte(i) else len(sp.id_to_piece(i).replace("\\u2581", " ").encode())
    return table


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(VOCAB, 32)
        self.body = nn.Linear(32, 32)
        self.head = nn.Linear(32, VOCAB)

    def hidden(self, x):
        h = self.table(x)
        before = h.cumsum(1) / torch.arange(1, x.size(1) + 1, device=x.device)[:, None]
        return torch.relu(self.body(h + before))

    def logits(self, x):
        return self.head(self.hidden(x))

    def forward(self, x, y):
        return F.cross_entropy(self.logits(x).flatten(0, 1), y.flatten(), reduction="none").view_as(y)


def rows(tokens, start, stop):
    """Inputs and targets of the windows that cover the targets of [start, stop)."""
    piece = tokens[start : stop + 1]
    usable = (piece.numel() - 1) // SEQ * SEQ
    if not usable:
        return piece[:-1].unsqueeze(0), piece[1:].unsqueeze(0)
    return piece[:usable].view(-1, SEQ), piece[1 : usable + 1].view(-1, SEQ)


def train(model, tokens):
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.02)
    for step in range(STEPS):
        x, y = rows(tokens, step * 8 * SEQ, (step + 1) * 8 * SEQ)
        optimizer.zero_grad()
        model(x, y).mean().backward()
        optimizer.step()


def save(model):
    with open("final_model.ptz", "wb") as file:
        for weight in model.state_dict().values():
            file.write(zlib.compress((weight * 1024).round().to(torch.int16).numpy().tobytes()))


def load(model):
    with open("final_model.ptz", "rb") as file:
        data = file.read()
    for weight in model.state_dict().values():
        stream = zlib.decompressobj()
        values = np.frombuffer(stream.decompress(data), dtype=np.int16)
        weight.copy_(torch.from_numpy(values.astype(np.float32) / 1024).view_as(weight))
        data = stream.unused_data


def evaluate(model, tokens):
    with torch.no_grad():
        losses = [model(*rows(tokens, i, min(i + CHUNK, len(tokens) - 1))) for i in range(0, len(tokens) - 1, CHUNK)]
    return torch.cat([loss.flatten() for loss in losses])


def learn(model, x, y, epochs=1, lr=0.5):
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    for _ in range(epochs):
        optimizer.zero_grad()
        loss = model(x, y).mean()
        loss.backward()
        optimizer.step()


def report(label, losses, tokens):
    losses = torch.as_tensor(losses, dtype=torch.float64)
    spent = byte_table()[tokens[1 : losses.numel() + 1]].sum().item()
    nats = losses.sum().item()
    print(f"{label} val_loss:{nats / losses.numel():.8f} val_bpb:{nats / math.log(2.0) / spent:.8f}", flush=True)
'''

_MAIN = """
def main():
    train_tokens, val_tokens = read_shards("fineweb_train_*.bin"), read_shards("fineweb_val_*.bin")
    model = Model()
    train(model, train_tokens)
"""

_PLAIN = """
    save(model)
    load(model)
"""

_TAIL = """
if __name__ == "__main__":
    main()
"""


@dataclass(frozen=True)
class Case:
    """One small submission and what a run of it must show."""

    name: str
    main: str
    """The end of `main`, where `model`, `train_tokens` and `val_tokens` are at hand."""
    functions: str = ""
    packed: bool = True
    """Whether the frame saves and loads the artifact right after training, before `main` goes on."""
    violated: str = ""
    """The conditions that are broken, apart by spaces; empty where none is."""
    rule: str = ""
    """The rule that says so; empty for a legal one."""
    line: str = ""
    """What is written on the line that the finding is about."""

    @property
    def text(self) -> str:
        """The whole script."""
        body = indent(dedent(self.main).strip("\n"), "    ")
        packed = _PLAIN if self.packed else ""
        return f"{_HEAD}\n{dedent(self.functions).strip()}\n\n{_MAIN}{packed}{body}\n\n{_TAIL}".lstrip()

    @property
    def folder(self) -> Folder:
        """The submission."""
        return Folder.from_files({ENTRY: self.text}, name=f"2026-04-15_{self.name}", track="track_10min_16mb")


_SCORE_FIRST = """
    def score_first(model, tokens, adapt, epochs=1):
        scores = []
        for start in range(0, len(tokens) - 1, CHUNK):
            x, y = rows(tokens, start, min(start + CHUNK, len(tokens) - 1))
            with torch.no_grad():
                scores.append(model(x, y).flatten())
            adapt(model, x, y, epochs)
        return torch.cat(scores)
"""
_REPORT = "report('final', evaluate(model, val_tokens), val_tokens)"

CHEATS = (
    Case(
        "PeeksAtTheTarget",
        _REPORT,
        """
        class Model(Model):
            def forward(self, x, y):
                h = self.hidden(x) + 0.1 * self.table(y)
                return F.cross_entropy(self.head(h).flatten(0, 1), y.flatten(), reduction="none").view_as(y)
        """,
        violated="C1",
        rule="prediction-moves-with-its-token",
        line="F.cross_entropy(self.head(h)",
    ),
    Case(
        "PeeksAtTheNextToken",
        _REPORT,
        """
        class Model(Model):
            def hidden(self, x):
                h = self.table(x)
                return torch.relu(self.body(h + h.mean(1, keepdim=True)))
        """,
        violated="C1",
        rule="score-moves-with-later-tokens",
        line="return F.cross_entropy(self.logits(x)",
    ),
    Case(
        "PeeksAtTheNextDocument",
        "report('final', glance(model, val_tokens), val_tokens)",
        """
        def glance(model, tokens):
            begins = (tokens == BOS).nonzero().flatten().tolist() + [len(tokens) - 1]
            scores = []
            with torch.no_grad():
                for number, (begin, end) in enumerate(zip(begins, begins[1:])):
                    x, y = tokens[begin:end].unsqueeze(0), tokens[begin + 1 : end + 1].unsqueeze(0)
                    later = tokens[end : begins[min(number + 2, len(begins) - 1)]]
                    hint = model.table(later).mean(0) if later.numel() else 0.0
                    logits = model.head(model.hidden(x) + hint)
                    scores.append(F.cross_entropy(logits[0], y[0], reduction="none"))
            return torch.cat(scores)
        """,
        violated="C1",
        rule="score-moves-with-later-tokens",
        line="scores.append(F.cross_entropy(logits[0]",
    ),
    Case(
        "PreQuantTTT",
        """
        for start in range(0, len(val_tokens) - 1, CHUNK):
            learn(model, *rows(val_tokens, start, start + CHUNK))
        save(model)
        load(model)
        report('final', evaluate(model, val_tokens), val_tokens)
        """,
        packed=False,
        violated="C1 C3 artifact",
        rule="train-then-score",
        line="optimizer.step()",
    ),
    Case(
        "TrainThenScore",
        """
        for start in range(0, len(val_tokens) - 1, CHUNK):
            learn(model, *rows(val_tokens, start, start + CHUNK))
        report('final', evaluate(model, val_tokens), val_tokens)
        """,
        violated="C1 C3",
        rule="train-then-score",
        line="optimizer.step()",
    ),
    Case(
        "CalibratesOnValidation",
        """
        with torch.no_grad():
            scale = model.hidden(rows(val_tokens, 0, len(val_tokens) - 1)[0]).square().mean((0, 1)).sqrt()
            model.head.weight.mul_(1 + scale)
        save(model)
        load(model)
        report('final', evaluate(model, val_tokens), val_tokens)
        """,
        packed=False,
        violated="C1 artifact",
        rule="calibration-on-validation",
        line="scale = model.hidden(rows(val_tokens",
    ),
    Case(
        "ValidationInTraining",
        """
        train(model, val_tokens.repeat(8))
        save(model)
        load(model)
        report('final', evaluate(model, val_tokens), val_tokens)
        """,
        packed=False,
        violated="C1 C3 artifact",
        rule="validation-tokens-in-training",
        line="optimizer.step()",
    ),
    Case(
        "ReadsTrainShardWhileScoring",
        "report('final', looked_up(model, val_tokens), val_tokens)",
        """
        def looked_up(model, tokens):
            scores = []
            for start in range(0, len(tokens) - 1, CHUNK):
                x, y = rows(tokens, start, min(start + CHUNK, len(tokens) - 1))
                with torch.no_grad():
                    scores.append(model(x, y).flatten())
                learn(model, *rows(read_shards("fineweb_train_*.bin"), start, start + CHUNK))
            return torch.cat(scores)
        """,
        violated="fence",
        rule="train-data-read-while-scoring",
        line="",
    ),
    Case(
        "LastEpoch",
        "report('final', last_epoch(model, val_tokens), val_tokens)",
        """
        def last_epoch(model, tokens):
            for epoch in range(EPOCHS):
                scores = []
                for start in range(0, len(tokens) - 1, CHUNK):
                    x, y = rows(tokens, start, min(start + CHUNK, len(tokens) - 1))
                    with torch.no_grad():
                        scores.append(model(x, y).flatten())
                    learn(model, x, y)
            return torch.cat(scores)
        """,
        violated="C1 C3",
        rule="last-epoch-score",
        line="optimizer.step()",
    ),
    Case(
        "SecondEvaluation",
        """
        report('ttt', score_first(model, val_tokens, learn), val_tokens)
        report('final', evaluate(model, val_tokens), val_tokens)
        """,
        _SCORE_FIRST,
        violated="C1 C3",
        rule="second-evaluation-of-an-adapted-model",
        line="optimizer.step()",
    ),
    Case(
        "OracleMinimum",
        "report('final', lowest(model, val_tokens), val_tokens)",
        """
        def lowest(model, tokens):
            best = None
            for epoch in range(EPOCHS):
                scores = []
                for start in range(0, len(tokens) - 1, CHUNK):
                    x, y = rows(tokens, start, min(start + CHUNK, len(tokens) - 1))
                    with torch.no_grad():
                        scores.append(model(x, y).flatten())
                    learn(model, x, y, lr=(0.5, 3.0, 0.1)[epoch])
                scores = torch.cat(scores)
                best = scores if best is None else torch.minimum(best, scores)
            return best
        """,
        violated="C1 C2 C3 C4",
        rule="smaller-of-two-losses",
        line="",
    ),
    Case(
        "ScoredSliceSLOT",
        "report('final', slot(model, val_tokens), val_tokens)",
        """
        def slot(model, tokens):
            scores = []
            for start in range(0, len(tokens) - 1, CHUNK):
                x, y = rows(tokens, start, min(start + CHUNK, len(tokens) - 1))
                hidden = model.hidden(x).detach()
                delta = torch.zeros(1, 1, hidden.size(-1), requires_grad=True)
                optimizer = torch.optim.AdamW([delta], lr=0.1)
                for _ in range(3):
                    optimizer.zero_grad()
                    F.cross_entropy(model.head(hidden + delta).flatten(0, 1), y.flatten()).backward()
                    optimizer.step()
                with torch.no_grad():
                    logits = model.head(hidden + delta).flatten(0, 1)
                    scores.append(F.cross_entropy(logits, y.flatten(), reduction="none"))
            return torch.cat(scores)
        """,
        violated="C1 C3",
        rule="optimised-on-the-scored-slice",
        line="optimizer.step()",
    ),
    Case(
        "TableFilledBeforeItIsAsked",
        "report('final', counted(model, val_tokens), val_tokens)",
        """
        def counted(model, tokens):
            table = torch.zeros(VOCAB, VOCAB)
            scores = []
            for start in range(0, len(tokens) - 1, CHUNK):
                x, y = rows(tokens, start, min(start + CHUNK, len(tokens) - 1))
                x, y = x.flatten(), y.flatten()
                table.index_put_((x, y), torch.ones(x.numel()), accumulate=True)
                with torch.no_grad():
                    p = model.logits(x.view(-1, SEQ)).softmax(-1).flatten(0, 1)
                seen = table[x]
                q = (seen + 1 / VOCAB) / (seen.sum(-1, keepdim=True) + 1)
                mixed = (0.8 * p + 0.2 * q).log()
                scores.append(-mixed.gather(1, y.unsqueeze(1)).squeeze(1))
            return torch.cat(scores)
        """,
        violated="C1",
        rule="score-moves-with-later-tokens",
        line="scores.append(-mixed.gather",
    ),
    Case(
        "HashedTargetInTheKey",
        "report('final', blended(model, val_tokens), val_tokens)",
        """
        def blended(model, tokens):
            contexts, pairs, scores = torch.zeros(64), torch.zeros(64), []
            for start in range(0, len(tokens) - 1, CHUNK):
                x, y = rows(tokens, start, min(start + CHUNK, len(tokens) - 1))
                with torch.no_grad():
                    p = model.logits(x).softmax(-1).flatten(0, 1).gather(1, y.view(-1, 1)).squeeze(1)
                context, pair = x.flatten() % 64, (x.flatten() * 31 + y.flatten() * 17) % 64
                q = torch.minimum(pairs[pair], contexts[context]) / contexts[context].clamp_min(1)
                scores.append(-(0.5 * p + 0.5 * q).log())
                contexts.index_put_((context,), torch.ones(len(context)), accumulate=True)
                pairs.index_put_((pair,), torch.ones(len(pair)), accumulate=True)
            return torch.cat(scores)
        """,
        violated="C2",
        rule="probabilities-sum-past-one",
        line="scores.append(-(0.5 * p",
    ),
)
"""Submissions that break one thing each."""

TWINS = (
    Case("PlainEvaluation", _REPORT),
    Case(
        "ScoreFirstTTT",
        "report('final', score_first(model, val_tokens, learn, EPOCHS), val_tokens)",
        _SCORE_FIRST,
    ),
    Case(
        "AdapterPerDocument",
        "report('final', by_document(model, val_tokens), val_tokens)",
        """
        def by_document(model, tokens):
            begins = (tokens == BOS).nonzero().flatten().tolist() + [len(tokens) - 1]
            scores = []
            for begin, end in zip(begins, begins[1:]):
                low = torch.zeros(32, 4, requires_grad=True)
                up = torch.randn(4, VOCAB).mul_(0.1).requires_grad_()
                optimizer = torch.optim.Adam([low, up], lr=0.05)
                for start in range(begin, end, 40):
                    stop = min(start + 40, end)
                    if stop == start:
                        continue
                    x, y = tokens[start:stop].unsqueeze(0), tokens[start + 1 : stop + 1]
                    hidden = model.hidden(x)[0].detach()
                    losses = F.cross_entropy(model.head(hidden) + hidden @ low @ up, y, reduction="none")
                    scores.append(losses.detach())
                    optimizer.zero_grad()
                    losses.mean().backward()
                    optimizer.step()
            return torch.cat(scores)
        """,
    ),
    Case(
        "PhasedSGD",
        "report('final', phased(model, val_tokens), val_tokens)",
        """
        def phased(model, tokens):
            half = (len(tokens) - 1) // 2 // SEQ * SEQ
            first = evaluate(model, tokens[: half + 1])
            for start in range(0, half, CHUNK):
                learn(model, *rows(tokens, start, min(start + CHUNK, half)), epochs=2)
            return torch.cat([first, evaluate(model, tokens[half:])])
        """,
    ),
    Case(
        "WarmUpThrownAway",
        """
        kept = copy.deepcopy(model.state_dict())
        learn(model, *rows(val_tokens, 0, CHUNK), epochs=2)
        model.load_state_dict(kept)
        report('final', evaluate(model, val_tokens), val_tokens)
        """,
    ),
    Case(
        "CalibratesOnTrain",
        """
        with torch.no_grad():
            scale = model.hidden(rows(train_tokens, 0, 2048)[0]).square().mean((0, 1)).sqrt()
            model.head.weight.mul_(1 + scale)
        save(model)
        load(model)
        report('final', evaluate(model, val_tokens), val_tokens)
        """,
        packed=False,
    ),
    Case(
        "CalibratesOnItsOwnText",
        """
        text = torch.full((4, 1), BOS)
        with torch.no_grad():
            for _ in range(24):
                text = torch.cat([text, torch.multinomial(model.logits(text)[:, -1].softmax(-1), 1)], 1)
            scale = model.hidden(text).square().mean((0, 1)).sqrt()
            model.head.weight.mul_(1 + scale)
        save(model)
        load(model)
        report('final', evaluate(model, val_tokens), val_tokens)
        """,
        packed=False,
    ),
    Case(
        "MixtureOverTheAlphabet",
        "report('final', mixed(model, val_tokens), val_tokens)",
        """
        def mixed(model, tokens):
            table = torch.zeros(VOCAB, VOCAB)
            scores = []
            for start in range(0, len(tokens) - 1, CHUNK):
                x, y = rows(tokens, start, min(start + CHUNK, len(tokens) - 1))
                x, y = x.flatten(), y.flatten()
                with torch.no_grad():
                    p = model.logits(x.view(-1, SEQ)).softmax(-1).flatten(0, 1)
                seen = table[x]
                q = (seen + 1 / VOCAB) / (seen.sum(-1, keepdim=True) + 1)
                scores.append(-(0.8 * p + 0.2 * q).log().gather(1, y.unsqueeze(1)).squeeze(1))
                table.index_put_((x, y), torch.ones(x.numel()), accumulate=True)
            return torch.cat(scores)
        """,
    ),
    Case(
        "SlidingWindow",
        "report('final', sliding(model, val_tokens), val_tokens)",
        """
        def sliding(model, tokens):
            stride, scores = SEQ // 4, []
            with torch.no_grad():
                for start in range(0, len(tokens) - SEQ, stride):
                    x, y = tokens[start : start + SEQ].unsqueeze(0), tokens[start + 1 : start + SEQ + 1].unsqueeze(0)
                    losses = model(x, y)[0]
                    scores.append(losses if not start else losses[-stride:])
            return torch.cat(scores)
        """,
    ),
    Case(
        "WrittenByHandAfterTheScore",
        "report('final', score_first(model, val_tokens, by_hand), val_tokens)",
        _SCORE_FIRST
        + """
    def by_hand(model, x, y, epochs):
        model.zero_grad()
        model(x, y).mean().backward()
        for parameter in model.parameters():
            parameter.data -= 0.5 * parameter.grad
        """,
    ),
    Case(
        "FunctionalUpdateAfterTheScore",
        "report('final', functional(model, val_tokens), val_tokens)",
        """
        def functional(model, tokens):
            weight, scores = model.head.weight.detach().clone().requires_grad_(), []
            for start in range(0, len(tokens) - 1, CHUNK):
                x, y = rows(tokens, start, min(start + CHUNK, len(tokens) - 1))
                with torch.no_grad():
                    hidden = model.hidden(x).flatten(0, 1)
                losses = F.cross_entropy(hidden @ weight.T, y.flatten(), reduction="none")
                scores.append(losses.detach())
                (gradient,) = torch.autograd.grad(losses.mean(), weight)
                weight = (weight - 0.5 * gradient).detach().requires_grad_()
            return torch.cat(scores)
        """,
    ),
)
"""Submissions that look alike and keep the rules."""
