"""The words and numbers by which a line of a log is known."""

import re

from golf_audit.evidence.events import PhaseKind

N = r"([-+]?(?:\d[\d,]*\.?\d*|\.\d+)(?:e[-+]?\d+)?)"
NUMBER = r"(\d[\d,]*(?:\.\d+)?)"
UNIT = r"(ms|milliseconds|s\b|sec(?:onds?)?\b|m\b|min(?:utes?)?\b)"
BPB = re.compile(
    r"(?P<key>(?:\bval_bpb|\bmix_bpb|\w*bpb)(?:_exact)?)(?:\s*\([^)]*\))?\s*[:=|]?\s*\**~?\s*(?P<value>\d*\.\d{2,}|nan|inf)",
    re.I,
)
TIME_OF_DAY = re.compile(r"^\s*[\[(]?(?:\d{4}-\d\d-\d\d[T ])?\d{1,2}:\d\d:\d\d(?:[.,]\d+)?[\])]?")
LOSS = re.compile(rf"(?<![a-z])(?:val_loss|vl|loss)\s*[:=]\s*{N}", re.I)
STEP = re.compile(
    r"(?:^|[\s|\]])(?:step|s|iter|iteration)?\s*[: ]?\s*(\d+)\s*/\s*(\d+)\b(?=.{0,40}?\b(?:train_)?loss|.{0,40}?\b(?:vl|tl|bpb|val_bpb)\b"
    r"|.{0,80}?\belapsed\s*[:=])",
    re.I,
)
STEP_ALONE = re.compile(r"^\W{0,6}(?:\[[^\]]*\]\s*)?(?:>+ ?)?step\s*[: ]\s*(\d[\d,]*)\b(?!\s*/)", re.I)
TRAIN_LOSS = re.compile(rf"(?:train_loss|\btl|\b\w*loss)\s*[:= ]\s*{N}", re.I)
CLOCK = re.compile(
    rf"(?:train_time|\btt|train_wall(?:clock)?|elapsed|\btime|\bdt|\bt)\s*[:= ]\s*{NUMBER}\s*{UNIT}", re.I
)
TRAIN_FIELD = re.compile(rf"(?i)\btrain(?:ing)?_(?:time|wallclock|elapsed)(?:_(ms|s|sec|seconds))\W+{NUMBER}")
PIPED_CLOCK = re.compile(r"\|\s*(\d+(?:\.\d+)?)s\b")
STOP = re.compile(rf"(?i)stopping_early:?.*?train[_ ]time:?\s*{NUMBER}\s*(ms|s)\b.*?step:?\s*(\d+)")
STOP_REVERSED = re.compile(rf"(?i)stopping_early:?.*?step:?\s*(\d+)\D*train[_ ]time:?\s*{NUMBER}\s*(ms|s)\b")
TRAINED = re.compile(
    rf"(?i)\btrain(?:ing)?(?:[ _](?:loop|complete\w*|done|finished|time|took|wall ?clock))*\s*(?:[:=]|in|after)?\s*[^\d]{{0,12}}?{NUMBER}\s*{UNIT}"
)
SECONDS = re.compile(
    rf"(?:\b|_)(?:eval_time|elapsed(?:_s)?|total_time|total_elapsed|eval_elapsed|ttt_time|time|eval|t|total)\s*[:=]\s*{NUMBER}\s*{UNIT}",
    re.I,
)
IN_SECONDS = re.compile(r"(?:\bin|done|\()\s*\(?([\d,]+(?:\.\d+)?)\s*s(?:econds)?\b")
TOTAL_TIME = re.compile(
    rf"(total_eval_time\w*|artifact_production_wallclock|serialize_wallclock)\s*[:=]\s*{NUMBER}\s*s"
)
PROGRESS = re.compile(
    r"\[\s*[\d.]+%\s*\]|\[\s*\d+\s*/\s*\d+\s*\]|\d+(?:\.\d+)?%|running_bpb|run_bpb|\bbatch \d+/\d+|chunk \d+/\d+|\bchunk \d+\b|ETA|\bepoch:? ?\d+|\brb:|train_bpb|BPB:.*\| ?\d+s"
)
INDEX = re.compile(r"(\d+)\s*/\s*(\d+)")
MODEL = re.compile(
    rf"(?i)(?:serialized|saved)[ _]model[ _]*([^:\d][^:]*?|int\d[^:]*?|w\d[^:]*?)?\s*:\s*(?:\S+ bytes[:=])?\s*{NUMBER}\s*(?:bytes|B\b)"
)
MODEL_LOOSE = re.compile(
    rf"(?i)(?:model_bytes|model size|compressed(?: size| model)?|bytes_model\w*|quantized(?: model| blob)?(?: size)?)\s*[:=]\s*{NUMBER}\s*(bytes|B\b|MB|$)?"
)
CODE = re.compile(
    rf"(?i)\bcode(?:[ _]size|[ _]bytes)?\s*(\((?:un)?compressed\))?\s*[:=]\s*{NUMBER}\s*(?:bytes|B\b|$|\w+:)(?:.*?raw\s*{NUMBER})?"
)
TOTAL = re.compile(
    rf"(?i)total[ _]submission(?:[ _]size)?\s*([^:\d][^:]*?|int\d[^:]*?|w\d[^:]*?)?\s*:\s*{NUMBER}\s*(bytes|B\b|MB)"
)
TOTAL_LOOSE = re.compile(
    rf"(?i)(?:\bartifact(?:[ _](?:size|bytes|total))*|submission(?:[ _](?:size|bytes|total|artifact))+|total(?:[ _](?:size|bytes|artifact\w*|submission\w*))*|bytes_total|size (?:check \w+|ok)|budget|package size|\bsize(?:[ _]\w+)?)"
    rf"\"?\s*[:=]\s*{NUMBER}\s*(bytes|B\b|MB|/\s*16|\(|\+|,|$|\s)"
)
SEED = re.compile(r"(?i)(?<![a-z_])seed\s*[:= ]\s*(\d+)\b")
WORLD = re.compile(
    r"(?i)(?:world[_ ]size|\bws|nproc_per_node|num_gpus|gpus)\s*[:= ]\s*(\d+)\b|(\d+)\s*[x×] ?(?:NVIDIA )?[HA]100|detected (\d+) gpus"
)
TOKENS = re.compile(
    r"(?i)(?:val(?:idation)?[_ ]tokens?\s*[:=]\s*|val_loader:.*?tokens:\s*|^val:.*?tokens:\s*)(\d[\d,]{3,})"
)
SCORED = re.compile(
    r"(?i)\b(?:n_tokens|tokens_scored|scored_tokens|subset|tokens|total_targets)\s*[:=]\s*(\d[\d,]{4,})"
)
BYTES = re.compile(r"(?i)(?<![\w])(?:bytes=|(?:n_bytes|n_sidecar_bytes|scored_bytes)\s*[:=]\s*)(\d[\d,]{4,})\b")
RESERVE = re.compile(r"gptq:? ?reserving\s+([\d.]+)\s*(ms|s)\b")
PAIR = re.compile(r"([A-Za-z_]\w*)[:=](?!//)(\S+)")
DUMP = re.compile(r"^\s{1,4}\"?([a-z_]\w*)\"?\s*[:=]\s+(\S.*?)\s*$")
GPU = re.compile(
    r"^\|\s+\d+\s+((?:NVIDIA|Tesla|AMD)\s.*?)\s+(?:On|Off|WDDM|TCC|N/A)\s|\b(?:gpu|device)(?:_name| name)?\s*[:=]\s*((?:NVIDIA|Tesla)(?: [\w/-]++(?!\s*[:=]))*)",
    re.I,
)
APPLE = re.compile(r"^(?:Running )?mlx(?:_version)?\s*[: ]\s*v?\d+\.\d+", re.I)
"""The framework of Apple's own chips."""
VERSION = re.compile(r"Running (Python|PyTorch) (\S+)")
RANK = re.compile(r"^\[(?:rank|default)\d+\]:\s?")
STAMP = re.compile(r"^\[?\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:[,.]\d+)?Z?\]?(?: - \w+ -)?\s+")
PHASES: tuple[tuple[re.Pattern[str], PhaseKind], ...] = (
    (re.compile(r"compile|warm[- ]?up", re.I), PhaseKind.COMPILE),
    (re.compile(r"precompute|prefill|pre-filled|cache built|ngram_build|ngram_artifact", re.I), PhaseKind.PRECOMPUTE),
    (re.compile(r"hessian|calibrat|gptq|generated \d+ seq|\bawq\b", re.I), PhaseKind.CALIBRATION),
    (re.compile(r"serializ|compress|quantiz|saved", re.I), PhaseKind.SERIALISATION),
    (re.compile(r"ttt|adapt|test[- _]time", re.I), PhaseKind.ADAPTATION),
)
KEYWORDS = (
    "bpb", "loss", "BPB", "byte", "Byte", "size", "Size", "seed", "SEED", "Seed", "time", "TIME", "elapsed", " in ", "done", "okens",
    "ranks", "world", "World", "GPU", "gpu", "train", "Train", "MB", "artifact", "Artifact", "reserv", "Running P", "NVIDIA",
    "MLX", "mlx", "Traceback", "Killed", "SIG", "OutOfMemory", "out of memory", "ema:", "swa:", "EMA", "late_qat", "gptq", "GPTQ", "loop:",
    " steps", " ga:",
)  # fmt: skip
"""A line with none of these, and no field at its beginning, says nothing that is looked for."""
FIELD = re.compile(r"\s{0,4}\"?\w+\"?\s?[:=]")
BAR = re.compile(r"^.{0,200}?(?:it/s|s/it)[^\]|]{0,80}\](?=\S)")
"""A progress bar that was not yet wiped when the line was printed."""
TRAINED_STEPS = re.compile(rf"(?i)\btraining (?:done|complete): (\d+)\s+steps(?:,| in)\s+{NUMBER}\s*s\b")
COUNTED = re.compile(rf"\bbuilt: order=\d.*\({NUMBER}s\)")
"""A model of counts was built: that is its training."""
BRACKETED_STEP = re.compile(rf"\[(\d+)/(\d+)\] loss={NUMBER} ms/step=\S+ elapsed={NUMBER}s")
SHORT_SEED = re.compile(r"\bws:\d+ ga:\d+ s:(\d+)\b")
