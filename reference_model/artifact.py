"""
The one file that evaluation may know the training by.

A JSON line names the tensors; then come all levels, all scales and all float16 tensors as raw bytes. Even and odd
bytes are kept apart (the two halves of a float16 have nothing in common), and brotli compresses the whole. The same
weights give the same bytes.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import brotli
import numpy as np
import torch
from torch import Tensor

from .config import Config
from .quantize import Quantized

TYPES = {"int8": torch.int8, "float16": torch.float16}


class ArtifactError(ValueError):
    """An artifact that is too large, or is not one."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """What the 16 MB are counted from."""

    model: int
    """Bytes of the compressed model."""
    code: int
    """Bytes of the script as it is shipped."""

    @property
    def total(self) -> int:
        """Both together."""
        return self.model + self.code


def shuffled(data: bytes) -> bytes:
    """The even bytes, then the odd ones."""
    stream = np.frombuffer(data, np.uint8)
    return stream[::2].tobytes() + stream[1::2].tobytes()


def unshuffled(data: bytes) -> bytes:
    """The inverse of `shuffled`."""
    stream = np.frombuffer(data, np.uint8)
    half = (len(stream) + 1) // 2
    result = np.empty_like(stream)
    result[::2], result[1::2] = stream[:half], stream[half:]
    return result.tobytes()


def encode(tensors: dict[str, Quantized]) -> bytes:
    """The artifact's bytes."""
    parts: dict[str, Tensor] = {}
    for name in sorted(tensors):
        parts[name] = tensors[name].levels
        scale = tensors[name].scale
        if scale is not None:
            parts[f"{name}:scale"] = scale
    ordered = sorted(parts.items(), key=lambda item: item[1].dtype != torch.int8)  # stable: levels first
    head = [[name, str(part.dtype).removeprefix("torch."), list(part.shape)] for name, part in ordered]
    body = b"".join(part.contiguous().numpy().tobytes() for _, part in ordered)
    line = json.dumps(head, separators=(",", ":")).encode()
    return bytes(brotli.compress(shuffled(line + b"\n" + body), quality=11, lgwin=24))


def decode(data: bytes) -> dict[str, Quantized]:
    """The tensors of an artifact by name; raises `ArtifactError` where `data` is not one."""
    try:
        head, _, body = unshuffled(brotli.decompress(data)).partition(b"\n")
        rows = json.loads(head)
    except (brotli.error, ValueError) as error:
        raise ArtifactError(f"not an artifact: {error}") from None
    parts, offset = {}, 0
    for name, type_name, shape in rows:
        count = int(np.prod(shape))
        part = torch.frombuffer(bytearray(body), dtype=TYPES[type_name], count=count, offset=offset)
        parts[name] = part.reshape(shape)
        offset += count * part.element_size()
    return {name: Quantized(part, parts.get(f"{name}:scale")) for name, part in parts.items() if ":" not in name}


def prune_to_fit(tensors: dict[str, Quantized], excess: int) -> int:
    """
    Zero the cheapest ±1 levels of the matrices, eight for every byte in excess; returns how many.

    The cheapest are those of the rows with the smallest step: the error is the step, squared.
    """
    matrices = [
        (tensor.levels, tensor.scale.float()[:, None].expand(tensor.levels.shape))
        for name, tensor in sorted(tensors.items())
        if tensor.scale is not None and "emb" not in name
    ]
    costs = [step[levels.abs() == 1] for levels, step in matrices]
    count = min(8 * excess, sum(len(cost) for cost in costs))
    if not count:
        return 0
    limit = torch.cat(costs).kthvalue(count).values
    for levels, step in matrices:
        levels[(levels.abs() == 1) & (step <= limit)] = 0
    return count


def write_artifact(tensors: dict[str, Quantized], config: Config, code_bytes: int) -> Sizes:
    """Write the artifact, unless it would be too large together with the code: then nothing is written."""
    data = encode(tensors)
    excess = len(data) + code_bytes - config.artifact_bytes
    if excess > 0 and config.prune_to_fit:
        prune_to_fit(tensors, excess)
        data = encode(tensors)
    sizes = Sizes(len(data), code_bytes)
    if sizes.total > config.artifact_bytes:
        raise ArtifactError(
            f"code ({sizes.code}) and model ({sizes.model}) are {sizes.total} bytes together, "
            f"{sizes.total - config.artifact_bytes} more than the {config.artifact_bytes} allowed; nothing was written"
        )
    part = Path(f"{config.artifact_path}.part")
    part.write_bytes(data)
    part.replace(config.artifact_path)  # whole or not at all
    return sizes


def read_artifact(config: Config) -> dict[str, Quantized]:
    """The tensors of the run's artifact."""
    path = Path(config.artifact_path)
    if not path.is_file():
        raise ArtifactError(f"no artifact at {path}; the training phase writes it")
    return decode(path.read_bytes())
