"""
From the claimed configuration to a toy run: what is made smaller, by how much, and why.

The structure stays as it was claimed: layers, loops, phases, flags, the number of passes. Sizes shrink by what they are
sizes of, told from the names that the contest's scripts share; a name decides how large a run is and never what is said
about it.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from golf_audit.case import Case
from golf_audit.decoding.source import Source
from golf_audit.trace.knobs import Knob, read_knobs

HEAD_WIDTH = 16
VOCAB, TOKENS, SEQUENCE, BATCH, DOCUMENTS = 1024, 2049, 64, 2048, 50_000


@dataclass(frozen=True)
class Change:
    """One setting of the toy run that differs from the claimed run's, or that had to be set."""

    name: str
    claimed: str
    toy: str
    why: str


@dataclass(frozen=True)
class Plan:
    """How a submission is run small."""

    environment: Mapping[str, str]
    """All that the environment must hold."""
    changes: tuple[Change, ...]
    vocab: int
    val_tokens: int
    document: int
    """Tokens of each toy document."""
    labels: tuple[str, ...]
    """Labels of the log lines that the claim was made from."""
    notes: tuple[str, ...] = ()


def make_plan(case: Case, *, keep_vocab: bool = False) -> Plan:
    """The toy run of a decoded submission; raises ValueError where there is none to run."""
    if not isinstance(case.source, Source):
        raise ValueError("the entry script could not be decoded, so there is nothing to run")
    knobs = read_knobs(case.source, case.evidence.configuration)
    claimed = {knob.name: knob.value for knob in knobs.values() if _is_carried(knob)}
    changes = [change for knob in knobs.values() if (change := _toy(knob, knobs, keep_vocab)) is not None]
    environment = {**claimed, **{change.name: change.toy for change in changes}}
    labels = tuple(dict.fromkeys(line.label for line in case.evidence.headline_lines))
    vocab = int(float(environment.get("VOCAB_SIZE") or (knobs["VOCAB_SIZE"].value if "VOCAB_SIZE" in knobs else "") or VOCAB))
    return Plan(environment, tuple(changes), vocab, TOKENS, 160, labels)


def _is_carried(knob: Knob) -> bool:
    """Whether a stated value goes into the toy run as it is: no place of another machine, and no rank."""
    return knob.source != "code" and bool(knob.value) and "/" not in knob.value and knob.name not in _MACHINE


_MACHINE = frozenset({"WORLD_SIZE", "RANK", "LOCAL_RANK", "RUN_ID", "DATA_DIR", "DATA_PATH", "TOKENIZER_PATH", "LOGFILE"})
_Sized = Callable[[float, Mapping[str, Knob]], float]


def _at_most(limit: float) -> _Sized:
    return lambda value, _: min(value, limit)


def _exactly(value: float) -> _Sized:
    return lambda _, __: value


def _heads(knobs: Mapping[str, Knob]) -> int:
    return 4 if "NUM_HEADS" in knobs or "N_HEADS" in knobs or "N_HEAD" in knobs else 8


def _key_heads(value: float, knobs: Mapping[str, Knob]) -> float:
    heads = next((n for name in ("NUM_HEADS", "N_HEADS", "N_HEAD") if name in knobs and (n := knobs[name].number)), 8.0)
    return max(1, round(_heads(knobs) * value / heads))


def _width(value: float, knobs: Mapping[str, Knob]) -> float:
    return HEAD_WIDTH * _heads(knobs)


def _chunk(value: float, _: Mapping[str, Knob]) -> float:
    return 256 if value >= 2048 else min(value, 32)  # noqa: PLR2004 -- chunks of a stream, or of a document


