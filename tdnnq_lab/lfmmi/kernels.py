"""The loops of `fast.py`, compiled by numba: they hold no interpreter lock and call neither torch nor BLAS.

Utterances that share a graph lie side by side in the innermost dimension, the lanes, so that one read of an arc serves
them all and the processor's vector unit works on them together. Sums over lanes are written out: the compiler then
keeps them in vector registers. A lane's sums run in the same order at every width, so widths agree bit for bit.

Shapes: S states, G groups, U pdfs of the graph, T frames of the longest utterance here, L lanes (a width that the
kernel has; `steps` (L,) holds their lengths, 0 for a lane that is free).
"""
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

from typing import Any

import numpy as np
from numba import config, njit

# Off by default in numba; it turns four plain sums into one vector instruction (1.4x faster).
config.SLP_VECTORIZE = 1  # type: ignore[attr-defined]


@njit(cache=True, nogil=True, error_model="numpy")
def emissions(logits, rows, pdfs, steps, emit, offset):
    """exp of logits (B, T, P) at `rows` and `pdfs` as emit (T, U, L), a frame's largest being 1; offset (L,) adds up
    the logs of what they were divided by.
    """
    offset[:] = 0.0
    for b in range(emit.shape[2]):
        for t in range(steps[b], emit.shape[0]):
            emit[t, :, b] = 0.0
        for t in range(steps[b]):
            frame = logits[rows[b], t]
            top = -np.inf
            for u in range(len(pdfs)):
                top = max(top, frame[pdfs[u]])
            top = top if top > -np.inf else 0.0
            offset[b] += top
            for u in range(len(pdfs)):
                emit[t, u, b] = np.exp(np.float64(frame[pdfs[u]]) - top)


@njit(cache=True, nogil=True, error_model="numpy")
def _arrive1(into, arcs, weights, before, x, here):
    for s in range(here.shape[0]):
        s0 = 0.0
        for a in range(into[s], into[s + 1]):
            s0 += weights[a] * before[arcs[a, 0], 0] * x[arcs[a, 1], 0]
        here[s, 0] = s0


@njit(cache=True, nogil=True, error_model="numpy")
def _arrive4(into, arcs, weights, before, x, here):
    """One frame forward: here (S, 4) gathers before (S, 4) * weight * x (U, 4) over the arcs into each state."""
    for s in range(here.shape[0]):
        s0 = s1 = s2 = s3 = 0.0
        for a in range(into[s], into[s + 1]):
            w, i, p = weights[a], arcs[a, 0], arcs[a, 1]
            s0 += w * before[i, 0] * x[p, 0]
            s1 += w * before[i, 1] * x[p, 1]
            s2 += w * before[i, 2] * x[p, 2]
            s3 += w * before[i, 3] * x[p, 3]
        here[s, 0], here[s, 1], here[s, 2], here[s, 3] = s0, s1, s2, s3


@njit(cache=True, nogil=True, error_model="numpy")
def _leave1(out, arcs, weights, beta, x, left, here, gamma):
    for s in range(here.shape[0]):
        s0, l0 = 0.0, left[s, 0]
        for a in range(out[s], out[s + 1]):
            p = arcs[a, 1]
            v0 = weights[a] * beta[arcs[a, 0], 0] * x[p, 0]
            s0 += v0
            gamma[p, 0] += l0 * v0
        here[s, 0] = s0


@njit(cache=True, nogil=True, error_model="numpy")
def _leave4(out, arcs, weights, beta, x, left, here, gamma):
    """One frame backward: here (S, 4) from beta (S, 4); gamma (U, 4) counts left (S, 4) * what each arc brings."""
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


@njit(cache=True, nogil=True, error_model="numpy")
def _rows4(starts, columns, weights, x, y):
    """y = M x for a sparse matrix by rows: entries starts[r] … starts[r + 1] - 1 are those of row r."""
    for r in range(len(starts) - 1):
        s0 = s1 = s2 = s3 = 0.0
        for a in range(starts[r], starts[r + 1]):
            w, i = weights[a], columns[a]
            s0, s1, s2, s3 = s0 + w * x[i, 0], s1 + w * x[i, 1], s2 + w * x[i, 2], s3 + w * x[i, 3]
        y[r, 0], y[r, 1], y[r, 2], y[r, 3] = s0, s1, s2, s3


