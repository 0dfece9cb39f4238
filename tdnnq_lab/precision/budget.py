"""From a table of sensitivities to bits: the cheapest plan within a budget, and every plan worth having."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..quantize import BitPlan
from .front import Choices, undominated, whole_front
from .search import cheapest
from .table import SensitivityTable

POINTS = 100_000  # plans of a front
TOLERANCE = 1e-9  # of a budget, for the rounding of whoever computed it
UNITS = {"average_bits": "bits on average", "megabytes": "megabytes", "ratio": "times smaller than 32 bits"}
Bound = int | Mapping[str, int] | None


def allocate(
    table: SensitivityTable,
    *,
    average_bits: float | None = None,
    megabytes: float | None = None,
    ratio: float | None = None,
    min_bits: Bound = None,
    max_bits: Bound = None,
    fixed: Mapping[str, int] | None = None,
) -> BitPlan:
    """The plan of least cost within a budget; among plans of equal cost the smallest.

    Exact up to 2 million states (beginnings of plans that could still lead to the best one; 18 layers have some
    hundreds). Beyond that it is the best plan found, and `made_by["gap"]` proves how far it is from the best one.

    Args:
        table: L layers, K numbers of bits.
        average_bits: Σ size · bits / Σ size over the table's layers, at most. Exactly one of the three is given;
            a budget may be exceeded by a billionth of itself, for rounding.
        megabytes: 10^6 bytes of the layers' codes, at most.
        ratio: 32 / average_bits, at least.
        min_bits, max_bits: for all layers, or by layer.
        fixed: bits of single layers.

    Returns:
        A plan for the table's layers; `made_by` holds measure, budget, constraints, cost, average_bits and gap
        (0.0: the plan is optimal; otherwise no plan is cheaper by more).

    Raises:
        ValueError: not exactly one budget; a budget that no plan reaches (the smallest that one does is named, in
            the same unit); constraints that contradict each other, name no layer of the table, or leave a layer no
            bits of the table.
    """
    unit, value = _one_budget(average_bits=average_bits, megabytes=megabytes, ratio=ratio)
    layers = _choices(table, min_bits, max_bits, fixed)
    least = sum(int(layer.sizes[0]) for layer in layers)
    budget = _in_bits(table, unit, value)
    if least > budget:
        raise ValueError(_out_of_reach(table, unit, value, least, bool(fixed) or min_bits is not None))
    found = cheapest(layers, budget)
    made_by = {"measure": table.made_by.get("method"), "budget": {unit: value}}
    constraints = {"min_bits": min_bits, "max_bits": max_bits, "fixed": fixed}
    made_by |= {name: _plain(given) for name, given in constraints.items() if given is not None}
    made_by |= {"cost": found.cost, "average_bits": found.size / sum(table.sizes), "gap": found.gap}
    return BitPlan(_bits(table, layers, found.choice), made_by=made_by)


def frontier(
    table: SensitivityTable,
    *,
    min_bits: Bound = None,
    max_bits: Bound = None,
    fixed: Mapping[str, int] | None = None,
) -> list[BitPlan]:
    """Every plan that no other beats in both size and cost, smallest first; of equal ones one.

    Args:
        table, min_bits, max_bits, fixed: as for `allocate`.

    Returns:
        Plans whose `made_by` holds measure, cost and average_bits.

    Raises:
        ValueError: more than 100,000 plans (or 20 million on the way, which takes hundreds of layers); contradicting
            constraints.
    """
    layers = _choices(table, min_bits, max_bits, fixed)
    front = whole_front(layers, 10 * POINTS, 200 * POINTS)
    if front is None or len(front.sizes) > POINTS:
        raise ValueError(
            f"the front of these {len(layers)} layers has more than {POINTS:,} plans or takes too long; "
            "use allocate, which finds the one for a budget"
        )
    weights, measure = sum(table.sizes), table.made_by.get("method")
    chosen = _bits_of_all(layers, front.choices(np.arange(len(front.sizes))))
    return [
        BitPlan(
            dict(zip(table.layers, bits, strict=True)),
            made_by={"measure": measure, "cost": cost, "average_bits": size / weights},
        )
        for bits, cost, size in zip(chosen.tolist(), front.costs.tolist(), front.sizes.tolist(), strict=True)
    ]


def closest_to_average(table: SensitivityTable, average_bits: float, *, by: str = "weights") -> BitPlan:
    """The paper's rule (footnote 1), to compare `allocate` with: the optimal plan closest to the target average.

    It takes a target where `allocate` takes a budget: the plan may be larger. "Closest" is meant among the plans
    that are optimal for their size: of all plans, many hit an average exactly, at any cost. Equally close: the cheaper.

    Args:
        table: L layers, K numbers of bits.
        average_bits: the target.
        by: "weights": bits per weight, as in `allocate`; "layers": the plain mean over layers, which is perhaps what
            the paper's plans were made for (that of its footnote 4, called 8 bits, has 6.0 by layers, 7.04 by weights).

    Raises:
        ValueError: an average that is not a positive number, another `by`, or a front too large for `frontier`.
    """
    _one_budget(average_bits=average_bits)
    if by not in ("weights", "layers"):
        raise ValueError(f'by is {by!r}: choose "weights" or "layers"')
    sizes = table.sizes if by == "weights" else [1] * len(table.sizes)
    plans = frontier(SensitivityTable(table.layers, sizes, table.bits, table.values, table.made_by))
    plan = min(plans, key=lambda p: (abs(p.made_by["average_bits"] - average_bits), p.made_by["cost"]))
    made_by = plan.made_by | {"target": {"average_bits": average_bits, "by": by}}
    return BitPlan(plan.bits, made_by=made_by | {"average_bits": table.average_bits(plan)})


def _one_budget(**given: float | None) -> tuple[str, float]:
    """Unit and value of the one budget that was given."""
    named = {unit: value for unit, value in given.items() if value is not None}
    if len(named) != 1:
        told = "none was" if not named else ", ".join(named) + " were"
        raise ValueError(f"give exactly one of {', '.join(UNITS)}: {told} given")
    ((unit, value),) = named.items()
    if isinstance(value, bool) or not isinstance(value, (int, float, np.number)) or not 0 < value < math.inf:
        raise ValueError(f"{unit} is {value!r}: it must be a positive number")
    return unit, float(value)


def _in_bits(table: SensitivityTable, unit: str, value: float) -> int:
    """A budget in bits of all the table's weights, rounding allowed for."""
    weights = sum(table.sizes)
    bits = {"average_bits": value * weights, "megabytes": value * 8e6, "ratio": 32 * weights / value}[unit]
    return math.floor(min(bits, 32 * weights) * (1 + TOLERANCE))


