"""Forward-backward as two Triton kernels, for CUDA: one program for an utterance and direction, all frames in it.

A frame's work is far too small for a GPU to be called once for each, which is what `sparse_torch` does (some 20 calls a
frame). Here a program goes through all frames of one utterance by itself. The backward recursion is the forward one of
the reversed graph over the reversed utterance, so that one kernel does both, side by side; a second kernel then makes
the occupancies of all frames at once. Arcs are sorted by the state they add to, so that sums have a fixed order and a
result is the same every time.

Import it where Triton is there (`sparse_torch` does, for tensors on CUDA).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import triton
import triton.language as tl
from numpy.typing import NDArray
from torch import Tensor

from ..graphs.fsa import Fsa
from .layout import kept

TILE = 1024  # arcs that a program takes up at once


@dataclass(frozen=True)
class Rows:
    """Arcs of graphs joined, sorted into rows: row r has the arcs begins[r] … begins[r + 1] - 1."""

    begins: Tensor  # (R + 1,) int32
    near: Tensor  # (A,) int32: what an arc reads, and what with (see `Compiled`)
    far: Tensor
    weights: Tensor  # (A,) float64 probabilities
    first: Tensor  # (U,) int32: the row that graph u begins with
    count: Tensor  # (U,) int32: its rows
    width: int  # arcs a row, on average, as a power of two


@dataclass(frozen=True)
class Compiled:
    """U graphs as the kernels read them.

    Attributes:
        sweep: rows are states, those of the U graphs and then those of the U reversed graphs; `near` is the state at
            an arc's other end, `far` its pdf.
        emitted: rows are pdfs, `pdfs` (R,) names them; `near` is an arc's source, `far` its destination.
        initial, final: (R / 2,) float64 probabilities of the states.
    """

    sweep: Rows
    emitted: Rows
    pdfs: Tensor
    initial: Tensor
    final: Tensor


def compiled(fsas: list[Fsa], device: torch.device) -> Compiled:
    """Graphs joined, on the device; a single one is kept there until it is changed."""
    if len(fsas) == 1:
        return kept(fsas[0], ("triton", str(device)), lambda f: _joined([_sorted(f)], device))
    return _joined([kept(f, "rows", _sorted) for f in fsas], device)


def _sorted(fsa: Fsa) -> dict[str, NDArray[Any]]:
    """One graph's arcs in three orders: by destination, by source, by pdf; and how many each row has."""
    arcs = fsa.arcs.cpu().numpy().astype(np.int32)
    weights = np.exp(fsa.scores.cpu().numpy().astype(np.float64))
    source, destination, pdf = arcs[weights > 0].T
    weights, states = weights[weights > 0], fsa.num_states
    made: dict[str, NDArray[Any]] = {}
    for name, key, near, far in (("ahead", destination, source, pdf), ("back", source, destination, pdf)):
        order = np.lexsort((far, near, key))
        made[f"{name} counts"] = np.bincount(key, minlength=states)
        made |= {f"{name} near": near[order], f"{name} far": far[order], f"{name} weights": weights[order]}
    order = np.lexsort((destination, source, pdf))
    made["pdfs"], made["pdf counts"] = np.unique(pdf, return_counts=True)
    made |= {"pdf near": source[order], "pdf far": destination[order], "pdf weights": weights[order]}
    made["initial"], made["final"] = (np.exp(t.cpu().numpy().astype(np.float64)) for t in (fsa.initial, fsa.final))
    return made


def _joined(graphs: list[dict[str, NDArray[Any]]], device: torch.device) -> Compiled:
    def rows(*names: str) -> Rows:
        def cat(what: str, kind: Any) -> NDArray[Any]:
            return np.concatenate([g[f"{name} {what}"] for name in names for g in graphs]).astype(kind)

        counts, sizes = cat("counts", np.int32), [len(g[f"{name} counts"]) for name in names for g in graphs]
        begins, first = np.cumsum([0, *counts]), np.cumsum([0, *sizes[:-1]])
        width = 2 ** round(np.log2(max(1.0, begins[-1] / max(1, len(counts)))))
        return Rows(
            put(begins, np.int32), put(cat("near", np.int32)), put(cat("far", np.int32)),
            put(cat("weights", np.float64)), put(first, np.int32), put(sizes, np.int32), int(min(32, width)),
        )  # fmt: skip

    def put(values: Any, kind: Any = None) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(values, kind)).to(device, non_blocking=True)

    together = {name: np.concatenate([g[name] for g in graphs]) for name in ("pdfs", "initial", "final")}
    return Compiled(
        rows("ahead", "back"), rows("pdf"), put(together["pdfs"], np.int32),
        put(together["initial"]), put(together["final"]),
    )  # fmt: skip


