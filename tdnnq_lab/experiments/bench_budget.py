"""`tdnnq-lab bench budget`: the solver."""

from __future__ import annotations

import numpy as np
from rich.table import Table

from ..precision import SensitivityTable, allocate, frontier
from .timing import milliseconds

BITS = (1, 2, 4, 8, 16)


def random_table(count: int, bits: tuple[int, ...] = BITS, seed: int = 0) -> SensitivityTable:
    """Falling costs that are drawn, for layers of drawn sizes."""
    draw = np.random.default_rng(seed)
    values = np.sort(draw.gamma(0.5, size=(count, len(bits))), axis=1)[:, ::-1]
    sizes = draw.integers(1000, 900_000, count).tolist()
    return SensitivityTable(layers=[f"l{i}" for i in range(count)], sizes=sizes, bits=bits, values=values.copy())


def bench_budget(threads: int) -> Table:
    """The exact plan and the whole front at 18 layers and 5 bit-widths; 10,000 layers with the gap proven."""
    table = Table(title="bit budget", title_justify="left")
    for name in ("layers x bit-widths", "allocate, ms", "frontier, ms", "plans on the front", "proven gap"):
        table.add_column(name, justify="right")
    little = random_table(18)
    front = frontier(little)
    times = [milliseconds(lambda: allocate(little, average_bits=4)), milliseconds(lambda: frontier(little))]
    table.add_row("18 x 5", *(f"{t:.1f}" for t in times), f"{len(front):,}", "0")
    many = random_table(10_000)
    plan = allocate(many, average_bits=4)
    took = milliseconds(lambda: allocate(many, average_bits=4), runs=1)
    table.add_row("10,000 x 5", f"{took:,.0f}", "", "", f"{plan.made_by['gap']:.2g}")
    return table
