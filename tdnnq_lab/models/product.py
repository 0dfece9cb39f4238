"""A matrix product with weights that do not change, by the faster of two libraries."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import linear

LARGE = 12_000_000  # multiplications from which oneDNN's kernel is worth what calling it costs


class Product:
    """x Wᵀ + b with fixed weights, for running a network; no module, since nothing in it is trained or quantised.

    PyTorch multiplies float32 matrices on a CPU with MKL, which is slower on some processors (AMD's). Large products
    are therefore given to oneDNN, which is part of PyTorch too and wants W in an order of its own (made once, when
    first needed, and kept beside W). Where a build of PyTorch lacks it, on other devices and in other precisions,
    `linear` does the work.

    Args:
        weight: W, [D, C]; copied, as all of these.
        bias: b, [D].
        rectify: a ReLU follows.
    """

    __slots__ = ("_from", "_ordered", "bias", "rectify", "weight")

    def __init__(self, weight: Tensor, bias: Tensor | None = None, rectify: bool = False) -> None:
        self.weight = weight.detach().clone(memory_format=torch.contiguous_format)
        self.bias = None if bias is None else bias.detach().clone()
        self.rectify = rectify
        self._ordered: Tensor | None = None
        by_onednn = weight.dtype == torch.float32 and weight.device.type == "cpu" and _onednn()
        self._from = LARGE / max(1, len(weight)) if by_onednn else math.inf  # values of x

    def __call__(self, x: Tensor) -> Tensor:
        """From x [..., C] to [..., D], in the weights' precision; it has no gradient by W and b."""
        out = linear(x, self.weight, self.bias) if x.numel() < self._from else self.by_onednn(x)
        return out.relu_() if self.rectify else out

    def by_onednn(self, x: Tensor) -> Tensor:
        """x Wᵀ + b by oneDNN, of float32 on a CPU; it has no gradient at all."""
        if self._ordered is None:
            self._ordered = torch.ops.mkldnn._reorder_linear_weight(self.weight, None)
        # Not its own ReLU: that makes 0 of NaN, and a broken input would give scores that look sound.
        return torch.ops.mkldnn._linear_pointwise(x, self._ordered, self.bias, "none", [], "")

    def __reduce__(self) -> tuple[type[Product], tuple[Tensor, Tensor | None, bool]]:
        return Product, (self.weight, self.bias, self.rectify)  # a copy orders its own


def _onednn() -> bool:
    """Whether this PyTorch has the operators that its own compiler uses for fixed weights."""
    operators = torch.ops.mkldnn
    return torch.backends.mkldnn.is_available() and all(
        hasattr(operators, name) for name in ("_linear_pointwise", "_reorder_linear_weight")
    )
