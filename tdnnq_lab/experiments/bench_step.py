"""`tdnnq-lab bench step`: where the time of a training step goes, network and criterion, at any size and device."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from rich.table import Table
from torch import Tensor

from ..graphs import Fsa
from ..lfmmi import LfmmiLoss
from ..models import Tdnnf, kaldi_7q, keep_freed_memory, semi_orthogonal_step, small
from ..training import TrainSettings
from ..training.optimiser import make_optimiser
from .acoustic import Recipe
from .bench_lfmmi import random_graph, sequence

PRECISIONS = ("float32", "tf32", "bfloat16")
PARTS = ("network forward", "criterion", "backward", "optimiser")


@dataclass(frozen=True)
class Size:
    """A step's size; the defaults are Switchboard's and the recipe's.

    Attributes:
        states, arcs, pdfs: of the denominator.
        chunks: a batch's. frames: a chunk's, in input frames of 10 ms. phones: a chunk's.
        steps: timed, after `warm_up` others.
        network: made for so many pdfs.
    """

    states: int = 8_000
    arcs: int = 100_000
    pdfs: int = 6_034
    chunks: int = 64
    frames: int = 150
    phones: int = 15
    steps: int = 20
    warm_up: int = 5
    network: Callable[[int], Tdnnf] = kaldi_7q


SMALL_STEP = Size(
    states=800, arcs=8_000, pdfs=80, chunks=8, frames=400, phones=60, steps=10, warm_up=2, network=small
)  # fmt: skip


def bench_step(threads: int) -> Table:
    """One training step of `small()` on 8 utterances of 4 s."""
    keep_freed_memory()
    return table(measure(SMALL_STEP, device="cpu"), f"small(), {threads} threads")


def measure(size: Size, precision: str = "float32", device: str = "cuda") -> dict[str, Any]:
    """Median ms of a training step and of its parts, the criterion's share, times real time, peak memory.

    Args:
        size: see `Size`.
        precision: of the network's products: "float32", "tf32" (float32 multiplied with 10 bits, on CUDA) or
            "bfloat16" (autocast); the criterion takes outputs as float32.
        device: "cuda" or "cpu".

    Raises:
        ValueError: "cuda" where there is none.
    """
    if device == "cuda" and not torch.cuda.is_available():
        raise ValueError(
            "no CUDA device was found: run this where there is one, or try the script at tiny size on the CPU with "
            "python -m tdnnq_lab.experiments.bench_gpu --tiny"
        )
    torch.set_float32_matmul_precision("high" if precision == "tf32" else "highest")
    try:
        step = Step(size, precision == "bfloat16", torch.device(device))
        marks = [step.run() for _ in range(size.warm_up + size.steps)][size.warm_up :]
    finally:
        torch.set_float32_matmul_precision("highest")
    parts = {name: 1e3 * statistics.median(m[i + 1] - m[i] for m in marks) for i, name in enumerate(PARTS)}
    took = 1e3 * statistics.median(m[-1] - m[0] for m in marks)
    speech = 10.0 * size.chunks * size.frames  # ms
    on_gpu = device == "cuda"
    return {
        "device": torch.cuda.get_device_name() if on_gpu else "cpu",
        "network": precision,
        "parameters": sum(p.numel() for p in step.model.parameters()),
        "chunks": size.chunks,
        "frames": size.frames,
        "denominator": {"states": size.states, "arcs": size.arcs, "pdfs": size.pdfs},
        "step_ms": took,
        "parts_ms": parts,
        "criterion_share": parts["criterion"] / sum(parts.values()),
        "times_real_time": speech / took,
        "peak_memory_mb": torch.cuda.max_memory_allocated() / 1e6 if on_gpu else None,
        "loss": step.losses,
    }


class Step:
    """A training step on drawn features, i-vectors, numerators and denominator; `run` takes it once."""

    def __init__(self, size: Size, bf16: bool, device: torch.device) -> None:
        torch.manual_seed(0)
        self.device, self.losses = device, list[float]()
        self.model = size.network(size.pdfs).to(device)
        self.model.autocast = torch.bfloat16 if bf16 else None
        config = self.model.config
        self.features = torch.randn(size.chunks, size.frames, config.input_dim).to(device)
        self.ivectors = torch.randn(size.chunks, config.ivector_dim).to(device) if config.ivector_dim else None
        self.lengths = torch.full((size.chunks,), -(-size.frames // 3), device=device)
        self.numerators = [sequence(size.phones, size.pdfs, b) for b in range(size.chunks)]
        denominator: Fsa = random_graph(size.states, size.arcs, size.pdfs)
        self.criterion = LfmmiLoss(denominator, leaky=0.1, xent=0.1)
        self.optimiser = make_optimiser(self.model, TrainSettings(updates=1, optimiser=Recipe.optimiser))

    def run(self) -> list[float]:
        """Take the step; the times at its start and after each of `PARTS`, in seconds."""
        marks = [self._now()]
        chain, xent = self.model(self.features, None, self.ivectors, None, "both")
        marks.append(self._now())
        loss: Tensor = self.criterion(chain, self.numerators, self.lengths, xent).loss
        marks.append(self._now())
        self.optimiser.zero_grad()
        loss.backward()
        marks.append(self._now())
        self.optimiser.step()
        semi_orthogonal_step(self.model)
        marks.append(self._now())
        self.losses.append(float(loss.detach()))
        return marks

    def _now(self) -> float:
        if self.device.type == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter()


def table(found: dict[str, Any], name: str) -> Table:
    """What `measure` found of the network of that name, for the terminal."""
    title = (
        f"training step of {name}, network in {found['network']}, {found['chunks']} chunks of {found['frames']} "
        f"frames, {found['device']}: {found['step_ms']:.1f} ms, {found['times_real_time']:,.0f} times real time"
    )
    drawn = Table(title=title, title_justify="left")
    for heading in ("part", "ms", "share"):
        drawn.add_column(heading, justify="left" if heading == "part" else "right")
    total = sum(found["parts_ms"].values())
    for name, value in found["parts_ms"].items():
        drawn.add_row(name, f"{value:.1f}", f"{100 * value / total:.0f} %")
    return drawn