@njit(cache=True, nogil=True, error_model="numpy")
def _rows8(starts, columns, weights, x, y):
    for r in range(len(starts) - 1):
        s0 = s1 = s2 = s3 = s4 = s5 = s6 = s7 = 0.0
        for a in range(starts[r], starts[r + 1]):
            w, i = weights[a], columns[a]
            s0, s1, s2, s3 = s0 + w * x[i, 0], s1 + w * x[i, 1], s2 + w * x[i, 2], s3 + w * x[i, 3]
            s4, s5, s6, s7 = s4 + w * x[i, 4], s5 + w * x[i, 5], s6 + w * x[i, 6], s7 + w * x[i, 7]
        y[r, 0], y[r, 1], y[r, 2], y[r, 3] = s0, s1, s2, s3
        y[r, 4], y[r, 5], y[r, 6], y[r, 7] = s4, s5, s6, s7


@njit(cache=True, nogil=True, error_model="numpy")
def _dense(matrix, x, y):
    """y += M x for four lanes at a time, four rows at a time: four chains of additions side by side."""
    last = len(matrix) - 1
    for lane in range(0, x.shape[1], 4):
        for r in range(0, len(matrix), 4):
            q, u, v = min(r + 1, last), min(r + 2, last), min(r + 3, last)  # the last row again where there is none
            a0 = a1 = a2 = a3 = b0 = b1 = b2 = b3 = c0 = c1 = c2 = c3 = d0 = d1 = d2 = d3 = 0.0
            for s in range(matrix.shape[1]):
                x0, x1, x2, x3 = x[s, lane], x[s, lane + 1], x[s, lane + 2], x[s, lane + 3]
                w = matrix[r, s]
                a0, a1, a2, a3 = a0 + w * x0, a1 + w * x1, a2 + w * x2, a3 + w * x3
                w = matrix[q, s]
                b0, b1, b2, b3 = b0 + w * x0, b1 + w * x1, b2 + w * x2, b3 + w * x3
                w = matrix[u, s]
                c0, c1, c2, c3 = c0 + w * x0, c1 + w * x1, c2 + w * x2, c3 + w * x3
                w = matrix[v, s]
                d0, d1, d2, d3 = d0 + w * x0, d1 + w * x1, d2 + w * x2, d3 + w * x3
            _add4(y, r, lane, a0, a1, a2, a3)
            if r + 1 <= last:
                _add4(y, r + 1, lane, b0, b1, b2, b3)
            if r + 2 <= last:
                _add4(y, r + 2, lane, c0, c1, c2, c3)
            if r + 3 <= last:
                _add4(y, r + 3, lane, d0, d1, d2, d3)


@njit(cache=True, nogil=True, error_model="numpy")
def _add4(y, r, lane, a0, a1, a2, a3):
    y[r, lane] += a0
    y[r, lane + 1] += a1
    y[r, lane + 2] += a2
    y[r, lane + 3] += a3


@njit(cache=True, nogil=True, error_model="numpy")
def _sums(values, sums):
    """sums (L,) of values (N, L)."""
    if values.shape[1] == 1:
        s0 = 0.0
        for r in range(len(values)):
            s0 += values[r, 0]
        sums[0] = s0
        return
    for lane in range(0, values.shape[1], 4):
        s0 = s1 = s2 = s3 = 0.0
        for r in range(len(values)):
            s0, s1 = s0 + values[r, lane], s1 + values[r, lane + 1]
            s2, s3 = s2 + values[r, lane + 2], s3 + values[r, lane + 3]
        sums[lane], sums[lane + 1], sums[lane + 2], sums[lane + 3] = s0, s1, s2, s3


@njit(cache=True, nogil=True, error_model="numpy")
def _invert(sums):
    """1 / sums (L,), 0 where there is nothing to divide."""
    for b in range(len(sums)):
        sums[b] = 1.0 / sums[b] if sums[b] > 0.0 else 0.0


