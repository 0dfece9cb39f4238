"""The codes and scales of a layer, such that packing what was unpacked gives the same codes and scales.

Weights that `quantize.fit` or `round_model` leave behind are codes · α already, to the last bit: then exactly those
values must come back, which a search for the α of least squared error may just miss. So the α is looked for first
that gives every weight of a cluster bit for bit. Where there is none, the weights are quantised, and the α is again
looked for on the values that come out: it depends on those values alone.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..quantize import Cluster, Quantized, dequantize, largest_code, quantize

Rows = NDArray[np.float32]
_PAIRS = 1 << 21  # (row, code of its largest weight) pairs looked at together
_MOST = 1 << 28  # pairs in all beyond which such tables of 16 bits are not looked for (tens of thousands of clusters)
_FEW = 16  # weights of a row that a candidate must fit before the others are tried


def exact_codes(weights: list[Tensor], bits: int, cluster: Cluster) -> list[Quantized]:
    """Codes and α of the weights of one layer.

    Args:
        weights: finite float32 tensors.
        bits: 1 to 8, or 16.
        cluster: what shares an α, as in `BitPlan`; with "layer" all weights share one.

    Returns:
        One Quantized for each weight. Clusters that lie on a table of values keep those values bit for bit, others
        get the values that `quantize` gives them.

    Raises:
        ValueError: a weight is NaN or infinite, or so large that its value is not a float32.
    """
    if cluster != "layer":
        return [_exact(weight.detach().cpu().float(), bits, cluster) for weight in weights]
    parts = [weight.detach().cpu().float() for weight in weights]
    whole = _exact(torch.cat([part.reshape(-1) for part in parts]), bits, "matrix")
    codes = whole.codes.split([part.numel() for part in parts])
    return [
        Quantized(code.reshape(part.shape), whole.alpha, bits, "matrix")
        for code, part in zip(codes, parts, strict=True)
    ]


def _exact(weight: Tensor, bits: int, cluster: Cluster) -> Quantized:
    """`exact_codes` of one weight."""
    plain = quantize(weight, bits, cluster=cluster)  # also says what is wrong with a weight
    alpha, on_table = _table_alphas(weight, plain)
    if not on_table.all():
        values = dequantize(plain)
        if not values.isfinite().all():
            raise ValueError(f"the values of {bits} bits that are nearest to the weights are too large for float32")
        kept = dequantize(plain._replace(codes=torch.ones_like(plain.codes), alpha=on_table))
        weight = torch.where(kept > 0, weight, values)
        alpha, _ = _table_alphas(weight, plain)
    return quantize(weight, bits, alpha, cluster=cluster)


def _table_alphas(weight: Tensor, like: Quantized) -> tuple[Tensor, Tensor]:
    """For every cluster the α that gives its weights bit for bit, and whether there is one (1 or 0)."""
    alpha = torch.from_numpy(table_alphas(_rows(weight, like), like.bits)).reshape(like.alpha.shape)
    back = dequantize(quantize(weight, like.bits, alpha, cluster=like.cluster))
    wrong = _rows((back != weight).float(), like).any(axis=1)
    return alpha, torch.from_numpy(~wrong).float().reshape(like.alpha.shape)


def _rows(values: Tensor, like: Quantized) -> Rows:
    """Values in the shape of the codes as [clusters, n]; short last groups are filled up with zeros."""
    if like.cluster == "matrix":
        return values.reshape(1, -1).numpy()
    rows = values.reshape(len(like.alpha), -1)
    group = min(like.cluster[1], rows.shape[1]) if isinstance(like.cluster, tuple) else rows.shape[1]
    return torch.nn.functional.pad(rows, (0, -rows.shape[1] % group)).reshape(-1, group).numpy()


def table_alphas(rows: Rows, bits: int) -> Rows:
    """For each row an α whose table of values has every weight of the row, bit for bit; 0 where there is none.

    The largest weight L of such a row is the float32 nearest to k·α for a code k, so α is within two float32 steps
    of L/k. Codes k are tried from `top`, which most tables use (those of `quantize` at 16 bits always), then 1, 2,
    3 …; so the answer depends on the values alone. For 1 bit, α is the largest magnitude, and the caller sees
    whether it is every one's.

    Args:
        rows: float32 [K, n], finite.

    Returns:
        float32 [K].
    """
    a, top = np.abs(rows), largest_code(bits)
    largest = a.max(axis=1, initial=0.0)
    if bits == 1:
        return largest
    alphas = np.zeros(len(a), np.float32)
    for code in (top, 1):
        left = np.flatnonzero((alphas == 0) & (largest > 0))
        alphas[left] = _first_fit(a[left], largest[left], np.full(len(left), code), top)
    for first, after in ((2, 128), (128, 2048), (2048, 32768)):
        ks = np.arange(first, min(after, top))
        left = np.flatnonzero((alphas == 0) & (largest > 0))
        if not len(ks) or not len(left) or len(left) * len(ks) > _MOST:
            break
        size = max(1, _PAIRS // len(ks))
        for part in np.split(left, range(size, len(left), size)):
            alphas[part] = _search(a[part], largest[part], ks, top)
    return alphas


def _search(a: Rows, largest: Rows, ks: NDArray[np.int64], top: int) -> Rows:
    """`table_alphas` for the codes `ks` of the largest weight, the first one that fits; 0: none."""
    found = np.zeros(len(a), np.float32)
    smallest = np.where(a > 0, a, np.inf).min(axis=1, initial=np.inf)
    share = smallest.astype(np.float64) / largest  # the smallest weight's code is this share of the largest's
    codes = share[:, None] * ks
    whole = np.rint(codes)
    rows, at = np.nonzero((whole >= 1) & (np.abs(codes - whole) <= whole * 2.0**-21))
    fits = _first_fit(a[rows, :_FEW], largest[rows], ks[at], top) > 0
    rows, at = rows[fits], at[fits]
    while len(rows):  # the lowest code left of each row
        now, first = np.unique(rows, return_index=True)
        found[now] = _first_fit(a[now], largest[now], ks[at[first]], top)
        later = np.ones(len(rows), bool)
        later[first] = False
        later &= found[rows] == 0
        rows, at = rows[later], at[later]
    return found


def _first_fit(a: Rows, largest: Rows, code: NDArray[np.int64], top: int) -> Rows:
    """The α near `largest`/`code` with which all of a row [K, n] are codes · α bit for bit; 0: none."""
    found = np.zeros(len(a), np.float32)
    centre = (largest.astype(np.float64) / code).astype(np.float32)
    for steps in (0, -1, 1, -2, 2):
        alpha = (centre.view(np.int32) + np.int32(steps)).view(np.float32)
        usable = np.where((alpha > 0) & (centre.view(np.int32) + steps > 0), alpha, np.float32(np.inf))[:, None]
        codes = np.rint(a / usable)
        with np.errstate(over="ignore", invalid="ignore"):
            fits = ((codes * usable == a) & (codes <= top)).all(axis=1)
        found = np.where((found == 0) & fits, alpha, found)
    return found
