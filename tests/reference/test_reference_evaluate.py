"""Every token is scored once, with the context that it is due, and before anything learns from it."""

import math
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from golf_audit.reference_model.adapt import evaluate_score_first, windows_by_chunk
from golf_audit.reference_model.config import Config
from golf_audit.reference_model.data import Validation, load_validation
from golf_audit.reference_model.documents import Document, evaluate_documents, find_documents
from golf_audit.reference_model.evaluate import Result, evaluate, evaluate_sliding, window_starts
from golf_audit.reference_model.model import GPT
from golf_audit.reference_model.ppm import ByteModel, byte_stream, mixture_bits
from golf_audit.reference_model.prequant import adapt_before_quantization
from golf_audit.reference_model.runlog import RunLog
from golf_audit.reference_model.team import join_team
from torch import Tensor
from torch.nn import functional

TEAM = join_team()


@pytest.fixture
def model(tiny: Callable[..., Config]) -> GPT:
    """A model with random weights, looping."""
    torch.manual_seed(0)
    model = GPT(tiny())
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    model.looping = True
    return model


def first(val: Validation, count: int) -> Validation:
    """The split cut to `count` scored tokens."""
    return replace(val, tokens=val.tokens[: count + 1])


def changed_from(val: Validation, place: int) -> Validation:
    """The split with every token from `place` on replaced by another."""
    tokens = val.tokens.clone()
    tokens[place:] = 3 + (tokens[place:] + 7) % 500
    return replace(val, tokens=tokens)


def losses_of(model: GPT, ids: Tensor) -> Tensor:
    """The loss of each token of `ids` but the first, by one plain forward pass."""
    with torch.no_grad():
        logits = model.head(model.hidden(ids[None, :-1].long()))[0]
    return functional.cross_entropy(logits, ids[1:].long(), reduction="none").double()


def expected(losses: Tensor, val: Validation) -> Result:
    """What an evaluation with these losses finds, the bytes taken from the text itself."""
    pieces = [val.pieces.id_to_piece(int(token)) for token in val.tokens[1:]]
    texts = [piece for piece in pieces if not piece.startswith("<s>")]
    size = sum(1 if len(t) == 6 and t.startswith("<0x") else len(t.replace("\u2581", " ").encode()) for t in texts)
    # a space at the start of a document is not part of its text
    starts = [i for i in range(1, val.count) if int(val.tokens[i]) == val.pieces.bos_id()]
    size -= sum(pieces[i].startswith("\u2581") for i in [*starts, 0] if int(val.tokens[i]) == val.pieces.bos_id())
    loss = losses.mean().item()
    return Result(loss, losses.sum().item() / math.log(2) / size, val.count, size)


def assert_same(found: Result, wanted: Result) -> None:
    """The two results agree to float precision, and count the same tokens and bytes."""
    assert (found.tokens, found.bytes) == (wanted.tokens, wanted.bytes)
    assert found.val_loss == pytest.approx(wanted.val_loss, rel=1e-5)
    assert found.val_bpb == pytest.approx(wanted.val_bpb, rel=1e-5)


def test_back_to_back_is_one_forward_for_each_sequence(model: GPT, tiny: Callable[..., Config]) -> None:
    """Back to back, a token sees the tokens of its own sequence and nothing else."""
    val = first(load_validation(tiny(), TEAM), 320)
    losses = torch.cat([losses_of(model, val.tokens[start : start + 33]) for start in range(0, 320, 32)])
    assert_same(evaluate(model, val, tiny(), TEAM), expected(losses, val))


def test_one_window_is_one_forward(model: GPT, tiny: Callable[..., Config]) -> None:
    """A split no longer than a window is scored by one plain forward pass."""
    config = tiny(eval_seq_len=128)
    val = first(load_validation(config, TEAM), 128)
    assert_same(evaluate_sliding(model, val, config, TEAM), expected(losses_of(model, val.tokens), val))


@pytest.mark.parametrize("count", [96, 101, 33, 20])
def test_sliding_windows_are_plain_forwards(model: GPT, tiny: Callable[..., Config], count: int) -> None:
    """Scored in batches of last tokens, each token has the loss that its own window gives it by itself."""
    config = tiny()
    val = first(load_validation(config, TEAM), count)
    losses = [losses_of(model, val.tokens[:33])]
    losses += [losses_of(model, val.tokens[start : start + 33])[24:] for start in range(8, count - 32 + 8, 8)]
    assert_same(evaluate_sliding(model, val, config, TEAM), expected(torch.cat(losses)[:count], val))


