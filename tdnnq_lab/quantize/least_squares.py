"""The scale α of least squared error for a table {0, ±α, …, ±top·α} (Eq 6): exact where that is cheap.

For fixed codes m the best α is Σ m|w| / Σ m², and the error it leaves is Σ w² minus the *gain* (Σ m|w|)² / Σ m².
As α falls past |w_i| / (k - 1/2), the code of weight i steps from k - 1 to k, which adds |w_i| to Σ m|w| and 2k - 1
to Σ m². So the codes that any α makes are the prefixes of these events, sorted by the α at which they happen.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

ENUMERATED = 1 << 16  # events that are simply sorted; a longer list is bracketed first
EXACT_ROW, EXACT_ALL = 1 << 19, 1 << 22  # events of a row and in all up to which 5 bits and more are exact too
GRID, FINE, LLOYD = 200, 100, 4


def best_alphas(magnitudes: Tensor, top: int) -> Tensor:
    """α of least squared error for each row.

    Args:
        magnitudes: |w| [K, n], finite, one cluster a row.
        top: the largest code, 2^(bits - 1) - 1. Up to 7 the result is exact, and up to 127 where n · top is at most
            half a million and K · n · top four million. Else it is never worse than max/top, and within 0.3% of the
            least error for rows of 4,000 weights and more.

    Returns:
        [K] float64; 0 for a row of zeros.
    """
    rows, n = magnitudes.shape
    events = n * top
    if top > 127:  # 16 bits: rounding is fine enough whatever α does within the grid
        return _grid(magnitudes, top)
    if events <= ENUMERATED and (top <= 7 or rows * events <= EXACT_ALL):
        chunk = max(1, 8 * ENUMERATED // max(1, events))
        return torch.cat([_enumerate(part, top) for part in magnitudes.split(chunk)])
    if top <= 7 or (events <= EXACT_ROW and rows * events <= EXACT_ALL):
        return torch.tensor([_bracket(row.numpy(), top) for row in magnitudes.cpu()], dtype=torch.float64)
    if rows == 1:
        return torch.tensor([_search(magnitudes[0].cpu().numpy(), top)], dtype=torch.float64)
    return _grid(magnitudes, top)


def _enumerate(magnitudes: Tensor, top: int) -> Tensor:
    """`best_alphas` by sorting all events of every row."""
    a = magnitudes.double()
    k = torch.arange(1, top + 1, dtype=a.dtype, device=a.device)
    order = (a[:, :, None] / (k - 0.5)).flatten(1).argsort(dim=1, descending=True)
    sum_ma = a.gather(1, order // top).cumsum(1)
    sum_mm = (2 * k - 1)[order % top].cumsum(1)
    best = (sum_ma.square() / sum_mm).argmax(1, keepdim=True)
    return (sum_ma.gather(1, best) / sum_mm.gather(1, best)).squeeze(1)


def _bracket(magnitudes: np.ndarray, top: int) -> float:
    """`best_alphas` of one long row: most intervals of α cannot hold the best one, the rest is enumerated.

    Between α = low and high, Σ m|w| is at most what it is at low and Σ m² at least what it is at high, which
    bounds the gain. An interval whose bound is below the best gain seen is dropped, the others are split until
    few events are left in them.
    """
    row = _SortedRow(magnitudes, top)
    if row.a[-1] == 0:
        return 0.0
    few = ENUMERATED if top <= 7 else EXACT_ROW  # with many codes the bound drops little
    highest, mean = 2 * row.a[-1], row.prefix[-1] / len(row.a)
    edges = np.concatenate([[0.0], np.geomspace(min(0.1 * mean / top, highest / 2), highest, 400)])
    low, high = edges[:-1], edges[1:]
    gain, alpha = row.best_of(edges)
    for rounds in range(12):
        ma, _, inside = row.sums(low)
        _, mm, outside = row.sums(high)
        left = (ma**2 / mm > gain) & (inside > outside)
        low, high = low[left], high[left]
        events = (inside - outside)[left].sum()
        if rounds == 11 or events <= few or events <= 8 * len(low):  # to split further would cost more
            break
        parts = np.linspace(low, high, 9, axis=1)
        low, high = parts[:, :-1].ravel(), parts[:, 1:].ravel()
        gain, alpha = max((gain, alpha), row.best_of(parts.ravel()))
    for start, end in _joined(low, high):
        gain, alpha = max((gain, alpha), row.best_between(start, end))
    return alpha


def _joined(low: np.ndarray, high: np.ndarray) -> list[tuple[float, float]]:
    """Rising intervals, those that touch made one."""
    if not len(low):
        return []
    gaps = np.flatnonzero(low[1:] != high[:-1])
    starts, ends = np.concatenate([[0], gaps + 1]), np.concatenate([gaps, [len(low) - 1]])
    return list(zip(low[starts].tolist(), high[ends].tolist(), strict=True))


class _SortedRow:
    """One row sorted, with prefix sums: the sums that any α makes cost a few binary searches."""

    def __init__(self, magnitudes: np.ndarray, top: int) -> None:
        self.a = np.sort(magnitudes).astype(np.float64)
        self.prefix = np.concatenate([[0.0], np.cumsum(self.a)])
        self.halves = np.arange(1, top + 1) - 0.5  # k - 1/2

    def _below(self, alphas: np.ndarray) -> np.ndarray:
        """How many weights have a code below k = 1 … top, [M, top]."""
        return np.searchsorted(self.a, np.multiply.outer(alphas, self.halves), side="left")

    def sums(self, alphas: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Σ m|w|, Σ m² and the number of events at or above each of the alphas [M]."""
        below = self._below(alphas)
        reached = len(self.a) - below
        return (self.prefix[-1] - self.prefix[below]).sum(1), reached @ (2 * self.halves), reached.sum(1)

    def best_of(self, alphas: np.ndarray) -> tuple[float, float]:
        """The largest gain of the codes that these alphas make, and the α that belongs to it."""
        ma, mm, _ = self.sums(alphas)
        best = int(np.argmax(ma**2 / mm))
        return float(ma[best] ** 2 / mm[best]), float(ma[best] / mm[best])

    def best_between(self, low: float, high: float) -> tuple[float, float]:
        """The same over every event from `low` up to `high`."""
        ends = self._below(np.array([low, high]))
        runs = [self.a[start:end] for start, end in ends.T]
        a = np.concatenate(runs)
        half = np.repeat(self.halves, [len(run) for run in runs])
        order = np.argsort(-a / half)
        ma, mm, _ = (x[0] for x in self.sums(np.array([high])))
        ma, mm = ma + np.cumsum(a[order]), mm + np.cumsum(2 * half[order])
        best = int(np.argmax(ma**2 / mm))
        return float(ma[best] ** 2 / mm[best]), float(ma[best] / mm[best])


