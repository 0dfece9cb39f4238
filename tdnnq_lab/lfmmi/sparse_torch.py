"""Forward-backward in plain torch operations, for CUDA: the graphs of a batch joined into one, arc by arc."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..graphs.fsa import Fsa


@dataclass(frozen=True)
class Joined:
    """B graphs as one: states of utterance b are numbered after those of b - 1."""

    source: Tensor  # (A,) int64
    destination: Tensor
    pdf: Tensor
    of_arc: Tensor  # (A,): the utterance an arc belongs to
    of_state: Tensor  # (S,)
    weights: Tensor  # (A,) float64 probabilities
    initial: Tensor  # (S,)
    final: Tensor


def join(fsas: list[Fsa], device: torch.device) -> Joined:
    """Join the graphs of a batch; probabilities in float64 on `device`."""
    sizes = torch.tensor([f.num_states for f in fsas])
    starts = torch.cumsum(sizes, 0) - sizes
    arcs = torch.cat(
        [f.arcs.cpu().long() + torch.tensor([int(s), int(s), 0]) for f, s in zip(fsas, starts, strict=True)]
    )
    source, destination, pdf = arcs.to(device).unbind(1)
    counts = torch.tensor([f.num_arcs for f in fsas])
    each = torch.arange(len(fsas))

    def together(name: str) -> Tensor:
        return torch.exp(torch.cat([getattr(f, name).cpu().double() for f in fsas])).to(device)

    return Joined(
        source, destination, pdf,
        each.repeat_interleave(counts).to(device), each.repeat_interleave(sizes).to(device),
        together("scores"), together("initial"), together("final"),
    )  # fmt: skip


def run(fsas: list[Fsa], logits: Tensor, lengths: Tensor, leaky: float) -> tuple[Tensor, Tensor]:
    """As `forward_backward`, without gradient; any device. Sums of float64 probabilities, rescaled every frame."""
    graph = join(fsas, logits.device)
    batch, frames, _ = logits.shape
    lengths = lengths.to(logits.device)
    bad = torch.isnan(logits).flatten(1).any(1) | (logits == torch.inf).flatten(1).any(1)
    logits = torch.where(bad[:, None, None], 0.0, logits).double()
    top = logits.amax(2)
    top = torch.where(torch.isfinite(top), top, 0.0)  # (B, T)
    emit = torch.exp(logits - top[:, :, None])
    alpha, scale = _forward(graph, emit, batch, leaky)
    at_end = alpha[lengths[graph.of_state], torch.arange(len(graph.of_state), device=logits.device)]
    last = _by_utterance(at_end * graph.final, graph, batch)
    scales = scale.cumsum(0)[lengths, torch.arange(batch, device=logits.device)]
    inside = torch.arange(frames, device=logits.device)[None] < lengths[:, None]
    total = torch.log(last) + scales + (top * inside).sum(1)
    total = torch.where(bad | torch.isnan(total), -torch.inf, total)
    occupancy = _backward(graph, emit, lengths, alpha, leaky)
    occupancy = torch.where(torch.isfinite(total)[:, None, None], occupancy, 0.0)
    return total, occupancy.float()


def _by_utterance(values: Tensor, graph: Joined, batch: int) -> Tensor:
    return values.new_zeros(batch).index_add_(0, graph.of_state, values)


def _forward(graph: Joined, emit: Tensor, batch: int, leaky: float) -> tuple[Tensor, Tensor]:
    """alpha' (T + 1, S), each frame divided by its sum, and the logs of the sums (T + 1, B)."""
    frames = emit.shape[1]
    alpha = emit.new_empty(frames + 1, len(graph.initial))
    scale = emit.new_empty(frames + 1, batch)
    here = graph.initial
    for t in range(frames + 1):
        if t:
            flow = alpha[t - 1][graph.source] * graph.weights * emit[graph.of_arc, t - 1, graph.pdf]
            here = torch.zeros_like(graph.initial).index_add_(0, graph.destination, flow)
        sums = _by_utterance(here, graph, batch)
        scale[t] = torch.log(sums)
        inverse = torch.where(sums > 0, 1 / sums, 0.0)[graph.of_state]
        alpha[t] = here * inverse + leaky * graph.initial * (inverse > 0)
    return alpha, scale


def _backward(graph: Joined, emit: Tensor, lengths: Tensor, alpha: Tensor, leaky: float) -> Tensor:
    """Occupancies (B, T, P), each frame's summing to one."""
    batch, frames, pdfs = emit.shape
    occupancy = torch.zeros_like(emit)
    of = graph.of_state
    beta = torch.zeros_like(graph.final)
    for t in reversed(range(frames)):
        ends = (lengths == t + 1)[of]
        leak = leaky * _by_utterance(graph.initial * graph.final, graph, batch)[of]
        beta = torch.where(ends, graph.final + leak, beta)
        flow = graph.weights * emit[graph.of_arc, t, graph.pdf] * beta[graph.destination]
        new = torch.zeros_like(beta).index_add_(0, graph.source, flow)
        sums = _by_utterance(alpha[t] * new, graph, batch)
        inverse = torch.where(sums > 0, 1 / sums, 0.0)
        at = occupancy[:, t].reshape(-1)
        at = at.index_add(0, graph.of_arc * pdfs + graph.pdf, alpha[t][graph.source] * flow)
        occupancy[:, t] = at.view(batch, pdfs) * inverse[:, None]
        beta = (new + leaky * _by_utterance(graph.initial * new, graph, batch)[of]) * inverse[of]
    return occupancy
