"""The quantisation clusters of a model: its weight matrices by layer, in order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd
from torch.nn.parallel import DistributedDataParallel
from torch.nn.utils import parametrize

from .components import FactoredLayer, Head
from .tdnnf import Tdnnf


@dataclass(frozen=True, eq=False)
class Layer:
    """One cluster.

    Args:
        name: as in Kaldi ("tdnnf7", "prefinal-chain"), or the module's path.
        parameters: how many weights, biases not counted.
        weights: the live parameters; whoever changes them in place changes the model.
    """

    name: str
    parameters: int
    weights: tuple[Tensor, ...]


def layers(model: nn.Module, training_heads: bool = False) -> dict[str, Layer]:
    """The layers whose weights can be quantised, by name, in order.

    Args:
        model: a `Tdnnf` (tdnn1, tdnnf2 ... tdnnf15 with linear and affine together, prefinal-l, prefinal-chain,
            output), or any module: its Linear, Conv, Embedding and attention projections by path.
        training_heads: add prefinal-xent and output-xent, which recognition never uses.

    Returns:
        A tensor that several modules share belongs to the first of them.
    """
    if isinstance(model, DistributedDataParallel):
        model = model.module
    if isinstance(model, Tdnnf):
        return _table(_tdnnf(model, training_heads))
    return _table(_any(model))


def _table(found: Iterator[tuple[str, list[Tensor]]]) -> dict[str, Layer]:
    seen: set[int] = set()
    table: dict[str, Layer] = {}
    for name, tensors in found:
        weights = tuple(w for w in tensors if id(w) not in seen)
        seen.update(id(w) for w in weights)
        if weights:
            table[name] = Layer(name, sum(w.numel() for w in weights), weights)
    return table


def _tdnnf(model: Tdnnf, training_heads: bool) -> Iterator[tuple[str, list[Tensor]]]:
    for name, layer in model.hidden_layers.items():
        linear = [_weight(layer.linear)] if isinstance(layer, FactoredLayer) else []
        yield name, [*linear, _weight(layer.affine)]
    yield "prefinal-l", [_weight(model.prefinal_l)]
    yield from _head(model.chain, "prefinal-chain", "output")
    if training_heads and model.xent is not None:
        yield from _head(model.xent, "prefinal-xent", "output-xent")


def _head(head: Head, prefinal: str, output: str) -> Iterator[tuple[str, list[Tensor]]]:
    yield prefinal, [_weight(head.wide.affine), _weight(head.linear)]
    yield output, [_weight(head.output)]


def _any(model: nn.Module) -> Iterator[tuple[str, list[Tensor]]]:
    for path, module in model.named_modules():
        name = path or type(module).__name__.lower()  # the model itself is a single layer
        if isinstance(module, nn.MultiheadAttention):
            keys = ("in_proj_weight", "q_proj_weight", "k_proj_weight", "v_proj_weight")
            projections = [_weight(module, key) for key in keys if getattr(module, key) is not None]
            yield f"{name}.in_proj", projections
        elif isinstance(module, (nn.Linear, nn.Bilinear, nn.Embedding, nn.EmbeddingBag, _ConvNd)):
            yield name, [_weight(module)]


def _weight(module: nn.Module, name: str = "weight") -> Tensor:
    """The trained parameter, also where `torch.nn.utils.parametrize` computes the weight from it."""
    if parametrize.is_parametrized(module, name):
        return module.parametrizations[name].original  # type: ignore[index, union-attr, return-value]
    return getattr(module, name)
