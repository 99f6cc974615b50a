"""
Cholesky factors of matrices that a toy run's few tokens leave just short of positive definite.

A Hessian of calibration tokens is added up in half precision; with as many tokens as a claimed run has, damping outweighs
the rounding. Here more is added to the diagonal where a factor fails, and only there.
"""

from typing import Any

import torch

from golf_audit.trace.inside.standins import Used

_MORE = 0.01, 0.1, 1.0
"""Shares of the mean of the diagonal."""


def install(used: Used) -> None:
    """Replace `torch.linalg.cholesky`."""
    factor = torch.linalg.cholesky

    def damped(matrix: Any, *, upper: bool = False, **options: Any) -> Any:
        try:
            return factor(matrix, upper=upper, **options)
        except torch.linalg.LinAlgError:
            size = matrix.diagonal(dim1=-2, dim2=-1).abs().mean()
            if not bool(size.isfinite()):
                raise
        used("factorising")
        unit = torch.eye(matrix.shape[-1], dtype=matrix.dtype)
        for share in _MORE[:-1]:
            try:
                return factor(matrix + share * size * unit, upper=upper, **options)
            except torch.linalg.LinAlgError:
                continue
        return factor(matrix + _MORE[-1] * size * unit, upper=upper, **options)

    torch.linalg.cholesky = damped
