"""
Score-first test-time training of adapters, document by document (PR #77, #1530).

Documents of about one length share a batch, and each has low-rank adapters of its own that begin as zero. A chunk of
every document is scored with the adapters as they are, and the loss that was just counted is then what they learn
from: one forward pass serves both, and the count comes first. Nothing passes from one document to another.

Legend: N documents, T time.
"""

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from .adapters import Adapters
from .config import Config
from .data import Validation
from .evaluate import Result, Tally
from .model import GPT, token_losses
from .runlog import RunLog
from .team import Team


@dataclass(frozen=True, slots=True)
class Document:
    """A document of the split: its tokens from the first to the one that begins the next document."""

    start: int
    """Where its first token is."""
    targets: int
    """How many tokens are predicted: all that follow the first, the next document's first included."""


def find_documents(val: Validation) -> list[Document]:
    """The documents of the split; together they predict every token but the split's first."""
    begins = (val.tokens[:-1] == val.pieces.bos_id()).nonzero().flatten().tolist()
    edges = sorted({0, *begins, val.count})
    return [Document(start, end - start) for start, end in pairwise(edges)]


def document_batches(documents: list[Document], config: Config, team: Team) -> list[list[Document]]:
    """This rank's batches: documents of about one length, longest batches first and dealt out in turn."""
    longest_first = sorted(documents, key=lambda document: -document.targets)
    size = config.lora_batch_docs
    batches = [longest_first[first : first + size] for first in range(0, len(longest_first), size)]
    return batches[team.rank :: team.world_size]


def evaluate_documents(model: GPT, val: Validation, config: Config, team: Team, log: RunLog) -> Result:
    """Score every document chunk by chunk, each chunk before its adapters learn from it; `model` stays as it is."""
    tally = Tally(val, team)
    documents = find_documents(val)
    log.line(f"lora_ttt:start documents={len(documents)} rank={config.lora_rank} lr={config.lora_lr}")
    model.eval()
    model.requires_grad_(False)
    for batch in document_batches(documents, config, team):
        adapters = new_adapters(model, len(batch), config, team)
        optimizer = torch.optim.Adam(adapters.parameters(), lr=config.lora_lr, betas=(config.beta1, config.beta2))
        longest = batch[0].targets
        for begin in range(0, longest, config.lora_chunk_tokens):
            new = config.lora_chunk_tokens
            end = begin + new
            x, y, counted = chunk_of(batch, begin, end, val, config)  # the chunk's tokens are the last of each row
            with team.precision():
                hidden = model.hidden(x, adapters)[:, -new:]
                losses = token_losses(model.head(hidden, adapters.head), y[:, -new:])  # (N, new)
            # First the score ...
            with torch.no_grad():
                tally.add(losses, x[:, -new:], y[:, -new:], counted)
            # ... and then the lesson, for documents that go on.
            if end < longest:
                goes_on = torch.tensor([document.targets > end for document in batch], device=team.device)
                loss = (losses.mean(dim=1) * goes_on).sum()
                optimizer.zero_grad(set_to_none=True)
                loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
                optimizer.step()
    model.requires_grad_(True)
    return tally.result()


def new_adapters(model: GPT, documents: int, config: Config, team: Team) -> Adapters:
    """Adapters that change nothing yet: on the queries and values of every layer, and on the head."""
    width, vocab = config.model_dim, config.vocab_size
    value = width * config.num_kv_heads // config.num_heads
    sizes = [{"q": (width, width), "v": (width, value)} for _ in model.blocks]
    return Adapters(documents, sizes, (width, vocab), config.lora_rank).to(team.device)


def chunk_of(
    batch: list[Document], begin: int, end: int, val: Validation, config: Config
) -> tuple[Tensor, Tensor, Tensor]:
    """
    Inputs and targets (N, T) that end with the targets `begin` to `end` of each document, and which of those exist.

    T is as much of the document as came before, up to `eval_seq_len`.
    """
    window = max(0, end - config.eval_seq_len)
    device = val.tokens.device
    starts = torch.tensor([document.start for document in batch], device=device)[:, None]
    targets = torch.tensor([document.targets for document in batch], device=device)[:, None]
    places = starts + torch.arange(window, end + 1, device=device)
    tokens = val.tokens[places.clamp(max=val.count)].long()
    counted = torch.arange(begin, end, device=device) < targets  # (N, end - begin)
    return tokens[:, :-1], tokens[:, 1:], counted
