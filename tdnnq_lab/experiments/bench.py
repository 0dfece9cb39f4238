"""`tdnnq-lab bench`: times that are compared within one run, never across machines."""

from __future__ import annotations

import time

import torch
from rich.console import Console
from rich.table import Table

from ..lfmmi import LfmmiLoss
from ..models import keep_freed_memory, semi_orthogonal_step, small
from .bench_budget import bench_budget
from .bench_gpu import bench_gpu
from .bench_inference import bench_inference
from .bench_lfmmi import bench_lfmmi, random_graph, sequence


def run_bench(what: str, threads: int) -> None:
    """Print the benchmarks named by `what`: "lfmmi", "step", "budget", "inference", "gpu", or "all" but the GPU's.

    Raises:
      ValueError: another name, or "gpu" without one.
    """
    jobs = {"lfmmi": bench_lfmmi, "step": bench_step, "budget": bench_budget, "inference": bench_inference}
    jobs["gpu"] = bench_gpu
    if what != "all" and what not in jobs:
        raise ValueError(f"there is no benchmark '{what}'; choose from {', '.join(jobs)}, all")
    torch.set_num_threads(threads)
    for name, job in jobs.items():
        if what == name or (what == "all" and name != "gpu"):
            Console().print(job(threads))


def bench_step(threads: int) -> Table:
    """One training step of `small()` on 8 utterances of 4 s: network, criterion, and their shares."""
    torch.manual_seed(0)
    keep_freed_memory()
    model, graph = small(), random_graph(800, 8_000, 80)
    features, lengths = torch.randn(8, 400, 40), torch.full((8,), 400)
    numerators = [sequence(60, 80, b) for b in range(8)]
    criterion = LfmmiLoss(graph, xent=0.1)
    optimiser = torch.optim.Adam(model.parameters(), fused=True)
    seconds = {"network forward": 0.0, "criterion": 0.0, "backward": 0.0, "optimiser": 0.0}
    for step in range(12):
        marks = [time.perf_counter()]
        chain, xent = model(features, lengths, None, None, "both")
        marks.append(time.perf_counter())
        loss = criterion(chain, numerators, model.output_lengths(lengths), xent).loss
        marks.append(time.perf_counter())
        optimiser.zero_grad()
        loss.backward()
        marks.append(time.perf_counter())
        optimiser.step()
        semi_orthogonal_step(model)
        marks.append(time.perf_counter())
        if step >= 2:
            for name, a, b in zip(seconds, marks, marks[1:], strict=False):
                seconds[name] += (b - a) / 10
    total = sum(seconds.values())
    table = Table(title=f"training step of small(), 8 x 4 s, {threads} threads: {32 / total:.0f} times real time")
    for heading in ("part", "ms", "share"):
        table.add_column(heading, justify="left" if heading == "part" else "right")
    for name, value in seconds.items():
        table.add_row(name, f"{1e3 * value:.1f}", f"{100 * value / total:.0f} %")
    return table
