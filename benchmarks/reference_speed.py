"""
How fast the reference model's steps are on this machine, and what its shortcuts are worth.

    python benchmarks/reference_speed.py                        # toy scale, any machine
    python benchmarks/reference_speed.py --preset legal --scale full --profile     # a GPU

One micro-batch of random tokens is used throughout; every number is the median of several turns, taken in turn with
what it is compared with, so that a busy machine is as unfair to one as to the other.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from golf_audit.reference_model.model import build_model, token_losses
from golf_audit.reference_model.optim import NEWTON_SCHULZ, Optimizers, orthogonalize
from golf_audit.reference_model.presets import PRESETS, SCALES, preset
from golf_audit.reference_model.team import join_team


def medians(turns: int, *runs: Callable[[], object]) -> list[float]:
    """Median seconds of each of `runs`, taken in turn `turns` times after one that does not count."""
    team = join_team()
    taken: list[list[float]] = [[] for _ in runs]
    for turn in range(turns + 1):
        for run, seconds in zip(runs, taken, strict=True):
            team.settle()
            since = time.perf_counter()
            run()
            team.settle()
            if turn:
                seconds.append(time.perf_counter() - since)
    return [statistics.median(seconds) for seconds in taken]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", choices=tuple(PRESETS), default="pr1858")
    parser.add_argument("--scale", choices=SCALES, default="toy")
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--profile", action="store_true", help="print the kernels that take longest")
    options = parser.parse_args()
    config, team = preset(options.preset, options.scale), join_team()
    torch.set_num_threads(1)
    model = build_model(config, team)
    model.looping = True
    sequences = config.train_batch_tokens // (8 * config.train_seq_len)
    ids = torch.randint(config.vocab_size, (sequences, config.train_seq_len + 1), device=team.device)
    x, y = ids[:, :-1], ids[:, 1:]
    optimizers = Optimizers(model, config, team)
    forward, losses_of = team.compiled(model), team.compiled(model.losses)

    def micro_batch() -> None:
        with team.precision():
            forward(x, y).backward()

    def step() -> None:
        micro_batch()
        optimizers.step(0, 0.0)

    @torch.no_grad()
    def scored_logits() -> None:
        with team.precision():
            losses_of(x, y, config.eval_stride)

    @torch.no_grad()
    def all_logits() -> None:
        with team.precision():
            token_losses(model.head(model.hidden(x)), y)

    matrices = torch.randn(22, config.model_dim, config.model_dim, device=team.device)

    def together() -> None:
        orthogonalize(matrices, NEWTON_SCHULZ, 0.0)

    def one_by_one() -> None:
        for matrix in matrices:
            orthogonalize(matrix[None], NEWTON_SCHULZ, 0.0)

    print(
        f"{options.preset} ({options.scale}) on {team.device}, torch {torch.__version__}, {torch.get_num_threads()} thread(s)"
    )
    batch, whole = medians(options.turns, micro_batch, step)
    print(f"forward and backward   {1000 * batch:9.1f} ms   {x.numel() / batch:12,.0f} tokens/s")
    print(f"optimiser              {1000 * (whole - batch):9.1f} ms")
    fast, plain = medians(options.turns, scored_logits, all_logits)
    print(f"scored logits only     {1000 * fast:9.1f} ms   {plain / fast:12.2f} x as fast as all logits")
    fast, plain = medians(options.turns, together, one_by_one)
    print(f"22 matrices together   {1000 * fast:9.1f} ms   {plain / fast:12.2f} x as fast as one by one")
    if team.on_gpu:
        print(f"peak memory            {torch.cuda.max_memory_allocated() >> 20:9d} MiB")
    if options.profile:
        with torch.profiler.profile() as profiler:
            step()
        key = "self_cuda_time_total" if team.on_gpu else "self_cpu_time_total"
        print(profiler.key_averages().table(sort_by=key, row_limit=12))


if __name__ == "__main__":
    main()
