"""How far a rounded model is from the full one: at a layer's activations, at the criterion, in path posteriors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from ..graphs import Fsa
from ..lfmmi import forward_backward
from ..training.metrics import Means, read_loss

NEAR = 8.0  # activations that differ by no more take the formula that is exact for small differences


def sigmoid_divergences(full: Tensor, rounded: Tensor) -> tuple[Tensor, Tensor]:
    """Eq 7 at every frame, summed over the units of a layer: as printed, and as a divergence of Bernoulli variables.

    With p = σ(h) of the full-precision model and q = σ(h') of the rounded one, Σ p ln(p/q) as printed, which may be
    negative, as σ(h) of several units is no distribution; and Σ p ln(p/q) + (1 - p) ln((1 - p)/(1 - q)), which
    is not.

    Args:
        full, rounded: h and h', [..., C].

    Returns:
        Two tensors [...], in nats.
    """
    apart = rounded - full
    if float(apart.abs().amax()) > NEAR:
        full, rounded, apart = full.double(), rounded.double(), apart.double()
        p = full.sigmoid()
        growth = logsigmoid(-full) - logsigmoid(-rounded)  # ln((1 - p) / (1 - q))
    else:
        p = full.sigmoid()
        growth = torch.log1p(p * torch.expm1(apart))
    printed = p * (growth - apart)
    return printed.sum(-1), (growth - p * apart).sum(-1)


def pooled_loss(outputs: Sequence[Any], targets: Sequence[Sequence[Any]], loss: Callable[..., Any]) -> float:
    """Mean over batches of `loss(outputs, *targets)`, weighted by the `frames` that a loss reports (else equally)."""
    means = Means()
    for out, target in zip(outputs, targets, strict=True):
        _, parts = read_loss(loss(out, *target))
        means.add(parts)
    return means.values()["loss"]


class PathPosteriors(NamedTuple):
    """The posteriors over a graph's paths that one batch of outputs gives.

    Args:
        logits: [B, T', P].
        lengths: [B], frames of T' that count.
        total: [B] float64, log of the summed weight of all paths (log Z).
        occupancy: [B, T', P], posterior of each pdf at each frame (γ).
    """

    logits: Tensor
    lengths: Tensor
    total: Tensor
    occupancy: Tensor

    @classmethod
    def of(cls, logits: Tensor, lengths: Tensor, graph: Fsa) -> PathPosteriors:
        """One forward-backward. Raises ValueError as `forward_backward`."""
        return cls(logits, lengths, *forward_backward(graph, logits, lengths))

    def divergence_to(self, logits: Tensor, graph: Fsa) -> float:
        """KL from these path posteriors P to those of other outputs y, Q, summed over the batch, in nats.

        A path's score is linear in the outputs x, so Σ P ln(P/Q) = Σ γ (x - y) - (log Z_x - log Z_y): at least 0
        but for rounding. Utterances without a path count 0.
        """
        other, _ = forward_backward(graph, logits, self.lengths)
        real = torch.arange(logits.shape[1], device=logits.device) < self.lengths.to(logits.device)[:, None]
        apart = torch.where(real[:, :, None], self.logits - logits, 0.0).double()
        expected = (self.occupancy * apart).sum((1, 2)).to(self.total.device)
        live = torch.isfinite(self.total)
        return float(torch.where(live, expected - (self.total - other), 0.0).sum())
