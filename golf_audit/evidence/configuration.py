"""What the run was configured with: the command that the submission shows, and what its logs echo."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from golf_audit.evidence.commands import Command, command_of_the_run
from golf_audit.evidence.events import CodeSize
from golf_audit.evidence.setting import Setting

if TYPE_CHECKING:
    from golf_audit.evidence.runlog import Run, RunLog

_RUN_SPECIFIC = frozenset(
    {
        "seed",
        "run_id",
        "logfile",
        "rank",
        "local_rank",
        "is_main_process",
        "model_path",
        "quantized_model_path",
        "artifact_dir",
        "data_seed",
    }
)


@dataclass(frozen=True, slots=True)
class Configuration:
    """Hyper-parameters by name; the log is the better witness, for it is what ran."""

    env: Mapping[str, Setting] = field(default_factory=dict)
    """Environment variables that the run's own command sets."""
    echo: Mapping[str, Setting] = field(default_factory=dict)
    """What the logs of the claimed runs print, keyed by lower-case attribute name; the majority where they disagree."""
    disagreements: Mapping[str, tuple[Setting, ...]] = field(default_factory=dict)
    """Names whose values differ between the claimed runs' logs, with one setting for each log; run-specific names (paths), and the seed under any name, are left out."""
    command: Command | None = None
    """The command that `env` comes from."""


def configure(commands: tuple[Command, ...], entry: str, runs: Sequence[tuple["RunLog", "Run"]]) -> Configuration:
    """The configuration of `runs` (each with its log), launched as `entry` (a base name)."""
    command = command_of_the_run(commands, entry)
    said: dict[str, list[Setting]] = {}
    measured: set[str] = set()
    seeds = [str(run.seed if run.seed is not None else log.seed) for log, run in runs]
    for log, run in runs:
        for name, echo in run.echo.items():
            said.setdefault(name, []).append(Setting(echo.value, "log", log.location(echo.line)))
            if echo.line > run.first_step_line:
                measured.add(name)
    majority = {name: _majority(settings) for name, settings in said.items()}
    differing = {
        name: tuple(settings)
        for name, settings in said.items()
        if name not in _RUN_SPECIFIC | measured
        and [setting.value for setting in settings] != seeds
        and len({_normal(setting.value) for setting in settings}) > 1
    }
    return Configuration(dict(command.env) if command else {}, majority, differing, command)


def _majority(settings: list[Setting]) -> Setting:
    common = Counter(_normal(setting.value) for setting in settings).most_common(1)[0][0]
    return next(setting for setting in settings if _normal(setting.value) == common)


def _normal(value: str) -> str:
    """`600.0` and `600.000` are the same value, and so are `1` and `True`, and one file below two roots."""
    try:
        return repr(float({"true": "1", "false": "0"}.get(value.lower(), value)))
    except ValueError:
        return value.rstrip("/").rpartition("/")[2]


def alike(one: "Run", other: "Run") -> bool:
    """Whether two runs printed the same settings before they trained, paths and names apart, and counted the same code."""
    settings = _settings(one)
    return len(settings) >= _TELLING and settings == _settings(other) and _code(one) == _code(other)


_TELLING = 5
"""Fewer settings than these do not tell one configuration from another."""


def _settings(run: "Run") -> dict[str, str]:
    printed = {name: echo for name, echo in run.echo.items() if echo.line < run.first_step_line}
    return {name: _normal(echo.value) for name, echo in printed.items() if name not in _RUN_SPECIFIC}


def _code(run: "Run") -> set[int]:
    return {event.size for event in run.events if isinstance(event, CodeSize)}
