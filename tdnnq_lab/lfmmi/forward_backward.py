"""The call that the rest of the library makes: totals and occupancies of a batch, differentiable."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..graphs.fsa import Fsa
from . import fast, sparse_torch
from .reference import forward_backward_reference


def forward_backward(
    fsa: Fsa | Sequence[Fsa], logits: Tensor, lengths: Tensor, *, leaky: float = 0.0
) -> tuple[Tensor, Tensor]:
    """Sum over all paths of a graph for each utterance of a batch.

    Args:
      fsa: one graph for all utterances (a denominator), or a sequence of B graphs (numerators).
      logits: Tensor of shape (B, T, P), log weights of the P pdfs (natural logs); computed in float64.
      lengths: integer Tensor of shape (B,): utterance b has frames 0 … lengths[b] - 1.
      leaky: coefficient of Kaldi's leaky HMM; the graph's initial distribution is where leaks lead.

    Returns:
      total: Tensor of shape (B,), float64, differentiable: log of the summed weight of the utterance's paths.
      occupancy: Tensor of shape (B, T, P), float32: posterior of each pdf at each frame, the gradient of the total.
      Without a path, or with NaN or +inf among its logits: total -inf, occupancy and gradient 0.

    Raises:
      ValueError: shapes that do not fit, a length outside 0 … T, a pdf beyond P, a negative leak.

    Source: Povey et al. 2016; Kaldi's chain-denominator.cc (leaky HMM) and chain-numerator.cc.
    """
    fsas = [fsa] * logits.shape[0] if isinstance(fsa, Fsa) else list(fsa)
    _check(fsas, logits, lengths, leaky)
    total, occupancy = _ForwardBackward.apply(logits, lengths, fsas, float(leaky))
    return total, occupancy


class _ForwardBackward(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, logits: Tensor, lengths: Tensor, fsas: list[Fsa], leaky: float) -> tuple[Tensor, Tensor]:
        compute = _on_cpu if logits.device.type == "cpu" else sparse_torch.run
        total, occupancy = compute(fsas, logits.detach(), lengths, leaky)
        ctx.save_for_backward(occupancy)
        ctx.dtype = logits.dtype
        ctx.mark_non_differentiable(occupancy)
        return total, occupancy

    @staticmethod
    def backward(ctx: Any, grad_total: Tensor, _: Tensor) -> tuple[Tensor, None, None, None]:  # type: ignore[override]
        (occupancy,) = ctx.saved_tensors
        # An utterance without a path has occupancy 0; whatever gradient comes in, 0 goes out (0 * inf would be NaN).
        live = occupancy.flatten(1).any(1)
        weight = torch.where(live, grad_total, 0.0).to(occupancy.dtype)
        return (occupancy * weight[:, None, None]).to(ctx.dtype), None, None, None


def _on_cpu(fsas: list[Fsa], logits: Tensor, lengths: Tensor, leaky: float) -> tuple[Tensor, Tensor]:
    """Spread the batch over threads; send what underflowed through the log domain."""
    # What torch spreads over OpenMP threads waits for all of them, on a busy machine for long: numpy, and our own pool.
    total = torch.full(logits.shape[:1], -torch.inf, dtype=torch.float64)
    occupancy = torch.from_numpy(np.zeros(logits.shape, np.float32))
    logits = (logits if logits.dtype in (torch.float32, torch.float64) else logits.float()).contiguous()
    with np.errstate(all="ignore"):
        clean = bool(np.isfinite(logits.numpy().sum()))
    good = range(len(logits)) if clean else (~_spoiled(logits, lengths)).nonzero().flatten().tolist()
    threads = torch.get_num_threads()
    jobs = fast.plan(fsas, lengths.tolist(), good, threads)
    work = partial(fast.compute, logits=logits.numpy(), occupancy=occupancy.numpy(), leaky=leaky)
    list(fast.spread(threads)(work, jobs))
    for job in jobs:
        for b, sums, apart in zip(job.places, job.total.tolist(), job.apart.tolist(), strict=False):
            if apart <= fast.AGREEMENT:
                total[b] = sums
            else:
                n = int(lengths[b])
                total[b], occupancy[b, :n] = forward_backward_reference(fsas[b], logits[b, :n], leaky=leaky)
    return total, occupancy


def _spoiled(logits: Tensor, lengths: Tensor) -> Tensor:
    """Which utterances hold NaN or +inf within their length: (B,) bool."""
    inside = torch.arange(logits.shape[1], device=logits.device)[None] < lengths.to(logits.device)[:, None]
    wrong = torch.isnan(logits) | (logits == torch.inf)
    return (wrong.any(2) & inside).any(1)


def _check(fsas: list[Fsa], logits: Tensor, lengths: Tensor, leaky: float) -> None:
    if logits.ndim != 3:
        raise ValueError(f"logits have shape {tuple(logits.shape)}; (B, T, P) is needed")
    batch, frames, pdfs = logits.shape
    if len(fsas) != batch:
        raise ValueError(f"{len(fsas)} graphs for a batch of {batch}; give one graph, or one for each utterance")
    if lengths.shape != (batch,) or lengths.is_floating_point():
        raise ValueError(
            f"lengths have shape {tuple(lengths.shape)} and type {lengths.dtype}; ({batch},) integers needed"
        )
    if batch and (int(lengths.min()) < 0 or int(lengths.max()) > frames):
        raise ValueError(f"lengths {lengths.tolist()} are not all within 0 … {frames}, the frames of the logits")
    if leaky < 0:
        raise ValueError(f"leaky is {leaky}; it must not be negative")
    for b, fsa in enumerate({id(f): f for f in fsas}.values()):
        if fsa.num_pdfs > pdfs:
            raise ValueError(
                f"graph {b} uses pdf {fsa.num_pdfs - 1}, the logits have {pdfs} pdfs: model and graph differ"
            )
