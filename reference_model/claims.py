"""
What a submission says about itself: README.md and submission.json.

Every number is computed from the logs. What the runs were made with is described, not what the recipe would have had,
and the command that is shown repeats them.
"""

import json
import statistics
from dataclasses import dataclass, fields

from .config import Config
from .results import RunResults, headline

RUN_IT = """```bash
pip install -r requirements.txt
SEED=42 {settings}torchrun --standalone --nproc_per_node={processes} train_gpt.py
```"""
PHASES = (
    "The script trains and quantises on the first clock and evaluates from the artifact on the second. The variable "
    "`PHASE` limits it to `train` or `eval`; published runs do one after the other, in two processes."
)
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
FORBIDDEN = (
    "**This folder is an exhibit.** The recipe breaks the contest's rules and says so in its logs; "
    "it is kept to show what that looks like. Do not submit it."
)


@dataclass(frozen=True, slots=True)
class Author:
    """Who submits, and when (YYYY-MM-DD)."""

    name: str
    github_id: str
    date: str


def mean_std(values: list[float]) -> tuple[float, float]:
    """Mean and sample standard deviation, which one value does not have: 0."""
    return statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else 0.0


def metadata(ran: Config, results: list[RunResults], author: Author, code_bytes: int) -> str:
    """The text of submission.json, for runs made with the settings `ran`."""
    data: dict[str, object] = {
        "author": author.name,
        "github_id": author.github_id,
        "name": f"{ran.preset}: reference recipe",
        "blurb": BLURBS[ran.preset],
        "date": author.date,
        "track": "10min_16mb",
        "bytes_code": code_bytes,
    }
    if results:
        loss, loss_std = mean_std([result.scores[headline(ran)].val_loss for result in results])
        bpb, bpb_std = mean_std([result.scores[headline(ran)].val_bpb for result in results])
        data |= {
            "val_loss": round(loss, 8),
            "val_bpb": round(bpb, 8),
            "val_loss_std": round(loss_std, 8),
            "val_bpb_std": round(bpb_std, 8),
            "bytes_total": max(result.total_bytes for result in results),
            "seeds": [result.seed for result in results],
            "seed_results": {str(result.seed): _seed_results(result, headline(ran)) for result in results},
        }
    return json.dumps(data, indent=2) + "\n"


def _seed_results(result: RunResults, label: str) -> dict[str, float]:
    return {
        "val_loss": result.scores[label].val_loss,
        "val_bpb": result.scores[label].val_bpb,
        "artifact_bytes": result.total_bytes,
        "steps": result.steps,
        "training_clock_seconds": result.train_seconds,
        "eval_seconds": result.scores[label].seconds,
        "eval_clock_seconds": result.eval_seconds,
    }


def readme(config: Config, ran: Config, results: list[RunResults]) -> str:
    """The text of README.md: the recipe `config`, and runs of it made with the settings `ran`."""
    parts = [f"# {ran.preset}: reference recipe", BLURBS[ran.preset]]
    if ran.prequant_ttt_enabled or ran.ppm_enabled:
        parts.append(FORBIDDEN)
    parts += tables(ran, results) if results else ["No run has been made yet: there is no result to claim."]
    processes = results[0].world_size if results else 8
    command = RUN_IT.format(settings=overrides(config, ran), processes=processes)
    parts += ["## What it is", description(ran), "## How to run it", command, PHASES]
    return "\n\n".join(parts) + "\n"


def overrides(config: Config, ran: Config) -> str:
    """The variables that make the settings `ran` of the recipe `config`, as a shell takes them before a command."""
    changed = {f.name.upper(): getattr(ran, f.name) for f in fields(Config) if f.name not in {"data_dir", "out_dir"}}
    words = [
        f"{name}={int(value) if isinstance(value, bool) else value} "
        for name, value in changed.items()
        if value != getattr(config, name.lower())
    ]
    return "".join(words)


def tables(ran: Config, results: list[RunResults]) -> list[str]:
    """The claim in one sentence, and one row for each seed."""
    label = headline(ran)
    bpb, bpb_std = mean_std([result.scores[label].val_bpb for result in results])
    loss, loss_std = mean_std([result.scores[label].val_loss for result in results])
    summary = (
        f"**val_bpb {bpb:.5f}** (mean of {len(results)}, standard deviation {bpb_std:.5f}); "
        f"val_loss {loss:.5f} (standard deviation {loss_std:.5f}); result: `{label}`; "
        f"{results[0].world_size} process(es)."
    )
    rule = "|---" * (HEADER.count("|") - 1) + "|"
    return [summary, "\n".join([HEADER, rule, *(_row(result, label) for result in results)])]


def _row(result: RunResults, label: str) -> str:
    before, quantized, claimed = (result.scores[name] for name in ("pre-quantization post-ema", "quantized", label))
    return (
        f"| {result.seed} | {result.steps} | {before.val_bpb:.5f} | {quantized.val_bpb:.5f} "
        f"| {claimed.val_loss:.5f} | {claimed.val_bpb:.5f} | {result.total_bytes:,} "
        f"| {result.train_seconds:.1f} | {result.eval_seconds:.1f} |"
    )


def description(config: Config) -> str:
    """The recipe in a few lines."""
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
