"""
What a setting is the size of, told from the names that the contest's scripts share, and how large it is in a toy run.

A name decides how large a run is and never what is said about it.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from golf_audit.trace.constants import ACCUMULATION, ELEMENTS

Sizes = Mapping[str, float]
"""The claimed run's numbers, by name."""
_WIDTHS = ("MODEL_DIM", "D_MODEL", "N_EMBD", "HIDDEN_DIM", "EMBED_DIM", "DIM")
_HEADS = ("NUM_HEADS", "N_HEADS", "N_HEAD")
_WINDOWS = ("EVAL_SEQ_LEN", "TTT_EVAL_SEQ_LEN", "TRAIN_SEQ_LEN", "SEQ_LEN", "BLOCK_SIZE")
_STEPS = ("ITERATIONS", "NUM_ITERATIONS", "MAX_STEPS", "TOTAL_STEPS", "TRAIN_STEPS", "NUM_STEPS")
_WIDTH, _WINDOW, _CLAIMED_STEPS, _VALIDATION, _DOCUMENTS = 512.0, 1024.0, 20_000.0, 40_540_160.0, 50_000.0
"""Of a claimed run that does not say."""


@dataclass(frozen=True, slots=True)
class Scale:
    """How small a toy run is."""

    head: int = 16
    """Numbers a head has."""
    heads: int = 4
    sequence: int = 64
    batch: int = 1024
    """Tokens of a step."""
    steps: int = 8
    vocab: int = 1024
    """Zero where the claimed vocabulary is kept."""
    tokens: int = 2049
    """Of the validation stream."""
    document: int = 128
    """Tokens of a document; the stream holds a whole number of them, so that those of one length are scored in its order."""
    quantise: bool = True
    """Whether what is quantised in the claimed run is quantised here, small as it is."""
    clock: bool = False
    """Whether the claimed limit of time stays, which a toy run never comes near."""
    note: str = ""
    """What is different from the usual toy run, as a sentence."""

    @property
    def width(self) -> int:
        """Of the model."""
        return self.head * self.heads


Sized = Callable[[float, Sizes, Scale], float]


def toy(name: str, value: float | None, sizes: Sizes, scale: Scale) -> tuple[float, str] | None:
    """The size in a toy run with its reason; None where the setting has no role, or its claimed value is not known."""
    for pattern, sized, why in _COMPILED:
        if pattern.match(name):
            if value is None and name not in _WITHOUT_VALUE:
                return None
            if value is not None and value < 0:
                return None
            return sized(value or 0.0, sizes, scale), why
    return None


def _first(sizes: Sizes, names: tuple[str, ...], default: float) -> float:
    return next((sizes[name] for name in names if sizes.get(name)), default)


def _at_most(limit: float) -> Sized:
    return lambda value, *_: min(value, limit)


def _exactly(value: float) -> Sized:
    return lambda *_: value


def _heads(value: float, _: Sizes, scale: Scale) -> float:
    return min(value, scale.heads)


def _key_heads(value: float, sizes: Sizes, scale: Scale) -> float:
    heads = _first(sizes, _HEADS, 8.0)
    return max(1, round(min(heads, scale.heads) * value / heads))


def _width(value: float, sizes: Sizes, scale: Scale) -> float:
    """As wide as the heads are together; a script that has no switch for them has eight."""
    return min(value, scale.head * min(_first(sizes, _HEADS, 8.0), scale.heads if any(map(sizes.get, _HEADS)) else 8))


def _head(value: float, _: Sizes, scale: Scale) -> float:
    return min(value, scale.head)


def _group(value: float, _: Sizes, scale: Scale) -> float:
    return min(value, 2 * scale.head)


