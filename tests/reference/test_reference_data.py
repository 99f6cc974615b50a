"""Tokens in, bytes out: shards, their order, and the bytes that they stand for."""

import http.server
import itertools
import json
import math
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import sentencepiece
import torch
from golf_audit.reference_model.config import Config, with_environment
from golf_audit.reference_model.data import (
    DataError,
    TrainLoader,
    bits_per_byte,
    byte_table,
    load_validation,
    open_shard,
)
from golf_audit.reference_model.download import download
from golf_audit.reference_model.prepare import (
    documents_of,
    prepare_text,
    train_tokenizer,
    write_shard,
)
from golf_audit.reference_model.team import Team, join_team

CPU = torch.device("cpu")


def rank(number: int, size: int) -> Team:
    """One rank of a team that never speaks."""
    return Team(number, size, number, CPU)


def test_shards_come_back(tmp_path: Path) -> None:
    """A written shard reads as the same tokens, after the contest's header."""
    tokens = np.arange(1000, dtype=np.uint16)
    write_shard(tmp_path / "x.bin", tokens)
    assert np.array_equal(open_shard(tmp_path / "x.bin"), tokens)
    header = np.fromfile(tmp_path / "x.bin", dtype="<i4", count=256)
    assert list(header[:4]) == [20240520, 1, 1000, 0]
    assert list(tmp_path.iterdir()) == [tmp_path / "x.bin"]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda data: b"\0" * 1024 + data[1024:], "must begin with magic"),
        (lambda data: data[:100], "must begin with magic"),
        (lambda data: data[:-2], "announces"),
        (lambda data: data + b"\0", "announces"),
    ],
)
def test_damaged_shards_are_refused(tmp_path: Path, damage: Callable[[bytes], bytes], message: str) -> None:
    """A file that is not a whole shard is named, with what is wrong with it."""
    path = tmp_path / "x.bin"
    write_shard(path, np.arange(10, dtype=np.uint16))
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(DataError, match=message) as caught:
        open_shard(path)
    assert str(path) in str(caught.value)


def test_missing_data_are_named(tiny: Callable[..., Config], tmp_path: Path) -> None:
    """Without shards or tokenizer the error says which file is missing and what makes it."""
    config = tiny(data_dir=str(tmp_path))
    with pytest.raises(DataError, match=r"fineweb_train_\*.*prepare"):
        TrainLoader(config, join_team())
    with pytest.raises(DataError, match=r"toy\.model.*prepare"):
        load_validation(config, join_team())


def test_a_wrong_vocabulary_is_refused(tiny: Callable[..., Config]) -> None:
    """A tokenizer of another size, or tokens beyond the vocabulary, end the run before it begins."""
    with pytest.raises(DataError, match="512 pieces, but VOCAB_SIZE is 500"):
        load_validation(tiny(vocab_size=500), join_team())
    with pytest.raises(DataError, match="beyond VOCAB_SIZE=100"):
        TrainLoader(tiny(vocab_size=100), join_team())


