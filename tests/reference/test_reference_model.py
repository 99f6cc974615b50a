"""The model is the one that the recipes describe."""

from collections import Counter
from collections.abc import Callable

import pytest
import torch
from golf_audit.reference_model.adapters import Adapters
from golf_audit.reference_model.attention import attention_kernel, flash3, sdpa
from golf_audit.reference_model.config import Config
from golf_audit.reference_model.layers import rotary_table
from golf_audit.reference_model.model import GPT
from golf_audit.reference_model.presets import PRESETS, preset
from golf_audit.reference_model.quantize import GPTQ, treatments
from golf_audit.reference_model.simctg import contrastive_loss
from torch.nn import functional

NAMES = tuple(PRESETS)
THREE_PASSES = ([0, 1, 2, 3, 4, 5, 3, 4], [5, 3, 4, 5, 6, 7, 8, 9, 10])
TWO_PASSES = ([0, 1, 2, 3, 4, 5, 3], [4, 5, 6, 7, 8, 9, 10])


@pytest.fixture(scope="module")
def full() -> dict[str, GPT]:
    """Every recipe at full size, without the memory: its shapes alone."""
    with torch.device("meta"):
        return {name: GPT(preset(name)) for name in NAMES}


@pytest.mark.parametrize(
    ("name", "parameters", "order", "kinds"),
    [
        ("pr1971", 36_993_112, THREE_PASSES, {"gptq (int6)": 66, "gptq (int7)": 1}),
        ("pr1972", 36_993_112, THREE_PASSES, {"gptq (int6)": 66, "gptq (int7)": 1}),
        ("pr1858", 35_944_536, THREE_PASSES, {"gptq (int6)": 66, "gptq (int8)": 1}),
        ("pr1487", 37_022_812, TWO_PASSES, {"gptq (int6)": 66, "rounded (int8)": 2}),
        ("legal", 35_944_536, THREE_PASSES, {"gptq (int6)": 66, "gptq (int7)": 1}),
    ],
)
def test_full_size(
    full: dict[str, GPT],
    name: str,
    parameters: int,
    order: tuple[list[int], list[int]],
    kinds: dict[str, int],
) -> None:
    """A recipe has as many parameters, Hessians and quantised tensors as its published log says, and runs its layers in that order."""
    model = full[name]
    assert sum(p.numel() for p in model.parameters()) == parameters
    assert model.order() == (list(range(5)), list(range(5, 11)))
    model.looping = True
    assert model.order() == order
    plan = treatments(model, preset(name))
    quantised = Counter(str(treatment) for treatment in plan.values() if treatment.bits < 16)
    assert quantised == kinds
    assert sum(treatment.method == GPTQ for treatment in plan.values()) == (66 if name == "pr1487" else 67)


@pytest.mark.parametrize("name", NAMES)
def test_the_toy_has_the_same_structure(full: dict[str, GPT], name: str) -> None:
    """At toy scale the same tensors are quantised in the same way, and the same layers run."""
    toy = GPT(preset(name, "toy"))
    toy.looping = full[name].looping = True
    assert toy.order() == full[name].order()
    assert treatments(toy, preset(name, "toy")) == treatments(full[name], preset(name))


@pytest.mark.parametrize("name", NAMES)
def test_no_logit_depends_on_what_follows(tiny: Callable[..., Config], name: str) -> None:
    """Changing a token moves no logit before it, with and without looping."""
    model = perturbed(GPT(tiny(name)))
    ids = torch.randint(512, (1, 24))
    changed = ids.clone()
    changed[0, 17] = (ids[0, 17] + 1) % 512
    for model.looping in (False, True):
        before, after = model.head(model.hidden(ids)), model.head(model.hidden(changed))
        assert torch.equal(before[:, :17], after[:, :17])
        assert not torch.allclose(before[:, 17:], after[:, 17:])


def test_every_parameter_matters(tiny: Callable[..., Config]) -> None:
    """The loss has a gradient for every parameter of every recipe, once looping is on."""
    for name in NAMES:
        config = tiny(name)
        model = perturbed(GPT(config))
        model.looping = True
        ids = torch.randint(512, (2, 33))
        model(ids[:, :-1], ids[:, 1:]).backward()
        still = {n for n, p in model.named_parameters() if p.grad is None or not p.grad.any()}
        assert not still, name