@pytest.mark.parametrize(("count", "stride"), [(100, 8), (4, 8), (32, 32), (1000, 7)])
def test_windows_score_each_token_once(count: int, stride: int) -> None:
    """The windows' scored parts meet without gap or overlap, and reach the end."""
    scored: list[int] = []
    for start in window_starts(count, 32, stride):
        scored += range(start + 32 - stride if start else 0, min(start + 32, count))
    assert scored == list(range(count))


def test_chunks_share_out_the_windows(tiny: Callable[..., Config]) -> None:
    """Every window belongs to the one chunk that its first scored token lies in."""
    config = tiny()
    chunks = windows_by_chunk(1000, config)
    assert sorted(start for chunk in chunks for start in chunk) == window_starts(1000, 32, 8)
    for number, starts in enumerate(chunks):
        assert all((start + 24 if start else 0) // 128 == number for start in starts)


def test_score_first_without_a_lesson_is_sliding(model: GPT, tiny: Callable[..., Config], log: RunLog) -> None:
    """With no epochs, and on the first chunk whatever the rate, test-time training scores as a fixed model does."""
    config = tiny(ttt_epochs=0)
    val = first(load_validation(config, TEAM), 512)
    fixed = evaluate_sliding(model, val, config, TEAM)
    assert_same(evaluate_score_first(model, val, config, TEAM, log), fixed)
    one_chunk = first(val, 128)
    fixed = evaluate_sliding(model, one_chunk, config, TEAM)
    assert_same(evaluate_score_first(model, one_chunk, tiny(ttt_lr=9.0), TEAM, log), fixed)


def test_no_score_depends_on_what_follows(model: GPT, tiny: Callable[..., Config], log: RunLog) -> None:
    """Score-first: changing the tokens from a place on moves no score before it, and learning moves those after it."""
    config = tiny(ttt_lr=0.1, ppm_enabled=True)
    val = first(load_validation(config, TEAM), 512)
    initial = {name: weight.clone() for name, weight in model.state_dict().items()}
    fixed = evaluate_sliding(model, val, config, TEAM).losses
    learned = evaluate_score_first(model, val, config, TEAM, log).losses
    model.load_state_dict(initial)
    other = evaluate_score_first(model, changed_from(val, 300), config, TEAM, log).losses
    assert fixed is not None
    assert learned is not None
    assert other is not None
    assert torch.equal(learned[:299], other[:299])
    assert torch.equal(learned[:120], fixed[:120])
    assert not torch.allclose(learned[160:], fixed[160:])


def test_pre_quantisation_training_moves_every_score(model: GPT, tiny: Callable[..., Config], log: RunLog) -> None:
    """The exhibit: a change of the last tokens moves the scores of the first, and the log calls it forbidden."""
    config = tiny("pr1972", ppm_enabled=True, prequant_ttt_lr=0.01)
    val = first(load_validation(config, TEAM), 512)
    initial = {name: weight.clone() for name, weight in model.state_dict().items()}
    kept = []
    for split in (val, changed_from(val, 480)):
        model.load_state_dict(initial)
        adapt_before_quantization(model, split, config, TEAM, log)
        kept.append(evaluate_sliding(model, split, config, TEAM).losses)
    assert kept[0] is not None
    assert kept[1] is not None
    assert (kept[0][:400] - kept[1][:400]).abs().max() > 1e-4
    assert "FORBIDDEN" in log.lines[0]


def test_frozen_parts_stay(model: GPT, tiny: Callable[..., Config], log: RunLog) -> None:
    """The exhibit trains neither the first blocks nor the embedding, and everything again afterwards."""
    config = tiny("pr1972")
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    adapt_before_quantization(model, first(load_validation(config, TEAM), 256), config, TEAM, log)
    same = {name for name, weight in model.state_dict().items() if torch.equal(weight, before[name])}
    frozen = {name for name in before if name.startswith(("blocks.0.", "blocks.1.", "tok_emb."))}
    assert same == frozen
    assert all(p.requires_grad for p in model.parameters())


def test_documents_are_the_whole_split(tiny: Callable[..., Config]) -> None:
    """The documents predict every token once, each begins with the mark of a beginning, and no mark lies inside."""
    val = load_validation(tiny(), TEAM)
    documents = find_documents(val)
    assert sum(document.targets for document in documents) == val.count
    begins = [int(val.tokens[document.start]) for document in documents]
    assert set(begins) == {val.pieces.bos_id()}
    assert len(documents) == 12


def test_documents_without_marks_are_one() -> None:
    """A split with no mark of a beginning is one document."""

    class Pieces:
        def bos_id(self) -> int:
            return 1

    val = Validation(torch.arange(5, 15, dtype=torch.int32), None, Pieces())
    assert find_documents(val) == [Document(0, 9)]


def test_documents_without_a_lesson(model: GPT, tiny: Callable[..., Config], log: RunLog) -> None:
    """With a rate of zero every document is scored by its own windows, whatever batch it is in."""
    config = tiny(lora_lr=0.0, lora_batch_docs=5)
    val = load_validation(config, TEAM)
    losses = torch.empty(val.count, dtype=torch.float64)
    for document in find_documents(val):
        for begin in range(0, document.targets, 16):
            end = min(begin + 16, document.targets)
            longest = max(0, begin + 16 - 32)
            ids = val.tokens[document.start + longest : document.start + end + 1]
            losses[document.start + begin : document.start + end] = losses_of(model, ids)[begin - longest :]
    assert_same(evaluate_documents(model, val, config, TEAM, log), expected(losses, val))
    assert all(p.requires_grad for p in model.parameters())


def test_documents_learn_from_themselves_alone(model: GPT, tiny: Callable[..., Config], log: RunLog) -> None:
    """Adapters lower the loss of a text that repeats itself, leave the model as it was, and pass nothing on."""
    config = tiny(lora_lr=0.02, lora_batch_docs=2)
    val = load_validation(config, TEAM)
    bos = val.pieces.bos_id()
    repeated = torch.tensor(([bos] + [40, 41, 42, 43] * 40) * 2 + [bos], dtype=torch.int32)
    weights = {name: weight.clone() for name, weight in model.state_dict().items()}
    still = evaluate_documents(model, replace(val, tokens=repeated), tiny(lora_lr=0.0), TEAM, log)
    learned = evaluate_documents(model, replace(val, tokens=repeated), config, TEAM, log)
    assert learned.val_loss < 0.9 * still.val_loss
    assert all(torch.equal(weight, weights[name]) for name, weight in model.state_dict().items())
    one = repeated[: len(repeated) // 2 + 1]
    alone = evaluate_documents(model, replace(val, tokens=one), config, TEAM, log)
    assert alone.val_loss == pytest.approx(learned.val_loss, rel=1e-4)


def test_byte_model_escapes_and_learns() -> None:
    """A byte model without counts is uniform; after `abab` it expects `a` after `b` by the counts of its contexts."""
    model = ByteModel(order=2)
    assert model.predict(97).log_probability == pytest.approx(-math.log(256))
    for byte in b"abab":
        model.update(byte)
    guess = model.predict(ord("a"))  # after `ab`: one `a`, and one escape
    assert guess.log_probability == pytest.approx(math.log(1 / 2))
    assert guess.confidence == pytest.approx(1 / 2)
    unseen = model.predict(ord("z"))  # escapes from `ab`, `b` and the empty context
    assert unseen.log_probability == pytest.approx(math.log(1 / 2 * 1 / 2 * 2 / 6) - math.log(256))


def test_bytes_share_their_token(tiny: Callable[..., Config], documents: list[str]) -> None:
    """The byte stream is the text of the split, and the shares of its losses add up to the losses."""
    val = load_validation(tiny(), TEAM)
    losses = torch.rand(val.count, dtype=torch.float64)
    stream = list(byte_stream(val, losses.tolist()))
    text = "".join(documents[:12]).encode()
    assert text.startswith(bytes(byte for byte, _ in stream))
    tokens = val.tokens.long()
    counted = losses[val.table.count(tokens[:-1], tokens[1:]) > 0]
    assert sum(nats for _, nats in stream) == pytest.approx(counted.sum().item())


def test_mixture_is_announced(tiny: Callable[..., Config], log: RunLog) -> None:
    """The exhibit says that it is forbidden; where the network is certain, it is the network's own loss."""
    config = tiny(ppm_enabled=True)
    val = first(load_validation(config, TEAM), 64)
    assert mixture_bits(val, [0.0] * val.count, config, log) == 0.0
    assert "FORBIDDEN" in log.lines[0]
