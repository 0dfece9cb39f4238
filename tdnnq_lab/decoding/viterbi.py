"""The best path of a pdf automaton, exact."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from ..graphs.fsa import Fsa
from .inputs import checked


def viterbi(fsa: Fsa, log_likelihoods: Tensor | ArrayLike, *, acoustic_scale: float = 1.0) -> NDArray[np.int32]:
    """The pdfs of the best path: argmax over paths of initial + sum(scores + scale * log-likelihoods) + final.

    No beam: every state is kept at every frame.

    Args:
      fsa: any automaton of pdfs, a denominator or a numerator.
      log_likelihoods: (T', P) of one utterance.
      acoustic_scale: factor of the log-likelihoods.

    Returns:
      int32 (T',): the pdf emitted at each frame.

    Raises:
      ValueError: bad log-likelihoods (see `checked`), or the automaton has no path of T' frames.
    """
    x = checked(log_likelihoods, fsa.num_pdfs)
    arcs = fsa.arcs.cpu().numpy()
    by_destination = np.argsort(arcs[:, 1], kind="stable")
    arcs = np.ascontiguousarray(arcs[by_destination])
    into = np.searchsorted(arcs[:, 1], np.arange(fsa.num_states + 1))
    scores, initial, final = (t.cpu().numpy().astype(np.float64) for t in (fsa.scores, fsa.initial, fsa.final))
    path = np.empty(len(x), np.int32)
    total = _best_path(into, arcs, scores[by_destination], initial, final, x, float(acoustic_scale), path)
    if total == -np.inf:
        raise ValueError(f"the automaton has no path of {len(x)} frames: the utterance is too short for it")
    return arcs[path, 2]


@njit(cache=True, nogil=True)
def _best_path(into, arcs, scores, initial, final, x, scale, path):  # type: ignore[no-untyped-def]
    """Fill path (T',) with the arcs of the best path and return its total; arcs (A, 3) sorted by destination."""
    frames, states = x.shape[0], initial.shape[0]
    taken = np.empty((frames, states), np.int32)  # the best arc into each state
    before, here = initial.copy(), np.empty(states)
    for t in range(frames):
        for s in range(states):
            best, arc = -np.inf, -1
            for a in range(into[s], into[s + 1]):
                value = before[arcs[a, 0]] + scores[a] + scale * x[t, arcs[a, 2]]
                if value > best:
                    best, arc = value, a
            here[s], taken[t, s] = best, arc
        before, here = here, before
    state = np.argmax(before + final)
    total = before[state] + final[state]
    if total > -np.inf:
        for t in range(frames - 1, -1, -1):
            path[t] = taken[t, state]
            state = arcs[path[t], 0]
    return total
