"""
A complete submission folder from finished runs: script, artifact, logs, README and submission.json.

Every number in README and submission.json is computed from the logs, and every check is made before the folder exists.
"""

import json
import shutil
import statistics
import tempfile
from dataclasses import dataclass
from pathlib import Path

from .bundle import packed_script
from .config import Config
from .presets import preset
from .results import ResultsError, RunResults, headline, read_results

SCRIPT = "train_gpt.py"
RUN_IT = """```bash
pip install -r requirements.txt
SEED=42 torchrun --standalone --nproc_per_node=8 train_gpt.py
```"""
PHASES = (
    "The script trains and quantises on the first clock and evaluates from the artifact on the second. The variable "
    "`PHASE` limits it to `train` or `eval`; published runs do one after the other, in two processes."
)
REQUIREMENTS = "brotli\nnumpy\nsentencepiece\ntorch\n"
HEADER = (
    "| seed | steps | post-EMA bpb | quantized bpb | val_loss | val_bpb "
    "| code + model (bytes) | training clock (s) | evaluation clock (s) |"
)
BLURBS = {
    "pr1971": "SimCTG regulariser and three-fold depth recurrence; a fixed model scored by sliding windows.",
    "pr1972": "EXHIBIT, not a valid submission: trains on the validation tokens before quantisation.",
    "pr1858": "Three-fold depth recurrence and score-first test-time training, chunk by chunk.",
    "pr1487": "EXHIBIT, not a valid submission: trains on the validation tokens before quantisation.",
    "legal": "Three-fold depth recurrence, Polar Express Muon and score-first adapters, document by document.",
}


class PackError(ValueError):
    """Runs that do not make up a submission, or a place that is taken."""


@dataclass(frozen=True, slots=True)
class Author:
    """Who submits, and when (YYYY-MM-DD)."""

    name: str
    github_id: str
    date: str


def pack(config: Config, runs: list[Path], out: Path, author: Author) -> Path:
    """
    Write the submission of `runs` (folders that the training command made) to `out`, and return it.

    Raises `PackError` or `ResultsError` where a run is incomplete, was made by other code, is over the limit, or
    repeats a seed, and where `out` exists; nothing is left behind then. Without runs there are no results to claim.
    """
    if out.exists():
        raise PackError(f"{out} exists already")
    script = packed_script(config)
    results = [_checked(run, config, script) for run in runs]
    seeds = [result.seed for result in results]
    if len(set(seeds)) < len(seeds):
        raise PackError(f"seeds {seeds}: each run needs a seed of its own")
    out.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=out.parent, prefix=".pack-"))
    try:
        (folder / SCRIPT).write_bytes(script)
        (folder / "requirements.txt").write_text(REQUIREMENTS, encoding="utf-8")
        (folder / "README.md").write_text(readme(config, results), encoding="utf-8")
        (folder / "submission.json").write_text(metadata(config, results, author, len(script)), encoding="utf-8")
        for run, result in zip(runs, results, strict=True):
            shutil.copyfile(run / log_name(result.seed), folder / log_name(result.seed))
        if runs:
            artifact = Path(config.artifact_path).name
            shutil.copyfile(runs[0] / artifact, folder / artifact)
        folder.chmod(0o755)
        folder.rename(out)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return out


def log_name(seed: int) -> str:
    """The log of one seed, in a run's folder and in the submission."""
    return f"train_seed{seed}.log"


def _checked(run: Path, config: Config, script: bytes) -> RunResults:
    logs = sorted(run.glob(log_name(0).replace("0", "*")))
    artifact = run / Path(config.artifact_path).name
    if len(logs) != 1 or not artifact.is_file() or not (run / SCRIPT).is_file():
        raise ResultsError(f"{run} must hold {SCRIPT}, one log and {artifact.name}, as the training command leaves it")
    actual = (run / SCRIPT).stat().st_size + artifact.stat().st_size
    if actual > config.artifact_bytes:
        raise PackError(f"{run} is {actual} bytes of code and model, over the {config.artifact_bytes} allowed")
    if (run / SCRIPT).read_bytes() != script:
        raise PackError(f"{run} was made by another script than {config.preset}'s now: train it again")
    result = read_results(logs[0], config)
    if actual != result.total_bytes:
        raise PackError(f"{run} holds {actual} bytes of code and model, but its log counts {result.total_bytes}")
    return result


def _mean_std(values: list[float]) -> tuple[float, float]:
    return statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else 0.0


def metadata(config: Config, results: list[RunResults], author: Author, code_bytes: int) -> str:
    """The text of submission.json."""
    data: dict[str, object] = {
        "author": author.name,
        "github_id": author.github_id,
        "name": f"{config.preset}: reference recipe",
        "blurb": BLURBS[config.preset],
        "date": author.date,
        "track": "10min_16mb",
        "bytes_code": code_bytes,
    }
    if results:
        scores = {result.seed: result.scores[headline(config)] for result in results}
        loss, loss_std = _mean_std([score.val_loss for score in scores.values()])
        bpb, bpb_std = _mean_std([score.val_bpb for score in scores.values()])
        data |= {
            "val_loss": round(loss, 8),
            "val_bpb": round(bpb, 8),
            "val_loss_std": round(loss_std, 8),
            "val_bpb_std": round(bpb_std, 8),
            "bytes_total": max(result.total_bytes for result in results),
            "seeds": list(scores),
            "seed_results": {
                str(result.seed): {
                    "val_loss": scores[result.seed].val_loss,
                    "val_bpb": scores[result.seed].val_bpb,
                    "artifact_bytes": result.total_bytes,
                    "steps": result.steps,
                    "train_seconds": result.train_seconds,
                    "eval_seconds": scores[result.seed].seconds,
                    "eval_clock_seconds": result.eval_seconds,
                }
                for result in results
            },
        }
    return json.dumps(data, indent=2) + "\n"


