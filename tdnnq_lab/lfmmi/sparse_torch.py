"""Forward-backward for tensors on CUDA: by the kernels of `triton_kernels`, or in plain torch operations.

The operations go arc by arc, all utterances of a batch at once, on any device. Utterances of one graph (a denominator)
are columns side by side, so that arcs are read once for all of them, and the graph stays on the device from call to
call. Graphs of their own (numerators) are joined into one, in one column.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass

import torch
from torch import Tensor

from ..graphs.fsa import Fsa
from .layout import kept
from .reference import forward_backward_reference

AGREEMENT = 1e-7  # as `fast.AGREEMENT`


@dataclass(frozen=True)
class Graph:
    """One graph, for L utterances side by side, or B graphs joined, L = 1, states numbered one after the other."""

    source: Tensor  # (A,) int64
    destination: Tensor
    emitted: Tensor  # (A,): pdf, or b * P + pdf in joined graphs
    weights: Tensor  # (A, 1) float64 probabilities
    initial: Tensor  # (S, 1)
    final: Tensor
    of_state: Tensor | None = None  # (S,): the utterance that a state belongs to; None: to all of the columns
    count: int = 1  # graphs

    def sums(self, values: Tensor) -> Tensor:
        """Of values (S, L), the sum of each utterance: (1, L), or (B, 1) in joined graphs."""
        if self.of_state is None:
            return values.sum(0, keepdim=True)
        return values.new_zeros(self.count, 1).index_add_(0, self.of_state, values)

    def to_states(self, values: Tensor) -> Tensor:
        """From the shape that `sums` gives, what broadcasts with (S, L)."""
        return values if self.of_state is None else values[self.of_state]


def one(fsa: Fsa, device: torch.device) -> Graph:
    """A graph that all utterances share, kept on the device until it is changed."""
    return kept(fsa, device, lambda f: _graph([f], device, None))


def _graph(fsas: list[Fsa], device: torch.device, pdfs: int | None) -> Graph:
    """The graphs joined; pdf p of graph b becomes b * pdfs + p. With `pdfs` None: the one graph, for all columns."""
    arcs = torch.cat([f.arcs for f in fsas]).to(device).long()
    scores, initial, final = (
        torch.exp(torch.cat([getattr(f, name) for f in fsas]).to(device).double())[:, None]
        for name in ("scores", "initial", "final")
    )
    source, destination, emitted = arcs.unbind(1)
    if pdfs is None:
        return Graph(source, destination, emitted, scores, initial, final)
    sizes = torch.tensor([[f.num_states, f.num_arcs] for f in fsas])
    starts = (torch.cumsum(sizes[:, 0], 0) - sizes[:, 0]).to(device)
    each = torch.arange(len(fsas), device=device)
    of_state, of_arc = (each.repeat_interleave(count.to(device)) for count in sizes.unbind(1))
    source, destination = source + starts[of_arc], destination + starts[of_arc]
    return Graph(source, destination, emitted + pdfs * of_arc, scores, initial, final, of_state, len(fsas))


def run(
    fsas: list[Fsa], logits: Tensor, lengths: Tensor, leaky: float, *, kernels: bool | None = None
) -> tuple[Tensor, Tensor]:
    """As `forward_backward`, without gradient; any device.

    Sums of float64 probabilities, rescaled every frame; an utterance whose forward and backward sums disagree, since
    weights fell below the smallest double, goes through the log domain.

    Args:
      kernels: the kernels of `triton_kernels`; None: on CUDA, where Triton is there.
    """
    batch, frames, _ = logits.shape
    if not batch:
        return logits.new_zeros(0, dtype=torch.float64), logits.new_zeros(logits.shape, dtype=torch.float32)
    lengths = lengths.to(logits.device)
    inside = torch.arange(frames, device=logits.device)[None] < lengths[:, None]  # (B, T)
    logits = torch.where(inside[:, :, None], logits, 0.0)
    bad = (torch.isnan(logits) | (logits == torch.inf)).flatten(1).any(1)
    logits = torch.where(bad[:, None, None], 0.0, logits).double()
    top = logits.amax(2)
    top = torch.where(torch.isfinite(top), top, 0.0)
    compute = by_operations
    if _has_kernels(logits.device) if kernels is None else kernels:
        from .triton_kernels import forward_backward as compute
    total, occupancy, apart = compute(fsas, torch.exp(logits - top[:, :, None]), lengths, leaky)
    total = torch.where(bad, -torch.inf, total + torch.where(inside, top, 0.0).sum(1))
    occupancy = torch.where(inside[:, :, None] & ~bad[:, None, None], occupancy, 0.0).float()
    doubtful = ~bad & ~(apart <= AGREEMENT * (1 + total.abs()))
    for b in doubtful.nonzero().flatten().tolist():
        n = int(lengths[b])
        total[b], occupancy[b, :n] = forward_backward_reference(fsas[b], logits[b, :n], leaky=leaky)
    return total, occupancy


def _has_kernels(device: torch.device) -> bool:
    return device.type == "cuda" and importlib.util.find_spec("triton") is not None


def by_operations(fsas: list[Fsa], emit: Tensor, lengths: Tensor, leaky: float) -> tuple[Tensor, Tensor, Tensor]:
    """Totals (B,), occupancies (B, T, P) and how far frames lie apart (B,), as `triton_kernels.forward_backward`."""
    batch, frames, pdfs = emit.shape
    shared = all(f is fsas[0] for f in fsas)
    graph = one(fsas[0], emit.device) if shared else _graph(fsas, emit.device, pdfs)
    emit = emit.permute(1, 2, 0).contiguous() if shared else emit.transpose(0, 1).reshape(frames, batch * pdfs, 1)
    ends = lengths[None] if shared else lengths[:, None]  # as `sums` gives
    alpha, scale = _forward(graph, emit, ends, leaky)
    total = _total(graph, alpha, scale, ends)
    gamma, apart = _backward(graph, emit, ends, leaky, alpha, scale, total)
    occupancy = gamma.permute(2, 0, 1) if shared else gamma.view(frames, batch, pdfs).transpose(0, 1)
    return total.flatten(), occupancy, apart.flatten()


def _forward(graph: Graph, emit: Tensor, ends: Tensor, leaky: float) -> tuple[Tensor, Tensor]:
    """alpha' (T + 1, S, L), each frame divided by its sum, and the logs of the sums, added up (T + 1, *ends)."""
    frames, width = emit.shape[0], emit.shape[2]
    alpha = emit.new_empty(frames + 1, len(graph.initial), width)
    scale = emit.new_empty(frames + 1, *ends.shape)
    here, leak = graph.initial.expand(-1, width), leaky * graph.initial
    for t in range(frames + 1):
        if t:
            flow = alpha[t - 1][graph.source] * graph.weights * emit[t - 1][graph.emitted]  # (A, L)
            here = torch.zeros_like(alpha[t]).index_add_(0, graph.destination, flow)
        sums = graph.sums(here)
        scale[t] = torch.log(sums)
        alpha[t] = here * graph.to_states(_inverse(sums)) + leak
    return alpha, scale.cumsum(0)


