"""How many semi-orthogonal steps take a drawn matrix to its goal.

`python -m tdnnq_lab.experiments.bench_orthonormal --json results/bench/orthonormal.json`
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.table import Table

from ..models import FactoredLayer, semi_orthogonal_error, semi_orthogonal_step
from .timing import keep

GOAL = 1e-5
MOST = 100
SIZES = ((160, 3072), (256, 1536), (240, 640), (24, 512), (48, 512), (48, 256), (96, 256), (200, 256))


def errors_by_step(rows: int, columns: int, seed: int = 0, goal: float = GOAL) -> list[float]:
    """`semi_orthogonal_error` of a new layer's matrix before the first step and after each, down to the goal.

    Args:
        rows, columns: of the matrix, drawn as Kaldi draws it, N(0, 1/columns), float32.
        seed: of torch's global generator.
        goal: where to stop; after 100 steps in any case.
    """
    torch.manual_seed(seed)
    layer = FactoredLayer(columns, rows, stride=0, bypass=0.66)
    errors = [semi_orthogonal_error(layer.linear.weight)]
    while errors[-1] > goal and len(errors) <= MOST:
        semi_orthogonal_step(layer)
        errors.append(semi_orthogonal_error(layer.linear.weight))
    return errors


def measured(seeds: int) -> list[dict[str, Any]]:
    """For each size the steps that each seed needed, and the errors on the first one's way."""
    rows = []
    for size in SIZES:
        ways = [errors_by_step(*size, seed=seed) for seed in range(seeds)]
        steps = [len(way) - 1 for way in ways]
        errors = [float(f"{error:.3g}") for error in ways[0]]
        rows.append({"rows": size[0], "columns": size[1], "steps": steps, "errors": errors})
    return rows


def main() -> None:
    """Count the steps at the sizes of the recipe and of the small network, print and keep them."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--json", type=Path, help="where to keep the figures")
    options = parser.parse_args()
    found = measured(options.seeds)
    table = Table(title=f"semi-orthogonal steps from N(0, 1/columns) to an error of {GOAL:g}", title_justify="left")
    for name in ("matrix", f"steps, {options.seeds} seeds", "error before", "error after"):
        table.add_column(name, justify="left" if name == "matrix" else "right")
    for row in found:
        steps = f"{min(row['steps'])}-{max(row['steps'])}"
        first, last = row["errors"][0], row["errors"][-1]
        table.add_row(f"{row['rows']} x {row['columns']}", steps, f"{first:.2g}", f"{last:.2g}")
    Console().print(table)
    if options.json:
        keep(options.json, {"goal": GOAL, "sizes": found})


if __name__ == "__main__":
    main()
