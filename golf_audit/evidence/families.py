"""Which line of a log says what: one function from a line to typed events."""

import re
from collections.abc import Callable, Iterator

from golf_audit.evidence import patterns
from golf_audit.evidence.events import (
    Crash,
    Echo,
    Evaluation,
    Event,
    Gpu,
    Note,
    Phase,
    PhaseKind,
    Progress,
    Reserve,
    Seed,
    Step,
    Stop,
    Validation,
    ValTokens,
    Version,
    World,
)
from golf_audit.evidence.size_lines import number, sizes, whole

_LONGEST = 4000
_INDENT = 40
"""How far into a line a step may stand: further in, it is part of a sentence."""
_MOST_TOKENS = 40
_PAIR = 2


def _in_seconds(value: str, unit: str) -> float:
    amount = number(value)
    if unit.lower().startswith(("ms", "mil")):
        return amount / 1000
    return amount * 60 if unit.lower().startswith("m") else amount


def _decimals(text: str) -> int:
    return len(text.partition(".")[2])


def events_of(line: int, text: str) -> Iterator[Event]:
    """What one runtime line says; nothing where no family knows it."""
    if not any(word in text for word in patterns.KEYWORDS) and not patterns.FIELD.match(text):
        return
    if len(text) > _LONGEST or ("{" in text and ('f"' in text or "f'" in text or "{val" in text or ":." in text)):
        return
    if text.startswith("["):
        text = patterns.STAMP.sub("", patterns.RANK.sub("", text))
    elif text[:2] == "20":
        text = patterns.STAMP.sub("", text)
    elif "/s" in text or "s/it" in text:
        text = patterns.BAR.sub("", text)
    if "[WARNING]" in text[: _INDENT * 2]:
        return
    for family in _FAMILIES:
        found = False
        for event in family(line, text):
            found = True
            yield event
        if found and family in _FINAL:
            return


def _device(line: int, text: str) -> Iterator[Event]:
    if match := patterns.GPU.search(text):
        yield Gpu(line, (match[1] or match[2]).strip())
    elif patterns.APPLE.match(text):
        yield Gpu(line, "a device of Apple's (MLX)")
    elif match := patterns.VERSION.search(text):
        yield Version(line, match[1], match[2])


def _dump(line: int, text: str) -> Iterator[Event]:
    if text[:1] not in {" ", "\t"} or "stopping_early" in text:
        return
    if match := patterns.DUMP.match(text):
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
    if clock := patterns.TRAIN_FIELD.search(text):
        yield Step(line, 0, 0, None, _in_seconds(clock[2], clock[1]))
    elif re.fullmatch(r"(?:final_|mean_)?(?:val_)?bpb", name) and (match := patterns.BPB.search(text.replace('"', ""))):
        yield Evaluation(line, name, None, float(match["value"]), _decimals(match["value"]))


def _stop(line: int, text: str) -> Iterator[Event]:
    if "stopping_early" not in text:
        return
    if match := patterns.STOP_REVERSED.search(text):
        yield Stop(line, _in_seconds(match[2], match[3]), int(match[1]))
    elif match := patterns.STOP.search(text):
        yield Stop(line, _in_seconds(match[1], match[2]), int(match[3]))


def _trained(line: int, text: str) -> Iterator[Event]:
    """Rarer ways to say how long training took."""
    if " steps" in text and (match := patterns.TRAINED_STEPS.search(text)):
        yield Stop(line, number(match[2]), int(match[1]))
    elif "ms/step=" in text and (match := patterns.BRACKETED_STEP.search(text)):
        yield Step(line, int(match[1]), int(match[2]), number(match[3]), number(match[4]))
    elif " built: " in text and (match := patterns.COUNTED.search(text)):
        yield Step(line, 0, 0, None, number(match[1]))


def _step(line: int, text: str) -> Iterator[Event]:
    match = patterns.STEP.search(text)
    if match and "step:" not in match[0] and (match.start() > _INDENT or _is_progress_label(text[: match.start(1)])):
        return
    match = match or patterns.STEP_ALONE.match(text)
    if not match:
        return
    step, total = whole(match[1]), whole(match[2]) if match.re is patterns.STEP else 0
    rest = text[match.end() :]
    clock = patterns.CLOCK.search(rest)
    seconds = _in_seconds(clock[1], clock[2]) if clock else None
    if clock is None and (piped := patterns.PIPED_CLOCK.findall(rest)):
        seconds = float(piped[-1])
    bpb = patterns.BPB.search(rest)
    if bpb and "train" not in bpb["key"].lower():
        value = float(bpb["value"])
        loss = patterns.LOSS.search(rest)
        yield Validation(line, step, total, number(loss[1]) if loss else None, value, seconds)
    elif loss := patterns.TRAIN_LOSS.search(rest):
        yield Step(line, step, total, number(loss[1]), seconds, bool(clock and clock[2] == "m"))
    elif seconds is not None and "step" in match[0].lower():
        yield Step(line, step, total, None, seconds)


def _is_progress_label(before: str) -> bool:
    return bool(re.search(r"ttt|chunk|batch|epoch|window|eval|slot|ngram|tt[pg]|%|warmup|\[", before, re.I))


