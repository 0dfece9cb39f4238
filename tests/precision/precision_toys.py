"""Tables for tests, and every plan of a table by enumeration."""

import itertools
from collections.abc import Iterator

import numpy as np
from hypothesis import strategies as st

from tdnnq_lab.precision import SensitivityTable
from tdnnq_lab.quantize import BITS, BitPlan


def table_of(sizes, values, bits=(1, 2, 4, 8, 16), **more) -> SensitivityTable:
    return SensitivityTable([f"l{i}" for i in range(len(sizes))], list(sizes), tuple(bits), np.array(values), **more)


def random_table(rng: np.random.Generator, layers: int, falling: bool = True) -> SensitivityTable:
    values = rng.gamma(0.5, size=(layers, 5))
    return table_of(rng.integers(50, 900_000, layers).tolist(), -np.sort(-values, 1) if falling else values)


def every_plan(table: SensitivityTable) -> Iterator[tuple[int, float, tuple[int, ...]]]:
    """(size in bits, cost, bits of each layer) of all K^L plans."""
    for columns in itertools.product(range(len(table.bits)), repeat=len(table.layers)):
        bits = tuple(table.bits[k] for k in columns)
        cost = 0.0
        for i, k in enumerate(columns):
            cost += float(table.values[i, k])
        yield sum(s * n for s, n in zip(table.sizes, bits, strict=True)), cost, bits


def front_of(points) -> list[tuple[float, float]]:
    """Undominated (size, cost) pairs."""
    front, low = [], np.inf
    for size, cost in sorted(points):
        if cost < low:
            front.append((size, cost))
            low = cost
    return front


def size_of(table: SensitivityTable, plan: BitPlan) -> int:
    return sum(size * plan.bits[name] for name, size in zip(table.layers, table.sizes, strict=True))


@st.composite
def tables(draw, most: int = 5):
    """Small tables: few or many layers and bits, ties likely, values of either sign and in any order."""
    bits = draw(st.lists(st.sampled_from(BITS), min_size=1, max_size=4, unique=True))
    layers = draw(st.integers(1, most))
    sizes = draw(st.lists(st.integers(1, 12), min_size=layers, max_size=layers))
    value = draw(st.sampled_from([st.integers(-5, 20).map(float), st.floats(-3, 3)]))
    row = st.lists(value, min_size=len(bits), max_size=len(bits))
    return table_of(sizes, draw(st.lists(row, min_size=layers, max_size=layers)), bits)
