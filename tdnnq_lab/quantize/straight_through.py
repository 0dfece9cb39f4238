"""Straight-through quantisation: the network computes with the table's values, the gradient moves the weights behind.

Bengio et al. (2013) pass the gradient of the quantised weight on to the full-precision one as it is; Courbariaux et
al. (2015) train networks so. Here a layer's weight becomes a `torch.nn.utils.parametrize` of the full-precision one,
so every model, gradient by hand or not, sees quantised weights without knowing it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import Function
from torch.nn.utils import parametrize

from .plan import BitPlan, quantize_layer
from .tables import Cluster, dequantize, least_squares_alpha, quantize


class _Nearest(Function):
    """Forward: the nearest value of the table. Backward: the identity."""

    @staticmethod
    def forward(ctx: Any, weight: Tensor, alpha: Tensor, bits: int, cluster: Cluster) -> Tensor:
        return dequantize(quantize(weight, bits, alpha, cluster=cluster))

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None]:  # type: ignore[override]
        return gradient, None, None, None


class StraightThrough(nn.Module):
    """Replaces a weight by the nearest value of its table (Eqs 4-5); the gradient passes unchanged.

    Attributes:
        alpha: the table's scale, of a shape as in `Quantized`; a buffer, so checkpoints hold it.
    """

    alpha: Tensor

    def __init__(self, bits: int, cluster: Cluster, alpha: Tensor) -> None:
        super().__init__()
        self.bits = bits
        self.cluster: Cluster = "matrix" if cluster == "layer" else cluster
        self.register_buffer("alpha", alpha.clone())

    def forward(self, weight: Tensor) -> Tensor:
        """weight of any shape, the same shape back."""
        return _Nearest.apply(weight, self.alpha, self.bits, self.cluster)

    def codes(self, weight: Tensor) -> Tensor:
        """The weight's codes at the present α."""
        return quantize(weight, self.bits, self.alpha, cluster=self.cluster).codes


class QuantizedLayers:
    """The layers of a plan while they are trained: full-precision weights, and the tables they are seen through.

    Attributes:
        weights: the full-precision weights by layer.
        tables: their `StraightThrough`s, in the same order.
        finished: set to False, `straight_through` leaves the full-precision weights behind.
    """

    def __init__(self, model: nn.Module, plan: BitPlan) -> None:
        self.plan, self.finished = plan, True
        self.weights: dict[str, tuple[Tensor, ...]] = {}
        self.tables: dict[str, list[StraightThrough]] = {}
        self._places: list[tuple[nn.Module, str]] = []
        found = plan.check(model)
        # All are quantised before the first is replaced: a NaN leaves the model as it was.
        quantized = {name: quantize_layer(layer, plan.bits[name], plan.cluster) for name, layer in found.items()}
        for name, layer in found.items():
            self.weights[name] = layer.weights
            self.tables[name] = [StraightThrough(plan.bits[name], plan.cluster, q.alpha) for q in quantized[name]]
            for weight, table in zip(layer.weights, self.tables[name], strict=True):
                for module, attribute in list(_owners(model, weight)):
                    parametrize.register_parametrization(module, attribute, table)
                    self._places.append((module, attribute))

    @torch.no_grad()
    def refit(self) -> None:
        """One Lloyd step for every table: α of least squared error for the codes that the present α makes."""
        for name, weights in self.weights.items():
            tables = self.tables[name]
            codes = [table.codes(weight) for weight, table in zip(weights, tables, strict=True)]
            if self.plan.cluster == "layer":
                flat = torch.cat([w.flatten() for w in weights]), torch.cat([c.flatten() for c in codes])
                alpha = least_squares_alpha(*flat, tables[0].alpha, "matrix")
                for table in tables:
                    table.alpha.copy_(alpha)
                continue
            for weight, code, table in zip(weights, codes, tables, strict=True):
                table.alpha.copy_(least_squares_alpha(weight, code, table.alpha, table.cluster))

    def codes(self) -> dict[str, Tensor]:
        """All codes of each layer, flat."""
        return {
            name: torch.cat([t.codes(w.detach()).flatten() for w, t in zip(self.weights[name], tables, strict=True)])
            for name, tables in self.tables.items()
        }

    def remove(self, keep_quantized: bool) -> None:
        """Make plain parameters of the weights again, with the table's values or as they were behind them."""
        for module, attribute in self._places:
            if parametrize.is_parametrized(module, attribute):
                parametrize.remove_parametrizations(module, attribute, leave_parametrized=keep_quantized)
        self._places = []


@contextmanager
def straight_through(model: nn.Module, plan: BitPlan) -> Iterator[QuantizedLayers]:
    """See a model's weights through the tables of a plan for the length of a block.

    After the block the dequantised values are the model's weights; after an error inside it, the full-precision
    ones.

    Raises:
        ValueError: the plan does not fit the model, or a weight is NaN or infinite; the model is unchanged.
    """
    quantized = QuantizedLayers(model, plan)
    try:
        yield quantized
    except BaseException:
        quantized.remove(keep_quantized=False)
        raise
    quantized.remove(keep_quantized=quantized.finished)


def _owners(model: nn.Module, weight: Tensor) -> Iterator[tuple[nn.Module, str]]:
    """Every module and attribute that holds this parameter (several where it is tied)."""
    for module in model.modules():
        for attribute, parameter in module.named_parameters(recurse=False):
            if parameter is weight:
                yield module, attribute