def forward_backward(fsas: list[Fsa], emit: Tensor, lengths: Tensor, leaky: float) -> tuple[Tensor, Tensor, Tensor]:
    """Totals and occupancies in the probability domain, each frame scaled.

    Args:
      fsas: B graphs, or one B times.
      emit: (B, T, P) float64, weights of the pdfs; finite. lengths: (B,), on its device.
      leaky: coefficient of the leaky HMM.

    Returns:
      total: (B,) float64, log of the summed weight of the paths. occupancy: (B, T, P) float64, each frame's
      summing to one. apart: (B,), how far any frame's sum over states lies from the total: above 0 but for
      rounding, weights were lost below the smallest double.
    """
    batch, frames, _ = emit.shape
    unique = list({id(f): f for f in fsas}.values())
    place = {id(f): u for u, f in enumerate(unique)}
    graph = compiled(unique, emit.device)
    which = torch.tensor([place[id(f)] for f in fsas], device=emit.device)
    lengths = lengths.int()
    states, scale, starts = _sweep_all(graph, which, emit, lengths, leaky)
    total = _total(graph, which, states, starts, scale, lengths)
    occupancy = torch.zeros_like(emit)
    sums = emit.new_ones(batch, frames)
    rows, first = graph.emitted, which.int()
    if frames:
        _emitted[(frames, batch)](
            *(states, starts, emit, occupancy, sums, lengths, first),
            *(rows.begins, rows.near, rows.far, rows.weights, rows.first, rows.count, graph.pdfs),
            *(graph.sweep.count, frames, emit.shape[2]),
            **_tile(rows.width),
        )
    occupancy *= torch.where(sums > 0, 1 / sums, 0.0)[:, :, None]
    t = torch.arange(frames, device=emit.device)[None]
    inside = t < lengths[:, None]
    behind = scale[batch:].gather(1, (lengths[:, None] - 1 - t).clamp(min=0))
    apart = (scale[:batch, :-1] + behind + torch.log(sums) - total[:, None]).abs()
    return total, occupancy, torch.where(inside, apart, 0.0).amax(1) if frames else torch.zeros_like(total)


