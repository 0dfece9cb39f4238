"""How benchmarks take time, and how they keep what they took."""

from __future__ import annotations

import importlib.metadata
import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import psutil

from .jsonfiles import write_json
from .record import git_commit, machine, package_versions

ROUNDS = 20
PAUSE = 0.05  # seconds


def milliseconds(work: Callable[[], object], runs: int = 7) -> float:
    """Median wall time of some runs, after one that is not counted."""
    work()
    took = []
    for _ in range(runs):
        start = time.perf_counter()
        work()
        took.append(time.perf_counter() - start)
    return 1e3 * statistics.median(took)


def side_by_side(works: dict[str, Callable[[], Any]], rounds: int = ROUNDS, block: float = 0.1) -> dict[str, float]:
    """Median ms of works that take turns: blocks of about `block` seconds each, so that all meet the same machine.

    In blocks with a pause between, not run by run, since the idle threads of one library spin for a while in the
    other's way.
    """
    counts = {}
    for name, work in works.items():
        work()
        start = time.perf_counter()
        work()
        counts[name] = 2 + int(block / (time.perf_counter() - start))
    took: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            time.sleep(PAUSE)
            work()
            for _ in range(counts[name]):
                start = time.perf_counter()
                work()
                took[name].append(time.perf_counter() - start)
    return {name: 1e3 * statistics.median(times) for name, times in took.items()}


def facts() -> dict[str, Any]:
    """Commit, versions, machine, and the load of a benchmark: on a busy machine ratios tell more than times."""
    commit, dirty = git_commit()
    versions = package_versions()
    for name in ("onnx", "onnxruntime"):
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    load = [round(minutes, 2) for minutes in psutil.getloadavg()]
    return {"commit": commit, "dirty": dirty, "versions": versions, "machine": machine(), "load": load}


def keep(path: Path, found: Mapping[str, Any]) -> None:
    """Write what a benchmark found, `facts` with it; the folder is made if missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, {**facts(), **found})