def test_a_pass_sees_every_sequence_once(tiny: Callable[..., Config]) -> None:
    """Training draws each sequence of each shard once before it draws any twice."""
    loader = TrainLoader(tiny(), join_team())
    windows = [tuple(loader._window(position)) for position in range(loader.total)]
    assert len(set(windows)) == loader.total == sum((len(shard) - 1) // 32 for shard in loader.shards)
    loader._window(loader.total)
    assert loader.pass_number == 1


def test_ranks_share_one_order(tiny: Callable[..., Config]) -> None:
    """Two ranks' micro-batches, in turn, are those of one rank; and the second target is the third token's input."""
    config = tiny()
    alone = TrainLoader(config, rank(0, 1))
    pair = [TrainLoader(config, rank(number, 2)) for number in range(2)]
    for step in range(6):
        x, y = alone.micro_batch()
        other_x, other_y = pair[step % 2].micro_batch()
        assert torch.equal(x, other_x)
        assert torch.equal(y, other_y)
        assert torch.equal(x[:, 1:], y[:, :-1])
    assert x.shape == (2, 32)


def test_a_micro_batch_needs_a_sequence(tiny: Callable[..., Config]) -> None:
    """A step of too few tokens is refused."""
    with pytest.raises(DataError, match="no sequence of 32"):
        TrainLoader(tiny(train_batch_tokens=128), join_team())


def test_bytes_are_those_of_the_text(data_dir: Path, documents: list[str]) -> None:
    """The byte count of a document's tokens is the length of its text, for every script and every doubled space."""
    pieces = sentencepiece.SentencePieceProcessor(model_file=str(data_dir / "tokenizers" / "toy.model"))
    table = byte_table(pieces, CPU)
    unseen = ["Ünseen 漢字 \x00 tab\there", "a", "  leading", "trailing ", "😀😀"]
    for text in documents + unseen:
        tokens = torch.tensor([pieces.bos_id(), *pieces.encode(text)])
        assert table.count(tokens[:-1], tokens[1:]).sum().item() == len(text.encode()), text


def test_control_tokens_have_no_bytes(data_dir: Path) -> None:
    """The mark of a beginning counts for nothing."""
    pieces = sentencepiece.SentencePieceProcessor(model_file=str(data_dir / "tokenizers" / "toy.model"))
    table = byte_table(pieces, CPU)
    begin = torch.tensor([pieces.bos_id()])
    assert table.count(begin, begin).item() == 0


def test_bits_per_byte() -> None:
    """Bits per byte are nats over ln 2, by the bytes and not by the tokens."""
    loss, bits = bits_per_byte(loss_sum=100 * math.log(2), token_count=50, byte_count=200)
    assert loss == pytest.approx(2 * math.log(2))
    assert bits == pytest.approx(0.5)


def test_the_validation_split_is_whole(tiny: Callable[..., Config], data_dir: Path) -> None:
    """Validation is all of its shards, cut only to whole sequences."""
    paths = sorted((data_dir / "datasets" / "toy").glob("fineweb_val_*.bin"))
    total = sum(len(open_shard(path)) for path in paths)
    assert len(paths) > 1
    assert load_validation(tiny(), join_team()).count == (total - 1) // 32 * 32


def test_documents_are_paragraphs(tmp_path: Path) -> None:
    """Blank lines part documents; one document alone cannot be split."""
    (tmp_path / "a.txt").write_text("one\ntwo\n\nthree\n\n\n\nfour", encoding="utf-8")
    assert documents_of([tmp_path / "a.txt"]) == ["one\ntwo", "three", "four"]
    (tmp_path / "b.txt").write_text("alone", encoding="utf-8")
    with pytest.raises(DataError, match="too few"):
        documents_of([tmp_path / "b.txt"])


def test_no_documents_are_left_to_train(data_dir: Path, documents: list[str], tmp_path: Path) -> None:
    """A validation split that takes every document is refused."""
    with pytest.raises(DataError, match="train split"):
        prepare_text(documents, tmp_path, "x", data_dir / "tokenizers/toy.model", val_documents=999, shard_tokens=99)
    assert not list(tmp_path.iterdir())


def test_data_appear_whole_and_once(data_dir: Path, documents: list[str], tmp_path: Path) -> None:
    """Shards of two makings are never mixed, and a making that fails leaves no folder."""
    make = partial(prepare_text, tokenizer=data_dir / "tokenizers/toy.model", val_documents=12, shard_tokens=1000)
    make(documents, tmp_path, "x")
    shards = sorted((tmp_path / "datasets/x").iterdir())
    with pytest.raises(DataError, match="exists already"):
        make(documents, tmp_path, "x")
    assert sorted((tmp_path / "datasets/x").iterdir()) == shards
    with pytest.raises(TypeError):
        make([*documents, 7], tmp_path, "y")  # fails in the last split
    assert [path.name for path in (tmp_path / "datasets").iterdir()] == ["x"]


def test_what_is_no_text_and_no_tokenizer(tmp_path: Path, documents: list[str]) -> None:
    """A file that is not UTF-8, and one that is no SentencePiece model, are named."""
    path = tmp_path / "a.bin"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(DataError, match=r"a\.bin is not UTF-8"):
        documents_of([path])
    with pytest.raises(DataError, match=r"a\.bin is not a SentencePiece model"):
        prepare_text(documents, tmp_path, "x", path, val_documents=1, shard_tokens=99)


LOSSLESS = {
    "normalization_rule_name": "identity",
    "remove_extra_whitespaces": False,
    "byte_fallback": True,
}


@pytest.mark.parametrize(
    ("trained", "changes"),
    [
        (LOSSLESS | {"model_type": "bpe"}, False),
        (LOSSLESS | {"model_type": "unigram"}, False),
        (LOSSLESS | {"model_type": "unigram", "split_by_whitespace": False}, False),
        (LOSSLESS | {"model_type": "bpe", "split_by_whitespace": False, "allow_whitespace_only_pieces": True}, False),
        (LOSSLESS | {"model_type": "bpe", "add_dummy_prefix": False}, False),
        ({"model_type": "char", "character_coverage": 0.98}, True),
        ({"model_type": "unigram", "bos_id": -1, "eos_id": -1}, True),
    ],
)
def test_any_sentencepiece_model_will_do(
    trained: dict[str, object], changes: bool, tiny: Callable[..., Config], documents: list[str], tmp_path: Path
) -> None:
    """With any model the counted bytes are those of its tokens' text, or fewer beside unknown ones; changes are told."""
    path = tmp_path / "tokenizers" / "any.model"
    path.parent.mkdir()
    texts = [f"{text} ﬁ½\n  two  spaces" for text in documents]
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(texts),
        model_prefix=str(path.with_suffix("")),
        vocab_size=330,
        hard_vocab_limit=False,
        minloglevel=2,
        **trained,  # type: ignore[arg-type]  # options of many types
    )
    made = prepare_text(texts, tmp_path, "any", path, val_documents=12, shard_tokens=1000)
    assert made["val"].text_bytes == sum(len(text.encode()) for text in texts[:12])
    assert (made["val"].counted_bytes != made["val"].text_bytes) == changes
    pieces = sentencepiece.SentencePieceProcessor(model_file=str(path))
    config = tiny(data_dir=str(tmp_path), dataset="any", tokenizer="any.model", vocab_size=pieces.vocab_size())
    val = load_validation(config, join_team())
    tokens = val.tokens.long()
    places = [0, *(tokens == pieces.bos_id()).nonzero().flatten().tolist()]
    for start, end in itertools.pairwise(sorted(set(places))):
        known = [token for token in tokens[start:end].tolist() if token != pieces.unk_id()]
        count = val.table.count(tokens[start : end - 1], tokens[start + 1 : end]).sum().item()
        size = len(pieces.decode(known).encode())
        assert count == size or (len(known) < end - start and size - 9 < count < size)


