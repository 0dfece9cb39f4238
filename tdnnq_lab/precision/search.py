"""The cheapest plan within a budget: Pareto fronts, pruned by the bound of a Lagrangian relaxation.

With a price λ on every bit, min Σ (cost + λ·size) over all plans falls apart into the layers' own minima g(λ), and
g(λ) - λ·budget bounds the cost of every plan within the budget from below (Everett 1963; the relaxation of a
multiple-choice knapsack). The same bound for a beginning of a plan tells which beginnings cannot lead to anything
better than the best plan known.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from .front import Choices, Front

STATES = 2_000_000  # plans kept at all layers together, up to which the search is exact
BEAM = 100  # plans kept at a layer beyond that
REPAIRS = 1000  # single improvements of the relaxation's plan


class Found(NamedTuple):
    """A plan: the choice of every layer, its size and cost, and how much cheaper the best plan could be at most."""

    choice: np.ndarray
    size: int
    cost: float
    gap: float


class _Padded(NamedTuple):
    """Choices of all layers as arrays [L, K]; where a layer has fewer, its last is repeated."""

    sizes: np.ndarray
    costs: np.ndarray


def cheapest(layers: Sequence[Choices], budget: int) -> Found:
    """The plan of least cost whose size is at most `budget`; among equal costs the smallest.

    Args:
        layers: choices of every layer; their smallest must fit into the budget together.
        budget: in bits.

    Returns:
        Its gap is 0 where the search kept to `STATES`, and then the plan is the best one.
    """
    table = _padded(layers)
    budget -= budget % int(np.gcd.reduce(table.sizes, axis=None))  # no sum lies in between
    price, choice = _relaxed(table, budget)
    choice = _repaired(table, choice, budget)
    cost = _total(table.costs, choice)
    slack = 1e-11 * float(np.abs(table.costs).max(1).sum())  # more than rounding can make of a sum
    search = _Search(table, price, budget, cost + slack)
    front = search.run(layers)
    if len(front.costs) and front.costs[-1] <= cost:
        choice, cost = front.choices(np.array([-1]))[0].astype(np.int64), float(front.costs[-1])
    gap = max(0.0, cost - search.dropped)
    return Found(choice, int(_total(table.sizes, choice)), cost, gap if gap > slack else 0.0)


class _Search:
    """Fronts layer by layer, without the beginnings that cannot fit the budget or cannot cost `limit` or less.

    What the layers to come need at least, in bits and at the price, is known beforehand.
    """

    def __init__(self, table: _Padded, price: float, budget: int, limit: float) -> None:
        priced = table.costs + price * table.sizes
        self.least = _from_the_end(table.sizes.min(1))
        self.bound = _from_the_end(priced.min(1)) - price * budget
        self.price, self.budget, self.limit = price, budget, limit
        self.layer = 0
        self.dropped = np.inf  # least bound of what was dropped for want of room

    def run(self, layers: Sequence[Choices]) -> Front:
        """The front of the plans that were kept to the end; it may be empty."""
        front = Front()
        for self.layer, layer in enumerate(layers, start=1):
            front.add(layer, lambda sizes, costs: self._kept(sizes, costs, front.states))
            if not len(front.sizes):  # what had room cannot beat the plan known
                break
        return front

    def _kept(self, sizes: np.ndarray, costs: np.ndarray, used: int) -> np.ndarray:
        """Places [m] of the plans to keep after so many layers, rising."""
        bounds = costs + self.price * sizes + self.bound[self.layer]
        fits = sizes <= self.budget - self.least[self.layer]
        places = np.flatnonzero(fits & (bounds <= self.limit))
        room = max(BEAM, STATES - used)
        if len(places) <= room:
            return places
        order = np.argsort(bounds[places], kind="stable")
        self.dropped = min(self.dropped, float(bounds[places[order[room]]]))
        return np.sort(places[order[:room]])


def _from_the_end(values: np.ndarray) -> np.ndarray:
    """Sums of values[i:], for i = 0 … L."""
    return np.append(np.cumsum(values[::-1])[::-1], 0)


def _padded(layers: Sequence[Choices]) -> _Padded:
    most = max(len(layer.sizes) for layer in layers)
    at = [np.minimum(np.arange(most), len(layer.sizes) - 1) for layer in layers]
    sizes = np.array([layer.sizes[k] for layer, k in zip(layers, at, strict=True)])
    return _Padded(sizes, np.array([layer.costs[k] for layer, k in zip(layers, at, strict=True)]))


def _total(values: np.ndarray, choice: np.ndarray) -> float:
    """Sum over the layers, in their order, as `Front` adds them."""
    return np.cumsum(values[np.arange(len(values)), choice])[-1].item()


def _relaxed(table: _Padded, budget: int) -> tuple[float, np.ndarray]:
    """The price of a bit whose bound is highest, and a plan within the budget that is cheapest at that price.

    Two plans, one within the budget and one beyond, give a price at which they are equal; the plan that is best at
    it replaces one of them, until neither can be beaten.
    """
    within, beyond = table.sizes.argmin(1), table.costs.argmin(1)
    if _total(table.sizes, beyond) <= budget:
        return 0.0, beyond
    while True:
        (s0, c0), (s1, c1) = ((_total(table.sizes, p), _total(table.costs, p)) for p in (within, beyond))
        price = max(0.0, (c0 - c1) / (s1 - s0))
        priced = table.costs + price * table.sizes
        best = priced.argmin(1)
        size, cost = _total(table.sizes, best), _total(table.costs, best)
        if not (s0 < size < s1 and cost + price * size < c0 + price * s0):
            break
        within, beyond = (best, beyond) if size <= budget else (within, best)
    return price, _partly(table, within, beyond, budget)


def _partly(table: _Padded, within: np.ndarray, beyond: np.ndarray, budget: int) -> np.ndarray:
    """From `within` on, change layer after layer to `beyond` as far as the budget goes."""
    rows = np.arange(len(within))
    more = np.cumsum(table.sizes[rows, beyond] - table.sizes[rows, within])
    fits = np.maximum.accumulate(more) <= budget - _total(table.sizes, within)
    return np.where(fits, beyond, within)


def _repaired(table: _Padded, choice: np.ndarray, budget: int) -> np.ndarray:
    """Spend what is left of the budget, one change after another, each time on the largest fall in cost."""
    choice, rows = choice.copy(), np.arange(len(choice))
    room = budget - _total(table.sizes, choice)
    for _ in range(REPAIRS):
        fall = table.costs[rows, choice][:, None] - table.costs
        more = table.sizes - table.sizes[rows, choice][:, None]
        fall = np.where(more <= room, fall, 0.0)
        i, k = np.unravel_index(int(fall.argmax()), fall.shape)
        if fall[i, k] <= 0:
            break
        room -= more[i, k]
        choice[i] = k
    return choice