def readme(config: Config, results: list[RunResults]) -> str:
    """The text of README.md."""
    parts = [f"# {config.preset}: reference recipe", BLURBS[config.preset]]
    if config.prequant_ttt_enabled or config.ppm_enabled:
        parts.append(
            "**This folder is an exhibit.** The recipe breaks the contest's rules and says so in its logs; "
            "it is kept to show what that looks like. Do not submit it."
        )
    parts += _tables(config, results) if results else ["No run has been made yet: there is no result to claim."]
    parts += [
        "## What it is",
        _description(config),
        "## How to run it",
        RUN_IT,
        PHASES,
    ]
    return "\n\n".join(parts) + "\n"


def _tables(config: Config, results: list[RunResults]) -> list[str]:
    label = headline(config)
    bpb, bpb_std = _mean_std([result.scores[label].val_bpb for result in results])
    loss, loss_std = _mean_std([result.scores[label].val_loss for result in results])
    rows = [
        f"| {r.seed} | {r.steps} | {r.scores['pre-quantization post-ema'].val_bpb:.5f} | {r.scores['quantized'].val_bpb:.5f} "
        f"| {r.scores[label].val_loss:.5f} | {r.scores[label].val_bpb:.5f} | {r.total_bytes:,} "
        f"| {r.train_seconds:.1f} | {r.eval_seconds:.1f} |"
        for r in results
    ]
    summary = (
        f"**val_bpb {bpb:.5f}** (mean of {len(results)}, standard deviation {bpb_std:.5f}); "
        f"val_loss {loss:.5f} (standard deviation {loss_std:.5f}); result: `{label}`; "
        f"{results[0].world_size} process(es)."
    )
    return [summary, "\n".join([HEADER, "|---" * (HEADER.count("|") - 1) + "|", *rows])]


def _description(config: Config) -> str:
    loops = f"layers {config.loop_start}-{config.loop_end} run {1 + config.num_loops} times"
    lines = [
        f"- {config.num_layers} layers of {config.model_dim}, {config.num_heads} heads over {config.num_kv_heads}; {loops}",
        f"- attention and MLP side by side from layer {config.parallel_residual_start}",
        f"- Muon ({config.muon_coefficients}) for matrices, AdamW for the rest, average of weights {config.ema_decay}",
        f"- int{config.matrix_bits} matrices, int{config.embed_bits} embeddings, brotli",
    ]
    if config.simctg_lambda:
        lines.append(f"- SimCTG, weight {config.simctg_lambda}, margin {config.simctg_margin}")
    if config.ttt_enabled:
        lines.append(
            f"- score-first test-time training: chunks of {config.ttt_chunk_tokens} tokens, each scored before it is learned from"
        )
    if config.lora_ttt_enabled:
        lines.append("- score-first adapters of each document: every chunk is scored before the adapters learn from it")
    return "\n".join(lines)


def describe(name: str, scale: str) -> str:
    """What a preset is made of: parameters by part, the layers' order, what is quantised how, and how it is scored."""
    import torch

    from .model import GPT
    from .quantize import GPTQ, summary, treatments

    config = preset(name, scale)
    with torch.device("meta"):  # shapes are enough
        model = GPT(config)
    model.looping = config.num_loops > 0
    encoder, decoder = model.order()
    plan = treatments(model, config)
    sizes: dict[str, int] = {}
    for parameter_name, parameter in model.named_parameters():
        words = parameter_name.split(".")
        part = words[2] if words[0] == "blocks" else words[0]
        sizes[part] = sizes.get(part, 0) + parameter.numel()
    exhibits = [
        what for what, on in {"prequant_ttt": config.prequant_ttt_enabled, "ppm": config.ppm_enabled}.items() if on
    ]
    lines = [
        f"{config.preset} ({scale}): {BLURBS[config.preset]}",
        "",
        f"model_params:{sum(sizes.values())}",
        *(f"  {part:<16} {size:>12,}" for part, size in sizes.items()),
        f"encoder:{encoder} decoder:{decoder}",
        f"Hessians: {sum(treatment.method == GPTQ for treatment in plan.values())}",
        *summary(plan),
        f"code: {len(packed_script(config))} bytes as shipped",
        f"headline: {headline(config)}",
        f"forbidden exhibits: {', '.join(exhibits) or 'none'}",
        "",
        *(f"  {key}: {value}" for key, value in _settings(config).items()),
    ]
    return "\n".join(lines)


def _settings(config: Config) -> dict[str, object]:
    from .config import settings

    return settings(config)
