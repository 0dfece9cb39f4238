"""Pareto fronts over sums: one choice a layer, the sizes and costs of the choices add up.

A plan is dominated when another is no larger and no dearer. Layer by layer, every plan kept so far is joined with
every choice of the next layer, and what is dominated is dropped: a dominated beginning cannot end in a front, and
as rounding never reverses an order, this holds for sums in float64, added in the order of the layers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np


class Choices(NamedTuple):
    """What one layer can choose from, smallest first, none dominated by another.

    Args:
        sizes: [k] int64, bits of all its weights; rising.
        costs: [k] float64; falling.
        bits: [k] int64, bits of one weight.
    """

    sizes: np.ndarray
    costs: np.ndarray
    bits: np.ndarray


class Step(NamedTuple):
    """Where the plans kept at a layer came from: the place of their beginning among those before, their choice."""

    parent: np.ndarray | None  # None: the layer has one choice, so every plan went on as it was
    choice: np.ndarray | None


class Front:
    """The plans kept after some layers, by rising size and falling cost, and the way back to their choices."""

    def __init__(self) -> None:
        self.sizes = np.zeros(1, np.int64)
        self.costs = np.zeros(1)
        self.steps: list[Step] = []
        self.states = 0  # kept at all layers together: what the way back takes

    def add(self, layer: Choices, cut: Callable[[np.ndarray, np.ndarray], np.ndarray] | None = None) -> None:
        """Join with a layer's choices.

        Args:
            layer: the choices.
            cut: of the sizes and costs of the plans that no other dominates, the places [m] of those to keep, rising;
                None: all.
        """
        n, alone = len(self.sizes), len(layer.sizes) == 1
        sizes = (layer.sizes[:, None] + self.sizes).ravel()  # a rising run for each choice
        costs = (layer.costs[:, None] + self.costs).ravel()
        # One choice shifts the front, in which rounding may make costs equal that were not.
        places = np.arange(n) if alone and (costs[1:] < costs[:-1]).all() else undominated(sizes, costs)
        if cut is not None:
            places = places[cut(sizes[places], costs[places])]
        self.sizes, self.costs = sizes[places], costs[places]
        if alone and len(places) == n:
            self.steps.append(Step(None, None))
            return
        self.steps.append(Step((places % n).astype(np.int32), (places // n).astype(np.int8)))
        self.states += len(places)

    def choices(self, places: np.ndarray) -> np.ndarray:
        """The choice of every layer in the plans at these places [m] of the front, int8 [m, L]."""
        found = np.zeros((len(places), len(self.steps)), np.int8)
        for i in range(len(self.steps) - 1, -1, -1):
            parent, choice = self.steps[i]
            if parent is not None and choice is not None:
                found[:, i] = choice[places]
                places = parent[places]
        return found


def undominated(sizes: np.ndarray, costs: np.ndarray) -> np.ndarray:
    """Places of the points that no other point dominates, by rising size; of equal points the first."""
    order = np.argsort(sizes, kind="stable")  # merges runs that are sorted already
    costs = costs[order]
    before = np.concatenate([[np.inf], np.minimum.accumulate(costs)[:-1]])
    places = order[costs < before]
    size = sizes[places]
    return places[np.append(size[1:] != size[:-1], True)]  # of equal sizes the last is the cheapest


def whole_front(layers: Sequence[Choices], points: int, states: int) -> Front | None:
    """The front of all plans; None once it has more than `points`, or its way back more than `states`."""
    front = Front()
    for layer in layers:
        front.add(layer)
        if len(front.sizes) > points or front.states > states:
            return None
    return front