def _narrow(value: float, _: Sizes, scale: Scale) -> float:
    return min(value, scale.width // 2)


def _hidden(value: float, sizes: Sizes, scale: Scale) -> float:
    """A layer's hidden width keeps its ratio to the model's."""
    return max(8, round(value * scale.width / _first(sizes, _WIDTHS, _WIDTH) / 8) * 8)


def _elements(value: float, sizes: Sizes, scale: Scale) -> float:
    if not scale.quantise:
        return value
    return max(64, value * (scale.width / max(_first(sizes, _WIDTHS, _WIDTH), scale.width)) ** 2 // 1)


def _sequence(value: float, _: Sizes, scale: Scale) -> float:
    return min(value, scale.sequence)


def _batch(_: float, __: Sizes, scale: Scale) -> float:
    return scale.batch


def _steps(value: float, _: Sizes, scale: Scale) -> float:
    return min(value, scale.steps)


def _when(value: float, sizes: Sizes, scale: Scale) -> float:
    """A number of steps keeps its share of the training."""
    if not value:
        return 0
    return max(1, round(value * scale.steps / max(_first(sizes, _STEPS, _CLAIMED_STEPS), scale.steps)))


def _decay(value: float, sizes: Sizes, scale: Scale) -> float:
    """An average over past steps spans the same share of the training."""
    if not 0 < value < 1:
        return value
    return float(f"{value ** max(_first(sizes, _STEPS, _CLAIMED_STEPS) / scale.steps, 1.0):.3g}")


def _chunk(value: float, sizes: Sizes, scale: Scale) -> float:
    """A chunk of the stream is several windows, one of a document no more than half of one, as claimed ones are."""
    window = _first(sizes, _WINDOWS, _WINDOW)
    if value > window:
        return 4 * scale.sequence
    return min(value, scale.sequence // 2 if value < window else scale.sequence)


def _documents(value: float, _: Sizes, scale: Scale) -> float:
    return max(2, round(value * (scale.tokens // scale.document) / _DOCUMENTS)) if value else 0


def _short(value: float, _: Sizes, scale: Scale) -> float:
    return min(value, scale.document // 2)


def _share(value: float, _: Sizes, scale: Scale) -> float:
    return min(value, max(scale.sequence, round(value * scale.tokens / _VALIDATION))) if value else 0


def _stride(value: float, _: Sizes, scale: Scale) -> float:
    return min(value, scale.sequence // 4)


def _clock(value: float, _: Sizes, scale: Scale) -> float:
    return value if scale.clock else 0


def _vocab(value: float, _: Sizes, scale: Scale) -> float:
    return min(value, scale.vocab) if scale.vocab else value


_MINUTES = "steps end the training, not the clock"
_WITHOUT_VALUE = frozenset({"GRAD_ACCUM_STEPS"})
"""What is set even where nothing says what the claimed run had."""
_ROLES: tuple[tuple[str, Sized, str], ...] = (
    (ACCUMULATION, _at_most(2), "two micro-batches show what eight do"),
    (ELEMENTS, _elements, "what was quantised is quantised: the threshold shrinks as the matrices do"),
    (r"VOCAB(_SIZE)?|N_VOCAB", _vocab, "logits of a small alphabet"),
    (r"(NUM|N)_KV_HEADS?|KV_HEADS", _key_heads, "as many queries share a key as claimed"),
    (r"(NUM|N)_HEADS?", _heads, "few heads"),
    (r"MODEL_DIM|EMBEDDING_DIM|EMBED_DIM|D_MODEL|N_EMBD|HIDDEN_DIM|DIM", _width, "few and narrow heads"),
    (r"HEAD_DIM", _head, "narrow heads"),
    (r"ROPE_DIMS?", _head, "no wider than a head"),
    (r".*GROUP_?SIZE", _group, "every matrix is a multiple of it"),
    (r"(USE_)?WANDB(_ENABLED)?", _exactly(0), "there is no network"),
    (r"MLP_HIDDEN|HIDDEN_SIZE|FFN_DIM|MLP_DIM", _hidden, "its ratio to the model's width is kept"),
    (r"(BIGRAM|TRIGRAM|VE|NGRAM|HASH|FACTOR|BOTTLENECK|PLE)_(EMBED_|HASH_)?DIM", _narrow, "a narrow side table"),
    (
        r"(BIGRAM|TRIGRAM)_(VOCAB|HASH)_SIZE|(BIGRAM|TRIGRAM)_BUCKETS|HASH_EMBED_SIZE",
        _at_most(512),
        "a small side table",
    ),
    (r".*BUCKETS?", _at_most(4096), "a table as crowded as the claimed run's"),
    (r".*LORA_RANK|.*_LM_RANK", _at_most(8), "a low rank of a narrow model"),
    (r"LOSS_CHUNK.*|LOGIT_CHUNK.*", _at_most(1024), "no more than a step's tokens"),
    (r".*SEQ_?LEN(GTH)?|.*CONTEXT_LEN(GTH)?|.*CTX(_LEN)?|BLOCK_SIZE|.*YARN_MAX_LEN", _sequence, "short windows"),
    (r"TRAIN_BATCH_TOKENS|BATCH_TOKENS|TOTAL_BATCH_SIZE", _batch, "a few windows a step"),
    (r"VAL_BATCH_(SIZE|TOKENS)|EVAL_BATCH_TOKENS|.*CALIB_BATCH_TOKENS", _batch, "a few windows a step"),
    (r".*(BATCH_SEQS|BATCH_SIZE|BATCH_DOCS|BATCH_WINDOWS|MICRO_BATCH|EVAL_BATCH)", _at_most(4), "a few at a time"),
    (r"ITERATIONS|(MAX|TRAIN|NUM|TOTAL)_(STEPS|ITERS|ITERATIONS)|NUM_ITERATIONS", _steps, "a few steps"),
    (r"WARM_?UP_(STEPS|ITERS)|WARM_?UP", _at_most(1), "one step"),
    (r".*WARM_?UP.*(STEPS|ITERS)|COOLDOWN.*(STEPS|ITERS)", _at_most(2), "a few steps"),
    (r"WARM_?DOWN.*(STEPS|ITERS)|WARM_?DOWN", _at_most(3), "a few steps"),
    (r"MAX_WALLCLOCK.*|MAX_TRAIN_SECONDS|TRAIN_SECONDS|TIME_LIMIT.*", _clock, _MINUTES),
    (r"VAL_(LOSS_)?EVERY|EVAL_EVERY|VAL_INTERVAL", _exactly(0), "only the final validation"),
    (r"TRAIN_LOG_EVERY|LOG_EVERY|LOG_INTERVAL", _exactly(1), "every step is printed"),
    (
        r".*START_(STEP|ITER)|.*_AT_STEP|(SWA|EMA|LAWA|SAVE)_(EVERY|INTERVAL|FREQ)",
        _when,
        "the same share of the training",
    ),
    (r"(MODEL_)?EMA_(DECAY|BETA)|POLYAK_DECAY", _decay, "an average over the same share of the training"),
    (r"(EVAL_|TTT_|SLOT_|VAL_)?STRIDE|.*_STRIDE", _stride, "as many windows overlap"),
    (r".*CHUNK(_SIZE|_TOKENS|_LEN|S?)?", _chunk, "several chunks in the toy stream"),
    (r".*(MIN|SHORT)_DOC(_LEN|_TOKENS)?", _short, "the toy documents are longer, as most claimed ones are"),
    (r".*PREFIX_DOCS|.*(NUM|MAX)_DOCS", _documents, "the same share of the documents"),
    (r".*(EVAL|TTT|SCORE)_ONLY|SKIP_TRAIN(ING)?", _exactly(0), "nothing is there that was trained before"),
    (r".*MIN_TOKENS", _share, "the same share of the stream"),
    (r".*EPOCHS?", _at_most(3), "three epochs show what twenty do"),
    (r"GRAD_ACCUM(ULATION)?(_STEPS)?", _exactly(2), "two micro-batches show what eight do"),
    (
        r".*(SLOT|TTT|INNER|ADAPT|ETLB|OPT|GRAD|DISTILL|EGGROLL|CAL|BURST|MIX|REFINE)_(STEPS|(MAX_)?ITERS?)",
        _at_most(3),
        "three steps show what twenty do",
    ),
    (r"(TTT|SLOT)_MAX_STEPS", _at_most(3), "three steps show what twenty do"),
    (
        r".*CALIB.*(BATCHES|STEPS|ITERS|N?SAMPLES|SEQS)|.*HESSIAN.*BATCHES|GPTQ_(BATCHES|NSAMPLES|N_SAMPLES|SAMPLES)|AR_.*SEQS",
        _at_most(4),
        "little calibration",
    ),
    (r".*RESERVE.*(SECONDS|MS|S)?", _exactly(0), "no clock to keep time back from"),
)
_COMPILED = tuple((re.compile(f"(?:{pattern})$"), sized, why) for pattern, sized, why in _ROLES)
