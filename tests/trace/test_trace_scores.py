"""Scores are seen however they are computed: one script computes the same likelihoods in many ways under the observer."""

import numpy as np
import pytest

from golf_audit.trace.ledger import Ledger
from tests.trace.observed import observe, scores_in, stream

FIRST, COUNT = 100, 96
_FORMS = {
    "cross_entropy": "F.cross_entropy(logits, y, reduction='none')",
    "cross_entropy_mean": "F.cross_entropy(logits, y)",
    "cross_entropy_sum": "F.cross_entropy(input=logits, target=y, reduction='sum')",
    "cross_entropy_of_classes_first": "F.cross_entropy(logits.view(2, -1, VOCAB).transpose(1, 2), y.view(2, -1))",
    "cross_entropy_module": "nn.CrossEntropyLoss(reduction='none')(logits, y)",
    "nll_loss": "F.nll_loss(F.log_softmax(logits, -1), y, reduction='none')",
    "nll_module": "nn.NLLLoss()(logits.log_softmax(-1), y)",
    "gather_of_log_softmax": "-torch.log_softmax(logits, -1).gather(1, y[:, None])",
    "gather_by_keyword": "-torch.gather(logits.log_softmax(-1), dim=-1, index=y[:, None])",
    "logsumexp_less_gather": "logits.logsumexp(-1) - logits.gather(-1, y.unsqueeze(-1)).squeeze(-1)",
    "take_along_dim": "-torch.take_along_dim(logits.log_softmax(-1), y[:, None], dim=-1)",
    "take_along_dim_by_method": "-logits.log_softmax(-1).take_along_dim(y[:, None], 1)",
    "advanced_indexing": "-logits.log_softmax(-1)[torch.arange(len(y)), y]",
    "advanced_indexing_in_batches": (
        "-logits.log_softmax(-1).view(2, -1, VOCAB)[torch.arange(2)[:, None], torch.arange(len(y) // 2), y.view(2, -1)]"
    ),
    "softmax_then_log": "-logits.softmax(-1).gather(1, y[:, None]).log()",
    "log_of_probabilities": "-torch.log(torch.exp(logits - logits.logsumexp(-1, keepdim=True)))[range(len(y)), y]",
    "categorical": "-torch.distributions.Categorical(logits=logits).log_prob(y)",
    "half_precision": "F.cross_entropy(logits.double(), y)",
    "narrow_targets": "-logits.log_softmax(-1).gather(1, y.to(torch.int32).long()[:, None])",
    "mostly_padding": "F.cross_entropy(torch.cat([logits] + [logits] * 9), torch.cat([y, y[-1:].repeat(9 * len(y))]))",
    "by_row": "torch.stack([F.cross_entropy(part, t) for part, t in zip(logits.split(32), y.split(32))])",
    "per_thread": "in_a_thread(lambda: F.cross_entropy(logits, y), 'per_thread')",
    "numpy_rows": "-torch.from_numpy(log_softmax(logits.numpy())[np.arange(len(y)), y.numpy()])",
    "one_hot": "-(logits.log_softmax(-1) * F.one_hot(y, VOCAB)).sum(-1)",
}
_FRAME = f"""
import threading
import numpy as np, torch
import torch.nn.functional as F
from torch import nn

VOCAB = 600
val = torch.from_numpy(np.load("val.npy"))
y = val[{FIRST}:{FIRST + COUNT}]
logits = torch.randn(len(y), VOCAB, generator=torch.Generator().manual_seed(0))


def in_a_thread(function, name):
    found = []
    function.__code__ = function.__code__.replace(co_name=name)
    thread = threading.Thread(target=lambda: found.append(torch.no_grad()(function)()))
    thread.start()
    thread.join()
    return found[0]


def log_softmax(rows):
    return rows - np.log(np.exp(rows).sum(-1, keepdims=True))

"""
UNSEEN = ("numpy_rows", "one_hot")
"""Ways that the observer does not see: a claim made of them is not accounted for, so nothing is held to be kept."""


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Ledger:
    """What the observer says about a script that computes the same scores in every way."""
    functions = "".join(f"def {name}():\n    return {code}\n\n\n" for name, code in _FORMS.items())
    calls = "with torch.no_grad():\n" + "".join(f"    {name}()\n" for name in _FORMS)
    return observe(_FRAME + functions + calls, tmp_path_factory.mktemp("scores"))


@pytest.fixture(scope="module")
def expected() -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    """The likelihoods, computed here in double precision."""
    import torch

    logits = torch.randn(COUNT, 600, generator=torch.Generator().manual_seed(0)).double()
    y = torch.from_numpy(stream()[FIRST : FIRST + COUNT])
    found = torch.nn.functional.cross_entropy(logits, y, reduction="none").numpy()
    assert isinstance(found, np.ndarray)
    return found


@pytest.mark.parametrize("form", [name for name in _FORMS if name not in UNSEEN])
def test_likelihoods_are_seen(
    form: str, ledger: Ledger, expected: "np.ndarray[tuple[int], np.dtype[np.float64]]"
) -> None:
    """However it is written, every target's position and likelihood is in the ledger, once."""
    found = scores_in(ledger, form)
    positions = np.concatenate([score.positions for score in found])
    known = positions >= 0
    assert positions[known].tolist() == list(range(FIRST, FIRST + COUNT))
    assert np.allclose(np.concatenate([score.nll for score in found])[known], expected, atol=2e-5)
    assert not any(score.grad for score in found)
    assert not any(score.held for score in found)


@pytest.mark.parametrize("form", UNSEEN)
def test_blind_spots(form: str, ledger: Ledger) -> None:
    """What the observer is known not to see leaves no score in the ledger that could be taken for one."""
    assert not scores_in(ledger, form)