def _out_of_reach(table: SensitivityTable, unit: str, value: float, least: int, constrained: bool) -> str:
    """The message for a budget that no plan reaches; the number it names can be given back as it is printed."""
    weights = sum(table.sizes)
    exact = {"average_bits": least / weights, "megabytes": least / 8e6, "ratio": 32 * weights / least}[unit]
    texts = (f"{exact:.{digits}g}" for digits in range(5, 18))
    text = next(
        t for t in texts if math.isclose(float(t), exact, rel_tol=1e-4) and _in_bits(table, unit, float(t)) >= least
    )
    limit = "the largest ratio" if unit == "ratio" else "the smallest budget"
    why = " with these constraints" if constrained else ""
    return f"no plan reaches {value:g} {UNITS[unit]}: {limit} that one does{why} is {text}"


def _choices(table: SensitivityTable, min_bits: Bound, max_bits: Bound, fixed: Bound) -> list[Choices]:
    """What each layer can choose from under the constraints."""
    low, high, exact = (
        _by_layer(table, *named) for named in (("min_bits", min_bits), ("max_bits", max_bits), ("fixed", fixed))
    )
    bits = np.array(table.bits, np.int64)
    if not (low or high or exact):
        allowed = np.ones(table.values.shape, bool)
    else:
        allowed = np.array(
            [_allowed(table, name, low.get(name), high.get(name), exact.get(name)) for name in table.layers]
        )
    found = []
    for size, values, mask in zip(table.sizes, table.values, allowed, strict=True):
        places = np.flatnonzero(mask)
        places = places[undominated(bits[places], values[places])]
        found.append(Choices(size * bits[places], values[places], bits[places]))
    return found


def _allowed(table: SensitivityTable, name: str, low: int | None, high: int | None, exact: int | None) -> list[bool]:
    """Which bits of the table a layer may have."""
    if low is not None and high is not None and low > high:
        raise ValueError(f"layer {name!r}: min_bits {low} is more than max_bits {high}")
    told = f"the table has {', '.join(map(str, table.bits))}"
    if exact is not None:
        if exact not in table.bits:
            raise ValueError(f"layer {name!r} is fixed at {exact} bits: {told}")
        if (low is not None and exact < low) or (high is not None and exact > high):
            raise ValueError(
                f"layer {name!r} is fixed at {exact} bits, outside min_bits {low} and max_bits {high}: "
                "give those by layer, without this one"
            )
    mask = [
        (exact is None or n == exact) and (low is None or n >= low) and (high is None or n <= high) for n in table.bits
    ]
    if not any(mask):
        raise ValueError(f"layer {name!r}: min_bits {low} and max_bits {high} leave it no bits; {told}")
    return mask


def _by_layer(table: SensitivityTable, what: str, given: Bound) -> dict[str, int]:
    """A constraint for each layer that has one."""
    if given is None:
        return {}
    bits = dict(given) if isinstance(given, Mapping) else dict.fromkeys(table.layers, given)
    known = set(table.layers)
    for name, n in bits.items():
        if name not in known:
            raise ValueError(f"{what} names {name!r}, which is no layer of the table")
        if isinstance(n, bool) or not isinstance(n, (int, np.integer)):
            raise ValueError(f"{what} of layer {name!r} is {n!r}: bits are whole numbers")
    return bits


def _plain(given: Any) -> Any:
    """A constraint as JSON types."""
    return {name: int(n) for name, n in given.items()} if isinstance(given, Mapping) else int(given)


def _bits(table: SensitivityTable, layers: list[Choices], choice: np.ndarray) -> dict[str, int]:
    chosen = (int(layer.bits[k]) for layer, k in zip(layers, choice, strict=True))
    return dict(zip(table.layers, chosen, strict=True))


def _bits_of_all(layers: list[Choices], choices: np.ndarray) -> np.ndarray:
    """Bits [M, L] of M plans from their choices."""
    return np.stack([layer.bits[choices[:, i]] for i, layer in enumerate(layers)], 1)
