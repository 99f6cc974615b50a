"""Quantisation loses as little as it can, and the artifact is its bytes."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from golf_audit.reference_model.artifact import (
    ArtifactError,
    decode,
    encode,
    prune_to_fit,
    read_artifact,
    shuffled,
    unshuffled,
    write_artifact,
)
from golf_audit.reference_model.clock import Clock, ClockError
from golf_audit.reference_model.config import Config
from golf_audit.reference_model.data import TrainLoader
from golf_audit.reference_model.model import GPT
from golf_audit.reference_model.quantize import (
    Quantized,
    Treatment,
    collect_hessians,
    gptq,
    quantize,
    restore,
    round_rows,
    row_scale,
    treatments,
)
from golf_audit.reference_model.team import join_team

SIX = Treatment("gptq", 6, 12.85)


def quantised(config: Config) -> tuple[GPT, dict[str, Quantized]]:
    """A model with random weights and its quantised tensors."""
    torch.manual_seed(0)
    model = GPT(config)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    hessians = collect_hessians(model, TrainLoader(config, join_team()), config, join_team(), running())
    return model, quantize(model, hessians, config)


def running() -> Clock:
    """A clock with a whole minute left."""
    return Clock(60)


def test_gptq_with_independent_inputs_is_rounding(tiny: Callable[..., Config]) -> None:
    """Where inputs have nothing to do with each other, no column can make up for another: GPTQ rounds."""
    weight = torch.randn(24, 200) * 0.05
    scale, largest = row_scale(weight, SIX, tiny())
    assert torch.equal(gptq(weight, torch.eye(200), scale, largest), round_rows(weight, scale, largest))


def test_gptq_is_never_worse_in_its_own_metric(tiny: Callable[..., Config]) -> None:
    """On correlated inputs GPTQ's error in the layer's output is below rounding's, whatever the block size."""
    torch.manual_seed(0)
    for _ in range(5):
        weight = torch.randn(16, 96) * 0.05
        inputs = torch.randn(400, 96) @ torch.randn(96, 96)
        scale, largest = row_scale(weight, SIX, tiny())

        def error(levels: torch.Tensor) -> float:
            return float(((weight - levels * scale.float()[:, None]) @ inputs.T).square().sum())  # noqa: B023

        rounded = error(round_rows(weight, scale, largest))
        for block in (1, 32, 128):
            assert error(gptq(weight, inputs.T @ inputs, scale, largest, block)) <= rounded


def test_inputs_that_never_occur_cost_nothing(tiny: Callable[..., Config]) -> None:
    """A column whose input is always zero is quantised to zero, and the rest is as without it."""
    weight, inputs = torch.randn(8, 32), torch.randn(100, 32)
    inputs[:, 5] = 0
    scale, largest = row_scale(weight, SIX, tiny())
    levels = gptq(weight, inputs.T @ inputs, scale, largest)
    assert not levels[:, 5].any()
    assert levels.abs().max() <= largest == 31


def test_a_row_is_clipped_at_its_deviations(tiny: Callable[..., Config]) -> None:
    """A row's largest level is its number of standard deviations, or the recipe's floor where that is more."""
    weight = torch.randn(4, 1000)
    scale, largest = row_scale(weight, SIX, tiny())
    assert torch.allclose(scale.float() * largest, 12.85 * weight.std(dim=1), rtol=1e-3)
    floored, _ = row_scale(weight * 0.001, SIX, tiny(clip_floor=1.0))
    assert torch.allclose(floored.float(), torch.full((4,), 1 / 31), rtol=1e-3)
    assert (row_scale(torch.zeros(2, 8), SIX, tiny())[0] > 0).all()


def test_hessians_are_second_moments(tiny: Callable[..., Config]) -> None:
    """A Hessian is the mean over micro-batches of inputs times inputs; the embedding's is of the last hidden state."""
    config = tiny(gptq_calibration_batches=3)
    model = GPT(config)
    hessians = collect_hessians(model, TrainLoader(config, join_team()), config, join_team(), running())
    loader = TrainLoader(config, join_team())
    expected = torch.zeros(32, 32)
    for _ in range(3):
        rows = model.hidden(loader.micro_batch()[0]).detach().flatten(0, 1)
        expected += rows.T @ rows / 3
    assert torch.allclose(hessians["tok_emb.weight"], expected, rtol=1e-4)
    wanted = {name for name, treatment in treatments(model, config).items() if treatment.method == "gptq"}
    assert set(hessians) == wanted
    assert len(wanted) == 4 * 6 + 1


