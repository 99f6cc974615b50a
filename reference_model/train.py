"""
The whole run, top to bottom: train, quantise, write the artifact; then, from the artifact alone, evaluate.

    torchrun --standalone --nproc_per_node=8 -m reference_model.train        # in a checkout; PRESET names the recipe

Phases are named by `PHASE`: `train`, `eval`, or both. Published runs take two processes, so that evaluation can know
nothing but the artifact. Everything between the two rules of `training_step` and the loop around it is on the clock.
"""

import hashlib
import os
from pathlib import Path

import torch
from torch import Tensor

from .adapt import evaluate_score_first
from .artifact import ArtifactError, read_artifact, write_artifact
from .clock import Clock, ClockError, seconds_since_start
from .config import Config
from .data import DataError, TrainLoader, Validation, load_validation
from .documents import evaluate_documents
from .evaluate import evaluate, evaluate_sliding, report
from .model import GPT, build_model
from .optim import MovingAverage, Optimizers, rate_at
from .ppm import mixture_bits
from .prequant import adapt_before_quantization
from .quantize import collect_hessians, quantize, restore, summary, treatments
from .runlog import RunLog
from .team import Team, join_team, leave_team

Forward = GPT
"""The model, or its compiled form, which is called alike."""


def training_step(
    model: Forward, loader: TrainLoader, optimizers: Optimizers, team: Team, step: int, rate: float
) -> Tensor:
    """One step on the next micro-batches; returns this rank's mean loss, a scalar."""
    train_loss = torch.zeros((), device=team.device)
    for _ in range(team.grad_accum_steps):
        train_ids, targets = loader.micro_batch()
        with team.precision():
            loss = model(train_ids, targets)
        (loss / team.grad_accum_steps).backward()
        train_loss += loss.detach() / team.grad_accum_steps
    optimizers.step(step, rate)
    return train_loss


def warm_up(model: GPT, forward: Forward, config: Config, team: Team, log: RunLog) -> None:
    """Compile and run everything once on state that is thrown away: weights, optimisers and data all begin anew."""
    initial = {name: weight.clone() for name, weight in model.state_dict().items()}
    loader, optimizers = TrainLoader(config, team), Optimizers(model, config, team)
    model.train()
    for looping in (False, True):
        model.looping = looping
        for step in range(config.warmup_steps):
            training_step(forward, loader, optimizers, team, step, 1.0)
        encoder, decoder = model.order()
        log.line(f"warmup: {config.warmup_steps} steps, encoder:{encoder} decoder:{decoder}")
    model.looping = False
    model.load_state_dict(initial)


def train(model: GPT, val: Validation, config: Config, team: Team, log: RunLog, clock: Clock) -> TrainLoader:
    """Train until the clock, less its reserve, or the steps run out; `model` ends as the average of its weights."""
    forward = team.compiled(model)
    if config.warmup_steps > 0:
        warm_up(model, forward, config, team, log)
    loader, optimizers = TrainLoader(config, team), Optimizers(model, config, team)
    average = MovingAverage(model, config.ema_decay)
    step, fraction = 0, 0.0
    while True:
        # Off the clock: how good is it?
        done = step >= config.iterations or fraction >= 1.0
        if done or look_due(step, config):
            result = evaluate(model, val, config, team)
            log.line(f"{step}/{config.iterations} val_loss: {result.val_loss:.4f} val_bpb: {result.val_bpb:.4f}")
        if done:
            break
        # On the clock, until the next look.
        with clock.part("steps"):
            model.train()
            while True:
                if not model.looping and looping_due(step, fraction, config):
                    model.looping = True
                    encoder, decoder = model.order()
                    log.line(f"layer_loop:enabled step:{step} frac:{fraction:.3f} encoder:{encoder} decoder:{decoder}")
                train_loss = training_step(forward, loader, optimizers, team, step, rate_at(fraction, config))
                average.update()
                step += 1
                fraction = team.largest(max(step / config.iterations, clock.fraction))
                log_step(step, train_loss, config, team, log, clock)
                if fraction >= 1.0 or look_due(step, config):
                    break
        if step == 1 and clock.remaining < 0:
            raise ClockError(
                f"the first step took {clock.elapsed:.1f} s, more than the {clock.budget:g} s of the clock"
            )
    if step < config.iterations:
        log.line(
            f"stopping_early: wallclock_cap train_time: {1000 * clock.elapsed:.0f}ms step: {step}/{config.iterations}"
        )
    average.apply()
    log.line("ema:applying EMA weights")
    model.looping = config.num_loops > 0
    return loader


def look_due(step: int, config: Config) -> bool:
    """Whether the model is validated before this step."""
    return config.val_loss_every > 0 and step % config.val_loss_every == 0


def looping_due(step: int, fraction: float, config: Config) -> bool:
    """Whether the looped layers are to be run more than once from here on."""
    at_step = config.enable_looping_step > 0 and step >= config.enable_looping_step
    return config.num_loops > 0 and (at_step or fraction >= config.enable_looping_at)