def _documents(value: float, _: Mapping[str, Knob]) -> float:
    return max(2, round(value * (TOKENS // 160) / DOCUMENTS)) if value else 0


def _stride(value: float, _: Mapping[str, Knob]) -> float:
    return min(value, SEQUENCE // 4)


_ROLES: tuple[tuple[str, _Sized, str], ...] = (
    (r"(NUM|N)_KV_HEADS?|KV_HEADS", _key_heads, "as many queries share a key as claimed"),
    (r"(NUM|N)_HEADS?", _at_most(4), "four heads of sixteen"),
    (r"MODEL_DIM|EMBEDDING_DIM|EMBED_DIM|D_MODEL|N_EMBD|HIDDEN_DIM|DIM", _width, "four heads of sixteen"),
    (r"HEAD_DIM", _exactly(HEAD_WIDTH), "sixteen"),
    (r"ROPE_DIMS?", _at_most(HEAD_WIDTH), "no wider than a head"),
    (r"(BIGRAM|TRIGRAM|VE|NGRAM|HASH|FACTOR|BOTTLENECK|PLE)_(EMBED_|HASH_)?DIM", _at_most(32), "a narrow side table"),
    (r"(BIGRAM|TRIGRAM)_(VOCAB|HASH)_SIZE|(BIGRAM|TRIGRAM)_BUCKETS", _at_most(512), "a small side table"),
    (r".*BUCKETS?", _at_most(4096), "a table as crowded as the claimed run's"),
    (r".*SEQ_?LEN(GTH)?|.*CONTEXT_LEN(GTH)?|.*CTX(_LEN)?|BLOCK_SIZE", _at_most(SEQUENCE), "short windows"),
    (r"TRAIN_BATCH_TOKENS|BATCH_TOKENS|TOTAL_BATCH_SIZE", _exactly(BATCH), "a few windows a step"),
    (r"VAL_BATCH_(SIZE|TOKENS)|EVAL_BATCH_TOKENS", _exactly(BATCH), "a few windows a step"),
    (r".*(BATCH_SEQS|BATCH_SIZE|BATCH_DOCS|BATCH_WINDOWS|MICRO_BATCH|EVAL_BATCH)", _at_most(4), "a few at a time"),
    (r"ITERATIONS|(MAX|TRAIN|NUM|TOTAL)_(STEPS|ITERS|ITERATIONS)|NUM_ITERATIONS", _at_most(6), "a few steps"),
    (r".*WARM_?UP.*(STEPS|ITERS)|WARM_?UP|COOLDOWN.*(STEPS|ITERS)", _at_most(2), "a few steps"),
    (r"WARM_?DOWN.*(STEPS|ITERS)|WARM_?DOWN", _at_most(3), "a few steps"),
    (r"MAX_WALLCLOCK.*|MAX_TRAIN_SECONDS|TRAIN_SECONDS|TIME_LIMIT.*", _exactly(0), "steps end the training, not the clock"),
    (r"VAL_(LOSS_)?EVERY|EVAL_EVERY|VAL_INTERVAL", _exactly(0), "only the final validation"),
    (r"TRAIN_LOG_EVERY|LOG_EVERY|LOG_INTERVAL", _exactly(1), "every step is printed"),
    (r"(EVAL_|TTT_|SLOT_|VAL_)?STRIDE|.*_STRIDE", _stride, "as many windows overlap"),
    (r".*CHUNK(_SIZE|_TOKENS|_LEN|S?)?", _chunk, "several chunks in the toy stream"),
    (r".*PREFIX_DOCS|.*(NUM|MAX)_DOCS", _documents, "the same share of the documents"),
    (r".*EPOCHS?", _at_most(3), "three epochs show what twenty do"),
    (r".*(SLOT|TTT|INNER|ADAPT|ETLB|OPT|GRAD)_(STEPS|ITERS)", _at_most(3), "three steps show what twenty do"),
    (r".*CALIB.*(BATCHES|STEPS|ITERS|NSAMPLES|SAMPLES|SEQS)|.*HESSIAN.*BATCHES|GPTQ_(BATCHES|NSAMPLES|SAMPLES)|AR_.*SEQS", _at_most(2), "little calibration"),
    (r".*RESERVE.*(SECONDS|MS|S)?", _exactly(0), "no clock to keep time back from"),
)
_COMPILED = tuple((re.compile(pattern + r"$"), sized, why) for pattern, sized, why in _ROLES)


def _toy(knob: Knob, knobs: Mapping[str, Knob], keep_vocab: bool) -> Change | None:
    value = knob.number
    if knob.name == "VOCAB_SIZE" and value and value > VOCAB and not keep_vocab:
        return Change(knob.name, knob.value, str(VOCAB), "logits of a small alphabet")
    for pattern, sized, why in _COMPILED:
        if pattern.match(knob.name):
            if value is None or value < 0:
                return None
            toy = sized(value, knobs)
            text = str(int(toy)) if toy == int(toy) else str(toy)
            return Change(knob.name, knob.value, text, why) if toy != value else None
    return None


def plans(case: Case) -> Iterator[Plan]:
    """Toy runs of a submission, the best first: where one crashes because of its sizes, the next may not."""
    yield make_plan(case)
