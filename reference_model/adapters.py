"""
Low-rank adapters (LoRA, Hu et al. 2021), one set for every document of a batch.

Legend: N documents, T time, r rank.
"""

import torch
from torch import Tensor, nn


class Adapter(nn.Module):
    """A correction of one matrix for each of N documents; all begin alike, as zero, whatever batch they are in."""

    def __init__(self, documents: int, inputs: int, outputs: int, rank: int, generator: torch.Generator) -> None:
        super().__init__()
        down = torch.randn(rank, inputs, generator=generator) * inputs**-0.5
        self.down = nn.Parameter(down.repeat(documents, 1, 1))
        self.up = nn.Parameter(torch.zeros(documents, outputs, rank))

    def forward(self, x: Tensor) -> Tensor:
        """(N, T, inputs) -> (N, T, outputs)."""
        return (x @ self.down.mT.to(x.dtype)) @ self.up.mT.to(x.dtype)


class Adapters(nn.Module):
    """The adapters of a model: queries and values of every layer, and the head."""

    def __init__(
        self, documents: int, sizes: list[dict[str, tuple[int, int]]], head: tuple[int, int], rank: int
    ) -> None:
        """`sizes` holds, layer by layer, the (inputs, outputs) of each adapted matrix; `head` those of the head."""
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.layers = [
            {name: Adapter(documents, *size, rank, generator) for name, size in layer.items()} for layer in sizes
        ]
        for number, layer in enumerate(self.layers):
            for name, adapter in layer.items():
                self.add_module(f"{number}_{name}", adapter)
        self.head = Adapter(documents, *head, rank, generator)

    def block(self, layer: int) -> dict[str, Adapter]:
        """The adapters of one layer by name."""
        return self.layers[layer]
