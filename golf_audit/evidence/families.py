"""Which line of a log says what: one function from a line to typed events."""

import re
from collections.abc import Callable, Iterator

from golf_audit.evidence.events import (
    CodeForm,
    CodeSize,
    Crash,
    Echo,
    Evaluation,
    Event,
    Gpu,
    ModelSize,
    Note,
    Phase,
    PhaseKind,
    Progress,
    Reserve,
    Seed,
    Step,
    Stop,
    TotalSize,
    Validation,
    ValTokens,
    Version,
    World,
)

_N = r"([-+]?(?:\d[\d,]*\.?\d*|\.\d+)(?:e[-+]?\d+)?)"
_NUMBER = r"(\d[\d,]*(?:\.\d+)?)"
_UNIT = r"(ms|milliseconds|s\b|sec(?:onds?)?\b|m\b|min(?:utes?)?\b)"
_BPB = re.compile(rf"(?P<key>(?:\bval_bpb|\bmix_bpb|\w*bpb)(?:_exact)?)(?:\s*\([^)]*\))?\s*[:=|]?\s*\**~?\s*(?P<value>\d*\.\d{{2,}}|nan|inf)", re.I)
_LOSS = re.compile(rf"(?<![a-z])(?:val_loss|vl|loss)\s*[:=]\s*{_N}", re.I)
_STEP = re.compile(
    r"(?:^|[\s|\]])(?:step|s|iter|iteration)?\s*[: ]?\s*(\d+)\s*/\s*(\d+)\b(?=.{0,40}?\b(?:train_)?loss|.{0,40}?\b(?:vl|tl|bpb|val_bpb)\b)", re.I
)
_STEP_ALONE = re.compile(r"^\W{0,6}(?:\[[^\]]*\]\s*)?(?:>+ ?)?step\s*[: ]\s*(\d[\d,]*)\b(?!\s*/)", re.I)
_TRAIN_LOSS = re.compile(rf"(?:train_loss|\btl|\bloss)\s*[:= ]\s*{_N}", re.I)
_CLOCK = re.compile(rf"(?:train_time|\btt|train_wall(?:clock)?|elapsed|\btime|\bdt|\bt)\s*[:= ]\s*{_NUMBER}\s*{_UNIT}", re.I)
_TRAIN_FIELD = re.compile(rf"(?i)\btrain(?:ing)?_(?:time|wallclock|elapsed)(?:_(ms|s|sec|seconds))\W+{_NUMBER}")
_PIPED_CLOCK = re.compile(r"\|\s*(\d+(?:\.\d+)?)s\b")
_STOP = re.compile(rf"(?i)stopping_early:?.*?train[_ ]time:?\s*{_NUMBER}\s*(ms|s)\b.*?step:?\s*(\d+)")
_STOP_REVERSED = re.compile(rf"(?i)stopping_early:?.*?step:?\s*(\d+)\D*train[_ ]time:?\s*{_NUMBER}\s*(ms|s)\b")
_TRAINED = re.compile(rf"(?i)\btrain(?:ing)?(?:[ _](?:loop|complete\w*|done|finished|time|took|wall ?clock))*\s*(?:[:=]|in|after)?\s*[^\d]{{0,12}}?{_NUMBER}\s*{_UNIT}")
_SECONDS = re.compile(
    rf"(?:\b|_)(?:eval_time|elapsed(?:_s)?|total_time|total_elapsed|eval_elapsed|ttt_time|time|eval|t|total)\s*[:=]\s*{_NUMBER}\s*{_UNIT}", re.I
)
_IN_SECONDS = re.compile(r"(?:\bin|done|\()\s*\(?([\d,]+(?:\.\d+)?)\s*s(?:econds)?\b")
_TOTAL_TIME = re.compile(rf"(total_eval_time\w*|artifact_production_wallclock|serialize_wallclock)\s*[:=]\s*{_NUMBER}\s*s")
_PROGRESS = re.compile(r"\[\s*[\d.]+%\s*\]|\[\s*\d+\s*/\s*\d+\s*\]|\d+(?:\.\d+)?%|running_bpb|run_bpb|\bbatch \d+/\d+|chunk \d+/\d+|\bchunk \d+\b|ETA|\bepoch:? ?\d+|\brb:|train_bpb|BPB:.*\| ?\d+s")
_INDEX = re.compile(r"(\d+)\s*/\s*(\d+)")
_MODEL = re.compile(rf"(?i)(?:serialized|saved)[ _]model[ _]*([^:\d][^:]*?|int\d[^:]*?|w\d[^:]*?)?\s*:\s*(?:\S+ bytes[:=])?\s*{_NUMBER}\s*(?:bytes|B\b)")
_MODEL_LOOSE = re.compile(rf"(?i)(?:model_bytes|model size|compressed(?: size| model)?|bytes_model\w*|quantized(?: model| blob)?(?: size)?)\s*[:=]\s*{_NUMBER}\s*(bytes|B\b|MB|$)?")
_CODE = re.compile(rf"(?i)\bcode(?:[ _]size|[ _]bytes)?\s*(\((?:un)?compressed\))?\s*[:=]\s*{_NUMBER}\s*(?:bytes|B\b|$|\w+:)(?:.*?raw\s*{_NUMBER})?")
_TOTAL = re.compile(rf"(?i)total[ _]submission(?:[ _]size)?\s*([^:\d][^:]*?|int\d[^:]*?|w\d[^:]*?)?\s*:\s*{_NUMBER}\s*(bytes|B\b|MB)")
_TOTAL_LOOSE = re.compile(
    rf"(?i)(?:\bartifact(?:[ _](?:size|bytes|total))*|submission(?:[ _](?:size|bytes|total|artifact))+|total(?:[ _](?:size|bytes|artifact\w*|submission\w*))*|bytes_total|size (?:check \w+|ok)|budget|package size|\bsize(?:[ _]\w+)?)"
    rf"\"?\s*[:=]\s*{_NUMBER}\s*(bytes|B\b|MB|/\s*16|\(|\+|,|$|\s)"
)
_SEED = re.compile(r"(?i)(?<![a-z_])seed\s*[:= ]\s*(\d+)\b")
_WORLD = re.compile(r"(?i)(?:world[_ ]size|\bws|nproc_per_node|num_gpus|gpus)\s*[:= ]\s*(\d+)\b|(\d+)\s*[x×] ?(?:NVIDIA )?[HA]100|detected (\d+) gpus")
_TOKENS = re.compile(r"(?i)(?:val(?:idation)?[_ ]tokens?\s*[:=]\s*|val_loader:.*?tokens:\s*|^val:.*?tokens:\s*)(\d[\d,]{3,})")
_SCORED = re.compile(r"(?i)\b(?:n_tokens|tokens_scored|scored_tokens|subset|tokens|total_targets)\s*[:=]\s*(\d[\d,]{4,})")
_BYTES = re.compile(r"(?i)\b(?:bytes|n_sidecar_bytes|scored_bytes|total_bytes)\s*[:=]\s*(\d[\d,]{4,})\b")
_RESERVE = re.compile(r"gptq:? ?reserving\s+([\d.]+)\s*(ms|s)\b")
_PAIR = re.compile(r"([A-Za-z_]\w*)[:=](\S+)")
_DUMP = re.compile(r"^\s{1,4}\"?([a-z_]\w*)\"?\s*[:=]\s(.*\S)\s*$")
_GPU = re.compile(r"^\|\s+\d+\s+((?:NVIDIA|Tesla|AMD)\s.*?)\s+(?:On|Off|WDDM|TCC|N/A)\s|\b(?:gpu|device)(?:_name| name)?\s*[:=]\s*((?:NVIDIA|Tesla)[\w /-]+)", re.I)
_VERSION = re.compile(r"Running (Python|PyTorch) (\S+)")
_RANK = re.compile(r"^\[(?:rank|default)\d+\]:\s?")
_STAMP = re.compile(r"^\[?\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:[,.]\d+)?Z?\]?(?: - \w+ -)?\s+")
_PHASES: tuple[tuple[re.Pattern[str], PhaseKind], ...] = (
    (re.compile(r"compile|warm[- ]?up", re.I), PhaseKind.COMPILE),
    (re.compile(r"precompute|prefill|pre-filled|cache built|ngram_build|ngram_artifact", re.I), PhaseKind.PRECOMPUTE),
    (re.compile(r"hessian|calibrat|gptq|generated \d+ seq|\bawq\b", re.I), PhaseKind.CALIBRATION),
    (re.compile(r"serializ|compress|quantiz|saved", re.I), PhaseKind.SERIALISATION),
    (re.compile(r"ttt|adapt|test[- _]time", re.I), PhaseKind.ADAPTATION),
)
_KEYWORDS = re.compile(
    r"bpb|loss|BPB|byte|Byte|size|Size|seed|SEED|Seed|time|TIME|elapsed| in \d|done|okens|ranks|world|World|GPU|gpu|train|Train|MB"
    r"|artifact|Artifact|reserv|Running P|NVIDIA|Traceback|Killed|SIG|OutOfMemory|out of memory|ema:|swa:|EMA|late_qat|loop:|^\s{1,4}\"?\w+\"?\s?[:=]|^\w+[:=]"
)


