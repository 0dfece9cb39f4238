"""Forward-backward in the log domain, one utterance at a time: slow, and as close to the equations as code gets."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..graphs.fsa import Fsa

NO_PATH = -math.inf


def forward_backward_reference(fsa: Fsa, logits: Tensor, *, leaky: float = 0.0) -> tuple[Tensor, Tensor]:
    """Log of the summed weight of all paths, and the posterior of each pdf at each frame.

        alpha_0(s)     = initial(s)
        alpha_t+1(s')  = log sum over arcs s -> s' of exp(alpha'_t(s) + score + logits[t, pdf])
        alpha'_t(s)    = log(exp alpha_t(s) + leaky * exp initial(s) * sum over r of exp alpha_t(r))
        total          = log sum over s of exp(alpha'_T(s) + final(s))

    Args:
      fsa: the graph, S states and A arcs.
      logits: Tensor of shape (T, P): log weight of each pdf at each frame, frames of this utterance alone.
      leaky: probability of a jump to an initial state after each of frames 0 … T (Kaldi's leaky HMM).

    Returns:
      The total (float64, no dimensions; -inf without a path) and the occupancy of shape (T, P), float64.

    Source: Povey et al. 2016 (LF-MMI), Kaldi's chain-denominator.cc; in logs throughout.
    """
    source, destination, pdf = (column.long() for column in fsa.arcs.to(logits.device).unbind(1))
    scores, initial, final = (t.to(logits.device, torch.float64) for t in (fsa.scores, fsa.initial, fsa.final))
    emit = logits.detach().double()  # (T, P)
    frames = emit.shape[0]

    alpha = [_leak(initial, initial, leaky)]
    for t in range(frames):
        arriving = alpha[t][source] + scores + emit[t, pdf]  # (A,)
        alpha.append(_leak(_sum_into(destination, arriving, fsa.num_states), initial, leaky))
    total = torch.logsumexp(alpha[frames] + final, 0)

    occupancy = torch.zeros_like(emit)
    if not torch.isfinite(total):
        return torch.full_like(total, NO_PATH), occupancy
    beta = _leak_back(final, initial, leaky)
    for t in reversed(range(frames)):
        leaving = scores + emit[t, pdf] + beta[destination]  # (A,)
        occupancy[t].index_add_(0, pdf, torch.exp(alpha[t][source] + leaving - total))
        beta = _leak_back(_sum_into(source, leaving, fsa.num_states), initial, leaky)
    return total, occupancy


def _sum_into(state: Tensor, values: Tensor, num_states: int) -> Tensor:
    """Log of the sum of exp(values) (A,) that fall into each state: (S,), -inf where none does."""
    top = values.new_full((num_states,), -math.inf).scatter_reduce(0, state, values, "amax")
    shift = torch.where(torch.isfinite(top), top, 0.0)
    total = values.new_zeros(num_states).index_add_(0, state, torch.exp(values - shift[state]))
    return torch.log(total) + shift


def _leak(alpha: Tensor, initial: Tensor, leaky: float) -> Tensor:
    """alpha', the forward weights after the leak."""
    if leaky == 0:
        return alpha
    return torch.logaddexp(alpha, math.log(leaky) + initial + torch.logsumexp(alpha, 0))


def _leak_back(beta: Tensor, initial: Tensor, leaky: float) -> Tensor:
    """The backward weight of a state before the leak, from those after it (`_leak` read from right to left)."""
    if leaky == 0:
        return beta
    return torch.logaddexp(beta, math.log(leaky) + torch.logsumexp(initial + beta, 0))