def test_flash_attention_and_torch_agree() -> None:
    """FlashAttention 3's calling convention (time before heads, fewer key heads) gives what torch's attention gives."""

    def plain(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, *, causal: bool) -> tuple[torch.Tensor, torch.Tensor]:
        assert causal
        k, v = (tensor.repeat_interleave(q.size(2) // k.size(2), dim=2) for tensor in (k, v))
        scores = torch.einsum("bthd,bshd->bhts", q, k) / q.size(-1) ** 0.5
        future = torch.ones(q.size(1), q.size(1), dtype=torch.bool).triu(1)
        weights = scores.masked_fill(future, -torch.inf).softmax(-1)
        return torch.einsum("bhts,bshd->bthd", weights, v), weights

    q, k, v = torch.randn(2, 9, 4, 8), torch.randn(2, 9, 2, 8), torch.randn(2, 9, 2, 8)
    assert torch.allclose(flash3(plain, q, k, v), sdpa(q, k, v), atol=1e-6)
    assert attention_kernel(torch.device("cpu")) is sdpa


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_the_gpu_kernel_and_torch_agree() -> None:
    """Whatever kernel a GPU has, its result is torch's within bfloat16's precision."""
    device = torch.device("cuda")
    q, k, v = (torch.randn(2, 256, heads, 64, device=device, dtype=torch.bfloat16) for heads in (8, 4, 4))
    assert torch.allclose(attention_kernel(device)(q, k, v).float(), sdpa(q, k, v).float(), atol=2e-2)


def test_rotation_slows_down_beyond_the_training_length(tiny: Callable[..., Config]) -> None:
    """A position's angles are the same at every length up to the training length, and smaller beyond it."""
    config = tiny()
    short, same, long = (rotary_table(config, length, torch.device("cpu"))[1] for length in (16, 32, 64))
    assert torch.equal(short, same[:16])
    assert (long[1, 0, 1:] < same[1, 0, 1:]).all()


def test_new_adapters_change_nothing(tiny: Callable[..., Config]) -> None:
    """A model with new adapters is the model without; adapters that have learned belong to their row alone."""
    config = tiny()
    model = perturbed(GPT(config))
    sizes = [{"q": (32, 32), "v": (32, 16)} for _ in range(4)]
    adapters = Adapters(2, sizes, (32, 512), rank=2)
    ids = torch.randint(512, (2, 16))
    assert torch.equal(model.hidden(ids), model.hidden(ids, adapters))
    for layer in range(4):
        torch.nn.init.normal_(adapters.block(layer)["q"].up[1:])
    plain, adapted = model.hidden(ids), model.hidden(ids, adapters)
    assert torch.equal(plain[0], adapted[0])
    assert not torch.allclose(plain[1], adapted[1])


def test_contrastive_loss_is_the_hinge_over_all_pairs() -> None:
    """SimCTG's term is the mean squared hinge of cosine plus margin over ordered pairs of the first positions."""
    hidden = torch.randn(2, 5, 8)
    rows = functional.normalize(hidden.reshape(10, 8)[:7], dim=-1)
    pairs = [(rows[i] @ rows[j]).item() for i in range(7) for j in range(7) if i != j]
    expected = sum(max(0.0, cosine + 0.4) ** 2 for cosine in pairs) / len(pairs)
    assert contrastive_loss(hidden, 0.4, 7).item() == pytest.approx(expected, rel=1e-5)


def test_contrastive_term_is_for_training_only(tiny: Callable[..., Config]) -> None:
    """The loss of a model in evaluation is the cross-entropy alone."""
    model = perturbed(GPT(tiny("pr1971")))
    ids = torch.randint(512, (2, 17))
    x, y = ids[:, :-1], ids[:, 1:]
    plain = functional.cross_entropy(model.head(model.hidden(x)).flatten(0, 1), y.flatten())
    assert model.eval()(x, y).item() == pytest.approx(plain.item(), rel=1e-6)
    assert model.train()(x, y).item() > plain.item()


def perturbed(model: GPT) -> GPT:
    """The model with every weight moved, so that none is still zero."""
    torch.manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return model
