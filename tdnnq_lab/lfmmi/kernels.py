"""The loops of `fast.py`, compiled by numba: they hold no interpreter lock and call neither torch nor BLAS.

Utterances that share a graph lie side by side in the innermost dimension, the lanes, so that one read of an arc serves
them all and the processor's vector unit works on them together. A lane's sums run in the same order at every width,
so widths agree bit for bit.

Shapes: S states, G groups, U pdfs of the graph, T frames of the longest utterance here, L lanes; `steps` (L,) holds
their lengths, 0 for a lane that is free.
"""
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

from typing import Any

import numpy as np

from .lanes import EIGHT, FOUR, ONE, TWO, Lanes, compiled


@compiled
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


@compiled
def _invert(sums):
    """1 / sums (L,), 0 where there is nothing to divide."""
    for b in range(len(sums)):
        sums[b] = 1.0 / sums[b] if sums[b] > 0.0 else 0.0


@compiled
def _ended(t, steps, final, alpha, scale, total):
    """For the lanes whose frames end here, total (L,): log of the summed weight of their paths."""
    for b in range(len(steps)):
        if steps[b] == t:
            ended = 0.0
            for s in range(len(final)):
                ended += alpha[s, b] * final[s]
            total[b] = np.log(ended) + scale[t, b]


@compiled
def _last(t, steps, initial, final, leaky, beta):
    """beta (S, L) after the last frame, for the lanes whose last frame t is."""
    leak = leaky * (initial * final).sum()
    for b in range(len(steps)):
        if steps[b] == t + 1:
            for s in range(len(final)):
                beta[s, b] = final[s] + leak


@compiled
def _agree(t, steps, sums, scale, total, behind, apart):
    """behind (L,) adds up the logs of what beta was divided by; apart (L,) keeps the largest distance between the
    total and a frame's sum of alpha * beta (NaN stays).
    """
    for b in range(len(steps)):
        if steps[b] > t:
            behind[b] += np.log(sums[b])
            difference = abs(scale[t, b] + behind[b] - total[b])
            apart[b] = difference if not difference <= apart[b] else apart[b]


@compiled
def _give(t, steps, rows, pdfs, gamma, occupancy):
    """Write gamma (U, L) of frame t into occupancy (B, T, P)."""
    for b in range(len(steps)):
        if steps[b] > t:
            for u in range(len(pdfs)):
                occupancy[rows[b], t, pdfs[u]] = gamma[u, b]


def _passes(lanes: Lanes) -> tuple[Any, Any]:
    """What is done to all states after a frame forward, and after one backward."""
    width, zero, load, store, add, mul, madd = lanes

    @compiled
    def rescale(t, initial, begins, leaky, here, scale, sums):
        """alpha: divide here (S, L) by its sum and leak into the initial states; scale (T + 1, L) adds up logs."""
        total = zero
        for s in range(len(here)):
            total = add(total, load(here, s))
        store(sums, 0, total)
        for b in range(width):
            scale[t, b] = np.log(sums[0, b]) + (scale[t - 1, b] if t else 0.0)
        _invert(sums[0])
        inverse = load(sums, 0)
        for s in range(len(here)):
            store(here, s, mul(load(here, s), inverse))
        for k in range(len(begins)):
            s = begins[k]
            for b in range(width):
                here[s, b] += leaky * initial[s]

    @compiled
    def settle(t, steps, initial, begins, leaky, here, beta, gamma, sums, scale, total, behind, apart):
        """beta (S, L) from here (S, L), the leak added; both and gamma (U, L) divided by gamma's sum, which is 1."""
        all_pdfs, leak = zero, zero
        for u in range(len(gamma)):
            all_pdfs = add(all_pdfs, load(gamma, u))
        store(sums, 0, all_pdfs)
        _agree(t, steps, sums[0], scale, total, behind, apart)
        _invert(sums[0])
        inverse = load(sums, 0)
        for k in range(len(begins)):
            leak = madd(leak, leaky * initial[begins[k]], load(here, begins[k]))
        for s in range(len(here)):
            store(beta, s, mul(add(load(here, s), leak), inverse))
        for u in range(len(gamma)):
            store(gamma, u, mul(load(gamma, u), inverse))

    return rescale, settle


def _over_arcs(lanes: Lanes) -> tuple[Any, Any]:
    """A frame of `layout.Arcs`, forward and backward."""
    _, zero, load, store, add, mul, madd = lanes

    @compiled
    def arrive(into, arcs, weights, before, x, here):
        """here (S, L) gathers before (S, L) * x (U, L) * weight over the arcs into each state."""
        for s in range(len(here)):
            arrived = zero
            for a in range(into[s], into[s + 1]):
                arrived = madd(arrived, weights[a], mul(load(before, arcs[a, 0]), load(x, arcs[a, 1])))
            store(here, s, arrived)

    @compiled
    def leave(out, arcs, weights, beta, x, left, here, gamma):
        """here (S, L) from beta (S, L); gamma (U, L) adds up left (S, L) * what each arc brings."""
        for s in range(len(here)):
            ahead, behind = zero, load(left, s)
            for a in range(out[s], out[s + 1]):
                brings = madd(zero, weights[a], mul(load(beta, arcs[a, 0]), load(x, arcs[a, 1])))
                ahead = add(ahead, brings)
                store(gamma, arcs[a, 1], add(load(gamma, arcs[a, 1]), mul(behind, brings)))
            store(here, s, ahead)

    return arrive, leave


