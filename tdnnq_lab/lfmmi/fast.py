"""Forward-backward on a CPU: probabilities instead of logs, rescaled at every frame, compiled by numba.

Four utterances that share a graph lie side by side in the innermost dimension, the lanes, so that one read of an
arc serves them all and the processor's vector unit works on them together. The kernels release the interpreter lock:
threads of a plain pool run them at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import torch
from numba import config, njit
from numpy.typing import NDArray
from torch import Tensor

from ..graphs.fsa import Fsa

# Forward and backward sums of one utterance must agree to this, relative to 1 + |total|; weights that fell below
# the smallest double on one side alone show as a difference, and the utterance goes to the log domain.
AGREEMENT = 1e-7
LANES = 4  # doubles in a 256-bit register


# Off by default in numba; it turns four plain sums into one vector instruction (1.4x faster).
config.SLP_VECTORIZE = 1  # type: ignore[attr-defined]


@dataclass(frozen=True)
class Arcs:
    """An Fsa as the kernels read it: arcs sorted by destination and, once more, by source; plain probabilities."""

    into: NDArray[np.int64]  # (S + 1,): arcs into state s are into[s] … into[s + 1] - 1
    into_arcs: NDArray[np.uint32]  # (A, 2): source, pdf
    into_weights: NDArray[np.float64]  # (A,)
    out: NDArray[np.int64]  # (S + 1,)
    out_arcs: NDArray[np.uint32]  # (A, 2): destination, pdf
    out_weights: NDArray[np.float64]
    initial: NDArray[np.float64]  # (S,)
    final: NDArray[np.float64]


_PREPARED: WeakKeyDictionary[Fsa, tuple[tuple[int, ...], Arcs]] = WeakKeyDictionary()


def prepare(fsa: Fsa) -> Arcs:
    """The sorted form of a graph, made once for each graph and again when its tensors were changed in place."""
    tensors = (fsa.arcs, fsa.scores, fsa.initial, fsa.final)
    state = tuple(number for t in tensors for number in (t.data_ptr(), t._version))
    kept = _PREPARED.get(fsa)
    if kept is None or kept[0] != state:
        kept = (state, _sorted(fsa))
        _PREPARED[fsa] = kept
    return kept[1]


def _sorted(fsa: Fsa) -> Arcs:
    arcs = fsa.arcs.cpu().numpy()
    weights, initial, final = (np.exp(t.cpu().numpy().astype(np.float64)) for t in (fsa.scores, fsa.initial, fsa.final))
    live = weights > 0
    arcs, weights = arcs[live], weights[live]
    by_destination = np.lexsort((arcs[:, 0], arcs[:, 1]))
    by_source = np.lexsort((arcs[:, 1], arcs[:, 0]))
    states = np.arange(fsa.num_states + 1)
    return Arcs(
        into=np.searchsorted(arcs[by_destination, 1], states),
        into_arcs=np.ascontiguousarray(arcs[by_destination][:, [0, 2]].astype(np.uint32)),
        into_weights=weights[by_destination],
        out=np.searchsorted(arcs[by_source, 0], states),
        out_arcs=np.ascontiguousarray(arcs[by_source][:, [1, 2]].astype(np.uint32)),
        out_weights=weights[by_source],
        initial=initial,
        final=final,
    )


@njit(cache=True, nogil=True, error_model="numpy")
def _arrive(into, arcs, weights, before, x, here, sums):  # type: ignore[no-untyped-def]
    """One frame forward: here (S, 4) gathers before (S, 4) * weight * x (P, 4) over the arcs into each state.

    Four plain sums instead of a loop over lanes: the compiler then keeps them in one vector register.
    """
    t0 = t1 = t2 = t3 = 0.0
    for s in range(here.shape[0]):
        s0 = s1 = s2 = s3 = 0.0
        for a in range(into[s], into[s + 1]):
            w, i, p = weights[a], arcs[a, 0], arcs[a, 1]
            s0 += w * before[i, 0] * x[p, 0]
            s1 += w * before[i, 1] * x[p, 1]
            s2 += w * before[i, 2] * x[p, 2]
            s3 += w * before[i, 3] * x[p, 3]
        here[s, 0], here[s, 1], here[s, 2], here[s, 3] = s0, s1, s2, s3
        t0, t1, t2, t3 = t0 + s0, t1 + s1, t2 + s2, t3 + s3
    sums[0], sums[1], sums[2], sums[3] = t0, t1, t2, t3


@njit(cache=True, nogil=True, error_model="numpy")
def _leave(out, arcs, weights, beta, x, left, here, gamma, sums):  # type: ignore[no-untyped-def]
    """One frame backward: here (S, 4) from beta (S, 4); gamma (P, 4) counts left (S, 4) * what each arc brings."""
    t0 = t1 = t2 = t3 = 0.0
    for s in range(here.shape[0]):
        s0 = s1 = s2 = s3 = 0.0
        l0, l1, l2, l3 = left[s, 0], left[s, 1], left[s, 2], left[s, 3]
        for a in range(out[s], out[s + 1]):
            w, i, p = weights[a], arcs[a, 0], arcs[a, 1]
            v0, v1, v2, v3 = (
                w * beta[i, 0] * x[p, 0],
                w * beta[i, 1] * x[p, 1],
                w * beta[i, 2] * x[p, 2],
                w * beta[i, 3] * x[p, 3],
            )
            s0, s1, s2, s3 = s0 + v0, s1 + v1, s2 + v2, s3 + v3
            gamma[p, 0] += l0 * v0
            gamma[p, 1] += l1 * v1
            gamma[p, 2] += l2 * v2
            gamma[p, 3] += l3 * v3
        here[s, 0], here[s, 1], here[s, 2], here[s, 3] = s0, s1, s2, s3
        t0, t1, t2, t3 = t0 + l0 * s0, t1 + l1 * s1, t2 + l2 * s2, t3 + l3 * s3
    sums[0], sums[1], sums[2], sums[3] = t0, t1, t2, t3


@njit(cache=True, nogil=True, error_model="numpy")
def _forward(into, arcs, weights, initial, final, emit, lengths, leaky, alpha, scale, total):  # type: ignore[no-untyped-def]
    """Fill alpha (T + 1, S, 4), after the leak, each frame's sum before it being 1; scale (T + 1, 4); total (4,)."""
    sums, behind, ended = np.zeros(LANES), np.zeros(LANES), np.zeros(LANES)
    for t in range(len(alpha)):
        here = alpha[t]
        if t == 0:
            for s in range(len(initial)):
                here[s] = initial[s]
            sums[:] = initial.sum()
        else:
            _arrive(into, arcs, weights, alpha[t - 1], emit[t - 1], here, sums)
        for b in range(LANES):
            scale[t, b] = np.log(sums[b])
            behind[b] += scale[t, b]
            sums[b] = 1.0 / sums[b] if sums[b] > 0.0 else 0.0
        ended[:] = 0.0
        for s in range(len(initial)):
            leak = leaky * initial[s]
            for b in range(LANES):
                here[s, b] = here[s, b] * sums[b] + leak
                ended[b] += here[s, b] * final[s]
        for b in range(LANES):
            if lengths[b] == t:
                total[b] = np.log(ended[b]) + behind[b]


