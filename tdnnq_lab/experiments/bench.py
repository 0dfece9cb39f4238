"""`tdnnq-lab bench`: times that are compared within one run, never across machines."""

from __future__ import annotations

import torch
from rich.console import Console

from .bench_budget import bench_budget
from .bench_gpu import bench_gpu
from .bench_inference import bench_inference
from .bench_lfmmi import bench_lfmmi
from .bench_step import bench_step


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
