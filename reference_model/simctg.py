"""
SimCTG: a contrastive regulariser on hidden states (Su et al. 2022, arXiv 2202.06417), in the form of PR #1971.

What differs from the paper: the hinge is on (similarity + margin), not on (similarity + margin - 1), and it is
squared. It therefore pushes any two positions apart until their cosine is below -margin. Only the first `block`
positions of a micro-batch are compared.
"""

import torch
import torch.nn.functional as F
from torch import Tensor


def contrastive_loss(hidden: Tensor, margin: float, block: int) -> Tensor:
    """Mean squared hinge over the ordered pairs of different positions of `hidden` (B, T, C): a scalar."""
    rows = hidden.reshape(-1, hidden.size(-1))[:block]  # (n, C)
    n = rows.size(0)
    if n < 2:
        return rows.new_zeros(())
    rows = F.normalize(rows.float(), dim=-1, eps=1e-6)
    cosine = rows @ rows.T  # (n, n)
    hinge = (cosine + margin).clamp(min=0.0).square()
    others = ~torch.eye(n, dtype=torch.bool, device=rows.device)
    return (hinge * others).sum() / (n * (n - 1))
