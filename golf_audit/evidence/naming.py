"""What a field or a column is a number of, by its name."""

import re

from golf_audit.evidence.claim import Quantity

_ASIDE = re.compile(
    r"delta|Δ|δ|gain|\bgap|improve|\bvs\b|baseline|sota|target|prev|prior|p[_-]?value|t[_-]stat|welch|compar|ablat|experiment"
    r"|cross|history|reference|record_to_beat|parent|control|variant|old_|budget|limit|cap(?:\b|_)|margin|headroom|bits_per_byte_gap|sweep"
    r"|merged|base_|bigram|lora|negative|candidate|alternat|estimate|project",
    re.I,
)
_STD = re.compile(r"\bstd|_std|stdev|std_|σ|sigma|standard dev", re.I)
_BPB = re.compile(r"bpb|bpp\b|bits[ _]per[ _]byte", re.I)
_STAGE = re.compile(r"slid|roundtrip|\bema\b|post[- ]|quant|final|score", re.I)
_LOSS = re.compile(r"val_loss|val loss|nats", re.I)
_PER_STEP = re.compile(r"ms/step|step_avg|step avg|ms_per_step|step time|step_time|tok/s|tokens/s|per step", re.I)
_STEPS = re.compile(
    r"^(?:n_|num_|train(?:ing)?[_ ]|total[_ ]|stop[_ ]|seed[_ ]?\d+[_ ])?steps?(?:[_ ](?:stop|count|mean))?$", re.I
)
_BYTES = re.compile(r"byte|artifact|size|submission", re.I)
_TIME = re.compile(
    r"time|_s\b|_ms\b|seconds|\bsecs?\b|wall|\(s\)|\bms\b|elapsed|^(?:train|eval)(?: total)?$|timer", re.I
)
_TRAIN = re.compile(r"train|wallclock_seconds|^wallclock|step_stop", re.I)
_EVAL = re.compile(r"eval|ttt|slot|score|inference|sliding|n-?gram", re.I)
_PROCESS = re.compile(r"process|(?<![a-z])real(?![a-z])", re.I)
_STATISTIC = re.compile(r"(?<![a-z])(mean|avg|average|max|min|worst)(?![a-z])", re.I)
_OTHER_DEVICE = re.compile(
    r"\b(?P<count>\d+)\s*[x×]\s*(?:NVIDIA\s+)?(?P<name>(?:RTX|GTX|GeForce|Tesla|Quadro)[\w -]{0,24}|(?:RTX )?[ABLTV]\d{1,4}\w?|H200|GH200|GB\d+|MI\d+\w?|TPU\w*|DGX Spark)\b",
    re.IGNORECASE,
)


def other_device(text: str) -> str:
    """So many of another device than the contest's, where a text names them; else empty."""
    match = _OTHER_DEVICE.search(text)
    return f"{match['count']} x {match['name'].strip()}" if match else ""


def is_aside(name: str) -> bool:
    """Whether a name says that its number is about something else than the claimed run."""
    return bool(_ASIDE.search(name))


def quantity_of(name: str) -> Quantity | None:
    """The quantity that a field or column called `name` holds; None where the name does not say."""
    if is_aside(name) or _PER_STEP.search(name):
        return None
    if _STD.search(name):
        return Quantity.STD
    if _STEPS.match(name.strip("` *")):
        return Quantity.STEPS
    if _TIME.search(name) and not _BPB.search(name) and not re.search(r"byte|bpb", name, re.I):
        if _EVAL.search(name):
            return Quantity.PROCESS_SECONDS if _PROCESS.search(name) else Quantity.EVAL_SECONDS
        return Quantity.TRAIN_SECONDS if _TRAIN.search(name) else None
    if (
        _BYTES.search(name)
        and not _BPB.search(name)
        and not re.search(
            r"batch|vocab|chunk|window|per_token|tokens|val_bytes|group|scored|sidecar|canonical|denominator|param|sha|hash|raw|fp32|fp16|bf16|tokenizer|dataset",
            name,
            re.I,
        )
    ):
        return _bytes_of(name)
    if _BPB.search(name):
        return Quantity.BPB
    if _LOSS.search(name):
        return Quantity.LOSS
    return Quantity.BPB if _STAGE.search(name) else None


def _bytes_of(name: str) -> Quantity:
    if re.search(r"code|script|train_gpt|wrapper|source", name, re.I) and not re.search(
        r"total|with|artifact|bundle", name, re.I
    ):
        return Quantity.CODE_BYTES
    if re.search(r"model|weights|quantized", name, re.I) and not re.search(r"total|submission|\+ ?code", name, re.I):
        return Quantity.MODEL_BYTES
    return Quantity.TOTAL_BYTES


def statistic_of(name: str) -> str:
    """`mean`, `max`, `min` or empty, as a field's or a row's name says."""
    found = _STATISTIC.search(name)
    word = found[1].lower() if found else ""
    return {"avg": "mean", "average": "mean", "worst": "max"}.get(word, word)
