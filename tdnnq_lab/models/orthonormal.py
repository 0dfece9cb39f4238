"""Kaldi's semi-orthogonal constraint on the low-rank matrices (Povey et al. 2018, section 2)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .components import FactoredLayer, Head
from .tdnnf import Tdnnf


@torch.no_grad()
def semi_orthogonal_step(model: nn.Module) -> None:
    """Move every constrained matrix M one step towards M Mᵀ = s² I, its scale s floating. In place.

    Call it after the optimiser's step (Kaldi does so after one minibatch in four). It acts on the linear part of
    every factored layer, prefinal-l, and the heads' narrow linear layers.
    Source: ConstrainOrthonormalInternal in Kaldi's nnet-utils.cc with orthonormal-constraint -1.0.

    Args:
        model: any module that contains such layers.
    """
    by_shape: dict[tuple[int, ...], list[Tensor]] = {}
    for weight in constrained_weights(model):
        by_shape.setdefault(tuple(weight.shape), []).append(weight)
    for weights in by_shape.values():
        m = torch.stack(weights)
        m = _step(m) if m.shape[1] <= m.shape[2] else _step(m.transpose(1, 2)).transpose(1, 2)
        torch._foreach_copy_(weights, list(m.unbind()))


def semi_orthogonal_error(weight: Tensor) -> float:
    """Root mean square, over the rows, of the norm of M Mᵀ/s² - I (0: semi-orthogonal) for weight [d, D]."""
    m = weight.detach().double()
    p = m @ m.t() if m.shape[0] <= m.shape[1] else m.t() @ m
    scale_squared = p.square().sum() / p.trace()
    error = p / scale_squared - torch.eye(len(p), dtype=p.dtype, device=p.device)
    return float(error.norm()) / len(p) ** 0.5


def constrained_weights(model: nn.Module) -> list[Tensor]:
    """The matrices that `semi_orthogonal_step` acts on."""
    found = []
    for module in model.modules():
        if isinstance(module, (FactoredLayer, Head)):
            found.append(module.linear.weight)
        elif isinstance(module, Tdnnf):
            found.append(module.prefinal_l.weight)
    return found


def _step(m: Tensor) -> Tensor:
    """One step for a stack of matrices m [N, d, D], d <= D.

    With P = M Mᵀ, s² = tr(P Pᵀ)/tr(P) makes the change orthogonal to M, so that the step leaves the scale to the
    criterion. The speed 1/8 converges quadratically near the goal; far from it (singular values spread, ratio
    above 1.02 or 1.1) the step is halved once or twice to stay stable.
    """
    p = m @ m.transpose(1, 2)
    trace = p.diagonal(dim1=1, dim2=2).sum(1)
    squares = p.square().sum((1, 2))
    ratio = squares * m.shape[1] / trace.square()
    speed = 0.125 * torch.where(ratio > 1.02, 0.5, 1.0) * torch.where(ratio > 1.1, 0.5, 1.0)
    scale_squared = (squares / trace)[:, None, None]
    p.diagonal(dim1=1, dim2=2).sub_(scale_squared.squeeze(-1))
    change = (p @ m).mul_(-4 * speed[:, None, None] / scale_squared)
    return m + torch.where(trace[:, None, None] > 0, change, 0.0)  # a matrix of zeros stays as it is
