"""Where the time of a training step goes.

`python -m tdnnq_lab.experiments.profile_step --label after --json results/bench/profile.json`
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn
from torch.profiler import ProfilerActivity, profile

from ..models import Tdnnf, keep_freed_memory, semi_orthogonal_step, small
from .jsonfiles import read_json, write_json
from .timing import facts

UTTERANCES, SECONDS = 8, 4
KINDS = {
    "matrix products": ("aten::mm", "aten::addmm", "aten::bmm"),
    "sums over frames": ("aten::sum", "aten::mv", "aten::addmv_"),
    "memory passes": (
        *("aten::relu_", "aten::clamp_min_", "aten::pow", "aten::square", "aten::mul", "aten::mul_", "aten::addcmul"),
        *("aten::addcmul_", "aten::add", "aten::add_", "aten::cat", "aten::copy_", "aten::threshold_backward"),
        *("aten::index", "aten::fill_", "aten::zero_", "aten::sub"),
    ),
}


class Step:
    """The network's share of a training step of `small()` on 8 utterances of 4 s; the criterion's is timed elsewhere.

    Args:
        network: what to train.
        utterances, seconds: of drawn features.
        backend: of `torch.compile`; None: not compiled.
    """

    def __init__(
        self,
        network: Callable[[], Tdnnf] = small,
        utterances: int = UTTERANCES,
        seconds: int = SECONDS,
        backend: str | None = None,
    ) -> None:
        keep_freed_memory()
        torch.manual_seed(0)
        self.model = network().train()
        self.model.set_dropout(0.2)
        self.features = torch.randn(utterances, 100 * seconds, self.model.config.input_dim)
        self.lengths = torch.full((utterances,), 100 * seconds)
        self.parameters = list(self.model.parameters())
        self.optimiser = torch.optim.Adam(self.parameters, fused=True)
        frames = int(self.model.output_lengths(self.lengths)[0])
        shape = (utterances, frames, self.model.config.num_pdfs)
        self.run = self.model if backend is None else torch.compile(self.model, backend=backend)
        self.slopes = (torch.randn(shape), torch.randn(shape))  # in place of the criterion's gradients

    def parts(self) -> dict[str, Callable[[], Any]]:
        """What a step does, in order."""
        return {
            "forward": self._forward,
            "backward": self._backward,
            "clip": lambda: nn.utils.clip_grad_norm_(self.parameters, 5.0),
            "optimiser": self.optimiser.step,
            "semi-orthogonal step": lambda: semi_orthogonal_step(self.model),
        }

    def _forward(self) -> None:
        self.outputs: tuple[Tensor, Tensor] = self.run(self.features, self.lengths, None, None, "both")

    def _backward(self) -> None:
        self.optimiser.zero_grad()
        torch.autograd.backward(self.outputs, self.slopes)


def part_times(step: Step, runs: int) -> dict[str, float]:
    """Least ms of each part over the runs, which other work on the machine disturbs least.

    The semi-orthogonal step is due in one of four steps only and counts a quarter.
    """
    took: dict[str, list[float]] = {name: [] for name in step.parts()}
    for run in range(runs + 2):
        for name, part in step.parts().items():
            start = time.perf_counter()
            part()
            if run >= 2:
                took[name].append(time.perf_counter() - start)
    least = {name: 1e3 * min(times) for name, times in took.items()}
    least["semi-orthogonal step"] /= 4
    return {name: round(value, 3) for name, value in least.items()}


def kind_shares(step: Step, runs: int) -> dict[str, float]:
    """Shares of forward and backward by kind of operation, by torch's profiler; the rest is Python and dispatch."""
    step._forward()
    step._backward()
    with profile(activities=[ProfilerActivity.CPU]) as found:
        start = time.perf_counter()
        for _ in range(runs):
            step._forward()
            step._backward()
        took = 1e6 * (time.perf_counter() - start)
    own = {event.key: event.self_cpu_time_total for event in found.key_averages()}
    shares = {kind: sum(own.get(name, 0.0) for name in names) / took for kind, names in KINDS.items()}
    shares["the rest"] = 1.0 - sum(shares.values())
    return {kind: round(share, 4) for kind, share in shares.items()}


def measure(threads: int, runs: int = 15, step: Step | None = None) -> dict[str, Any]:
    """Times of the parts and of the whole, and shares of the kinds."""
    torch.set_num_threads(threads)
    step = step or Step()
    parts = part_times(step, runs)
    return {"ms": parts, "shares": kind_shares(step, max(1, runs // 3)), "total_ms": round(sum(parts.values()), 3)}


def table(found: dict[str, Any], threads: int) -> Table:
    """One measurement for the terminal."""
    title = f"network's share of a training step, {threads} threads: {found['total_ms']:.0f} ms"
    made = Table(title=title, title_justify="left")
    made.add_column("part")
    made.add_column("", justify="right")
    for name, value in found["ms"].items():
        made.add_row(name, f"{value:.1f} ms")
    for name, share in found["shares"].items():
        made.add_row(f"forward and backward: {name}", f"{100 * share:.0f} %")
    return made


def main() -> None:
    """Profile a training step at each number of threads and keep the figures under a label."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--label", default="now")
    parser.add_argument("--compile", action="store_true", help="let torch.compile make the network (wants gcc)")
    parser.add_argument("--json", type=Path, help="where to keep the figures, beside those of other labels")
    options = parser.parse_args()
    found = {}
    for threads in options.threads:
        torch.set_num_threads(threads)  # compiled code is for the number at its making
        torch.compiler.reset()
        step = Step(backend="inductor" if options.compile else None)
        found[str(threads)] = measure(threads, options.runs, step)
    for threads, values in found.items():
        Console().print(table(values, int(threads)))
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        write_json(options.json, {**(read_json(options.json) or {}), options.label: {**facts(), "threads": found}})


if __name__ == "__main__":
    main()