@njit(cache=True, nogil=True, error_model="numpy")
def _ended(t, steps, final, alpha, scale, total):
    """For the lanes whose frames end here, total (L,): log of the summed weight of their paths."""
    for b in range(len(steps)):
        if steps[b] == t:
            ended = 0.0
            for s in range(len(final)):
                ended += alpha[s, b] * final[s]
            total[b] = np.log(ended) + scale[t, b]


@njit(cache=True, nogil=True, error_model="numpy")
def _last(t, steps, initial, final, leaky, beta):
    """beta (S, L) after the last frame, for the lanes whose last frame t is."""
    leak = leaky * (initial * final).sum()
    for b in range(len(steps)):
        if steps[b] == t + 1:
            for s in range(len(final)):
                beta[s, b] = final[s] + leak


@njit(cache=True, nogil=True, error_model="numpy")
def _agree(t, steps, sums, scale, total, behind, apart):
    """behind (L,) adds up the logs of what beta was divided by; apart (L,) keeps the largest distance between the
    total and a frame's sum of alpha * beta (NaN stays).
    """
    for b in range(len(steps)):
        if steps[b] > t:
            behind[b] += np.log(sums[b])
            difference = abs(scale[t, b] + behind[b] - total[b])
            apart[b] = difference if not difference <= apart[b] else apart[b]


@njit(cache=True, nogil=True, error_model="numpy")
def _give(t, steps, rows, pdfs, gamma, occupancy):
    """Write gamma (U, L) of frame t into occupancy (B, T, P)."""
    for b in range(len(steps)):
        if steps[b] > t:
            for u in range(len(pdfs)):
                occupancy[rows[b], t, pdfs[u]] = gamma[u, b]


def passes(width: int) -> tuple[Any, Any]:
    """Compiled for so many lanes: what is done to all states after a frame forward, and after one backward."""

    @njit(cache=True, nogil=True, error_model="numpy")
    def rescale(t, initial, begins, leaky, here, scale, sums):
        """alpha: divide here (S, L) by its sum and leak into the initial states; scale (T + 1, L) adds up logs."""
        _sums(here, sums)
        for b in range(width):
            scale[t, b] = np.log(sums[b]) + (scale[t - 1, b] if t else 0.0)
        _invert(sums)
        for s in range(len(here)):
            for b in range(width):
                here[s, b] *= sums[b]
        for k in range(len(begins)):
            s = begins[k]
            for b in range(width):
                here[s, b] += leaky * initial[s]

    @njit(cache=True, nogil=True, error_model="numpy")
    def settle(initial, begins, leaky, here, beta, gamma, sums, leak):
        """beta (S, L) from here (S, L), the leak added; both and gamma (U, L) divided by gamma's sum, which is 1."""
        _invert(sums)
        leak[:] = 0.0
        for k in range(len(begins)):
            s = begins[k]
            for b in range(width):
                leak[b] += leaky * initial[s] * here[s, b]
        for s in range(len(here)):
            for b in range(width):
                beta[s, b] = (here[s, b] + leak[b]) * sums[b]
        for u in range(len(gamma)):
            for b in range(width):
                gamma[u, b] *= sums[b]

    return rescale, settle


