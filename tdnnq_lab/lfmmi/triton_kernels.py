"""Forward-backward as two Triton kernels, for CUDA: one program for an utterance and direction, all frames in it.

A frame's work is far too small for a GPU to be called once for each, which is what `sparse_torch` does (some 20 calls a
frame). Here a program goes through all frames of one utterance by itself. The backward recursion is the forward one of
the reversed graph over the reversed utterance, so that one kernel does both, side by side; a second kernel then makes
the occupancies of all frames at once.

A state's arcs are cut into rows of equal width, filled up with arcs of weight 0: rows are summed without waiting for
one another, then a state's rows are. Sums have a fixed order, so that a result is the same every time.

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

NARROW = 2  # arcs a row where many graphs are joined: numerators
Array = NDArray[Any]


@dataclass(frozen=True)
class Rows:
    """Arcs of U graphs in rows of `width`, each adding to one goal (a state, or a pdf).

    Attributes:
        near, far, weights: (V * width,), what an arc reads and multiplies with (see `Compiled`).
        owners: (V,) int64: the goal that a row adds to, counted through all graphs.
        first, count: (U,) int32: a graph's rows are first … first + count - 1.
        begins: (G + 1,) int32: rows of goal g are begins[g] … begins[g + 1] - 1, counted through all graphs.
        first_goal, goals: (U,) int32: as `first` and `count`, of goals.
        most: (U,) int32: the most rows that a goal has.
    """

    width: int
    near: Tensor
    far: Tensor
    weights: Tensor
    owners: Tensor
    first: Tensor
    count: Tensor
    begins: Tensor
    first_goal: Tensor
    goals: Tensor
    most: Tensor


@dataclass(frozen=True)
class Compiled:
    """U graphs as the kernels read them.

    Attributes:
        sweep: goals are states, those of the U graphs and then those of the U reversed graphs; `near` is the state at
            an arc's other end, `far` its pdf.
        emitted: goals are the pdfs that a graph has, `pdfs` (G,) names them; `near` is an arc's source, `far` its
            destination.
        initial, final: (S,) float64 probabilities of the states of all graphs.
    """

    sweep: Rows
    emitted: Rows
    pdfs: Tensor
    initial: Tensor
    final: Tensor


def compiled(fsas: list[Fsa], device: torch.device) -> Compiled:
    """Graphs joined, on the device; a single one is kept there until it is changed."""
    if len(fsas) > 1:
        return _joined([kept(f, "rows", lambda f: _parts(f, NARROW)) for f in fsas], NARROW, device)
    width = _width(fsas[0].num_arcs / max(1, fsas[0].num_states))
    return kept(fsas[0], ("triton", str(device)), lambda f: _joined([_parts(f, width)], width, device))


def _width(arcs: float) -> int:
    """A power of two near the mean number of arcs of a goal, 2 to 32."""
    return 2 ** int(np.clip(round(np.log2(max(1.0, arcs))), 1, 5))


def _parts(fsa: Fsa, width: int) -> dict[str, Any]:
    """One graph's arcs in rows by destination, by source, and by pdf."""
    arcs, weights = fsa.arcs.cpu().numpy(), np.exp(fsa.scores.cpu().numpy().astype(np.float64))
    source, destination, pdf = arcs[weights > 0].T
    weights, states = weights[weights > 0], fsa.num_states
    pdfs, place = np.unique(pdf, return_inverse=True)
    return {
        "ahead": _rows(destination, source, pdf, weights, states, width),
        "back": _rows(source, destination, pdf, weights, states, width),
        "pdf": _rows(place, source, destination, weights, len(pdfs), width),
        "pdfs": pdfs,
        "ends": [np.exp(t.cpu().numpy().astype(np.float64)) for t in (fsa.initial, fsa.final)],
    }