@njit(cache=True, nogil=True, error_model="numpy")
def _backward(out, arcs, weights, initial, final, emit, lengths, leaky, alpha, scale, total, gamma, apart):  # type: ignore[no-untyped-def]
    """Fill gamma (T, P, 4), the occupancies; apart (4,): how far a frame's alpha-beta sum lies from the total."""
    beta, here = np.zeros(alpha.shape[1:]), np.zeros(alpha.shape[1:])
    sums, leak, around = np.zeros(LANES), np.zeros(LANES), np.zeros(LANES)
    for b in range(LANES):
        around[b] = scale[: lengths[b] + 1, b].sum()  # log of all that alpha'_t and beta_t were divided by
    ends = final + leaky * (initial * final).sum()
    for t in range(len(emit) - 1, -1, -1):
        for b in range(LANES):
            if lengths[b] == t + 1:
                beta[:, b] = ends
        _leave(out, arcs, weights, beta, emit[t], alpha[t], here, gamma[t], sums)
        for b in range(LANES):
            if lengths[b] > t:
                around[b] -= scale[t + 1, b]
                difference = abs(np.log(sums[b]) + around[b] - total[b])
                apart[b] = difference if not difference <= apart[b] else apart[b]
                around[b] += np.log(sums[b])
            sums[b] = 1.0 / sums[b] if sums[b] > 0.0 else 0.0
        leak[:] = 0.0
        for s in range(len(initial)):
            for b in range(LANES):
                leak[b] += leaky * initial[s] * here[s, b]
        for s in range(len(initial)):
            for b in range(LANES):
                beta[s, b] = (here[s, b] + leak[b]) * sums[b]
        for p in range(gamma.shape[1]):
            for b in range(LANES):
                gamma[t, p, b] *= sums[b]


