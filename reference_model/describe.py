"""What a recipe is made of, without running it."""

from collections import Counter

import torch

from .bundle import packed_script
from .claims import BLURBS
from .config import settings
from .model import GPT
from .presets import preset
from .quantize import GPTQ, summary, treatments
from .results import headline


def describe(name: str, scale: str) -> str:
    """Parameters by part, the layers' order, what is quantised how, the script's size, the headline and the settings."""
    config = preset(name, scale)
    with torch.device("meta"):  # shapes are enough
        model = GPT(config)
    model.looping = config.num_loops > 0
    encoder, decoder = model.order()
    plan = treatments(model, config)
    parts = parameters_by_part(model)
    switches = {"prequant_ttt": config.prequant_ttt_enabled, "ppm": config.ppm_enabled}
    lines = [
        f"{config.preset} ({scale}): {BLURBS[config.preset]}",
        "",
        f"model_params:{parts.total()}",
        *(f"  {part:<16} {size:>12,}" for part, size in parts.items()),
        f"encoder:{encoder} decoder:{decoder}",
        f"Hessians: {sum(treatment.method == GPTQ for treatment in plan.values())}",
        *summary(plan),
        f"code: {len(packed_script(config))} bytes as shipped",
        f"headline: {headline(config)}",
        f"forbidden exhibits: {', '.join(what for what, on in switches.items() if on) or 'none'}",
        "",
        *(f"  {key}: {value}" for key, value in settings(config).items()),
    ]
    return "\n".join(lines)


def parameters_by_part(model: GPT) -> Counter[str]:
    """How many parameters each part of `model` has, all layers' together."""
    sizes: Counter[str] = Counter()
    for name, parameter in model.named_parameters():
        words = name.split(".")
        sizes[words[2] if words[0] == "blocks" else words[0]] += parameter.numel()
    return sizes
