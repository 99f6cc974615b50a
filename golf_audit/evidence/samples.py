"""Small submissions of our own making, in the formats that logs are met in: what examples of rules and tests are built from."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean, stdev

_BYTES_PER_TOKEN = 3.72663


@dataclass(frozen=True, slots=True)
class SampleRun:
    """One seed's run, told in the words of a log; the defaults break no rule."""

    seed: int = 42
    bpb: float = 1.08
    tokens: int = 40_540_160
    bytes_per_token: float = _BYTES_PER_TOKEN
    headline_bytes_per_token: float = 0.0
    """Where the headline line counts bytes in its own way."""
    train_ms: int = 588_100
    steps: int = 4600
    eval_ms: int = 110_000
    model: int = 15_900_000
    code: int = 20_000
    world: int = 8
    label: str = "quantized_sliding_window"
    settings: str = ""
    """Further lines of the dump of hyper-parameters."""
    before: str = ""
    """Further lines between training and the headline."""
    after: str = ""

    def log(self) -> str:
        """The run's log."""
        usual = self.bpb * math.log(2) * self.bytes_per_token
        own = self.bpb * math.log(2) * (self.headline_bytes_per_token or self.bytes_per_token)
        lines = [
            "Hyperparameters:",
            "  matrix_lr: 0.022",
            "  max_wallclock_seconds: 600.0",
            *(f"  {line}" for line in self.settings.splitlines()),
            f"  seed: {self.seed}",
            f"  world_size: {self.world}",
            "train_shards: 80",
            f"val_tokens: {self.tokens}",
            "0/20000 val_loss: 9.0100 val_bpb: " + f"{9.01 / math.log(2) / self.bytes_per_token:.4f}",
            f"{self.steps - 100}/20000 train_loss: 2.9001 train_time: {(self.train_ms - 13_000) / 60_000:.1f}m tok/s: 6200000",
            f"{self.steps}/20000 val_loss: {usual * 1.01:.4f} val_bpb: {self.bpb * 1.01:.4f}",
            f"stopping_early: wallclock_cap train_time: {self.train_ms}ms step: {self.steps}/20000",
            f"Serialized model: 135000000 bytes\nCode size: {self.code} bytes",
            f"Serialized model quantized+brotli: {self.model} bytes",
            f"Total submission size quantized+brotli: {self.model + self.code} bytes",
            *self.before.splitlines(),
            f"{self.label} val_loss:{own:.8f} val_bpb:{self.bpb:.8f} eval_time:{self.eval_ms}ms",
            *self.after.splitlines(),
        ]
        return "\n".join(lines) + "\n"


THREE = (SampleRun(42, 1.08), SampleRun(1337, 1.0806), SampleRun(2025, 1.0812))
"""Three seeds of one configuration."""


def submission(
    *runs: SampleRun,
    metadata: Mapping[str, object] | None = None,
    readme: str | None = None,
    code: str | None = None,
    files: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """
    The files of a submission with these runs (three by default).

    `metadata` is laid over the metadata that fits the runs; `readme` and `code` replace the README and the entry
    script; `files` come on top, and an empty text takes a file away.
    """
    runs = runs or THREE
    made = {f"train_seed{run.seed}.log": run.log() for run in runs}
    made["submission.json"] = json.dumps({**fitting_metadata(runs), **(metadata or {})}, indent=2)
    made["README.md"] = fitting_readme(runs) if readme is None else readme
    size = min(run.code for run in runs)
    stub = "print('train')\n"
    made["train_gpt.py"] = stub + "#" * (size - len(stub) - 1) + "\n" if code is None else code
    made.update(files or {})
    return {path: text for path, text in made.items() if text}


def fitting_metadata(runs: tuple[SampleRun, ...]) -> dict[str, object]:
    """A `submission.json` that agrees with the runs."""
    return {
        "name": "A stack of known parts",
        "author": "A. Golfer",
        "github_id": "a-golfer",
        "date": "2026-04-15",
        "track": "10min_16mb",
        "val_bpb": round(fmean(run.bpb for run in runs), 6),
        "val_bpb_std": round(stdev(run.bpb for run in runs), 6) if len(runs) > 1 else 0.0,
        "bytes_total": max(run.model + run.code for run in runs),
        "bytes_code": max(run.code for run in runs),
        "seed_results": {
            str(run.seed): {"val_bpb": run.bpb, "artifact_bytes": run.model + run.code, "steps": run.steps}
            for run in runs
        },
    }


def fitting_readme(runs: tuple[SampleRun, ...]) -> str:
    """A README that agrees with the runs."""
    rows = "\n".join(f"| {run.seed} | {run.bpb:.5f} | {run.steps} | {run.model + run.code:,} |" for run in runs)
    mean = fmean(run.bpb for run in runs)
    return (
        f"# A stack of known parts\n\n**val_bpb = {mean:.5f}** ({len(runs)}-seed mean)\n\n## Results\n\n"
        f"| Seed | val_bpb | Steps | Artifact (bytes) |\n|---|---|---|---|\n{rows}\n| Mean | {mean:.5f} | | |\n\n"
        "## Reproduction\n\n```bash\nSEED=42 torchrun --standalone --nproc_per_node=8 train_gpt.py\n```\n"
    )
