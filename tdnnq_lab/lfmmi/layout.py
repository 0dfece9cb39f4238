"""Graphs as the kernels of `fast.py` read them: sorted, in plain probabilities, made once for each graph.

In a chain graph the pdf belongs to the state that an arc enters: its forward pdf for arcs from elsewhere, its self-loop
pdf for the loop. Arcs of one destination and one pdf then form a group, weights are multiplied by the pdf once a
group, and a pass over the arcs is a product of a sparse matrix with the states. `Tied` is that; `Arcs`, an arc at a
time, is for graphs with about as many groups as arcs: numerators, and graphs drawn at random.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from ..graphs.fsa import Fsa

# Arcs in a group from which on sorting by group pays: below, the groups' own work is more than it saves.
TIED = 2.0
# A group whose arcs come from so many of all states is a row of a dense matrix: an entry of one costs less than an arc,
# whose source has to be looked up. Both are timed at growing density by `bench lfmmi` (results/bench/lfmmi.json,
# "products"): they break even near a half. Bigrams of phones are dense, trigrams are not.
DENSE = 0.6
Ints = NDArray[np.int64]
Indices = NDArray[np.uint32]
Floats = NDArray[np.float64]
T = TypeVar("T")


@dataclass(frozen=True)
class Arcs:
    """Arcs sorted by destination and, once more, by source."""

    pdfs: Ints  # (U,): the pdfs that occur; arcs name them by their place here
    initial: Floats  # (S,)
    final: Floats  # (S,)
    begins: Ints  # the states whose initial weight is not 0
    into: Ints  # (S + 1,): arcs into state s are into[s] … into[s + 1] - 1
    into_arcs: Indices  # (A, 2): source, pdf
    into_weights: Floats  # (A,)
    out: Ints  # (S + 1,)
    out_arcs: Indices  # (A, 2): destination, pdf
    out_weights: Floats  # (A,)


@dataclass(frozen=True)
class Tied:
    """Arcs in G groups of one destination and one pdf; the first R groups are dense."""

    pdfs: Ints  # (U,)
    initial: Floats  # (S,)
    final: Floats  # (S,)
    begins: Ints
    groups: Indices  # (G, 2): destination, pdf
    into: Ints  # (G + 1,): sparse arcs of group g are into[g] … into[g + 1] - 1
    sources: Indices  # (A',)
    into_weights: Floats  # (A',)
    out: Ints  # (S + 1,): sparse arcs that leave state s
    out_groups: Indices  # (A',): the groups they belong to
    out_weights: Floats  # (A',)
    dense: Floats  # (R, S): weights of the dense groups' arcs, summed where parallel
    dense_back: Floats  # (S, R): the same, transposed


_KEPT: WeakKeyDictionary[Fsa, dict[Any, tuple[tuple[int, ...], Any]]] = WeakKeyDictionary()


def kept(fsa: Fsa, what: Any, make: Callable[[Fsa], T]) -> T:
    """`make(fsa)`, made once for each graph and `what`, and again when the graph's tensors were changed in place."""
    tensors = (fsa.arcs, fsa.scores, fsa.initial, fsa.final)
    state = tuple(number for t in tensors for number in (t.data_ptr(), t._version))
    of_graph = _KEPT.setdefault(fsa, {})
    if what not in of_graph or of_graph[what][0] != state:
        of_graph[what] = (state, make(fsa))
    made: T = of_graph[what][1]
    return made


def prepare(fsa: Fsa) -> Arcs | Tied:
    """The sorted form of a graph, kept."""
    return kept(fsa, "cpu", layout)


def layout(fsa: Fsa, tied: float = TIED, dense: float = DENSE) -> Arcs | Tied:
    """The sorted form of a graph: `Tied` if its groups have at least `tied` arcs on average."""
    arcs = fsa.arcs.cpu().numpy().astype(np.int64)
    weights, initial, final = (np.exp(t.cpu().numpy().astype(np.float64)) for t in (fsa.scores, fsa.initial, fsa.final))
    arcs, weights = arcs[weights > 0], weights[weights > 0]
    pdfs, arcs[:, 2] = np.unique(arcs[:, 2], return_inverse=True)
    groups, of_arc = np.unique(arcs[:, 1] * max(1, len(pdfs)) + arcs[:, 2], return_inverse=True)
    if len(groups) and len(arcs) >= tied * len(groups):
        ends = np.stack([groups // len(pdfs), groups % len(pdfs)], 1)
        return _tied((pdfs, initial, final, initial.nonzero()[0]), ends, of_arc, arcs[:, 0], weights, dense)
    first, second = np.lexsort((arcs[:, 0], arcs[:, 1])), np.lexsort((arcs[:, 1], arcs[:, 0]))
    return Arcs(
        pdfs, initial, final, initial.nonzero()[0],
        _starts(arcs[first, 1], len(initial)), _indices(arcs[first][:, [0, 2]]), weights[first],
        _starts(arcs[second, 0], len(initial)), _indices(arcs[second][:, [1, 2]]), weights[second],
    )  # fmt: skip


def _tied(
    ends: tuple[Ints, Floats, Floats, Ints], groups: Ints, of_arc: Ints, sources: Ints, weights: Floats, dense: float
) -> Tied:
    """Groups (G, 2) of destination and pdf, dense ones moved to the front; of_arc (A,) numbers them."""
    states = len(ends[1])
    full = np.bincount(of_arc, minlength=len(groups)) >= dense * states
    order = np.argsort(~full, kind="stable")
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    of_arc, rows = place[of_arc], int(full.sum())
    matrix = np.zeros((rows, states))
    inside = of_arc < rows
    np.add.at(matrix, (of_arc[inside], sources[inside]), weights[inside])
    of_arc, sources, weights = of_arc[~inside], sources[~inside], weights[~inside]
    first, second = np.lexsort((sources, of_arc)), np.lexsort((of_arc, sources))
    return Tied(
        *ends, _indices(groups[order]),
        _starts(of_arc[first], len(groups)), _indices(sources[first]), weights[first],
        _starts(sources[second], states), _indices(of_arc[second]), weights[second],
        matrix, np.ascontiguousarray(matrix.T),
    )  # fmt: skip


def _starts(numbers: Ints, count: int) -> Ints:
    """Where each of 0 … count - 1 begins in sorted numbers, and the end: (count + 1,)."""
    return np.searchsorted(numbers, np.arange(count + 1)).astype(np.int64)


def _indices(values: Ints) -> Indices:
    return np.ascontiguousarray(values.astype(np.uint32))
