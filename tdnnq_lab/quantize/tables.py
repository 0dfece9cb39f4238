"""Tables of values (Eqs 4-6): weights as whole-number codes times a scale α, per cluster of weights."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from .least_squares import best_alphas

BITS = (1, 2, 3, 4, 5, 6, 7, 8, 16)
Cluster = str | tuple[str, int]


class Quantized(NamedTuple):
    """A quantised tensor: `dequantize` gives codes · α.

    Args:
        codes: whole numbers in the shape of the weight, int8 up to 8 bits, else int16; from -top to top with
            top = 2^(bits - 1) - 1, or -1 and 1 for 1 bit.
        alpha: float32; of shape [] for one cluster, [rows, 1] by channel, [rows, groups] by group.
        bits: 1 to 8, or 16.
        cluster: what shares an α: "matrix", "channel" (a row of the first dimension) or ("group", n) (n
            neighbours within a row).
    """

    codes: Tensor
    alpha: Tensor
    bits: int
    cluster: Cluster = "matrix"


def largest_code(bits: int) -> int:
    """The largest code of a table: 2^(bits - 1) - 1, and 1 for one bit (Eq 4). ValueError for other bits."""
    if isinstance(bits, bool) or bits not in BITS:
        raise ValueError(f"{bits!r} bits: a table has 1 to 8, or 16")
    return max(1, 2 ** (bits - 1) - 1)


def quantize(weight: Tensor, bits: int, alpha: Tensor | None = None, *, cluster: Cluster = "matrix") -> Quantized:
    """The codes nearest to the weights, with the α of least squared error per cluster (Eqs 4-6).

    Exact up to 4 bits, and to 8 for few weights; otherwise never worse than α = max/top, and within 0.3% of the
    least error for clusters of thousands of weights (`least_squares.best_alphas`). One bit: codes are signs (that
    of 0 is +1), α the mean magnitude. A cluster of zeros has α = 0. Codes of what `dequantize` gives, at the same
    α, are the same codes.

    Args:
        weight: any shape; by channel and group, rows run along the first dimension (a vector is one row).
        bits: 1 to 8, or 16: integer tables all.
        alpha: scales to use instead, of a shape as in `Quantized`; a shape by channel needs no `cluster`.
        cluster: what shares an α.

    Raises:
        ValueError: NaN or infinity, bits without a table, an unknown cluster, or an alpha that does not fit.
    """
    top = largest_code(bits)
    weight = weight.detach()
    if not weight.is_floating_point():
        raise ValueError(f"weights of {weight.dtype}: quantize takes floating-point weights")
    bad = int((~weight.isfinite()).sum())
    if bad:
        raise ValueError(f"{bad} of {weight.numel()} weights of shape {tuple(weight.shape)} are NaN or infinite")
    work = weight if weight.dtype == torch.float64 else weight.float()
    if alpha is not None and tuple(alpha.shape) == (_rows(weight), 1):
        cluster = "channel"
    rows, counts = _clustered(work, cluster)  # [K, n]
    shape = _alpha_shape(weight, cluster)
    if alpha is None:
        flat = _fit(rows, counts, bits).float()
    else:
        flat = _checked_alpha(alpha, shape).to(weight.device).reshape(-1)
    codes = _nearest(rows, flat, bits, top)
    dtype = torch.int8 if bits <= 8 else torch.int16
    return Quantized(_unclustered(codes, weight, cluster).to(dtype), flat.reshape(shape), bits, cluster)


def dequantize(q: Quantized) -> Tensor:
    """The weights that codes and α stand for, float32 in the shape of the codes (Eq 5)."""
    rows, _ = _clustered(q.codes.float(), q.cluster)
    return _unclustered(rows * q.alpha.reshape(-1, 1), q.codes, q.cluster)


def least_squares_alpha(weight: Tensor, codes: Tensor, alpha: Tensor, cluster: Cluster = "matrix") -> Tensor:
    """α of least squared error for given codes: Σ code·w / Σ code² in each cluster (half of a Lloyd step).

    Args:
        weight, codes: of one shape.
        alpha: what a cluster keeps whose codes are all zero, or whose best α would not be positive.
        cluster: what shares an α.

    Returns:
        A tensor in the shape of `alpha`, float32.
    """
    rows, _ = _clustered(weight.detach().double(), cluster)
    code_rows, _ = _clustered(codes.double(), cluster)
    best = (rows * code_rows).sum(1) / code_rows.square().sum(1).clamp_min(1.0)
    return torch.where(best > 0, best, alpha.reshape(-1).double()).float().reshape(alpha.shape)


def _fit(rows: Tensor, counts: Tensor, bits: int) -> Tensor:
    """α [K] of least squared error for weights [K, n], of which the first `counts` of a row are real."""
    magnitudes = rows.abs()
    if rows.numel() == 0:
        return torch.zeros(len(rows), device=rows.device)
    if bits == 1:
        return magnitudes.double().sum(1) / counts
    return best_alphas(magnitudes, largest_code(bits)).to(rows.device)


def _nearest(rows: Tensor, alpha: Tensor, bits: int, top: int) -> Tensor:
    """The nearest codes, as floats [K, n]."""
    if bits == 1:
        return torch.where(rows < 0, -1.0, 1.0)
    step = alpha.to(rows.dtype)[:, None]
    # A row of zeros has α = 0; a tiny α may overflow the quotient, which the clamp brings back.
    return torch.where(step > 0, rows / step, torch.zeros_like(rows)).round_().clamp_(-top, top)


def _rows(weight: Tensor) -> int:
    return weight.shape[0] if weight.dim() > 1 else 1


def _group(weight: Tensor, cluster: Cluster) -> int:
    """Weights of a cluster; ValueError for an unknown one."""
    per_row = weight.numel() // max(1, _rows(weight))
    if cluster == "matrix":
        return max(1, weight.numel())
    if cluster == "channel":
        return max(1, per_row)
    if isinstance(cluster, (tuple, list)) and len(cluster) == 2 and cluster[0] == "group":
        n = cluster[1]
        if isinstance(n, int) and not isinstance(n, bool) and n >= 1:
            return min(n, max(1, per_row))
    raise ValueError(f'cluster {cluster!r}: choose "matrix", "channel" or ("group", n) with n of at least 1')


def _alpha_shape(weight: Tensor, cluster: Cluster) -> tuple[int, ...]:
    group = _group(weight, cluster)
    if cluster == "matrix":
        return ()
    rows = _rows(weight)
    return rows, math.ceil(weight.numel() / max(1, rows) / group)


def _clustered(weight: Tensor, cluster: Cluster) -> tuple[Tensor, Tensor]:
    """Weights as [K, n], one cluster a row (the last of a row filled up with zeros), and their number [K]."""
    group = _group(weight, cluster)
    if cluster == "matrix":
        rows = weight.reshape(1, -1)
        return rows, torch.full((1,), rows.shape[1], device=weight.device)
    rows = weight.reshape(_rows(weight), -1)
    missing = -rows.shape[1] % group
    padded = torch.nn.functional.pad(rows, (0, missing))
    counts = torch.full((len(rows), padded.shape[1] // group), group, device=weight.device)
    counts[:, -1:] -= missing
    return padded.reshape(-1, group), counts.reshape(-1)


def _unclustered(rows: Tensor, like: Tensor, cluster: Cluster) -> Tensor:
    """The inverse of `_clustered`, in the shape of `like`."""
    if cluster == "matrix":
        return rows.reshape(like.shape)
    per_row = like.numel() // max(1, _rows(like))
    return rows.reshape(_rows(like), -1)[:, :per_row].reshape(like.shape)


def _checked_alpha(alpha: Tensor, shape: tuple[int, ...]) -> Tensor:
    alpha = alpha.detach().float()
    if alpha.numel() != math.prod(shape):
        raise ValueError(f"alpha of shape {tuple(alpha.shape)}: this cluster needs {shape}")
    if not (alpha.isfinite().all() and (alpha >= 0).all()):
        raise ValueError("alpha must be finite and not negative")
    return alpha
