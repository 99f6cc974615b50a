"""The seeds of one claim ran with different settings."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from golf_audit.decoding.source import Source
from golf_audit.evidence.samples import SampleRun, submission
from golf_audit.evidence.setting import Setting
from golf_audit.finding import Confidence, Finding, Related, Severity, Unproven
from golf_audit.rule import Example, Rule

if TYPE_CHECKING:
    from golf_audit.case import Case

_ON, _OFF = "ttt_enabled: True\nttt_lr: 0.005", "ttt_enabled: False\nttt_lr: 0.005"
_RUNS = (SampleRun(42, settings=_OFF), SampleRun(1337, settings=_OFF), SampleRun(2025, settings=_OFF))
_UNIMPORTANT = (
    "path",
    "dir",
    "file",
    "log",
    "run_id",
    "shards",
    "world",
    "grad_accum",
    "rank",
    "seed",
    "name",
    "time",
    "port",
    "tokens",
    "cache",
)
_MEASURED = re.compile(r"\d[\d.,]*\s+\S")
"""A number with a unit was measured."""


class SettingsDifferBetweenSeeds(Rule):
    """
    All seeds of one claim must run the same configuration.

    A mean over seeds says how a configuration does; a third seed from another configuration, or one seed with a switch thrown, makes
    it the mean of nothing. Seeds, paths and names may differ.
    """

    code = "GA-STAT-003"
    severity = Severity.METADATA
    authority = ("cocohearts-2124", "readme-r8")
    would_change = "Logs of all seeds with one configuration."
    legal: ClassVar[tuple[Example, ...]] = (
        Example("one configuration", files=submission(*_RUNS)),
        Example(
            "the data in another place",
            files=submission(*_RUNS[:2], SampleRun(2025, settings=_OFF + "\ndata_dir: /workspace/data/")),
        ),
        Example(
            "the seed under a shorter name",
            files=submission(*(SampleRun(s, settings=f"{_OFF}\ns: {s}") for s in (42, 1337, 2025))),
        ),
        Example(
            "a size, measured",
            files=submission(*(SampleRun(s, settings=f"size_lzma: 15.1{s} MB  (limit 16 MB)") for s in (1, 2, 3))),
        ),
        Example(
            "where the log can be looked up",
            files=submission(*(SampleRun(s, before=f"https://example.org/runs/{s}9") for s in (1, 2, 3))),
        ),
        Example(
            "a stride that the loader draws, beside a setting that the script reads",
            files=submission(
                *(SampleRun(s, settings=f"loader_stride: {40 + s}") for s in (1, 2, 3)),
                code="import os\n\nRATE = os.environ.get('MATRIX_LR', 0.022)\n",
            ),
        ),
        Example(
            "the same number in other words",
            files=submission(*_RUNS[:2], SampleRun(2025, settings="ttt_enabled: False\nttt_lr: 5e-3")),
        ),
    )
    illegal: ClassVar[tuple[Example, ...]] = (
        Example(
            "a switch thrown in one seed",
            files=submission(*_RUNS[:2], SampleRun(2025, settings=_ON)),
            says="ttt_enabled",
        ),
        Example(
            "another rate",
            files=submission(*_RUNS[:2], SampleRun(2025, settings="ttt_enabled: False\nttt_lr: 0.01")),
            says="ttt_lr",
        ),
        Example(
            "two settings",
            files=submission(*_RUNS[:2], SampleRun(2025, settings="ttt_enabled: True\nttt_lr: 0.01")),
            says="2 settings",
        ),
    )

    def check(self, case: "Case") -> Iterator[Finding | Unproven]:
        """Name the settings whose values differ between the claimed runs."""
        headline = case.evidence.headline
        if headline is None or headline.confidence is Confidence.LOW:
            return
        differing = {
            name: settings
            for name, settings in case.evidence.configuration.disagreements.items()
            if not any(part in name for part in _UNIMPORTANT)
            and not any(_MEASURED.match(setting.value) for setting in settings)
            and _may_be_set(name, case)
        }
        if not differing:
            return
        name, settings = next(iter(differing.items()))
        odd = _odd_one(settings)
        told = "; ".join(
            f"{key} is {' / '.join(dict.fromkeys(setting.value for setting in values))}"
            for key, values in list(differing.items())[:6]
        )
        yield self.finding(
            f"The claimed runs differ in {len(differing)} setting{'s' if len(differing) > 1 else ''}: {told}.",
            odd.location,
            *(Related(setting.location, f"{name} is {setting.value}") for setting in settings if setting is not odd),
            confidence=Confidence.HIGH,
        )


def _may_be_set(name: str, case: "Case") -> bool:
    """Whether the program may read the setting: it names it, or it names nothing that its logs print."""
    if not isinstance(case.source, Source):
        return True
    text = case.source.text
    return _named(name, text) or not any(_named(other, text) for other in case.evidence.configuration.echo)


def _named(name: str, text: str) -> bool:
    return re.search(rf"\b{re.escape(name.upper())}\b|\.{re.escape(name)}\b", text) is not None


def _odd_one(settings: tuple[Setting, ...]) -> Setting:
    values = [setting.value for setting in settings]
    return min(settings, key=lambda setting: values.count(setting.value))
