"""`tdnnq-lab bench`: times that are compared within one run, never across machines."""

from __future__ import annotations

import math
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from ..graphs import Fsa
from ..lfmmi import LfmmiLoss, forward_backward, sparse_torch
from ..models import keep_freed_memory, semi_orthogonal_step, small
from .bench_budget import bench_budget, bench_inference
from .timing import milliseconds

SIZES = ((300, 3_000, 80, 16), (800, 8_000, 80, 8), (3_000, 36_000, 2_000, 4))  # states, arcs, pdfs, utterances
FRAMES = 50


def random_graph(states: int, arcs: int, pdfs: int, seed: int = 0) -> Fsa:
    """A random connected graph whose states can all end, like a denominator."""
    rng = np.random.default_rng(seed)
    table = np.stack([rng.integers(0, n, arcs) for n in (states, states, pdfs)], 1).astype(np.int32)
    table[:states, 0], table[:states, 1] = np.arange(states), (np.arange(states) + 1) % states
    scores = rng.normal(size=arcs).astype(np.float32) - 2
    initial = np.log(rng.dirichlet(np.ones(states))).astype(np.float32)
    return Fsa(*(torch.from_numpy(x) for x in (table, scores, initial, np.zeros(states, np.float32))))


def run_bench(what: str, threads: int) -> None:
    """Print the benchmarks named by `what`: "lfmmi", "step", "budget", "inference" or "all".

    Raises:
      ValueError: another name.
    """
    jobs = {"lfmmi": bench_lfmmi, "step": bench_step, "budget": bench_budget, "inference": bench_inference}
    if what != "all" and what not in jobs:
        raise ValueError(f"there is no benchmark '{what}'; choose from {', '.join(jobs)}, all")
    torch.set_num_threads(threads)
    for name, job in jobs.items():
        if what in ("all", name):
            Console().print(job(threads))


def bench_lfmmi(threads: int) -> Table:
    """Forward-backward over random graphs: ours, a plain C loop, and torch over arcs."""
    table = Table(title=f"forward-backward, {FRAMES} frames, {threads} threads, median ms")
    for heading in ("states", "arcs", "utterances", "tdnnq-lab", "plain C", "ratio to C", "torch over arcs"):
        table.add_column(heading, justify="right")
    library = _compile_c()
    for states, arcs, pdfs, batch in SIZES:
        graph = random_graph(states, arcs, pdfs)
        logits = torch.randn(batch, FRAMES, pdfs, generator=torch.Generator().manual_seed(0))
        lengths = torch.full((batch,), FRAMES)
        ours = milliseconds(lambda: forward_backward(graph, logits, lengths, leaky=0.1))  # noqa: B023
        dense = milliseconds(lambda: sparse_torch.run([graph] * batch, logits, lengths, 0.1), 3)  # noqa: B023
        plain = _time_c(library, graph, logits, threads) if library else math.nan
        ratio = f"{ours / plain:.2f}" if library else "no gcc"
        row = (states, arcs, batch, f"{ours:.1f}", f"{plain:.1f}", ratio, f"{dense:.1f}")
        table.add_row(*map(str, row))
    return table


def bench_step(threads: int) -> Table:
    """One training step of `small()` on 8 utterances of 4 s: network, criterion, and their shares."""
    torch.manual_seed(0)
    keep_freed_memory()
    model, graph = small(), random_graph(800, 8_000, 80)
    features, lengths = torch.randn(8, 400, 40), torch.full((8,), 400)
    numerators = [_sequence(60, b) for b in range(8)]
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


def _sequence(phones: int, seed: int) -> Fsa:
    """A numerator of so many phones in a row, drawn from 40, without choices."""
    drawn = np.random.default_rng(seed).integers(0, 40, phones)
    arcs = [[i, i + 1, 2 * p] for i, p in enumerate(drawn)] + [[i + 1, i + 1, 2 * p + 1] for i, p in enumerate(drawn)]
    ends = torch.full((2, phones + 1), -math.inf)
    ends[0, 0] = ends[1, -1] = 0.0
    return Fsa(torch.tensor(arcs, dtype=torch.int32), torch.full((2 * phones,), -1.0), ends[0], ends[1])