def _rows(goal: Array, near: Array, far: Array, weights: Array, goals: int, width: int) -> dict[str, Array]:
    """Arcs sorted by goal and filled up to whole rows; (V, width) each, and `begins` (goals + 1,)."""
    order = np.lexsort((far, near, goal))
    counts = np.bincount(goal, minlength=goals)
    begins = np.cumsum([0, *-(-counts // width)])
    within = np.arange(len(goal)) - np.repeat(np.cumsum(counts) - counts, counts)
    place = np.repeat(begins[:-1] * width, counts) + within
    made: dict[str, Array] = {"begins": begins, "owners": np.repeat(np.arange(goals), np.diff(begins))}
    for name, values, kind in (("near", near, np.int32), ("far", far, np.int32), ("weights", weights, np.float64)):
        made[name] = np.zeros(begins[-1] * width, kind)
        made[name][place] = values[order]
    return made


def _joined(graphs: list[dict[str, Any]], width: int, device: torch.device) -> Compiled:
    def put(values: Any, kind: Any) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(values, kind)).to(device, non_blocking=True)

    def rows(*names: str) -> Rows:
        parts = [g[name] for name in names for g in graphs]
        count, goals = ([len(p[of]) - more for p in parts] for of, more in (("owners", 0), ("begins", 1)))
        first, first_goal = (np.cumsum([0, *sizes[:-1]]) for sizes in (count, goals))
        begins = np.concatenate([p["begins"][:-1] + at for p, at in zip(parts, first, strict=True)] + [[sum(count)]])
        owners = np.concatenate([p["owners"] + at for p, at in zip(parts, first_goal, strict=True)])
        most = [int(np.diff(p["begins"]).max(initial=0)) for p in parts]
        near, far, weights = (np.concatenate([p[name] for p in parts]) for name in ("near", "far", "weights"))
        return Rows(
            width,
            *(put(near, np.int32), put(far, np.int32), put(weights, np.float64), put(owners, np.int64)),
            *(put(values, np.int32) for values in (first, count, begins, first_goal, goals, most)),
        )

    pdfs = np.concatenate([g["pdfs"] for g in graphs])
    ends = (np.concatenate([g["ends"][i] for g in graphs]) for i in range(2))
    return Compiled(
        rows("ahead", "back"), rows("pdf"), put(pdfs, np.int32), *(put(e, np.float64) for e in ends)
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
    batch, frames, pdfs = emit.shape
    unique = list({id(f): f for f in fsas}.values())
    place = {id(f): u for u, f in enumerate(unique)}
    graph = compiled(unique, emit.device)
    which = torch.tensor([place[id(f)] for f in fsas], device=emit.device)
    lengths = lengths.int()
    states, scale, starts = _sweep_all(graph, which, emit, lengths, leaky)
    total = _total(graph, which, states, starts, scale, lengths)
    occupancy = torch.zeros_like(emit)
    sums = emit.new_zeros(batch, frames)
    rows = graph.emitted
    if frames:
        _emitted[(frames, batch)](
            *(states, starts, emit, occupancy, sums, lengths, which.int()),
            *(rows.near, rows.far, rows.weights, rows.begins, rows.first_goal, rows.goals, graph.pdfs),
            *(graph.sweep.goals, frames, pdfs),
            **{"ROWS": 1024 // rows.width, "WIDTH": rows.width, "num_warps": 4},
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
    rows, ones = graph.sweep, torch.ones_like(graph.initial)
    lane = torch.cat([which, which + len(rows.first) // 2])  # the graph, and the reversed one
    size, scratch = rows.goals[lane].long() * (frames + 1), rows.count[lane].long()
    starts = size.cumsum(0) - size
    states, scale = emit.new_empty(int(size.sum())), emit.new_zeros(2 * batch, frames + 1)
    sums_of_rows = emit.new_empty(int(scratch.sum()))
    leak_from = torch.cat([ones, graph.initial])
    tile = min(4096, max(512, triton.next_power_of_2(int(scratch.amax()) * rows.width)))
    _sweep[(2 * batch,)](
        *(states, starts, sums_of_rows, scratch.cumsum(0) - scratch, scale, emit, lengths, lane.int()),
        *(rows.near, rows.far, rows.weights, leak_from[rows.owners], rows.first, rows.count),
        *(rows.begins, rows.first_goal, rows.goals, rows.most),
        *(torch.cat([graph.initial, graph.final]), leaky * torch.cat([graph.initial, ones]), leak_from),
        *(batch, frames, pdfs),
        **{"ROWS": tile // rows.width, "WIDTH": rows.width, "GOALS": tile // 4, "num_warps": max(4, tile // 256)},
    )
    return states, scale.cumsum(1), starts


def _total(graph: Compiled, which: Tensor, states: Tensor, starts: Tensor, scale: Tensor, lengths: Tensor) -> Tensor:
    """Log of the summed weight of each utterance's paths, from the last alphas."""
    first, count = graph.sweep.first_goal[which], graph.sweep.goals[which]
    step = torch.arange(int(count.max()), device=states.device)[None]
    inside = step < count[:, None]
    at = (starts[: len(which), None] + lengths[:, None] * count[:, None] + step).where(inside, 0)
    final = graph.final[(first[:, None] + step).where(inside, 0)]
    sums = torch.where(inside, states[at] * final, 0.0).sum(1)
    return torch.log(sums) + scale.gather(1, lengths[:, None].long().repeat(2, 1))[: len(which), 0]


@triton.jit
def _sums_of_rows(weights, near, far, of_near, of_far, arc, real):
    """Each row's sum of weight * of_near[near] * of_far[far] over its arcs."""
    flow = tl.load(weights + arc, real, 0.0)
    flow *= tl.load(of_near + tl.load(near + arc, real, 0))
    flow *= tl.load(of_far + tl.load(far + arc, real, 0))
    return tl.sum(flow, 1)


@triton.jit
def _sums_of_states(scratch, begins, there, first, most, GOALS: tl.constexpr):
    """The sums of each state's rows, none of more than `most`."""
    begin = tl.load(begins, there, 0) - first
    end = tl.load(begins + 1, there, 0) - first
    four = tl.arange(0, 4)
    x = tl.zeros([GOALS], tl.float64)
    for piece in range(0, most, 4):
        at = begin[:, None] + piece + four[None, :]
        x += tl.sum(tl.load(scratch + at, at < end[:, None], 0.0), 1)
    return x


@triton.jit(do_not_specialize=["batch", "frames", "pdfs"])
def _sweep(
    states_of, starts, scratch_of, scratch_starts, scale, emit_of, lengths, lanes,
    near, far, weights, leaks_of, first_of, count_of,
    begins, first_goal_of, goals_of, most_of,
    start, leak_to, leak_from,
    batch, frames, pdfs,
    ROWS: tl.constexpr, WIDTH: tl.constexpr, GOALS: tl.constexpr,
):  # fmt: skip
    """One lane: x(0) = start; x(k + 1) = sum of x(k) * weight * emit over a state's arcs; each scaled and leaked."""
    number = tl.program_id(0)
    lane = tl.load(lanes + number)
    back = number >= batch
    utterance = number % batch
    length = tl.load(lengths + utterance)
    first = tl.load(first_of + lane)
    count = tl.load(count_of + lane)
    first_goal = tl.load(first_goal_of + lane)
    goals = tl.load(goals_of + lane)
    most = tl.load(most_of + lane)
    states = states_of + tl.load(starts + number)
    scratch = scratch_of + tl.load(scratch_starts + number)
    emit = emit_of + utterance.to(tl.int64) * frames * pdfs
    row = tl.arange(0, ROWS)
    column = tl.arange(0, WIDTH)
    goal = tl.arange(0, GOALS)
    for step in range(length + 1):
        here = states + step * goals
        before = here - goals
        emitted = emit + tl.where(back, length - step, step - 1) * pdfs
        sums = tl.zeros([ROWS], tl.float64)
        leaks = tl.zeros([ROWS], tl.float64)
        if step == 0:
            for block in range(0, goals, ROWS):
                state = first_goal + block + row
                x = tl.load(start + state, block + row < goals, 0.0)
                sums += x
                leaks += x * tl.load(leak_from + state, block + row < goals, 0.0)
        else:
            for block in range(0, count, ROWS):
                there = block + row < count
                arc = (first + block + row)[:, None] * WIDTH + column[None, :]
                x = _sums_of_rows(weights, near, far, before, emitted, arc, there[:, None])
                tl.store(scratch + block + row, x, there)
                sums += x
                leaks += x * tl.load(leaks_of + first + block + row, there, 0.0)
        total = tl.sum(sums)
        inverse = tl.where(total > 0, 1 / total, 0.0)
        leak = tl.sum(leaks) * inverse
        tl.store(scale + number * (frames + 1) + step, tl.log(total))
        tl.debug_barrier()  # rows were summed by other threads than those that read them now
        for block in range(0, goals, GOALS):
            there = block + goal < goals
            state = first_goal + block + goal
            if step == 0:
                x = tl.load(start + state, there, 0.0)
            else:
                x = _sums_of_states(scratch, begins + state, there, first, most, GOALS)
            x = x * inverse + leak * tl.load(leak_to + state, there, 0.0)
            tl.store(here + block + goal, x, there)
        tl.debug_barrier()


@triton.jit(do_not_specialize=["frames", "pdfs"])
def _emitted(
    states_of, starts, emit_of, occupancy_of, sums_of, lengths, graph_of,
    near, far, weights, begins, first_goal_of, goals_of, pdf_of, states_in,
    frames, pdfs,
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
        first = tl.load(first_goal_of + graph)
        goals = tl.load(goals_of + graph)
        row = tl.arange(0, ROWS)
        column = tl.arange(0, WIDTH)
        sums = tl.zeros([ROWS], tl.float64)
        for block in range(0, goals, ROWS):
            goal = first + block + row
            there = block + row < goals
            begin = tl.load(begins + goal, there, 0)
            end = tl.load(begins + goal + 1, there, 0)
            x = tl.zeros([ROWS], tl.float64)
            for piece in range(tl.max(end - begin)):
                real = (begin + piece < end)[:, None]
                arc = (begin + piece)[:, None] * WIDTH + column[None, :]
                x += _sums_of_rows(weights, near, far, alpha, beta, arc, real)
            pdf = tl.load(pdf_of + goal, there, 0)
            x = x * tl.load(emit_of + place + pdf, there, 0.0)
            tl.store(occupancy_of + place + pdf, x, there)
            sums += x
        tl.store(sums_of + utterance * frames + frame, tl.sum(sums))
