"""A bit plan: how many bits each layer gets, what that weighs, and plain rounding by it."""

from __future__ import annotations

import dataclasses
import math
import os
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from ..models import Layer, Tdnnf, layers, read_json_file, write_json_file
from .tables import Cluster, Quantized, _alpha_shape, dequantize, largest_code, quantize

VECTOR_BITS = (16, 32)
FORMAT = "tdnnq-lab plan 1"


class PlanBytes(NamedTuple):
    """What a packed model of a plan weighs, in bytes, its header not counted."""

    codes: int
    alphas: int
    vectors: int


@dataclass(frozen=True)
class BitPlan:
    """Bits for every layer of `layers(model)`.

    Args:
        bits: layer name to bits, 1 to 8 or 16.
        vectors: bits of biases, batch norm and the other tensors that stay as they are: 16 (half precision)
            or 32.
        cluster: what shares an α: "matrix", "channel", ("group", n), or "layer" (all factors of a layer together,
            as the paper words it).
        made_by: what made the plan, as JSON types (measure, budget, gap …).

    Raises:
        ValueError: bits, vectors or a cluster that do not exist; the layer is named.
    """

    bits: dict[str, int]
    vectors: int = 32
    cluster: Cluster = "matrix"
    made_by: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if isinstance(self.cluster, list):  # as JSON writes a pair
            object.__setattr__(self, "cluster", tuple(self.cluster))
        for name, bits in self.bits.items():
            try:
                largest_code(bits)
            except ValueError as error:
                raise ValueError(f"layer {name!r}: {error}") from None
        if self.vectors not in VECTOR_BITS:
            raise ValueError(f"vectors of {self.vectors!r} bits: choose 16 or 32")
        if self.cluster != "layer":
            _alpha_shape(torch.empty(1, 1), self.cluster)  # raises for an unknown one

    def check(self, model: nn.Module) -> dict[str, Layer]:
        """The layers of the model; ValueError unless the plan names exactly those."""
        table = layers(model)
        missing = [name for name in table if name not in self.bits]
        unknown = [name for name in self.bits if name not in table]
        if missing or unknown:
            told = [f"it lacks {', '.join(map(repr, missing))}"] if missing else []
            told += [f"the model has no {', '.join(map(repr, unknown))}"] if unknown else []
            raise ValueError(f"the plan does not fit the model: {'; '.join(told)}")
        return table

    def bytes(self, model: nn.Module) -> int:
        """Bytes of codes, alphas and vectors of a packed model; ValueError where the plan does not fit."""
        return sum(self.parts(model))

    def parts(self, model: nn.Module) -> PlanBytes:
        """`bytes`, part by part: each tensor's codes fill whole bytes, an α takes four."""
        codes = alphas = 0
        for name, layer in self.check(model).items():
            codes += sum(math.ceil(w.numel() * self.bits[name] / 8) for w in layer.weights)
            if self.cluster == "layer":
                alphas += 4
            else:
                alphas += sum(4 * math.prod(_alpha_shape(w, self.cluster)) for w in layer.weights)
        return PlanBytes(codes, alphas, sum(v.numel() for v in vectors(model).values()) * self.vectors // 8)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the plan as JSON, under a temporary name first. Raises OSError."""
        write_json_file(path, FORMAT, dataclasses.asdict(self))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> BitPlan:
        """Read what `save` wrote. Raises FileNotFoundError, or ValueError naming the file."""
        return read_json_file(path, FORMAT, cls, "a bit plan")


def vectors(model: nn.Module) -> dict[str, Tensor]:
    """What a packed model keeps beside its codes: biases, batch norm, fixed transforms.

    Counters of training and the cross-entropy head, which recognition does not use, are left out.

    Returns:
        Tensors by their name in the model's `state_dict`.
    """
    coded = {id(weight) for layer in layers(model, training_heads=True).values() for weight in layer.weights}
    found: dict[str, Tensor] = {}
    for name, tensor in [*model.named_parameters(), *model.named_buffers()]:
        unused = isinstance(model, Tdnnf) and (name.startswith("xent.") or name.endswith(".batches"))
        if id(tensor) not in coded and not unused:
            found[name] = tensor
    return found


def quantize_layer(layer: Layer, bits: int, cluster: Cluster = "matrix") -> list[Quantized]:
    """Each weight of a layer quantised; with cluster "layer" they share one α.

    Raises:
        ValueError: as `quantize`, naming the layer.
    """
    try:
        if cluster != "layer":
            return [quantize(weight, bits, cluster=cluster) for weight in layer.weights]
        alpha = quantize(torch.cat([weight.detach().flatten() for weight in layer.weights]), bits).alpha
        return [quantize(weight, bits, alpha) for weight in layer.weights]
    except ValueError as error:
        raise ValueError(f"layer {layer.name!r}: {error}") from None


@torch.no_grad()
def round_layer(layer: Layer, bits: int, cluster: Cluster = "matrix") -> None:
    """Round the weights of one layer in place. Raises ValueError as `quantize_layer`."""
    for weight, q in zip(layer.weights, quantize_layer(layer, bits, cluster), strict=True):
        weight.copy_(dequantize(q))


@torch.no_grad()
def round_model(model: nn.Module, plan: BitPlan) -> None:
    """Round every layer to its bits, in place: the dequantised values stay in the model.

    Nothing is fine-tuned and batch norm is left as it was: recalibrate it (`batchnorm_recalibrate`), and that of
    the model it is compared with as well.

    Raises:
        ValueError: the plan does not fit the model, or a weight is NaN or infinite; the model is unchanged.
    """
    table = plan.check(model)
    rounded = {name: quantize_layer(layer, plan.bits[name], plan.cluster) for name, layer in table.items()}
    for name, layer in table.items():
        for weight, q in zip(layer.weights, rounded[name], strict=True):
            weight.copy_(dequantize(q))