PLAIN_C = r"""
#include <math.h>
#include <stdlib.h>
#include <string.h>
/* One utterance, arcs in any order, doubles: alpha and beta over all arcs, frame by frame. */
void forward_backward(int S, int A, int P, int T, const int *arcs, const double *w, const double *init,
                      const double *fin, double leaky, const float *x, double *total, float *occ) {
  double *alpha = malloc(sizeof(double) * (T + 1) * S), *beta = calloc(S, sizeof(double));
  double *next = malloc(sizeof(double) * S), *e = malloc(sizeof(double) * T * P), *g = calloc(P, sizeof(double));
  double log_total = 0;
  for (int i = 0; i < T * P; i++) e[i] = exp(x[i]);
  memcpy(alpha, init, sizeof(double) * S);
  for (int t = 0; t <= T; t++) {
    double *a = alpha + (size_t)t * S, sum = 0;
    if (t) {
      memset(a, 0, sizeof(double) * S);
      for (int k = 0; k < A; k++) a[arcs[3*k+1]] += a[arcs[3*k] - S] * w[k] * e[(t-1) * P + arcs[3*k+2]];
    }
    for (int s = 0; s < S; s++) sum += a[s];
    for (int s = 0; s < S; s++) a[s] = a[s] / sum + leaky * init[s];
    log_total += log(sum);
  }
  double end = 0, leak = 0;
  for (int s = 0; s < S; s++) { end += alpha[(size_t)T * S + s] * fin[s]; leak += init[s] * fin[s]; }
  for (int s = 0; s < S; s++) beta[s] = fin[s] + leaky * leak;
  *total = log_total + log(end);
  for (int t = T - 1; t >= 0; t--) {
    double *a = alpha + (size_t)t * S, sum = 0, back = 0;
    memset(next, 0, sizeof(double) * S); memset(g, 0, sizeof(double) * P);
    for (int k = 0; k < A; k++) {
      double v = w[k] * e[t * P + arcs[3*k+2]] * beta[arcs[3*k+1]];
      next[arcs[3*k]] += v; g[arcs[3*k+2]] += a[arcs[3*k]] * v;
    }
    for (int p = 0; p < P; p++) sum += g[p];
    for (int p = 0; p < P; p++) occ[t * P + p] = g[p] / sum;
    for (int s = 0; s < S; s++) back += init[s] * next[s];
    for (int s = 0; s < S; s++) beta[s] = (next[s] + leaky * back) / sum;
  }
  free(alpha); free(beta); free(next); free(e); free(g);
}
"""


def _compile_c():  # type: ignore[no-untyped-def]
    """The plain C loop as a shared library, or None without a compiler."""
    import ctypes

    if not shutil.which("gcc"):
        return None
    folder = Path(tempfile.mkdtemp(prefix="tdnnq-bench-"))
    source, target = folder / "plain.c", folder / "plain.so"
    source.write_text(PLAIN_C)
    command = ["gcc", "-O3", "-march=native", "-shared", "-fPIC", "-o", str(target), str(source), "-lm"]
    subprocess.run(command, check=True)
    library = ctypes.CDLL(str(target))
    shutil.rmtree(folder)
    return library


def _time_c(library, graph: Fsa, logits: torch.Tensor, threads: int) -> float:  # type: ignore[no-untyped-def]
    """Median ms of the C loop over the batch, utterances spread over threads; its totals must be ours."""
    import ctypes
    from concurrent.futures import ThreadPoolExecutor

    batch, frames, pdfs = logits.shape
    arcs = np.ascontiguousarray(graph.arcs.numpy()[np.argsort(graph.arcs[:, 1].numpy(), kind="stable")])
    order = np.argsort(graph.arcs[:, 1].numpy(), kind="stable")
    weights, initial, final = (
        np.exp(v.numpy().astype(np.float64)) for v in (graph.scores[order], graph.initial, graph.final)
    )
    x, totals, occupancy = logits.numpy(), np.zeros(batch), np.zeros(logits.shape, np.float32)

    def pointer(array: np.ndarray) -> ctypes.c_void_p:
        return ctypes.c_void_p(array.ctypes.data)

    def one(b: int) -> None:
        sizes = (graph.num_states, graph.num_arcs, pdfs, frames)
        fixed = map(pointer, (arcs, weights, initial, final))
        out = (pointer(x[b]), pointer(totals[b:]), pointer(occupancy[b]))
        library.forward_backward(*sizes, *fixed, ctypes.c_double(0.1), *out)

    with ThreadPoolExecutor(threads) as pool:
        took = milliseconds(lambda: list(pool.map(one, range(batch))))
    ours, _ = forward_backward(graph, logits, torch.full((batch,), frames), leaky=0.1)
    if not np.allclose(totals, ours.numpy(), rtol=1e-6):
        raise RuntimeError(f"the C loop and tdnnq-lab disagree: {totals[:3]} and {ours[:3].tolist()}")
    return took