def _number(text: str) -> float:
    return float(text.replace(",", ""))


def _whole(text: str) -> int:
    return int(float(text.replace(",", "")))


def _in_seconds(value: str, unit: str) -> float:
    number = _number(value)
    if unit.lower().startswith(("ms", "mil")):
        return number / 1000
    return number * 60 if unit.lower().startswith("m") else number


def _decimals(text: str) -> int:
    return len(text.partition(".")[2])


def events_of(line: int, text: str) -> Iterator[Event]:
    """What one runtime line says; nothing where no family knows it."""
    if not _KEYWORDS.search(text):
        return
    if len(text) > 4000 or "{" in text and ("f\"" in text or "f'" in text or "{val" in text or ":." in text):
        return
    if text.startswith("["):
        text = _STAMP.sub("", _RANK.sub("", text))
    elif text[:2] == "20":
        text = _STAMP.sub("", text)
    for family in _FAMILIES:
        found = False
        for event in family(line, text):
            found = True
            yield event
        if found and family in _FINAL:
            return


def _device(line: int, text: str) -> Iterator[Event]:
    if match := _GPU.search(text):
        yield Gpu(line, (match[1] or match[2]).strip())
    elif match := _VERSION.search(text):
        yield Version(line, match[1], match[2])


def _dump(line: int, text: str) -> Iterator[Event]:
    if text[:1] not in {" ", "\t"} or "stopping_early" in text:
        return
    if match := _DUMP.match(text):
        name, value = match[1].lower(), match[2].rstrip(",").strip("\"'")
        yield Echo(line, name, value)
        if name == "seed" and value.isdigit():
            yield Seed(line, int(value))
        elif name == "world_size" and value.isdigit():
            yield World(line, int(value))
        elif name == "val_tokens" and value.isdigit():
            yield ValTokens(line, int(value))
        elif "bpb" in name or "train" in name:
            yield from _field(line, name, text)