@dataclass(frozen=True)
class Job:
    """Up to four utterances of one graph, as arrays for the kernels (see `start`)."""

    arcs: Arcs
    emit: NDArray[np.float64]  # (T, P, LANES)
    offset: NDArray[np.float64]  # (T, B): logs of what emit was divided by
    steps: NDArray[np.int64]  # (LANES,): lengths; lanes that stay free have 0
    used: slice
    total: NDArray[np.float64]  # (LANES,)
    gamma: NDArray[np.float64]  # (T, P, LANES)
    apart: NDArray[np.float64]  # (LANES,)


def start(fsa: Fsa, logits: Tensor, lengths: Tensor) -> Job:
    """Lay out logits (B, T, P), B at most LANES, and int64 lengths (B,) of utterances that share a graph."""
    emit, offset = _lanes(logits)
    steps = np.zeros(LANES, np.int64)
    steps[: len(lengths)] = lengths.numpy()
    gamma, used = np.zeros_like(emit), slice(0, len(lengths))
    return Job(prepare(fsa), emit, offset, steps, used, np.empty(LANES), gamma, np.zeros(LANES))


def compute(job: Job, leaky: float) -> None:
    """Run the kernels. No torch in here: a pool's thread that calls torch would start OpenMP threads of its own, and
    with more of these than cores OpenMP stops spinning in the whole process, which halves the network's speed.
    """
    arcs, frames = job.arcs, len(job.emit)
    alpha, scale = np.empty((frames + 1, len(arcs.initial), LANES)), np.empty((frames + 1, LANES))
    ends = (arcs.initial, arcs.final, job.emit, job.steps, leaky, alpha, scale, job.total)
    _forward(arcs.into, arcs.into_arcs, arcs.into_weights, *ends)
    _backward(arcs.out, arcs.out_arcs, arcs.out_weights, *ends, job.gamma, job.apart)


def finish(job: Job) -> tuple[NDArray[Any], Tensor, NDArray[Any]]:
    """Total (B,); occupancy (B, T, P); and (B,) how far forward and backward sums disagree, relative to 1 + |total|,
    NaN when a path was lost on the way.
    """
    inside = np.arange(len(job.emit))[:, None] < job.steps[job.used]
    total = job.total[job.used] + np.where(inside, job.offset, 0.0).sum(0)
    occupancy = torch.from_numpy(job.gamma).permute(2, 0, 1)[job.used]
    return total, occupancy, job.apart[job.used] / (1 + np.abs(total))


def _lanes(logits: Tensor) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """exp of logits (B, T, P) as (T, P, LANES), a frame's largest being 1, and the logs of those largest (T, B)."""
    top = logits.amax(2, keepdim=True)
    top = torch.where(torch.isfinite(top), top, 0.0)
    emit = torch.zeros(*logits.shape[1:], LANES, dtype=torch.float64)
    emit[:, :, : len(logits)] = torch.exp((logits - top).double()).permute(1, 2, 0)
    return emit.numpy(), top[:, :, 0].double().t().numpy()


def spread(threads: int) -> Callable[..., Iterator[Any]]:
    """`map`, over a pool of so many threads."""
    return _pool(threads).map if threads > 1 else map


@lru_cache(maxsize=4)
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=threads, thread_name_prefix="lfmmi")
