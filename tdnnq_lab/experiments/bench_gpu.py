"""`tdnnq-lab bench gpu`: a training step of Kaldi's 7q at Switchboard's size on CUDA, synthetic speech and graph.

`python -m tdnnq_lab.experiments.bench_gpu --json FILE` keeps the figures; `--tiny` tries the script on a CPU.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from rich.console import Console, Group
from rich.table import Table
from torch import Tensor

from ..lfmmi import forward_backward, sparse_torch
from ..models import KALDI_7Q, Tdnnf
from .bench_lfmmi import LEAK, SIZES, random_batch, random_graph
from .bench_step import PRECISIONS, Size, measure, table
from .timing import keep, milliseconds


def tiny_7q(num_pdfs: int) -> Tdnnf:
    """7q's shape with narrow layers."""
    narrow = replace(KALDI_7Q, num_pdfs=num_pdfs, hidden_dim=32, bottlenecks=(8,) * 14, prefinal_dim=16)
    return Tdnnf(narrow)


SWITCHBOARD = Size()
TINY = Size(states=40, arcs=300, pdfs=20, chunks=3, frames=30, phones=4, steps=2, warm_up=1, network=tiny_7q)
GRAPHS = (*SIZES, (8_000, 100_000, 6_034, 64))  # states, arcs, pdfs, utterances
TINY_GRAPHS = ((40, 300, 20, 3),)


def bench_gpu(threads: int) -> Group:
    """The step at full size in each precision, and the criterion alone.

    Raises:
        ValueError: there is no CUDA device.
    """
    return tables(everything(SWITCHBOARD, GRAPHS, "cuda"))


def everything(size: Size, graphs: Sequence[tuple[int, int, int, int]], device: str) -> dict[str, Any]:
    """{"steps": one of `measure` for each precision, "criterion": one of `compare` for each graph}."""
    steps = [measure(size, precision, device) for precision in PRECISIONS]
    return {"steps": steps, "criterion": [compare(*graph, device) for graph in graphs]}


def compare(states: int, arcs: int, pdfs: int, batch: int, device: str) -> dict[str, Any]:
    """Forward-backward of 50 frames: ms by the kernels, by torch operations and on the CPU; how far totals lie apart.

    Raises:
      RuntimeError: totals differ from the CPU's in the fifth digit.
    """
    graph, (logits, lengths) = random_graph(states, arcs, pdfs), random_batch(batch, pdfs)
    there, ends = logits.to(device), lengths.to(device)
    works: dict[str, Callable[[], tuple[Tensor, Tensor]]] = {
        "operations": lambda: sparse_torch.run([graph] * batch, there, ends, LEAK, kernels=False),
        "cpu": lambda: forward_backward(graph, logits, lengths, leaky=LEAK),
    }
    if device == "cuda":
        works = {"kernels": lambda: forward_backward(graph, there, ends, leaky=LEAK)} | works
    totals = {name: work()[0].cpu() for name, work in works.items()}
    apart = max(float(((t - totals["cpu"]) / totals["cpu"]).abs().max()) for t in totals.values())
    if not apart < 1e-5:
        raise RuntimeError(f"totals of {states} states, {arcs} arcs differ by {apart:.1e} of their size")

    def waited(work: Callable[[], Any]) -> Callable[[], None]:
        def run() -> None:
            work()
            if device == "cuda":
                torch.cuda.synchronize()

        return run

    took = {f"{name}_ms": milliseconds(waited(work), runs=5) for name, work in works.items()}
    return {"states": states, "arcs": arcs, "pdfs": pdfs, "utterances": batch, **took, "apart": apart}


def tables(found: dict[str, Any]) -> Group:
    """What `everything` found, for the terminal."""
    drawn = Table(title="forward-backward of 50 frames, ms", title_justify="left")
    for name in found["criterion"][0]:
        drawn.add_column(name.replace("_", " "), justify="right")
    for row in found["criterion"]:
        drawn.add_row(*(f"{value:.3g}" if isinstance(value, float) else f"{value:,}" for value in row.values()))
    return Group(*(table(step, "kaldi_7q()") for step in found["steps"]), drawn)


def main(arguments: list[str] | None = None) -> None:
    """Time a training step and the criterion on a GPU and keep the figures."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument(
        "--tiny", action="store_true", help="a tiny network and graph, on the CPU where there is no GPU"
    )
    parser.add_argument("--json", type=Path, help="where to keep the figures")
    options = parser.parse_args(arguments)
    device = "cpu" if options.tiny and not torch.cuda.is_available() else "cuda"
    size, graphs = (TINY, TINY_GRAPHS) if options.tiny else (SWITCHBOARD, GRAPHS)
    found = everything(size, graphs, device)
    Console().print(tables(found))
    if options.json:
        keep(options.json, found)


if __name__ == "__main__":
    try:
        main()
    except ValueError as error:
        raise SystemExit(f"error: {error}") from error