def _total(graph: Graph, alpha: Tensor, scale: Tensor, ends: Tensor) -> Tensor:
    """Log of the summed weight of the paths, (*ends)."""
    states, width = alpha.shape[1:]
    last = graph.to_states(ends).expand(states, width)[None]  # (1, S, L)
    sums = graph.sums(alpha.gather(0, last)[0] * graph.final)
    return torch.log(sums) + scale.gather(0, ends[None])[0]


def _backward(
    graph: Graph, emit: Tensor, ends: Tensor, leaky: float, alpha: Tensor, scale: Tensor, total: Tensor
) -> tuple[Tensor, Tensor]:
    """Occupancies, shaped as emit, each frame's summing to one; how far a frame's alpha * beta lies from the total."""
    occupancy, behind, apart = torch.zeros_like(emit), torch.zeros_like(total), torch.zeros_like(total)
    beta = torch.zeros_like(alpha[0])
    ended = graph.final + leaky * graph.to_states(graph.sums(graph.initial * graph.final))
    for t in reversed(range(len(emit))):
        beta = torch.where(graph.to_states(ends == t + 1), ended, beta)
        flow = graph.weights * emit[t][graph.emitted] * beta[graph.destination]
        here = torch.zeros_like(beta).index_add_(0, graph.source, flow)
        sums = graph.sums(alpha[t] * here)
        inverse = _inverse(sums)
        counted = occupancy[t].index_add_(0, graph.emitted, alpha[t][graph.source] * flow)
        counted.view(graph.count, -1, emit.shape[2]).mul_(inverse[:, None])
        beta = (here + leaky * graph.to_states(graph.sums(graph.initial * here))) * graph.to_states(inverse)
        within = ends > t
        behind = torch.where(within, behind + torch.log(sums), behind)
        apart = torch.where(within, torch.maximum(apart, (scale[t] + behind - total).abs()), apart)
    return occupancy, apart


def _inverse(sums: Tensor) -> Tensor:
    return torch.where(sums > 0, 1 / sums, 0.0)
