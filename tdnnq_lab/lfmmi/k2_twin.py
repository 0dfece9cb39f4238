"""The criterion's sums once more, by k2: an oracle, and a backend wherever `import k2` works.

k2's wheels want one old torch each, so this file also runs as a program in an interpreter of its own, without the
rest of the package: `python k2_twin.py IN.npz OUT.npz`. `make k2-env` builds one; `run_in` calls it.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import Tensor

OUTPUT_BEAM = 1e10  # k2 drops arcs that fall so far below the best path: none
REMEDY = "build its environment with `make k2-env` and set K2_PYTHON=.venv-k2/bin/python"


def forward_backward(
    fsa: Any, logits: Tensor, lengths: Tensor, *, leaky: float = 0.0, output_beam: float = OUTPUT_BEAM
) -> tuple[Tensor, Tensor]:
    """As `lfmmi.forward_backward`, by k2's `intersect_dense` and its log-semiring totals; on a CPU.

    Args:
      fsa: one graph, or a sequence of B; anything with arcs (A, 3), scores (A,), initial (S,) and final (S,).
      logits: float32 Tensor of shape (B, T, P).
      lengths: integer Tensor of shape (B,).
      leaky: must be 0.
      output_beam: k2's; posteriors below exp(-output_beam) are dropped.

    Returns:
      total of shape (B,), float64, differentiable, -inf without a path; occupancy of shape (B, T, P), float32. Both
      carry k2's float32 scores: about 6 digits.

    Raises:
      ImportError: k2 does not import here; `run_in` asks another interpreter.
      ValueError: `leaky` is not 0: k2 has no leaky HMM, and as arcs a leak would need S * A of them.

    Source: k2 1.23, python/k2/autograd.py and csrc/intersect_dense.cu.
    """
    if leaky:
        raise ValueError(f"leaky is {leaky}; k2 has no leaky HMM: compare with leaky=0")
    fsas = list(fsa) if isinstance(fsa, list | tuple) else [fsa] * len(logits)
    if len(fsas) != len(logits) or lengths.shape != logits.shape[:1]:
        raise ValueError(f"{len(fsas)} graphs and lengths {tuple(lengths.shape)} for a batch of {len(logits)}")
    total, occupancy = _Twin.apply(logits, lengths, fsas, output_beam, k2_module())
    return total, occupancy


def k2_module() -> Any:
    """The k2 package. Raises ImportError, with the remedy, where it does not import."""
    try:
        return importlib.import_module("k2")
    except Exception as error:  # a k2 built for another torch fails in several ways
        raise ImportError(f"k2 does not import in this interpreter ({error}); {REMEDY}") from error


class _Twin(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, logits: Tensor, lengths: Tensor, fsas: list[Any], beam: float, k2: Any) -> Any:
        total, occupancy = _sums(k2, fsas, logits.detach().float(), lengths, beam)
        ctx.save_for_backward(occupancy)
        ctx.mark_non_differentiable(occupancy)
        ctx.dtype = logits.dtype
        return total, occupancy

    @staticmethod
    def backward(ctx: Any, grad_total: Tensor, _: Tensor) -> Any:  # type: ignore[override]
        (occupancy,) = ctx.saved_tensors
        weight = torch.where(occupancy.flatten(1).any(1), grad_total, torch.zeros_like(grad_total))
        return (occupancy * weight[:, None, None].float()).to(ctx.dtype), None, None, None, None


def _sums(k2: Any, fsas: list[Any], logits: Tensor, lengths: Tensor, beam: float) -> tuple[Tensor, Tensor]:
    """Totals and occupancies; what has no frame or is spoiled by NaN or +inf never reaches k2."""
    clean, bad, order = _usable(logits, lengths)
    total = torch.full((len(fsas),), -torch.inf, dtype=torch.float64)
    occupancy = torch.zeros_like(logits)
    for b in ((lengths == 0) & ~bad).nonzero().flatten().tolist():
        total[b] = torch.logsumexp(fsas[b].initial.double() + fsas[b].final.double(), 0)
    if order:
        graphs = Graphs.of(k2, [fsas[b] for b in order])
        sums, gamma = graphs.run(k2, clean[order], lengths[order], beam)
        live = torch.isfinite(sums)
        total[order] = torch.where(live, sums, torch.full_like(sums, -torch.inf))
        occupancy[order] = torch.where(live[:, None, None], gamma, torch.zeros_like(gamma))
    return total, occupancy


def _usable(logits: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor, list[int]]:
    """Logits with zeros beyond the lengths; which utterances (B,) are spoiled; the rest, the longest first as k2 wants
    them, without those of no frames.
    """
    inside = torch.arange(logits.shape[1])[None] < lengths[:, None]
    clean = torch.where(inside[:, :, None], logits, torch.zeros_like(logits))
    bad = (torch.isnan(clean) | (clean == torch.inf)).flatten(1).any(1)
    order = torch.argsort(lengths, descending=True).tolist()
    return clean, bad, [b for b in order if lengths[b] and not bad[b]]


@dataclass(frozen=True)
class Graphs:
    """Graphs as k2 reads them: `vector` holds each different one once, `places` says whose is whose."""

    vector: Any  # k2.Fsa with three axes
    places: Tensor  # (B,) int32

    @classmethod
    def of(cls, k2: Any, fsas: Sequence[Any]) -> Graphs:
        """Convert the graphs of B utterances."""
        different = list({id(f): f for f in fsas}.values())
        number = {id(f): i for i, f in enumerate(different)}
        made = k2.create_fsa_vec([k2.Fsa(arcs_of(f)) for f in different])
        return cls(made, torch.tensor([number[id(f)] for f in fsas], dtype=torch.int32))

    def run(self, k2: Any, logits: Tensor, lengths: Tensor, beam: float) -> tuple[Tensor, Tensor]:
        """Totals (B,) and occupancies (B, T, P) of logits (B, T, P), the longest utterance first."""
        leaf = logits.detach().requires_grad_()
        segments = torch.zeros(len(logits), 3, dtype=torch.int32)
        segments[:, 0], segments[:, 2] = torch.arange(len(logits)), lengths
        with torch.enable_grad():
            # Label 0 would be an epsilon elsewhere in k2: a column in front, and pdf p is label p + 1.
            shifted = torch.nn.functional.pad(leaf, (1, 0))
            dense = k2.DenseFsaVec(shifted, segments)
            paths = k2.intersect_dense(k2.index_fsa(self.vector, self.places), dense, beam)
            total = paths.get_tot_scores(log_semiring=True, use_double_scores=True)
            (occupancy,) = torch.autograd.grad(total.sum(), leaf)
        return total.detach(), occupancy


def arcs_of(fsa: Any) -> Tensor:
    """k2's int32 arcs (A', 4): source, destination, label, the bits of a float32 score.

    k2 knows one start and one end. State 0 is a new start, with a copy of each arc that leaves an initial state; the
    last state is the end, reached after the last frame from each final state s by a label -1 with score final[s]. An
    initial weight is part of a copy's score; so nothing is added or lost, and no epsilon is needed.
    """
    arcs, scores, initial, final = (
        np.asarray(getattr(fsa, name).cpu()) for name in ("arcs", "scores", "initial", "final")
    )
    keep = np.isfinite(scores)
    arcs, scores = arcs[keep].astype(np.int64), scores[keep].astype(np.float64)
    begins = np.isfinite(initial[arcs[:, 0]])
    ends = np.isfinite(final).nonzero()[0]
    last = len(initial) + 1
    columns = [
        np.stack([np.zeros(begins.sum(), np.int64), arcs[begins, 1] + 1, arcs[begins, 2] + 1], 1),
        np.stack([arcs[:, 0] + 1, arcs[:, 1] + 1, arcs[:, 2] + 1], 1),
        np.stack([ends + 1, np.full_like(ends, last), np.full_like(ends, -1)], 1),
    ]
    weights = [scores[begins] + initial[arcs[begins, 0]], scores, final[ends]]
    table, weight = np.concatenate(columns), np.concatenate(weights).astype(np.float32)
    order = np.lexsort((table[:, 1], table[:, 0]))
    bits = weight[order].view(np.int32)[:, None]
    return torch.from_numpy(np.concatenate([table[order].astype(np.int32), bits], 1))


@dataclass(frozen=True)
class Answer:
    """What another interpreter computed: as `forward_backward`, with its times and versions."""

    total: Tensor  # (B,) float64
    occupancy: Tensor  # (B, T, P) float32
    milliseconds: float  # median of the timed runs, graphs converted beforehand; NaN without any
    versions: dict[str, str]  # of k2, torch and python


def run_in(python: str | None, fsa: Any, logits: Tensor, lengths: Tensor, *, runs: int = 0, threads: int = 1) -> Answer:
    """`forward_backward` by k2 in another interpreter.

    Args:
      python: the interpreter; None: what the environment variable K2_PYTHON names.
      fsa, logits, lengths: as `forward_backward`.
      runs: how often forward and backward are timed, after one run that is not.
      threads: of torch there.

    Raises:
      ImportError: no interpreter is named, it does not start, or k2 does not import in it; says how to get one.
    """
    python = python or os.environ.get("K2_PYTHON", "")
    if not python:
        raise ImportError(f"no interpreter with k2 is named: {REMEDY}")
    fsas = list(fsa) if isinstance(fsa, list | tuple) else [fsa] * len(logits)
    with tempfile.TemporaryDirectory(prefix="tdnnq-k2-") as folder:
        given, made = Path(folder) / "in.npz", Path(folder) / "out.npz"
        _write(given, fsas, logits, lengths, runs, threads)
        # -I: neither this folder nor variables of the caller's Python decide what is imported there
        command = [python, "-I", str(Path(__file__).resolve()), str(given), str(made)]
        try:
            done = subprocess.run(command, capture_output=True, text=True)
        except OSError as error:
            raise ImportError(f"K2_PYTHON: {python} does not start ({error.strerror}); {REMEDY}") from error
        if done.returncode:
            raise ImportError(f"K2_PYTHON: {python} failed ({done.stderr.strip()[-300:]}); {REMEDY}")
        with np.load(made) as answer:
            versions = dict(zip(("k2", "torch", "python"), answer["versions"].tolist(), strict=True))
            totals, gamma = torch.from_numpy(answer["total"]), torch.from_numpy(answer["occupancy"])
            return Answer(totals, gamma, float(answer["milliseconds"]), versions)


def _write(path: Path, fsas: list[Any], logits: Tensor, lengths: Tensor, runs: int, threads: int) -> None:
    """What the program reads: each different graph once, and the batch."""
    different = list({id(f): f for f in fsas}.values())
    number = {id(f): i for i, f in enumerate(different)}
    tables: dict[str, Any] = {
        f"{name}.{i}": np.asarray(getattr(f, name).cpu())
        for i, f in enumerate(different)
        for name in ("arcs", "scores", "initial", "final")
    }
    tables |= {"logits": np.asarray(logits.detach().cpu().float()), "lengths": np.asarray(lengths.cpu())}
    tables |= {"graphs": np.array([number[id(f)] for f in fsas]), "settings": np.array([runs, threads])}
    np.savez(path, **tables)


def _main(given: str, made: str) -> None:
    """Read a batch, run it through k2, write totals, occupancies and the median time."""
    k2 = k2_module()
    with np.load(given) as file:
        data = {name: file[name] for name in file.files}
    runs, threads = data["settings"].tolist()
    torch.set_num_threads(threads)
    different = [
        SimpleNamespace(**{n: torch.from_numpy(data[f"{n}.{i}"]) for n in ("arcs", "scores", "initial", "final")})
        for i in range(int(data["graphs"].max(initial=-1)) + 1)
    ]
    fsas = [different[i] for i in data["graphs"].tolist()]
    logits, lengths = torch.from_numpy(data["logits"]), torch.from_numpy(data["lengths"])
    total, occupancy = forward_backward(fsas, logits, lengths)
    took = _time(k2, fsas, logits, lengths, runs) if runs else float("nan")
    versions = np.array([importlib.metadata.version("k2"), torch.__version__, sys.version.split()[0]])
    np.savez(made, total=total.numpy(), occupancy=occupancy.numpy(), milliseconds=took, versions=versions)


def _time(k2: Any, fsas: list[Any], logits: Tensor, lengths: Tensor, runs: int) -> float:
    """Median ms of forward and backward; graphs are converted beforehand."""
    clean, _, order = _usable(logits, lengths)
    graphs, took = Graphs.of(k2, [fsas[b] for b in order]), []
    clean, lengths = clean[order], lengths[order]
    for _ in range(runs):
        start = time.perf_counter()
        graphs.run(k2, clean, lengths, OUTPUT_BEAM)
        took.append(time.perf_counter() - start)
    return 1e3 * statistics.median(took)


if __name__ == "__main__":
    _main(*sys.argv[1:])