def _evaluation(line: int, text: str) -> Iterator[Event]:
    if "bpb" not in text.lower():
        return
    if patterns.PROGRESS.search(text) and "DONE" not in text and not re.match(r"\w*final|quantized", text, re.I):
        if index := patterns.INDEX.search(text):
            yield Progress(line, text[:24].split("[", maxsplit=1)[0].strip(), int(index[1]), int(index[2]))
        return
    match = next(
        (
            m
            for m in patterns.BPB.finditer(text)
            if not re.search(r"delta|gain|improvement|gap|best_|weighted", m["key"], re.I)
        ),
        None,
    )
    if match is None or match["value"].lower() == "inf":
        return
    loss = patterns.LOSS.search(text)
    start = min(match.start(), loss.start()) if loss else match.start()
    strict = bool(loss) or match["key"].lower() in {"val_bpb", "mix_bpb"}
    seconds = patterns.SECONDS.search(text, match.end()) or patterns.SECONDS.search(text)
    scored, counted = patterns.SCORED.search(text), patterns.BYTES.search(text)
    label = patterns.TIME_OF_DAY.sub("", text[:start]).strip(" :=|\t*-") or match["key"]
    yield Evaluation(
        line,
        label=label[:80],
        loss=number(loss[1]) if loss else None,
        bpb=float(match["value"]),
        digits=_decimals(match["value"]),
        loss_digits=_decimals(loss[1]) if loss else 0,
        seconds=_in_seconds(seconds[1], seconds[2]) if seconds else None,
        tokens=whole(scored[1]) if scored else None,
        nbytes=whole(counted[1]) if counted else None,
        loose=not strict
        or bool(re.search(r"delta|gain|improvement|\bgap\b|target|baseline|\bSOTA\b|\bvs\b", label, re.I)),
    )


def _identity(line: int, text: str) -> Iterator[Event]:
    if match := patterns.TOKENS.search(text):
        yield ValTokens(line, whole(match[1]))
    lowered = text.lower()
    if match := patterns.SEED.search(text) if "seed" in lowered else patterns.SHORT_SEED.search(text):
        yield Seed(line, int(match[1]))
    if ("world" in lowered or "ws:" in lowered or "gpu" in lowered or "nproc" in lowered or "100" in lowered) and (
        match := patterns.WORLD.search(text)
    ):
        yield World(line, int(match[1] or match[2] or match[3]))
    if "reserving" in text and (match := patterns.RESERVE.search(text)):
        yield Reserve(line, _in_seconds(match[1], match[2]))


def _phase(line: int, text: str) -> Iterator[Event]:
    if clock := patterns.TRAIN_FIELD.search(text):
        yield Step(line, 0, 0, None, _in_seconds(clock[2], clock[1]))
        return
    if match := patterns.TOTAL_TIME.search(text):
        kind = PhaseKind.TOTAL if match[1].startswith("total_eval") else PhaseKind.ARTIFACT
        if match[1] == "serialize_wallclock":
            kind = PhaseKind.SERIALISATION
        yield Phase(line, kind, match[1], number(match[2]))
        return
    if re.match(r"(?i)\W*train", text) or "raining" in text:
        if (match := patterns.TRAINED.search(text)) and "=" not in text[: match.start()]:
            yield Step(line, 0, 0, None, _in_seconds(match[1], match[2]))
        return
    match = patterns.SECONDS.search(text)
    if match:
        seconds = _in_seconds(match[1], match[2])
    elif match := patterns.IN_SECONDS.search(text):
        seconds = number(match[1])
    else:
        return
    if re.search(
        r"(?:epoch|\bbatch|chunk|\bdocs?|\bshard|\bstep|\bphase|tttg|\bc\d+)[: ]?\d*\s*[:/]|rank:?[1-9]|tt[pg]\w*:|short_docs|long_docs",
        text,
    ):
        if index := patterns.INDEX.search(text):
            yield Progress(line, text[:24].split(":", maxsplit=1)[0].strip(), int(index[1]), int(index[2]))
        return
    kind = next((kind for pattern, kind in patterns.PHASES if pattern.search(text)), PhaseKind.OTHER)
    yield Phase(line, kind, text[: match.start()].strip(" :(=")[:60], seconds)


def _echoes(line: int, text: str) -> Iterator[Event]:
    tokens = text.split()
    if not tokens or len(tokens) > _MOST_TOKENS or "step:" in text or "loss" in tokens[0]:
        return
    pairs = [patterns.PAIR.fullmatch(token) for token in tokens]
    if all(pairs):
        for pair in pairs:
            if pair:
                yield Echo(line, pair[1].lower(), pair[2])
    elif len(tokens) == _PAIR and tokens[0].endswith(":") and tokens[0][:-1].isidentifier():
        yield Echo(line, tokens[0][:-1].lower(), tokens[1])
    elif tokens[0].endswith(("start", "enabled", ":")):
        for pair in pairs:
            if pair and "_" in pair[1] and "=" in pair[0]:
                yield Echo(line, pair[1].lower(), pair[2])


def _words(line: int, text: str) -> Iterator[Event]:
    if (
        "Traceback (most recent" in text
        or "Killed" in text
        or "SIGTERM" in text
        or "OutOfMemory" in text
        or "out of memory" in text
    ):
        yield Crash(line, text.strip()[:120])
    elif re.match(r"(?i)gptq:.*(?:calibrat|hessian)|collecting hessians", text):
        yield Phase(line, PhaseKind.CALIBRATION, text.strip()[:60], 0.0)
    elif re.match(r"(?:ema|swa|late_qat|layer_loop|qat|EMA)\b", text):
        yield Note(line, text.strip()[:120])


Family = Callable[[int, str], Iterator[Event]]
_FAMILIES: tuple[Family, ...] = (
    _device,
    _dump,
    _stop,
    _trained,
    _step,
    _evaluation,
    sizes,
    _identity,
    _phase,
    _echoes,
    _words,
)
_FINAL: frozenset[Family] = frozenset({_device, _dump, _stop, _trained, _step, _evaluation, _phase})