def _sweep_all(
    graph: Compiled, which: Tensor, emit: Tensor, lengths: Tensor, leaky: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Both recursions of all utterances, 2 B lanes, the backward ones last.

    Returns:
      states: the scaled alphas and betas of all lanes, one after the other, (T + 1, S) each. scale: (2 B, T + 1), logs
      of what they were divided by, added up. starts: (2 B,), where each lane's begin.
    """
    batch, frames, pdfs = emit.shape
    rows, graphs = graph.sweep, len(graph.emitted.first)
    lane = torch.cat([which, which + graphs])  # the graph, and the reversed one
    ones = torch.ones_like(graph.initial)
    size = rows.count[lane].long() * (frames + 1)
    starts = torch.cumsum(size, 0) - size
    states = emit.new_empty(int(batch and 2 * (frames + 1) * rows.count[which].sum()))
    scale = emit.new_zeros(2 * batch, frames + 1)
    _sweep[(2 * batch,)](
        *(states, starts, scale, emit, lengths, lane.int()),
        *(rows.begins, rows.near, rows.far, rows.weights, rows.first, rows.count),
        torch.cat([graph.initial, graph.final]),
        leaky * torch.cat([graph.initial, ones]),
        torch.cat([ones, graph.initial]),
        *(batch, frames, pdfs),
        **_tile(rows.width),
    )
    return states, scale.cumsum(1), starts


def _total(graph: Compiled, which: Tensor, states: Tensor, starts: Tensor, scale: Tensor, lengths: Tensor) -> Tensor:
    """Log of the summed weight of each utterance's paths, from the last alphas."""
    first, count = graph.sweep.first[which], graph.sweep.count[which]
    step = torch.arange(int(count.max()) if len(count) else 0, device=states.device)[None]
    inside = step < count[:, None]
    at = (starts[: len(which), None] + lengths[:, None] * count[:, None] + step).where(inside, 0)
    final = graph.final[(first[:, None] + step).where(inside, 0)]
    sums = torch.where(inside, states[at] * final, 0.0).sum(1)
    return torch.log(sums) + scale.gather(1, lengths[:, None].long().repeat(2, 1))[: len(which), 0]


def _tile(width: int) -> dict[str, int]:
    return {"ROWS": TILE // width, "WIDTH": width, "num_warps": 16}


@triton.jit(do_not_specialize=["batch", "frames", "pdfs"])
def _sweep(
    states_of, starts, scale, emit_of, lengths, lanes,
    begins, near, far, weights, first_of, count_of,
    start, leak_to, leak_from,
    batch, frames, pdfs,
    ROWS: tl.constexpr, WIDTH: tl.constexpr,
):  # fmt: skip
    """One lane: x(0) = start; x(k + 1) = sum of x(k) * weight * emit over a state's arcs; each scaled and leaked."""
    number = tl.program_id(0)
    lane = tl.load(lanes + number)
    back = number >= batch
    utterance = number % batch
    length = tl.load(lengths + utterance)
    first = tl.load(first_of + lane)
    count = tl.load(count_of + lane)
    states = states_of + tl.load(starts + number)
    emit = emit_of + utterance.to(tl.int64) * frames * pdfs
    row = tl.arange(0, ROWS)
    column = tl.arange(0, WIDTH)
    for step in range(length + 1):
        here = states + step * count
        before = here - count
        frame = tl.where(back, length - step, step - 1)
        emitted = emit + frame * pdfs
        sums = tl.zeros([ROWS], tl.float64)
        leaks = tl.zeros([ROWS], tl.float64)
        for block in range(0, count, ROWS):
            state = block + row
            there = state < count
            if step == 0:
                x = tl.load(start + first + state, there, 0.0)
            else:
                begin = tl.load(begins + first + state, there, 0)
                end = tl.load(begins + first + state + 1, there, 0)
                x = tl.zeros([ROWS], tl.float64)
                for piece in range(0, tl.max(end - begin), WIDTH):
                    arc = begin[:, None] + piece + column[None, :]
                    real = arc < end[:, None]
                    other = tl.load(near + arc, real, 0)
                    pdf = tl.load(far + arc, real, 0)
                    flow = tl.load(weights + arc, real, 0.0) * tl.load(before + other, real, 0.0)
                    x += tl.sum(flow * tl.load(emitted + pdf, real, 0.0), 1)
            tl.store(here + state, x, there)
            sums += x
            leaks += x * tl.load(leak_from + first + state, there, 0.0)
        total = tl.sum(sums)
        inverse = tl.where(total > 0, 1 / total, 0.0)
        leak = tl.sum(leaks) * inverse
        tl.store(scale + number * (frames + 1) + step, tl.log(total))
        tl.debug_barrier()
        for block in range(0, count, ROWS):
            state = block + row
            there = state < count
            x = tl.load(here + state, there, 0.0) * inverse
            tl.store(here + state, x + leak * tl.load(leak_to + first + state, there, 0.0), there)
        tl.debug_barrier()  # the next step reads what other threads have written


@triton.jit(do_not_specialize=["frames", "pdfs"])
def _emitted(
    states_of, starts, emit_of, occupancy_of, sums_of, lengths, graph_of,
    begins, near, far, weights, first_of, count_of, pdf_of,
    states_in, frames, pdfs,
    ROWS: tl.constexpr, WIDTH: tl.constexpr,
):  # fmt: skip
    """Occupancies of one frame of one utterance, not yet divided by their sum."""
    frame = tl.program_id(0)
    utterance = tl.program_id(1)
    batch = tl.num_programs(1)
    length = tl.load(lengths + utterance)
    if frame < length:
        graph = tl.load(graph_of + utterance)
        size = tl.load(states_in + graph)
        alpha = states_of + tl.load(starts + utterance) + frame * size
        beta = states_of + tl.load(starts + batch + utterance) + (length - 1 - frame) * size
        place = (utterance.to(tl.int64) * frames + frame) * pdfs
        first = tl.load(first_of + graph)
        count = tl.load(count_of + graph)
        row = tl.arange(0, ROWS)
        column = tl.arange(0, WIDTH)
        sums = tl.zeros([ROWS], tl.float64)
        for block in range(0, count, ROWS):
            there = block + row < count
            begin = tl.load(begins + first + block + row, there, 0)
            end = tl.load(begins + first + block + row + 1, there, 0)
            x = tl.zeros([ROWS], tl.float64)
            for piece in range(0, tl.max(end - begin), WIDTH):
                arc = begin[:, None] + piece + column[None, :]
                real = arc < end[:, None]
                flow = tl.load(alpha + tl.load(near + arc, real, 0), real, 0.0) * tl.load(weights + arc, real, 0.0)
                x += tl.sum(flow * tl.load(beta + tl.load(far + arc, real, 0), real, 0.0), 1)
            pdf = tl.load(pdf_of + first + block + row, there, 0)
            x = x * tl.load(emit_of + place + pdf, there, 0.0)
            tl.store(occupancy_of + place + pdf, x, there)
            sums += x
        tl.store(sums_of + utterance * frames + frame, tl.sum(sums))
