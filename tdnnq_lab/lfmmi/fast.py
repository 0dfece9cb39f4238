"""Forward-backward on a CPU: probabilities instead of logs, rescaled at every frame, compiled by numba.

A batch becomes jobs: utterances of one graph, of similar length, as many as there are lanes or fewer so that every
thread has one. Jobs run on a plain pool of threads, the longest first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..graphs.fsa import Fsa
from . import kernels
from .layout import Arcs, Tied, prepare

# Forward and backward sums of one utterance must agree to this, relative to 1 + |total|; weights that fell below
# the smallest double on one side alone show as a difference, and the utterance goes to the log domain.
AGREEMENT = 1e-7


@dataclass(frozen=True)
class Job:
    """Utterances of one graph, in lanes; `compute` fills total and apart."""

    graph: Arcs | Tied
    places: list[int]  # in the batch, at most L
    rows: NDArray[np.int64]  # (L,): the same, 0 for a lane that is free
    steps: NDArray[np.int64]  # (L,): lengths, 0 for a lane that is free
    total: NDArray[np.float64]  # (L,)
    apart: NDArray[np.float64]  # (L,): how far forward and backward sums disagree, relative to 1 + |total|


def plan(fsas: Sequence[Fsa], lengths: Sequence[int], places: Sequence[int], threads: int) -> list[Job]:
    """Jobs for the utterances of a batch that are at `places`: equal graphs share lanes, long goes with long."""
    of_graph: dict[int, list[int]] = {}
    for b in sorted(places, key=lambda b: -lengths[b]):
        of_graph.setdefault(id(fsas[b]), []).append(b)
    jobs = []
    for members in of_graph.values():
        graph = prepare(fsas[members[0]])
        widths = list(runners(graph))
        share = min(len(members), max(1, threads // len(of_graph)))
        for part in _split(members, _pieces(len(members), widths, share)):
            jobs.append(job(graph, part, lengths, next(w for w in widths if w >= len(part))))
    return jobs


def _pieces(count: int, widths: list[int], share: int) -> int:
    """Jobs for so many utterances: `share` or more, but no more than lanes of that width need."""
    most = -(-count // max(share, -(-count // widths[-1])))
    return -(-count // next(w for w in widths if w >= most))


def job(graph: Arcs | Tied, places: list[int], lengths: Sequence[int], width: int) -> Job:
    """The job of the utterances at `places`, in so many lanes."""
    rows, steps = np.zeros((2, width), np.int64)
    rows[: len(places)], steps[: len(places)] = places, [lengths[b] for b in places]
    return Job(graph, places, rows, steps, np.empty(width), np.zeros(width))


def _split(members: list[int], pieces: int) -> list[list[int]]:
    """Neighbours together, in so many pieces whose sizes differ by one at most."""
    edges = [len(members) * k // pieces for k in range(pieces + 1)]
    return [members[a:b] for a, b in pairwise(edges)]


def compute(job: Job, logits: NDArray[Any], occupancy: NDArray[np.float32], leaky: float) -> None:
    """Run a job over logits (B, T, P), float32 or float64, contiguous; it writes its rows of occupancy (B, T, P).

    No torch in here: a pool's thread that calls torch would start OpenMP threads of its own, and with more of these
    than cores OpenMP stops spinning in the whole process, which halves the network's speed.
    """
    graph, width = job.graph, len(job.steps)
    emit, offset = np.empty((int(job.steps.max()), len(graph.pdfs), width)), np.empty(width)
    kernels.emissions(logits, job.rows, graph.pdfs, job.steps, emit, offset)
    run = runners(graph)[width]
    tables = (getattr(graph, field.name) for field in fields(graph))
    run(*tables, emit, job.rows, job.steps, leaky, occupancy, job.total, job.apart)
    job.total[:] += offset
    job.apart[:] /= 1 + np.abs(job.total)


def runners(graph: Arcs | Tied) -> dict[int, Any]:
    """The compiled loops for a graph, by their lanes, fewest first."""
    return kernels.TIED if isinstance(graph, Tied) else kernels.ARCS


def spread(threads: int) -> Callable[..., Iterator[Any]]:
    """`map`, over a pool of so many threads."""
    return _pool(threads).map if threads > 1 else map


@lru_cache(maxsize=4)
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=threads, thread_name_prefix="lfmmi")