def log_step(step: int, train_loss: Tensor, config: Config, team: Team, log: RunLog, clock: Clock) -> None:
    """Log the first steps and then every `train_log_every`th: mean loss over the ranks, clock, throughput."""
    if step > 5 and (config.train_log_every <= 0 or step % config.train_log_every):
        return
    mean_loss = train_loss.clone()
    team.sum(mean_loss)
    seconds = clock.elapsed
    log.line(
        f"{step}/{config.iterations} train_loss: {mean_loss.item() / team.world_size:.4f} "
        f"train_time: {seconds / 60:.1f}m tok/s: {step * config.train_batch_tokens / seconds:.0f}"
    )


def train_phase(config: Config, team: Team, log: RunLog, code_bytes: int) -> None:
    """From nothing to the artifact, on the first clock."""
    torch.manual_seed(config.seed)
    clock = Clock(config.max_wallclock_seconds, config.gptq_reserve_seconds, team.settle)
    val = load_validation(config, team)
    model = build_model(config, team)
    log.line(f"train_shards: {len(TrainLoader(config, team).shards)}")
    log.line(f"val_tokens: {val.count}")
    log.line(f"model_params:{sum(p.numel() for p in model.parameters())}")
    reserve = config.gptq_reserve_seconds
    log.line(f"gptq:reserving {reserve:.0f}s, effective={1000 * (config.max_wallclock_seconds - reserve):.0f}ms")

    loader = train(model, val, config, team, log, clock)
    if team.on_gpu:
        log.line(
            f"peak memory allocated: {torch.cuda.max_memory_allocated() >> 20} MiB "
            f"reserved: {torch.cuda.max_memory_reserved() >> 20} MiB"
        )
    report(log, team, "pre-quantization post-ema", evaluate, model, val, config, team)
    if config.prequant_ttt_enabled:
        adapt_before_quantization(model, val, config, team, log)
        report(log, team, "post-prequant-ttt", evaluate, model, val, config, team)

    with clock.part("hessians"):
        hessians = collect_hessians(model, loader, config, team, clock)
    log.line(f"GPTQ:collected {len(hessians)} Hessians in {clock.parts['hessians']:.1f}s")
    log.line(f"train clock: {clock}")
    if team.is_main:
        write_model(model, hessians, config, log, code_bytes)
    team.wait()


def write_model(model: GPT, hessians: dict[str, Tensor], config: Config, log: RunLog, code_bytes: int) -> None:
    """Quantise and write the artifact, and log what it holds and weighs."""
    tensors = quantize(model, hessians, config)
    log.line("Quantized weights:")
    for line in summary(treatments(model, config)):
        log.line(line)
    log.line(f"Code size: {code_bytes} bytes")
    sizes = write_artifact(tensors, config, code_bytes)
    log.line(f"Serialized model quantized+brotli: {sizes.model} bytes")
    log.line(f"Total submission size quantized+brotli: {sizes.total} bytes")


def load_model(config: Config, team: Team) -> GPT:
    """The model that the artifact holds."""
    model = build_model(config, team)
    restore(model, read_artifact(config))
    model.looping = config.num_loops > 0
    return model


def eval_phase(config: Config, team: Team, log: RunLog, spent: float) -> None:
    """From the artifact to the score, on the second clock, of which `spent` seconds are gone."""
    clock = Clock(config.eval_wallclock_seconds, settle=team.settle, spent=spent)
    with clock.part("evaluation"):
        val = load_validation(config, team)
        model = load_model(config, team)
        log.line(f"artifact sha256:{hashlib.sha256(Path(config.artifact_path).read_bytes()).hexdigest()}")
        result = report(log, team, "quantized", evaluate, model, val, config, team)
        if config.sliding_window_enabled:
            result = report(log, team, "quantized_sliding_window", evaluate_sliding, model, val, config, team)
        if config.lora_ttt_enabled:
            report(log, team, "quantized_lora_ttt", evaluate_documents, model, val, config, team, log)
        if config.ttt_enabled:
            model = load_model(config, team)
            result = report(log, team, "quantized_ttt", evaluate_score_first, model, val, config, team, log)
        if config.ppm_enabled and team.is_main and result.losses is not None:
            mixture_bits(val, result.losses.tolist(), config, log)
    log.line(f"total_eval_time:{clock.elapsed:.1f}s budget:{clock.budget:.1f}s")
    if clock.remaining < 0:
        log.line(f"evaluation overdrew its clock by {-clock.remaining:.1f}s: this run does not count")


def main(config: Config, code: bytes) -> None:
    """Run the phases; `code` is the script as it is shipped. Data or limits that rule a run out end it with 64."""
    phases = set(os.environ.get("PHASE", "train,eval").split(","))
    if not phases <= {"train", "eval"}:
        raise ValueError(f"PHASE={os.environ['PHASE']!r} is not train, eval or both")
    team = join_team()
    log = RunLog(config.log_path, team)
    try:
        if "train" in phases:
            log.begin(config, team, code)
            train_phase(config, team, log, len(code))
        else:
            log.resume(config, team)
        if "eval" in phases:
            # A process that only evaluates is on the second clock from its first moment.
            eval_phase(config, team, log, 0.0 if "train" in phases else seconds_since_start())
    except (ArtifactError, ClockError, DataError) as error:
        log.line(f"refused: {error}")
        raise SystemExit(64) from error
    finally:
        leave_team(team)


if __name__ == "__main__":
    from .bundle import packed_script
    from .presets import preset_from_environment

    chosen = preset_from_environment(os.environ)
    main(chosen, packed_script(chosen))