def _field(line: int, name: str, text: str) -> Iterator[Event]:
    """A result or a training time printed as one field of a dump."""
    if clock := _TRAIN_FIELD.search(text):
        yield Step(line, 0, 0, None, _in_seconds(clock[2], clock[1]))
    elif re.fullmatch(r"(?:final_|mean_)?(?:val_)?bpb", name) and (match := _BPB.search(text.replace('"', ""))):
        yield Evaluation(line, name, None, float(match["value"]), _decimals(match["value"]))


def _stop(line: int, text: str) -> Iterator[Event]:
    if "stopping_early" not in text:
        return
    if match := _STOP_REVERSED.search(text):
        yield Stop(line, _in_seconds(match[2], match[3]), int(match[1]))
    elif match := _STOP.search(text):
        yield Stop(line, _in_seconds(match[1], match[2]), int(match[3]))


def _step(line: int, text: str) -> Iterator[Event]:
    match = _STEP.search(text)
    if match and ((match.start() > 40 and "step:" not in match[0]) or _is_progress_label(text[: match.start(1)])):
        return
    match = match or _STEP_ALONE.match(text)
    if not match:
        return
    step, total = _whole(match[1]), _whole(match[2]) if match.re is _STEP else 0
    rest = text[match.end() :]
    clock = _CLOCK.search(rest)
    seconds = _in_seconds(clock[1], clock[2]) if clock else None
    if clock is None and (piped := _PIPED_CLOCK.findall(rest)):
        seconds = float(piped[-1])
    bpb = _BPB.search(rest)
    if bpb and "train" not in bpb["key"].lower():
        value = float(bpb["value"])
        loss = _LOSS.search(rest)
        yield Validation(line, step, total, _number(loss[1]) if loss else None, value, seconds)
    elif loss := _TRAIN_LOSS.search(rest):
        yield Step(line, step, total, _number(loss[1]), seconds, bool(clock and clock[2] == "m"))