def runner_of_arcs(width: int) -> Any:
    """Forward and backward of `layout.Arcs` in so many lanes: 1 or 4."""
    rescale, settle = passes(width)
    arrive, leave = (_arrive1, _leave1) if width == 1 else (_arrive4, _leave4)

    @njit(cache=True, nogil=True, error_model="numpy")
    def run(
        pdfs, initial, final, begins, into, into_arcs, into_weights, out, out_arcs, out_weights,
        emit, rows, steps, leaky, occupancy, total, apart,
    ):  # fmt: skip
        """Fill total (L,), apart (L,), and the rows of occupancy (B, T, P)."""
        frames, states = emit.shape[0], len(initial)
        alpha, scale = np.empty((frames + 1, states, width)), np.empty((frames + 1, width))
        sums, leak, behind = np.empty(width), np.empty(width), np.zeros(width)
        alpha[0] = initial.reshape(-1, 1)
        for t in range(frames + 1):
            if t:
                arrive(into, into_arcs, into_weights, alpha[t - 1], emit[t - 1], alpha[t])
            rescale(t, initial, begins, leaky, alpha[t], scale, sums)
            _ended(t, steps, final, alpha[t], scale, total)
        beta, here, gamma = np.zeros((states, width)), np.empty((states, width)), np.empty((len(pdfs), width))
        for t in range(frames - 1, -1, -1):
            _last(t, steps, initial, final, leaky, beta)
            gamma[:] = 0.0
            leave(out, out_arcs, out_weights, beta, emit[t], alpha[t], here, gamma)
            _sums(gamma, sums)
            _agree(t, steps, sums, scale, total, behind, apart)
            settle(initial, begins, leaky, here, beta, gamma, sums, leak)
            _give(t, steps, rows, pdfs, gamma, occupancy)

    return run


def runner_of_tied(width: int) -> Any:
    """Forward and backward of `layout.Tied` in so many lanes: 4 or 8."""
    rescale, settle = passes(width)
    product = _rows4 if width == 4 else _rows8

    @njit(cache=True, nogil=True, error_model="numpy")
    def gather(groups, x, through, here):
        """here (S, L): the sum of through (G, L), which becomes through * x (U, L), over each state's groups."""
        here[:] = 0.0
        for g in range(len(groups)):
            s, p = groups[g, 0], groups[g, 1]
            for b in range(width):
                through[g, b] *= x[p, b]
                here[s, b] += through[g, b]

    @njit(cache=True, nogil=True, error_model="numpy")
    def count(groups, x, through, beta, ahead, gamma):
        """ahead (G, L) = x * beta of each group; gamma (U, L) adds up what went through: no arc is looked at."""
        for g in range(len(groups)):
            s, p = groups[g, 0], groups[g, 1]
            for b in range(width):
                ahead[g, b] = x[p, b] * beta[s, b]
                gamma[p, b] += through[g, b] * beta[s, b]

    @njit(cache=True, nogil=True, error_model="numpy")
    def run(
        pdfs, initial, final, begins, groups, into, sources, into_weights, out, numbers, out_weights, dense, back,
        emit, rows, steps, leaky, occupancy, total, apart,
    ):  # fmt: skip
        """Fill total (L,), apart (L,), and the rows of occupancy (B, T, P)."""
        frames, states = emit.shape[0], len(initial)
        alpha, scale = np.empty((frames + 1, states, width)), np.empty((frames + 1, width))
        through = np.empty((frames, len(groups), width))
        sums, leak, behind = np.empty(width), np.empty(width), np.zeros(width)
        alpha[0] = initial.reshape(-1, 1)
        for t in range(frames + 1):
            if t:
                product(into, sources, into_weights, alpha[t - 1], through[t - 1])
                _dense(dense, alpha[t - 1], through[t - 1])
                gather(groups, emit[t - 1], through[t - 1], alpha[t])
            rescale(t, initial, begins, leaky, alpha[t], scale, sums)
            _ended(t, steps, final, alpha[t], scale, total)
        beta, here, gamma = np.zeros((states, width)), np.empty((states, width)), np.empty((len(pdfs), width))
        ahead = np.empty((len(groups), width))
        for t in range(frames - 1, -1, -1):
            _last(t, steps, initial, final, leaky, beta)
            gamma[:] = 0.0
            count(groups, emit[t], through[t], beta, ahead, gamma)
            product(out, numbers, out_weights, ahead, here)
            _dense(back, ahead, here)
            _sums(gamma, sums)
            _agree(t, steps, sums, scale, total, behind, apart)
            settle(initial, begins, leaky, here, beta, gamma, sums, leak)
            _give(t, steps, rows, pdfs, gamma, occupancy)

    return run


ARCS = {width: runner_of_arcs(width) for width in (1, 4)}  # doubles in a 256-bit register: 4
TIED = {width: runner_of_tied(width) for width in (4, 8)}  # two registers: additions of one wait less for the other