def _products(lanes: Lanes) -> tuple[Any, Any]:
    """A matrix times the lanes: sparse by rows, and dense."""
    _, zero, load, store, add, _, madd = lanes

    @compiled
    def sparse(starts, columns, weights, x, y):
        """y = M x: entries starts[r] … starts[r + 1] - 1 of columns and weights are those of row r."""
        for r in range(len(starts) - 1):
            found = zero
            for a in range(starts[r], starts[r + 1]):
                found = madd(found, weights[a], load(x, columns[a]))
            store(y, r, found)

    @compiled
    def dense(matrix, x, y):
        """y += M x, y having at least as many rows as M: two at a time, so that one read of x serves both."""
        for r in range(0, len(matrix), 2):
            q = min(r + 1, len(matrix) - 1)
            one, other = zero, zero
            for s in range(matrix.shape[1]):
                row = load(x, s)
                one, other = madd(one, matrix[r, s], row), madd(other, matrix[q, s], row)
            store(y, r, add(load(y, r), one))
            if q > r:
                store(y, q, add(load(y, q), other))

    return sparse, dense


def _over_groups(lanes: Lanes) -> tuple[Any, Any]:
    """A frame of `layout.Tied`, but for the products with its matrices."""
    _, zero, load, store, add, mul, _ = lanes

    @compiled
    def gather(groups, x, through, here):
        """here (S, L): the sum of through (G, L), which becomes through * x (U, L), over each state's groups."""
        for s in range(len(here)):
            store(here, s, zero)
        for g in range(len(groups)):
            came = mul(load(through, g), load(x, groups[g, 1]))
            store(through, g, came)
            store(here, groups[g, 0], add(load(here, groups[g, 0]), came))

    @compiled
    def count(groups, x, through, beta, ahead, gamma):
        """ahead (G, L) = x * beta of each group; gamma (U, L) adds up what went through: no arc is looked at."""
        for g in range(len(groups)):
            after, p = load(beta, groups[g, 0]), groups[g, 1]
            store(ahead, g, mul(load(x, p), after))
            store(gamma, p, add(load(gamma, p), mul(load(through, g), after)))

    return gather, count


def _run_arcs(lanes: Lanes) -> Any:
    """Forward and backward of `layout.Arcs` in so many lanes."""
    (rescale, settle), (arrive, leave), width = _passes(lanes), _over_arcs(lanes), lanes.width

    @compiled
    def run(
        pdfs, initial, final, begins, into, into_arcs, into_weights, out, out_arcs, out_weights,
        emit, rows, steps, leaky, occupancy, total, apart,
    ):  # fmt: skip
        """Fill total (L,), apart (L,), and the rows of occupancy (B, T, P)."""
        frames, states = emit.shape[0], len(initial)
        alpha, scale = np.empty((frames + 1, states, width)), np.empty((frames + 1, width))
        sums, behind = np.empty((1, width)), np.zeros(width)
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
            settle(t, steps, initial, begins, leaky, here, beta, gamma, sums, scale, total, behind, apart)
            _give(t, steps, rows, pdfs, gamma, occupancy)

    return run


def _run_tied(lanes: Lanes) -> Any:
    """Forward and backward of `layout.Tied` in so many lanes."""
    (rescale, settle), (sparse, dense), (gather, count) = _passes(lanes), _products(lanes), _over_groups(lanes)
    width = lanes.width

    @compiled
    def run(
        pdfs, initial, final, begins, groups, into, sources, into_weights, out, numbers, out_weights, matrix, back,
        emit, rows, steps, leaky, occupancy, total, apart,
    ):  # fmt: skip
        """Fill total (L,), apart (L,), and the rows of occupancy (B, T, P)."""
        frames, states = emit.shape[0], len(initial)
        alpha, scale = np.empty((frames + 1, states, width)), np.empty((frames + 1, width))
        through = np.empty((frames, len(groups), width))
        sums, behind = np.empty((1, width)), np.zeros(width)
        alpha[0] = initial.reshape(-1, 1)
        for t in range(frames + 1):
            if t:
                sparse(into, sources, into_weights, alpha[t - 1], through[t - 1])
                dense(matrix, alpha[t - 1], through[t - 1])
                gather(groups, emit[t - 1], through[t - 1], alpha[t])
            rescale(t, initial, begins, leaky, alpha[t], scale, sums)
            _ended(t, steps, final, alpha[t], scale, total)
        beta, here, gamma = np.zeros((states, width)), np.empty((states, width)), np.empty((len(pdfs), width))
        ahead = np.empty((len(groups), width))
        for t in range(frames - 1, -1, -1):
            _last(t, steps, initial, final, leaky, beta)
            gamma[:] = 0.0
            count(groups, emit[t], through[t], beta, ahead, gamma)
            sparse(out, numbers, out_weights, ahead, here)
            dense(back, ahead, here)
            settle(t, steps, initial, begins, leaky, here, beta, gamma, sums, scale, total, behind, apart)
            _give(t, steps, rows, pdfs, gamma, occupancy)

    return run


# Widths in doubles, 4 to a 256-bit register; each is compiled when it is first needed. A frame of tied arcs costs as
# much in one lane as in four (additions wait for one another), so they have no narrower loops.
ARCS = {lanes.width: _run_arcs(lanes) for lanes in (ONE, TWO, FOUR, EIGHT)}
TIED = {lanes.width: _run_tied(lanes) for lanes in (FOUR, EIGHT)}