def _is_progress_label(before: str) -> bool:
    return bool(re.search(r"ttt|chunk|batch|epoch|window|eval|slot|ngram|tt[pg]|%|warmup|\[", before, re.I))


def _evaluation(line: int, text: str) -> Iterator[Event]:
    if "bpb" not in text.lower():
        return
    if _PROGRESS.search(text) and "DONE" not in text and not re.match(r"\w*final|quantized", text, re.I):
        if index := _INDEX.search(text):
            yield Progress(line, text[:24].split("[")[0].strip(), int(index[1]), int(index[2]))
        return
    match = next((m for m in _BPB.finditer(text) if not re.search(r"delta|gain|improvement|gap|best_|weighted", m["key"], re.I)), None)
    if match is None or match["value"].lower() == "inf":
        return
    loss = _LOSS.search(text)
    start = min(match.start(), loss.start()) if loss else match.start()
    strict = bool(loss) or match["key"].lower() in {"val_bpb", "mix_bpb"}
    seconds = _SECONDS.search(text, match.end()) or _SECONDS.search(text)
    scored, counted = _SCORED.search(text), _BYTES.search(text)
    label = text[:start].strip(" :=|\t*-") or match["key"]
    yield Evaluation(
        line,
        label=label[:80],
        loss=_number(loss[1]) if loss else None,
        bpb=float(match["value"]),
        digits=_decimals(match["value"]),
        loss_digits=_decimals(loss[1]) if loss else 0,
        seconds=_in_seconds(seconds[1], seconds[2]) if seconds else None,
        tokens=_whole(scored[1]) if scored else None,
        nbytes=_whole(counted[1]) if counted else None,
        loose=not strict or bool(re.search(r"delta|gain|improvement|\bgap\b|target|baseline|\bSOTA\b|\bvs\b", label, re.I)),
    )


def _sizes(line: int, text: str) -> Iterator[Event]:
    lowered = text.lower()
    if not ("byte" in lowered or "size" in lowered or "mb" in lowered or "artifact" in lowered or "total" in lowered or "budget" in lowered):
        return
    if match := _MODEL.search(text):
        yield ModelSize(line, (match[1] or "").strip(), _whole(match[2]))
    elif match := _MODEL_LOOSE.search(text):
        if _whole(match[1]) >= 100_000:
            yield ModelSize(line, "", _whole(match[1]))
    if match := _CODE.search(text):
        form = CodeForm((match[1] or "(plain)").strip("()").lower())
        if "lzma compressed" in text or "compressed;" in text:
            form = CodeForm.COMPRESSED
        yield CodeSize(line, _whole(match[2]), form, _whole(match[3]) if match[3] else None)
    if match := _TOTAL.search(text):
        yield _total(line, (match[1] or "").strip(), match[2], match[3])
    elif (match := _TOTAL_LOOSE.search(text)) and (_number(match[1]) >= 100_000 or (match[2] or "").lower() == "mb"):
        yield _total(line, "", match[1], match[2] or "")