def _search(magnitudes: np.ndarray, top: int) -> float:
    """`best_alphas` of one long row of many codes: the best of a grid, of a finer one around it, Lloyd steps."""
    row = _SortedRow(magnitudes, top)
    largest, mean = row.a[-1], row.prefix[-1] / len(row.a)
    if largest == 0:
        return 0.0
    grid = np.geomspace(mean / top, largest / top, GRID)
    ma, mm, _ = row.sums(grid)
    at = int(np.argmax(ma**2 / mm))
    around = np.linspace(grid[max(0, at - 1)], grid[min(GRID - 1, at + 1)], FINE)
    gain, alpha = max(row.best_of(grid), row.best_of(around))
    for _ in range(LLOYD):
        gain, alpha = max((gain, alpha), row.best_of(np.array([alpha])))
    return alpha


def _grid(magnitudes: Tensor, top: int) -> Tensor:
    """`_search` for many rows side by side, and for 16 bits."""
    largest, mean = magnitudes.amax(1).double(), magnitudes.double().mean(1)
    plain = largest / top
    low = torch.minimum(mean, largest) / top
    best, error = plain, _errors(magnitudes, plain, top)
    if top > 127:  # 16 bits: to clip more than some 60 steps never pays
        candidates = [largest / (top + j) for j in (0.5, 1, 2, 4, 8, 16, 32, 64)]
    else:
        candidates = [low * (plain / low.clamp_min(1e-300)) ** (i / GRID) for i in range(GRID)]
    for alpha in candidates:
        best, error = _better(magnitudes, top, best, error, alpha)
    coarse, step = best, (plain / low.clamp_min(1e-300)) ** (1 / GRID)
    for i in range(-FINE // 2, FINE // 2 + 1) if top <= 127 else ():
        best, error = _better(magnitudes, top, best, error, coarse * step ** (2 * i / FINE))
    for _ in range(LLOYD):
        best, error = _better(magnitudes, top, best, error, _refit(magnitudes, best, top))
    return best


def _better(magnitudes: Tensor, top: int, best: Tensor, error: Tensor, alpha: Tensor) -> tuple[Tensor, Tensor]:
    """Per row, `alpha` where its error is lower, else what was best."""
    other = _errors(magnitudes, alpha, top)
    return torch.where(other < error, alpha, best), torch.minimum(other, error)


def _codes(magnitudes: Tensor, alpha: Tensor, top: int) -> Tensor:
    step = alpha.to(magnitudes.dtype)[:, None]
    return (magnitudes / torch.where(step > 0, step, 1.0)).round_().clamp_(max=top)


def _errors(magnitudes: Tensor, alpha: Tensor, top: int) -> Tensor:
    """Squared error [K] float64 at α [K]."""
    off = _codes(magnitudes, alpha, top).mul_(alpha.to(magnitudes.dtype)[:, None]).sub_(magnitudes)
    return off.square_().sum(1).double()


def _refit(magnitudes: Tensor, alpha: Tensor, top: int) -> Tensor:
    """The best α [K] for the codes that α makes."""
    m = _codes(magnitudes, alpha, top)
    return (m * magnitudes).sum(1).double() / m.square().sum(1).double().clamp_min(1.0)
