"""Checks of 00_tour: each prints whether the answer is right, and if not, what usually leads there."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from tdnnq_lab.precision import SensitivityTable, frontier

from .answers import RIGHT, tried

SIZES = {"narrow": 100, "wide": 900, "middle": 500}  # three layers of a network that is not in the notebook
BITS = {"wide": 2, "narrow": 16, "middle": 4}  # in another order, on purpose
WITHIN = 0.05  # bits a weight


def check_average_bits(function: Callable[[Mapping[str, int], Mapping[str, int]], Any]) -> None:
    """Exercise 1: `average_bits(sizes, bits)`, both by layer, gives the bits that a weight has on average."""
    print(_average_bits(function))


def _average_bits(function: Callable[[Mapping[str, int], Mapping[str, int]], Any]) -> str:
    sizes, bits = dict(SIZES), dict(BITS)
    found, wrong = tried(lambda: function(sizes, bits), f"It was given sizes = {SIZES} and bits = {BITS}.")
    if wrong:
        return wrong
    if isinstance(found, bool) or not isinstance(found, int | float) or not math.isfinite(found):
        return f"The function returned {found!r}; a number is wanted."
    if (sizes, bits) != (SIZES, BITS):
        return "The number may be right, but your function changed the dictionaries that it was given: work on copies."
    total, weights = sum(SIZES[name] * BITS[name] for name in SIZES), sum(SIZES.values())
    right = total / weights
    if math.isclose(found, right, rel_tol=1e-6):
        return f"{RIGHT} {total:,} bits for {weights:,} weights are {right:.2f} bits a weight."
    return f"Not yet: you have {found:g}. {_average_mistake(found, total, weights)}"


def _average_mistake(found: float, total: int, weights: int) -> str:
    """What usually gives this number."""
    order = sum(s * b for s, b in zip(SIZES.values(), BITS.values(), strict=True)) / weights
    causes = [
        (sum(BITS.values()) / len(BITS), "That is the plain mean over layers: a layer of 900 weights must count nine "
         "times as much as one of 100. (Papers print this mean too; footnote 4 of ours does.)"),
        (total, "That is the number of bits of all weights: divide by the number of weights."),
        (total / 8, "Those are bytes of all weights: eight bits a byte is for sizes, not for averages."),
        (total / len(SIZES), "You divide by the number of layers: divide by the number of weights."),
        (total // weights, "You divide with //, which rounds down: use /."),
        (total / weights / 8, "Those are bytes a weight: leave the 8 out."),
        (32 * weights / total, "That is the ratio to 32-bit weights: 32 / average."),
        (order, "You pair sizes and bits by their position; the dictionaries have different orders. Pair by name."),
    ]  # fmt: skip
    for value, cause in causes:
        if math.isclose(found, value, rel_tol=1e-6):
            return cause
    return "Add up size times bits over the layers, and divide by the sum of the sizes."


def check_smallest_budget(answer: Any, table: SensitivityTable, cost: float) -> None:
    """Exercise 2: the smallest budget, in bits a weight, whose plan is predicted to cost at most `cost`."""
    print(_smallest_budget(answer, table, cost))


def _smallest_budget(answer: Any, table: SensitivityTable, cost: float) -> str:
    if answer is None:
        return "Nothing yet: `answer` is None. Set it to a number of bits a weight, such as 4.0."
    if isinstance(answer, bool) or not isinstance(answer, int | float) or not math.isfinite(answer):
        return f"`answer` is {answer!r}; a number of bits a weight is wanted."
    affordable = [plan for plan in frontier(table) if plan.made_by["cost"] <= cost]
    if not affordable:
        return f"No plan of this table costs as little as {cost:g}: ask for more."
    right = affordable[0].made_by["average_bits"]
    if right - 1e-6 <= answer <= right + WITHIN:
        return f"{RIGHT} The smallest plan that costs at most {cost:g} has {right:.2f} bits a weight."
    if answer < right:
        reached = [plan.made_by["cost"] for plan in frontier(table) if plan.made_by["average_bits"] <= answer + 1e-9]
        if not reached:
            return f"Too small: no plan has as few as {answer:g} bits a weight."
        return (
            f"Too small: the best plan within {answer:g} bits is predicted to cost {reached[-1]:.3g}, above {cost:g}."
        )
    return f"Large enough, but not the smallest. {_budget_mistake(answer, right, table, cost)}"


def _budget_mistake(answer: float, right: float, table: SensitivityTable, cost: float) -> str:
    uniform = [bits for bits in sorted(table.bits) if table.cost(dict.fromkeys(table.layers, bits)) <= cost]
    if uniform and math.isclose(answer, uniform[0]):
        return "That is the smallest plan that gives every layer the same bits; a mixed one does with less."
    if answer - right < 0.6:
        return "You are near: go down in steps of 0.05, or look through `frontier(table)`, smallest plan first."
    return (
        "`allocate(table, average_bits=b).made_by['cost']` falls as b rises: look for the b where it passes the limit."
    )
