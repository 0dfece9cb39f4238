"""Write k2.npz beside this file: little graphs and batches, and what real k2 makes of them.

K2_PYTHON=.venv-k2/bin/python .venv/bin/python tests/lfmmi/golden/make_golden.py   (`make k2-env` makes the former)
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from tdnnq_lab.graphs.fsa import Fsa
from tdnnq_lab.lfmmi.k2_twin import run_in

FILE = Path(__file__).with_name("k2.npz")
FIELDS = ("arcs", "scores", "initial", "final")


def drawn(seed: int, states: int, arcs: int, pdfs: int) -> Fsa:
    """A random graph with several initial and final states of unequal weight, parallel arcs and self-loops."""
    rng = np.random.default_rng(seed)
    table = np.stack([rng.integers(0, n, arcs) for n in (states, states, pdfs)], 1)
    initial = np.where(rng.random(states) < 0.6, rng.normal(size=states), -np.inf)
    final = np.where(rng.random(states) < 0.6, rng.normal(size=states), -np.inf)
    initial[0] = final[-1] = -0.5
    return Fsa(torch.from_numpy(table), *(torch.from_numpy(x) for x in (rng.normal(size=arcs), initial, final)))


def numerator(pdfs: list[int]) -> Fsa:
    """The pdfs in order, each once or more: its paths are as long as the list at least."""
    arcs = [[i, i + 1, p] for i, p in enumerate(pdfs)] + [[i + 1, i + 1, p] for i, p in enumerate(pdfs)]
    initial, final = torch.full((2, len(pdfs) + 1), -torch.inf)
    initial[0], final[-1] = -0.25, -0.75
    return Fsa(torch.tensor(arcs), -0.1 * torch.arange(1.0, 1 + len(arcs)), initial, final)


def cases() -> dict[str, tuple[list[Fsa], torch.Tensor, torch.Tensor]]:
    """Graphs, logits and lengths of each case."""
    noise = torch.Generator().manual_seed(22)
    big, odd = drawn(0, 12, 60, 9), drawn(1, 5, 14, 9)
    chains = [numerator([0, 1, 2]), numerator([3]), numerator([4, 4, 5, 6]), numerator([7, 8, 0, 1, 2, 3])]
    return {
        "denominator": ([big] * 4, 3 * torch.randn(4, 11, 9, generator=noise), torch.tensor([11, 3, 8, 1])),
        "numerators": (chains, 3 * torch.randn(4, 10, 9, generator=noise), torch.tensor([7, 2, 10, 9])),
        "no path": ([chains[3], odd, chains[0]], torch.randn(3, 6, 9, generator=noise), torch.tensor([4, 6, 6])),
        "no frames": ([big, odd], torch.randn(2, 5, 9, generator=noise), torch.tensor([0, 5])),
    }


def load() -> dict[str, tuple[list[Fsa], torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]]:
    """Graphs, logits, lengths, k2's totals and occupancies of each case, as kept."""
    with np.load(FILE) as kept:
        data = {name: torch.from_numpy(kept[name]) for name in kept.files if name != "versions"}
    found = {}
    for name in sorted({key.split("/")[0] for key in data}):
        different = []
        while f"{name}/{len(different)}/arcs" in data:
            different.append(Fsa(*(data[f"{name}/{len(different)}/{field}"] for field in FIELDS)))
        graphs = [different[i] for i in data[f"{name}/graphs"].tolist()]
        found[name] = (graphs, *(data[f"{name}/{part}"] for part in ("logits", "lengths", "total", "occupancy")))
    return found


def main() -> None:
    """Run the cases through k2 and keep them."""
    tables: dict[str, np.ndarray] = {}
    for name, (graphs, logits, lengths) in cases().items():
        answer = run_in(None, graphs, logits, lengths)
        different = list({id(f): f for f in graphs}.values())
        tables[f"{name}/graphs"] = np.array([next(i for i, f in enumerate(different) if f is g) for g in graphs])
        for i, fsa in enumerate(different):
            tables |= {f"{name}/{i}/{field}": getattr(fsa, field).numpy() for field in FIELDS}
        for part, value in (("logits", logits), ("lengths", lengths), ("total", answer.total)):
            tables[f"{name}/{part}"] = value.numpy()
        tables[f"{name}/occupancy"] = answer.occupancy.numpy()
        tables["versions"] = np.array([f"{key} {value}" for key, value in answer.versions.items()])
        print(name, answer.total.tolist())
    np.savez_compressed(FILE, **tables)


if __name__ == "__main__":
    main()
