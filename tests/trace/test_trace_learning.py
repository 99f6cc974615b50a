"""Learning is seen however it is done: one script scores, learns in many ways, and scores again under the observer."""

import numpy as np
import pytest

from golf_audit.trace.ledger import Ledger, learned_from
from tests.trace.observed import adapts_in, observe, scores_in

_FRAME = """
import copy, threading
import numpy as np, torch
import torch.nn.functional as F
from torch import nn

VOCAB = 600
torch.manual_seed(0)
val = torch.from_numpy(np.load("val.npy"))
x, y = val[:64], val[1:65]
u, v = val[200:264], val[201:265]
KEPT = []


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(VOCAB, 16)
        self.head = nn.Linear(16, VOCAB)

    def forward(self, x):
        return self.head(self.table(x))


class MySGD(torch.optim.SGD):
    pass


class OwnStep(torch.optim.Optimizer):
    def __init__(self, params):
        super().__init__(params, {})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                p.add_(p.grad, alpha=-0.1)


class Plain:
    def __init__(self, params):
        self.params = list(params)

    def step(self):
        with torch.no_grad():
            for p in self.params:
                p -= 0.1 * p.grad


def score(model, x, y):
    with torch.no_grad():
        return F.cross_entropy(model(x), y)


def gradients(model):
    model.zero_grad()
    F.cross_entropy(model(x), y).backward()


def pull(model, optimizer):
    gradients(model)
    optimizer.step()

"""
_FORMS = {
    "sgd": "pull(model, torch.optim.SGD(model.parameters(), lr=0.1))",
    "adamw": "pull(model, torch.optim.AdamW(model.parameters(), lr=0.1))",
    "fused_adamw": "pull(model, torch.optim.AdamW(model.parameters(), lr=0.1, fused=True))",
    "optimizer_subclass": "pull(model, MySGD(model.parameters(), lr=0.1))",
    "optimizer_with_its_own_step": "pull(model, OwnStep(model.parameters()))",
    "plain_class": "pull(model, Plain(model.parameters()))",
    "data_write": """
    gradients(model)
    for p in model.parameters():
        p.data -= 0.1 * p.grad
    """,
    "data_replaced": """
    gradients(model)
    for p in model.parameters():
        p.data = p.data - 0.1 * p.grad
    """,
    "copied_in": """
    gradients(model)
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(p - 0.1 * p.grad)
    """,
    "gradient_function": """
    found = torch.autograd.grad(F.cross_entropy(model(x), y), list(model.parameters()))
    with torch.no_grad():
        for p, g in zip(model.parameters(), found):
            p.sub_(g, alpha=0.1)
    """,
    "foreach": """
    gradients(model)
    with torch.no_grad():
        torch._foreach_add_(list(model.parameters()), [p.grad for p in model.parameters()], alpha=-0.1)
    """,
    "numpy_write": """
    gradients(model)
    for p in model.parameters():
        p.data.numpy()[...] -= 0.1 * p.grad.numpy()
    """,
    "sum_of_losses": """
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    parts = [F.cross_entropy(model(a), b) for a, b in zip(x.split(16), y.split(16))]
    sum(parts).div(4).backward()
    optimizer.step()
    """,
    "accumulated_gradients": """
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for a, b in zip(x.split(16), y.split(16)):
        F.cross_entropy(model(a), b).backward()
    optimizer.step()
    """,
    "loss_by_gather": """
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    (-model(x).log_softmax(-1).gather(1, y[:, None])).mean().backward()
    optimizer.step()
    """,
    "in_a_thread": """
    thread = threading.Thread(target=lambda: pull(model, torch.optim.SGD(model.parameters(), lr=0.1)))
    thread.start()
    thread.join()
    """,
    "moved_to_a_new_model": """
    pull(model, torch.optim.SGD(model.parameters(), lr=0.1))
    other = Model()
    other.load_state_dict(model.state_dict())
    model = other
    """,
}
_BLIND = {
    "functional_state": """
    state = {name: p.detach().clone().requires_grad_() for name, p in model.named_parameters()}
    loss = F.cross_entropy(torch.func.functional_call(model, state, (x,)), y)
    found = torch.autograd.grad(loss, list(state.values()))
    state = {name: (p - 0.1 * g).detach().requires_grad_() for (name, p), g in zip(state.items(), found)}
    model = lambda x, state=state, inner=model: torch.func.functional_call(inner, state, (x,))
    """,
}
"""What the ledger misses, so that only the probes can tell."""
_FORGETTING = {
    "restored": """
    kept = copy.deepcopy(model.state_dict())
    pull(model, torch.optim.SGD(model.parameters(), lr=0.1))
    score(model, x, y)
    model.load_state_dict(kept)
    """,
    "another_model": """
    other = Model()
    pull(other, torch.optim.SGD(other.parameters(), lr=0.1))
    KEPT.append(other)
    """,
    "filled_anew": """
    pull(model, torch.optim.SGD(model.parameters(), lr=0.1))
    for p in model.parameters():
        nn.init.normal_(p)
    """,
}


def _function(name: str, body: str) -> str:
    lines = body if body.startswith("\n") else f"\n    {body}\n"
    return (
        f"def {name}():\n    model = Model()\n    score(model, x, y)\n    teach_{name}(model)\n\n\n"
        f"def teach_{name}(model):{lines.rstrip()}\n    after_{name}(model)\n\n\n"
        f"def after_{name}(model):\n    score(model, u, v)\n\n\n"
    )


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Ledger:
    """What the observer says about a script that learns in every way."""
    forms = {**_FORMS, **_BLIND, **_FORGETTING}
    functions = "".join(_function(name, body) for name, body in forms.items())
    return observe(_FRAME + functions + "".join(f"{name}()\n" for name in forms), tmp_path_factory.mktemp("learning"))


@pytest.mark.parametrize("form", _FORMS)
def test_learning_is_seen(form: str, ledger: Ledger) -> None:
    """However it is done, the next score of that state is known to come from one that had learned these positions."""
    first, *_, last = scores_in(ledger, form)
    assert first.held is None
    learned = list(learned_from(ledger, last))
    assert learned, f"no adaptation seen before event {last.number}"
    positions = np.unique(np.concatenate([adapt.positions for adapt in learned]))
    assert positions.tolist() == list(range(1, 65))


@pytest.mark.parametrize("form", _FORGETTING)
def test_forgetting_is_seen(form: str, ledger: Ledger) -> None:
    """A state that is back at what it was, was filled anew, or is another one, holds nothing of what was learned."""
    assert adapts_in(ledger, form)
    assert scores_in(ledger, f"after_{form}")[-1].held is None