def test_too_large_a_tokenizer_is_refused(documents: list[str], tmp_path: Path) -> None:
    """A vocabulary that the text cannot fill is refused with the trainer's reason, and no model is left."""
    with pytest.raises(DataError, match="50000 pieces"):
        train_tokenizer(documents[:3], 50_000, tmp_path / "x.model")
    assert not list(tmp_path.iterdir())


def test_settings_come_from_the_environment(tiny: Callable[..., Config]) -> None:
    """Every setting is the variable of its name in capitals; what is no number is refused by name."""
    config = with_environment(tiny(), {"MATRIX_LR": "0.5", "TTT_ENABLED": "0", "DATASET": "x", "ITERATIONS": "7"})
    assert (config.matrix_lr, config.ttt_enabled, config.dataset, config.iterations) == (0.5, False, "x", 7)
    with pytest.raises(ValueError, match="ITERATIONS='many'"):
        with_environment(tiny(), {"ITERATIONS": "many"})


@pytest.fixture
def hub(tmp_path: Path, data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A local server that stands in for the hub; the folder is what it publishes."""
    root = tmp_path / "hub"
    published = root / "datasets/willdepueoai/parameter-golf/resolve/main/datasets"
    (published / "datasets/fineweb10B_sp512").mkdir(parents=True)
    (published / "tokenizers").mkdir()
    for source in (data_dir / "datasets/toy").iterdir():
        (published / "datasets/fineweb10B_sp512" / source.name).write_bytes(source.read_bytes())
    (published / "tokenizers/fineweb_512_bpe.model").write_bytes((data_dir / "tokenizers/toy.model").read_bytes())
    stats = {split: len(list((data_dir / "datasets/toy").glob(f"fineweb_{split}_*"))) for split in ("train", "val")}
    manifest = {
        "datasets": [
            {
                "name": "fineweb10B_sp512",
                "tokenizer_name": "sp512",
                "stats": {"files_train": stats["train"], "files_val": stats["val"]},
            }
        ],
        "tokenizers": [{"name": "sp512", "model_path": "tokenizers/fineweb_512_bpe.model"}],
    }
    (published / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the base class's name
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(root)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    yield published
    server.shutdown()
    thread.join()
    server.server_close()


def test_download(hub: Path, tiny: Callable[..., Config], tmp_path: Path) -> None:
    """The export arrives whole: validation, the training shards asked for, and the tokenizer; a run can begin."""
    said: list[str] = []
    files = download(tmp_path / "got", "fineweb10B_sp512", 2, said.append)
    names = sorted(path.name for path in files)
    assert [name for name in names if "train" in name] == ["fineweb_train_000000.bin", "fineweb_train_000001.bin"]
    assert len(said) == len(files)
    config = replace(
        tiny(), data_dir=str(tmp_path / "got"), dataset="fineweb10B_sp512", tokenizer="fineweb_512_bpe.model"
    )
    assert load_validation(config, join_team()).count > 0
    said.clear()
    download(tmp_path / "got", "fineweb10B_sp512", 2, said.append)
    assert not said


def test_download_refuses_what_is_no_shard(hub: Path, tmp_path: Path) -> None:
    """A file that arrives broken is not kept."""
    (hub / "datasets/fineweb10B_sp512/fineweb_val_000000.bin").write_bytes(b"an error page")
    with pytest.raises(DataError, match="magic"):
        download(tmp_path / "got", "fineweb10B_sp512", 1, lambda _: None)
    assert not list((tmp_path / "got").rglob("*.bin"))


@pytest.mark.parametrize(
    ("dataset", "shards", "message"), [("fineweb10B_sp9", 1, "sp512"), ("fineweb10B_sp512", 999, "999")]
)
def test_download_knows_what_there_is(hub: Path, tmp_path: Path, dataset: str, shards: int, message: str) -> None:
    """An export or a number of shards that does not exist is refused with what does."""
    with pytest.raises(DataError, match=message):
        download(tmp_path / "got", dataset, shards, lambda _: None)


@pytest.mark.parametrize("manifest", ["[]", "<html>", '{"datasets": [{"name": "fineweb10B_sp512"}]}'])
def test_download_knows_a_manifest(hub: Path, tmp_path: Path, manifest: str) -> None:
    """A manifest that does not say where things are is named, and nothing is fetched."""
    (hub / "manifest.json").write_text(manifest, encoding="utf-8")
    with pytest.raises(DataError, match=r"manifest\.json|among its datasets"):
        download(tmp_path / "got", "fineweb10B_sp512", 1, lambda _: None)
    assert not (tmp_path / "got").exists()


def test_download_from_another_repository(hub: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable of the contest's own script names another repository of the hub."""
    monkeypatch.setenv("MATCHED_FINEWEB_REPO_ID", "someone/else")
    with pytest.raises(DataError, match="someone/else"):
        download(tmp_path / "got", "fineweb10B_sp512", 1, lambda _: None)
    (hub.parents[4] / "someone").mkdir()
    hub.parents[2].rename(hub.parents[4] / "someone" / "else")
    assert download(tmp_path / "got", "fineweb10B_sp512", 1, lambda _: None)


def test_download_without_a_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the hub cannot be reached the error names the address."""
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with pytest.raises(DataError, match=r"127\.0\.0\.1:9.*cannot be had"):
        download(tmp_path, "fineweb10B_sp512", 1, lambda _: None)