def test_calibration_ends_with_the_clock(tiny: Callable[..., Config]) -> None:
    """When the first clock has run out, calibration stops after one micro-batch instead of overdrawing it further."""
    config = tiny(gptq_calibration_batches=1000)
    clock, loader = Clock(1e-9), TrainLoader(config, join_team())
    with clock.part("hessians"):
        collect_hessians(GPT(config), loader, config, join_team(), clock)
    assert loader.next_batch == 1


def test_the_plan_is_the_whole_model(tiny: Callable[..., Config]) -> None:
    """Every tensor is quantised or kept, none is forgotten, and an artifact restores exactly the model it was made of."""
    for name in ("pr1858", "pr1487"):
        config = tiny(name)
        model, tensors = quantised(config)
        assert set(tensors) == set(model.state_dict())
        other = GPT(config)
        restore(other, decode(encode(tensors)))
        for key, tensor in tensors.items():
            assert torch.equal(other.state_dict()[key], tensor.restored()), key
        moved = [(other.state_dict()[k] - v).abs().mean().item() for k, v in model.state_dict().items()]
        assert max(moved) < 0.05


def test_the_same_weights_are_the_same_bytes(tiny: Callable[..., Config]) -> None:
    """The artifact does not depend on the order in which tensors were made."""
    _, tensors = quantised(tiny())
    backwards = dict(reversed(tensors.items()))
    assert encode(tensors) == encode(backwards)


@pytest.mark.parametrize("data", [b"", b"a", b"abc", bytes(range(256)) * 3])
def test_shuffling_is_undone(data: bytes) -> None:
    """Even and odd bytes part and come together again, for any length."""
    assert unshuffled(shuffled(data)) == data


def test_too_large_an_artifact_is_not_written(tiny: Callable[..., Config], tmp_path: Path) -> None:
    """One byte over the limit is refused, with the numbers, before anything is written; at the limit it is not."""
    config = tiny()
    _, tensors = quantised(config)
    size = len(encode(tensors)) + 100
    with pytest.raises(ArtifactError, match=f"{size} bytes together, 1 more than"):
        write_artifact(tensors, replace(config, artifact_bytes=size - 1), 100)
    assert not list(tmp_path.iterdir())
    assert write_artifact(tensors, replace(config, artifact_bytes=size), 100).total == size
    assert set(read_artifact(config)) == set(tensors)


def test_pruning_zeroes_the_cheapest_levels(tiny: Callable[..., Config]) -> None:
    """Pruning takes ±1 levels from the rows with the smallest steps, and never from embeddings."""
    scale = torch.tensor([0.1, 0.2], dtype=torch.float16)
    matrix = Quantized(torch.tensor([[1, -1, 2], [1, 3, -1]], dtype=torch.int8), scale)
    embedding = Quantized(matrix.levels.clone(), scale / 4)
    assert prune_to_fit({"blocks.0.mlp.fc.weight": matrix, "tok_emb.weight": embedding}, excess=0) == 0
    prune_to_fit({"x": Quantized(matrix.levels[:0], scale[:0])}, excess=1)
    pruned = prune_to_fit({"blocks.0.mlp.fc.weight": matrix, "tok_emb.weight": embedding}, excess=1)
    assert pruned == 4
    assert matrix.levels.tolist() == [[0, 0, 2], [0, 3, 0]]
    assert embedding.levels.tolist() == [[1, -1, 2], [1, 3, -1]]


def test_what_is_no_artifact_is_refused(tiny: Callable[..., Config]) -> None:
    """A missing or foreign file is named as such."""
    with pytest.raises(ArtifactError, match="no artifact at"):
        read_artifact(tiny())
    with pytest.raises(ArtifactError, match="not an artifact"):
        decode(b"PK\x03\x04")


def test_a_clock_counts_only_while_it_runs() -> None:
    """Seconds are counted by part; a stopped clock stands still; a reserve is not the work's to use."""
    clock = Clock(10, reserve=5)
    with clock.part("a"):
        pass
    with clock.part("b"):
        pass
    still = clock.elapsed
    assert clock.elapsed == still == sum(clock.parts.values())
    assert list(clock.parts) == ["a", "b"]
    assert clock.fraction == pytest.approx(still / 5)
    assert clock.remaining == pytest.approx(10 - still)


def test_a_clock_needs_time() -> None:
    """A reserve as large as the budget leaves nothing to train with."""
    with pytest.raises(ClockError, match="leaves nothing"):
        Clock(12, reserve=12)
