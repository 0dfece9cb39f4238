"""`tdnnq-lab bench gpu`: a training step of Kaldi's 7q at Switchboard's size on CUDA, synthetic speech and graph.

With options: `python -m tdnnq_lab.experiments.bench_gpu --bf16 --json FILE`; `--tiny` tries the script on a CPU.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import torch
from rich.console import Console, Group

from ..models import KALDI_7Q, Tdnnf
from .bench_step import Size, measure, table
from .timing import keep


def tiny_7q(num_pdfs: int) -> Tdnnf:
    """7q's shape with narrow layers."""
    narrow = replace(KALDI_7Q, num_pdfs=num_pdfs, hidden_dim=32, bottlenecks=(8,) * 14, prefinal_dim=16)
    return Tdnnf(narrow)


SWITCHBOARD = Size()
TINY = Size(states=40, arcs=300, pdfs=20, chunks=3, frames=30, phones=4, steps=2, warm_up=1, network=tiny_7q)


def bench_gpu(threads: int) -> Group:
    """The step at full size, in float32 and with the network in bfloat16.

    Raises:
        ValueError: there is no CUDA device.
    """
    return Group(*(table(measure(SWITCHBOARD, bf16), "kaldi_7q()") for bf16 in (False, True)))


def main(arguments: list[str] | None = None) -> None:
    """Time a training step on a GPU and keep the figures."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--bf16", action="store_true", help="the network under bfloat16 autocast")
    parser.add_argument(
        "--tiny", action="store_true", help="a tiny network and graph, on the CPU where there is no GPU"
    )
    parser.add_argument("--json", type=Path, help="where to keep the figures")
    options = parser.parse_args(arguments)
    device = "cpu" if options.tiny and not torch.cuda.is_available() else "cuda"
    found = measure(TINY if options.tiny else SWITCHBOARD, options.bf16, device)
    Console().print(table(found, "kaldi_7q()"))
    if options.json:
        keep(options.json, found)


if __name__ == "__main__":
    try:
        main()
    except ValueError as error:
        raise SystemExit(f"error: {error}") from error
