"""`tdnnq-lab bench budget` and `bench inference`: the solver, and a packed model at work."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import torch
from rich.table import Table

from ..deploy import load, pack
from ..models import layers, small
from ..precision import SensitivityTable, allocate, frontier
from ..quantize import BitPlan, quantize
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


def bench_inference(threads: int) -> Table:
    """A packed model's way back to words' scores: unpacking, and its forward pass against the unpacked one's."""
    table = Table(title=f"small() at 4 bits, {threads} threads", title_justify="left")
    for name in ("what", "ms", "ratio"):
        table.add_column(name, justify="left" if name == "what" else "right")
    model = small().eval()
    plan = BitPlan(bits=dict.fromkeys(layers(model), 4))
    features = torch.randn(1, 1000, 40, generator=torch.Generator().manual_seed(0))
    with tempfile.TemporaryDirectory() as folder, torch.inference_mode():
        path = Path(folder) / "model.safetensors"
        pack(model, plan, path)
        packed = load(path)
        full = milliseconds(lambda: model(features))
        rows = {
            "forward, 10 s of speech, float32": full,
            "forward, 10 s of speech, unpacked": milliseconds(lambda: packed(features)),
            "load the packed file": milliseconds(lambda: load(path)),
            "pack": milliseconds(lambda: pack(model, plan, path), runs=3),
            "α of 1536 x 320 at 4 bits": milliseconds(lambda: quantize(torch.randn(1536, 320), 4), runs=3),
        }
    for what, took in rows.items():
        table.add_row(what, f"{took:.1f}", f"{took / full:.2f}")
    return table
