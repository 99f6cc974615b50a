"""What a run's log says, as numbers: the only source of a submission's tables."""

import re
from dataclasses import dataclass, field
from pathlib import Path

from .config import Config, with_environment

_RESULT = re.compile(r"^(?P<label>\S.*?) val_loss:(?P<loss>\S+) val_bpb:(?P<bpb>\S+) eval_time:(?P<ms>\d+)ms", re.M)
_CLOCK = re.compile(r"^train clock: .*total:([\d.]+)s", re.M)
_EVAL = re.compile(r"^total_eval_time:([\d.]+)s", re.M)
_STEPS = re.compile(r"^(\d+)/\d+ val_loss: ", re.M)
_SIZES = re.compile(
    r"^(?P<what>Serialized model quantized\S*|Code size|Total submission size \S+): (?P<bytes>\d+) bytes", re.M
)
_ECHO = re.compile(r"^  (\w+): (.*)$", re.M)
_ARTIFACT = re.compile(r"^artifact sha256:(\w+)$", re.M)
_SWITCH = {"True": "1", "False": "0"}


class ResultsError(ValueError):
    """A run that is not complete, or not of the recipe."""


@dataclass(frozen=True, slots=True)
class Score:
    """One evaluation: nats per token, bits per byte, seconds."""

    val_loss: float
    val_bpb: float
    seconds: float


@dataclass(frozen=True, slots=True)
class RunResults:
    """One run."""

    config: Config
    """The settings that it was made with; files are each machine's own."""
    steps: int
    train_seconds: float
    """Counted by the first clock."""
    eval_seconds: float
    """Counted by the second clock."""
    world_size: int
    model_bytes: int
    code_bytes: int
    artifact_sha256: str
    """Of what was evaluated."""
    scores: dict[str, Score] = field(default_factory=dict)
    """By label, in the order of the log; of several evaluations the last."""

    @property
    def seed(self) -> int:
        """What tells a recipe's runs apart."""
        return self.config.seed

    @property
    def total_bytes(self) -> int:
        """What counts against the artifact limit."""
        return self.model_bytes + self.code_bytes


def headline(config: Config) -> str:
    """The label of the result that a submission of `config` claims: its last legal evaluation."""
    if config.ttt_enabled:
        return "quantized_ttt"
    if config.lora_ttt_enabled:
        return "quantized_lora_ttt"
    return "quantized_sliding_window" if config.sliding_window_enabled else "quantized"


def made_with(echo: dict[str, str], config: Config) -> Config:
    """`config` with the settings that a log tells, except where files were."""
    told = {name.upper(): _SWITCH.get(text, text) for name, text in echo.items() if name not in {"data_dir", "out_dir"}}
    return with_environment(config, told)


def read_results(path: Path, config: Config) -> RunResults:
    """The numbers of the log at `path`; raises `ResultsError` where the run did not end or was of another recipe."""
    text = path.read_text(encoding="utf-8")
    echo = dict(_ECHO.findall(text))
    if echo.get("preset") != config.preset:
        raise ResultsError(f"{path} is a run of {echo.get('preset', 'something else')}, not of {config.preset}")
    scores = {
        match["label"]: Score(float(match["loss"]), float(match["bpb"]), int(match["ms"]) / 1000)
        for match in _RESULT.finditer(text)
    }
    sizes = {match["what"].split()[0]: int(match["bytes"]) for match in _SIZES.finditer(text)}
    config = made_with(echo, config)
    clock, totals, steps = _CLOCK.search(text), _EVAL.findall(text), _STEPS.findall(text)
    if clock is None or not totals or not steps or headline(config) not in scores or len(sizes) < 3:
        raise ResultsError(f"{path} is not the log of a run that was trained and evaluated to its end")
    return RunResults(
        config=config,
        steps=int(steps[-1]),
        train_seconds=float(clock[1]),
        eval_seconds=float(totals[-1]),
        world_size=int(echo["world_size"]),
        model_bytes=sizes["Serialized"],
        code_bytes=sizes["Code"],
        artifact_sha256=_ARTIFACT.findall(text)[-1],
        scores=scores,
    )