def _total(line: int, label: str, value: str, unit: str) -> TotalSize:
    if unit.lower() == "mb":
        return TotalSize(line, label, int(_number(value) * 1_000_000), exact=False)
    return TotalSize(line, label, _whole(value))


def _identity(line: int, text: str) -> Iterator[Event]:
    if match := _TOKENS.search(text):
        yield ValTokens(line, _whole(match[1]))
    lowered = text.lower()
    if "seed" in lowered and (match := _SEED.search(text)):
        yield Seed(line, int(match[1]))
    if ("world" in lowered or "ws:" in lowered or "gpu" in lowered or "nproc" in lowered or "100" in lowered) and (match := _WORLD.search(text)):
        yield World(line, int(match[1] or match[2] or match[3]))
    if "reserving" in text and (match := _RESERVE.search(text)):
        yield Reserve(line, _in_seconds(match[1], match[2]))


def _phase(line: int, text: str) -> Iterator[Event]:
    if clock := _TRAIN_FIELD.search(text):
        yield Step(line, 0, 0, None, _in_seconds(clock[2], clock[1]))
        return
    if match := _TOTAL_TIME.search(text):
        kind = PhaseKind.TOTAL if match[1].startswith("total_eval") else PhaseKind.ARTIFACT
        if match[1] == "serialize_wallclock":
            kind = PhaseKind.SERIALISATION
        yield Phase(line, kind, match[1], _number(match[2]))
        return
    if re.match(r"(?i)\W*train", text) or "raining" in text:
        if (match := _TRAINED.search(text)) and "=" not in text[: match.start()]:
            yield Step(line, 0, 0, None, _in_seconds(match[1], match[2]))
        return
    match = _SECONDS.search(text)
    if match:
        seconds = _in_seconds(match[1], match[2])
    elif match := _IN_SECONDS.search(text):
        seconds = _number(match[1])
    else:
        return
    if re.search(r"(?:epoch|\bbatch|chunk|\bdocs?|\bshard|\bstep|\bphase|tttg|\bc\d+)[: ]?\d*\s*[:/]|rank:?[1-9]|tt[pg]\w*:|short_docs|long_docs", text):
        if index := _INDEX.search(text):
            yield Progress(line, text[:24].split(":")[0].strip(), int(index[1]), int(index[2]))
        return
    kind = next((kind for pattern, kind in _PHASES if pattern.search(text)), PhaseKind.OTHER)
    yield Phase(line, kind, text[: match.start()].strip(" :(=")[:60], seconds)


def _echoes(line: int, text: str) -> Iterator[Event]:
    tokens = text.split()
    if not tokens or len(tokens) > 40 or "step:" in text or "loss" in tokens[0]:
        return
    pairs = [_PAIR.fullmatch(token) for token in tokens]
    if all(pairs):
        for pair in pairs:
            if pair:
                yield Echo(line, pair[1].lower(), pair[2])
    elif len(tokens) == 2 and tokens[0].endswith(":") and tokens[0][:-1].isidentifier():
        yield Echo(line, tokens[0][:-1].lower(), tokens[1])
    elif tokens[0].endswith(("start", "enabled", ":")):
        for pair in pairs:
            if pair and "_" in pair[1] and "=" in pair[0]:
                yield Echo(line, pair[1].lower(), pair[2])


def _words(line: int, text: str) -> Iterator[Event]:
    if "Traceback (most recent" in text or "Killed" in text or "SIGTERM" in text or "OutOfMemory" in text or "out of memory" in text:
        yield Crash(line, text.strip()[:120])
    elif re.match(r"(?:ema|swa|late_qat|layer_loop|qat|EMA)\b", text):
        yield Note(line, text.strip()[:120])


Family = Callable[[int, str], Iterator[Event]]
_FAMILIES: tuple[Family, ...] = (_device, _dump, _stop, _step, _evaluation, _sizes, _identity, _phase, _echoes, _words)
_FINAL: frozenset[Family] = frozenset({_device, _dump, _stop, _step, _evaluation, _phase})
