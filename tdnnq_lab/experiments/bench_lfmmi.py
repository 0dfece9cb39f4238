"""`tdnnq-lab bench lfmmi`: the criterion beside a plain C loop and k2, in one run; and when dense products pay."""

from __future__ import annotations

import argparse
import ctypes
import math
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console, Group
from rich.table import Table
from torch import Tensor

from ..graphs import Fsa
from ..lfmmi import fast, forward_backward, k2_twin
from ..lfmmi.layout import layout
from .timing import keep, side_by_side

SIZES = ((300, 3_000, 80, 16), (3_000, 36_000, 2_000, 4), (20_000, 300_000, 6_000, 2))  # states, arcs, pdfs, B
CHAINS = ((341, 0.086, 8), (40, 1.0, 8), (120, 1.0, 8))  # states, share of all arcs, B
SHARES = (0.1, 0.3, 0.5, 0.7, 1.0)
PRODUCT_STATES = 120
FRAMES = 50
LEAK = 0.1


def random_graph(states: int, arcs: int, pdfs: int, seed: int = 0) -> Fsa:
    """A random connected graph whose states can all end, like a denominator; an arc's pdf is drawn, too."""
    rng = np.random.default_rng(seed)
    table = np.stack([rng.integers(0, n, arcs) for n in (states, states, pdfs)], 1).astype(np.int32)
    table[:states, 0], table[:states, 1] = np.arange(states), (np.arange(states) + 1) % states
    scores = rng.normal(size=arcs).astype(np.float32) - 2
    initial = np.log(rng.dirichlet(np.ones(states))).astype(np.float32)
    return Fsa(*(torch.from_numpy(x) for x in (table, scores, initial, np.zeros(states, np.float32))))


def chain_graph(states: int, share: float, seed: int = 0) -> Fsa:
    """As a denominator of the chain topology: all arcs into a state bear its pdf, its self-loop another.

    A share of 1 is a bigram of phones, 0.1 the trigram of a small corpus.
    """
    rng = np.random.default_rng(seed)
    source, destination = np.nonzero(rng.random((states, states)) < share)
    loops = np.arange(states)
    table = np.concatenate(
        [np.stack([source, destination, 2 * destination], 1), np.stack([loops, loops, 2 * loops + 1], 1)]
    ).astype(np.int32)
    scores = (rng.normal(size=len(table)) - math.log(max(1.0, share * states))).astype(np.float32)
    initial = np.full(states, -np.inf, np.float32)
    initial[0] = 0.0
    return Fsa(*(torch.from_numpy(x) for x in (table, scores, initial, np.zeros(states, np.float32))))


