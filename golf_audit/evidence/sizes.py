"""What the artifact weighs, per seed, in every reading of which code bytes count."""

import base64
import lzma
from dataclasses import dataclass
from functools import cached_property

from golf_audit.evidence.claim import Claim, Quantity
from golf_audit.evidence.claims import Claims
from golf_audit.evidence.events import CodeForm, CodeSize, ModelSize, TotalSize
from golf_audit.evidence.evidence import Evidence
from golf_audit.evidence.runlog import Run, RunLog
from golf_audit.evidence.uncommented import uncommented
from golf_audit.folder import Folder

_RAW = [{"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME}]
_STUB = 120
"""Bytes of the few words around a packed script that unpack and run it."""
_MINIFIED = 0.6
"""The part of a packed script that is left where its names and comments were shortened first; real ones keep 0.7 and more."""
_UNCOMPRESSED = 30_000_000
_SMALLEST = 100_000
_LAUNCHER = 2_000
"""Bytes up to which an entry script that names another script can do little else than run it."""


@dataclass(frozen=True)
class Weighing:
    """One run's artifact; every size in bytes, None where the log does not state it."""

    log: RunLog
    run: Run
    seed: int | None
    total: TotalSize | None
    """Code and model as the log adds them."""
    model: ModelSize | None
    code: CodeSize | None
    """The code that the log counts."""
    shipped_code: int
    """The entry script as it lies in the folder, with the script that a launcher runs."""
    claims: tuple[Claim, ...]
    """What metadata and README state as this seed's total."""
    alternatives: tuple[TotalSize, ...] = ()
    """Other compressed totals in the run, where it tried several packings."""

    @property
    def whose(self) -> str:
        """The run in words."""
        return f"seed {self.seed}" if self.seed is not None else "the run"

    @property
    def logged(self) -> int | None:
        """The total that the log states, else model and code as it counts them."""
        if self.total:
            return self.total.size
        return self.model.size + self.code.size if self.model and self.code else None

    @property
    def shipped(self) -> int | None:
        """Model and the shipped script."""
        return self.model.size + self.shipped_code if self.model and self.shipped_code else None

    def packed(self, code: int) -> int | None:
        """Model and a script packed into `code` bytes."""
        return self.model.size + code if self.model else None


def weigh(evidence: Evidence) -> tuple[Weighing, ...]:
    """The artifacts of the claimed runs."""
    shipped = _shipped(evidence.folder)
    return tuple(
        weighing for log, run in evidence.claimed_runs if (weighing := _weigh(log, run, shipped, evidence.claims))
    )


def _shipped(folder: Folder) -> int:
    """Bytes of the entry script, and of the folder's scripts that it names where it is too short for a program; 0 without one."""
    entry = folder.files.get(folder.entry.path) if folder.entry else None
    if entry is None:
        return 0
    named = entry.text if entry.size <= _LAUNCHER else ""
    return entry.size + sum(file.size for file in folder.scripts if file is not entry and file.name in named)


def _weigh(log: RunLog, run: Run, shipped: int, claims: Claims) -> Weighing | None:
    seed = run.seed if run.seed is not None else log.seed
    stated = claims.of(Quantity.TOTAL_BYTES, seed) if seed is not None else ()
    whole = tuple(claim for claim in claims.of(Quantity.TOTAL_BYTES) if claim.seed is None and claim.statistic != "std")
    totals = [total for total in run.of(TotalSize) if total.exact and _SMALLEST <= total.size < _UNCOMPRESSED]
    labelled = [total for total in totals if total.label] or totals
    total = next(
        (t for t in reversed(labelled) if any(c.value == t.size for c in (*stated, *whole))),
        labelled[-1] if labelled else None,
    )
    models = [model for model in run.of(ModelSize) if _SMALLEST <= model.size < _UNCOMPRESSED]
    codes = run.of(CodeSize)
    model, code = _pair(total, models, codes)
    if total is None and model is None:
        return None
    others = tuple(t for t in labelled if total and t.size != total.size)
    return Weighing(log, run, seed, total, model, code, shipped, stated, others)


def _pair(
    total: TotalSize | None, models: list[ModelSize], codes: tuple[CodeSize, ...]
) -> tuple[ModelSize | None, CodeSize | None]:
    """The model and the code that add up to the total, else the last of each (compressed code first)."""
    if total:
        for model in reversed(models):
            for candidate in reversed(codes):
                if model.size + candidate.size == total.size:
                    return model, candidate
    counted = [code for code in codes if code.form is not CodeForm.UNCOMPRESSED] or list(codes)
    code = counted[-1] if counted else None
    before = [model for model in models if model.label and (total is None or model.size <= total.size)]
    return (before[-1] if before else None), code


@dataclass(frozen=True)
class Packing:
    """Self-extracting forms of a script that the auditor itself can make."""

    source: str

    @property
    def least(self) -> int:
        """What a minifier before the packing could bring it down to, at best."""
        return int(self.size * _MINIFIED)

    @cached_property
    def size(self) -> int:
        """Bytes of the text as it is, packed."""
        return _packed(self.source)

    @cached_property
    def smaller(self) -> int:
        """Bytes of the text packed without its comments and docstrings; as it is where it does not parse."""
        text = uncommented(self.source)
        return self.size if text is None else _packed(text)

    def within(self, room: int) -> int:
        """The first of these forms that fits into `room` bytes, else the smallest."""
        return self.size if self.size <= room else min(self.size, self.smaller)


def _packed(text: str) -> int:
    """Bytes of LZMA in base 85 with a stub around it."""
    packed = lzma.compress(text.encode(), format=lzma.FORMAT_RAW, filters=_RAW)
    return len(base64.b85encode(packed)) + _STUB