def sequence(phones: int, pdfs: int, seed: int) -> Fsa:
    """A numerator of so many phones in a row, drawn from pdfs / 2, without choices."""
    drawn = np.random.default_rng(seed).integers(0, pdfs // 2, phones)
    arcs = [[i, i + 1, 2 * p] for i, p in enumerate(drawn)] + [[i + 1, i + 1, 2 * p + 1] for i, p in enumerate(drawn)]
    ends = torch.full((2, phones + 1), -math.inf)
    ends[0, 0] = ends[1, -1] = 0.0
    return Fsa(torch.tensor(arcs, dtype=torch.int32), torch.full((2 * phones,), -1.0), ends[0], ends[1])


def random_batch(batch: int, pdfs: int) -> tuple[Tensor, Tensor]:
    """Logits (B, T, P) of `FRAMES` frames each, and their lengths."""
    return torch.randn(batch, FRAMES, pdfs, generator=torch.Generator().manual_seed(0)), torch.full((batch,), FRAMES)


def bench_lfmmi(threads: int) -> Group:
    """Forward-backward beside other implementations, and its sparse beside its dense products.

    K2_PYTHON names an interpreter that has k2 (`make k2-env`); without it, and without gcc, their columns stay empty.
    """
    return tables(lfmmi_rows(threads), product_rows(threads), threads)


def tables(sizes: list[dict[str, Any]], products: list[dict[str, Any]], threads: int) -> Group:
    """The rows of `lfmmi_rows` and `product_rows` for the terminal."""
    title = f"forward-backward, {FRAMES} frames, {threads} threads, median ms"
    more = f"{PRODUCT_STATES} states, 8 utterances, {threads} threads: all arcs as a sparse and as a dense matrix, ms"
    return Group(_table(title, sizes), _table(more, products))


def _table(title: str, rows: list[dict[str, Any]]) -> Table:
    """Rows as they are, but for the digits of agreement: what is missing stays empty."""
    table = Table(title=title, title_justify="left")
    shown = [key for key in rows[0] if not key.startswith("apart")]
    for key in shown:
        table.add_column(key.replace("_", " "), justify="right")
    for row in rows:
        cells = (row[key] for key in shown)
        table.add_row(*("" if v is None else f"{v:.3g}" if isinstance(v, float) else str(v) for v in cells))
    return table


def lfmmi_rows(threads: int, rounds: int = 3) -> list[dict[str, Any]]:
    """A row for each graph: drawn ones at `SIZES`, and ones like denominators at `CHAINS`."""
    torch.set_num_threads(threads)
    library = compile_c()
    graphs = [("random", random_graph(s, a, p), b) for s, a, p, b in SIZES]
    graphs += [("chain", chain_graph(s, share), b) for s, share, b in CHAINS]
    return [compare(kind, graph, batch, threads, library, rounds) for kind, graph, batch in graphs]


def compare(
    kind: str, graph: Fsa, batch: int, threads: int, library: Any, rounds: int, k2_python: str | None = None
) -> dict[str, Any]:
    """One graph through every implementation that is there: median ms, ratios, how far totals lie apart (relative).

    Raises:
      RuntimeError: totals differ in the fifth digit.
    """
    logits, lengths = random_batch(batch, graph.num_pdfs)
    total, _ = forward_backward(graph, logits, lengths, leaky=LEAK)
    works: dict[str, Callable[[], Any]] = {"ours": lambda: forward_backward(graph, logits, lengths, leaky=LEAK)}
    row: dict[str, Any] = {"graph": kind, "states": graph.num_states, "arcs": graph.num_arcs, "pdfs": graph.num_pdfs}
    row |= {"utterances": batch, "ours": None, "plain C": None, "ratio to C": None, "apart_c": None}
    row |= {"k2": None, "times faster than k2": None, "apart_k2": None}
    with ThreadPoolExecutor(threads) as pool:
        if library is not None:
            totals, works["plain C"] = c_loop(library, graph, logits, pool)
            works["plain C"]()
            row["apart_c"] = _apart("the C loop", totals, total)
        row |= side_by_side(works, rounds)
    if library is not None:
        row["ratio to C"] = row["ours"] / row["plain C"]
    if python := k2_python or os.environ.get("K2_PYTHON"):
        answer = k2_twin.run_in(python, graph, logits, lengths, runs=3, threads=threads)
        total, _ = forward_backward(graph, logits, lengths)  # k2 has no leak
        row |= {"k2": answer.milliseconds, "times faster than k2": answer.milliseconds / row["ours"]}
        row["apart_k2"] = _apart("k2", answer.total, total)
    return row


def _apart(who: str, theirs: Tensor, ours: Tensor) -> float:
    apart = float(((theirs - ours).abs() / ours.abs()).max())
    if not apart < 1e-5:
        raise RuntimeError(f"{who} and tdnnq-lab disagree: totals {theirs[:3].tolist()} and {ours[:3].tolist()}")
    return apart


def product_rows(threads: int, rounds: int = 3) -> list[dict[str, Any]]:
    """Graphs of growing density, with none and with all groups but self-loops dense: median ms."""
    rows = []
    for share in SHARES:
        graph = chain_graph(PRODUCT_STATES, share)
        logits, lengths = random_batch(8, graph.num_pdfs)
        works = {
            name: _in_layout(layout(graph, 0.0, least), logits, lengths.tolist(), threads)
            for name, least in (("sparse", 2.0), ("dense", 1.5 / PRODUCT_STATES))  # self-loops stay sparse
        }
        rows.append({"share of all arcs": share} | side_by_side(works, rounds))
    return rows


def _in_layout(graph: Any, logits: Tensor, lengths: list[int], threads: int) -> Callable[[], None]:
    """Forward-backward of a graph in the layout given, in two jobs."""
    occupancy, values, half = np.zeros(logits.shape, np.float32), logits.numpy(), len(lengths) // 2

    def work() -> None:
        parts = [list(range(half)), list(range(half, len(lengths)))]
        jobs = [fast.job(graph, part, lengths, half) for part in parts]
        list(fast.spread(threads)(lambda job: fast.compute(job, values, occupancy, LEAK), jobs))

    return work


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


def compile_c() -> Any:
    """The plain C loop as a shared library, or None without a compiler."""
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


def c_loop(library: Any, graph: Fsa, logits: Tensor, pool: ThreadPoolExecutor) -> tuple[Tensor, Callable[[], Any]]:
    """Where the totals of the C loop will be, and the call that computes them, utterances spread over the pool."""
    batch, frames, pdfs = logits.shape
    order = np.argsort(graph.arcs[:, 1].numpy(), kind="stable")
    arcs = np.ascontiguousarray(graph.arcs.numpy()[order])
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
        library.forward_backward(*sizes, *fixed, ctypes.c_double(LEAK), *out)

    return torch.from_numpy(totals), lambda: list(pool.map(one, range(batch)))


def main() -> None:
    """Time the criterion and keep the figures."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=Path, help="where to keep the figures")
    options = parser.parse_args()
    sizes, products = lfmmi_rows(options.threads), product_rows(options.threads)
    Console().print(tables(sizes, products, options.threads))
    if options.json:
        settings = {"threads": options.threads, "frames": FRAMES, "leak": LEAK}
        keep(options.json, {**settings, "sizes": sizes, "products": products})


if __name__ == "__main__":
    main()
