"""The network that recognition runs: batch norm and all fixed transforms folded into its matrices."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from .batchnorm import EPSILON, BatchNorm
from .components import FactoredLayer, Head
from .config import TdnnfConfig
from .functional import Taps, splice, stacked
from .geometry import checked_input, geometry_of, repeat_edges
from .product import Product
from .tdnnf import Tdnnf


def fold_batchnorm(model: Tdnnf) -> FoldedTdnnf:
    """The chain output of a model in evaluation mode, computed by fewer passes over memory.

    A layer's batch norm, scale·r + offset with r = relu(A u + b), becomes nothing: its scale is positive, so it
    goes through the ReLU into the rows of A and b; its offset is constant over all frames (edges are repeated at
    the input, never inside), so it is left out and carried on, offset' = offset + bypass · offset before, until
    the next layer's bias takes what that layer's matrices make of it. Input normalisation and LDA go into tdnn1,
    the head's second batch norm into the matrices around it. Everything is folded in float64.

    Only for running a model: folded rows have other magnitudes than trained ones, so weights that are to be
    quantised with one α a matrix are quantised before.

    Args:
        model: its weights and statistics are copied; changes made to it later have no effect.

    Returns:
        A network on the model's device and in its dtype whose outputs are the model's up to rounding.

    Raises:
        ValueError: a batch norm of the model is in training mode.
    """
    if any(isinstance(module, BatchNorm) and module.fixed() is None for module in model.modules()):
        raise ValueError("batch norm can be folded in evaluation mode only: call model.eval() first")
    return FoldedTdnnf(model)


class FoldedTdnnf:
    """A `Tdnnf` without cross-entropy head, speaker scales, dropout and gradients (see `fold_batchnorm`).

    No module: nothing of it is trained, saved or quantised, and calls of modules take time that short utterances feel.
    """

    def __init__(self, model: Tdnnf) -> None:
        self.config: TdnnfConfig = model.config
        self.first, offset = _first(model)
        self.hidden: list[FoldedLayer] = []
        for layer in model.hidden_layers.values():
            if isinstance(layer, FactoredLayer):
                folded, offset = _factored(layer, offset)
                self.hidden.append(folded)
        self.head = _head(model.prefinal_l, model.chain, offset)

    @torch.no_grad()
    def __call__(self, features: Tensor, lengths: Tensor | None = None, ivectors: Tensor | None = None) -> Tensor:
        """Raw outputs [B, T', P] of features [B, T, F]; arguments and errors as of `Tdnnf.forward`."""
        lengths = checked_input(self.config, features, lengths, ivectors)
        geometry = geometry_of(self.config, features.shape[1])
        x = self.first(geometry.spliced(features, lengths), ivectors)
        for i in range(len(self.hidden) + 1):
            if i:
                x = self.hidden[i - 1](x, geometry.all_taps[i - 1])
            if i == geometry.turn:
                x = repeat_edges(x, *geometry.repeats)
                x = x[0] if len(x) == 1 else x  # one utterance: products of two matrices, not of a batch, start sooner
        return self.scores(x).view(len(features), geometry.outputs, -1)

    def scores(self, x: Tensor) -> Tensor:
        """What prefinal-l and the chain head make of the last layer's output: from [B, T', C] to [B, T', P]."""
        for product in self.head:
            x = product(x)
        return x


class _First:
    """tdnn1 from raw spliced features; the i-vector [ivector_dim], constant in time, is part of the bias."""

    def __init__(self, weight: Tensor, bias: Tensor, speaker: Tensor) -> None:
        known = speaker.shape[1] == 0  # otherwise the bias is another for every speaker
        self.wide = Product(weight, bias if known else None, rectify=known)
        self.shift = Product(speaker, bias)

    def __call__(self, x: Tensor, ivectors: Tensor | None = None) -> Tensor:
        """From [B, n, splice·F] to [B, n, C]."""
        x = x.to(self.wide.weight.dtype)
        return self.wide(x) if ivectors is None else self.wide(x).add_(self.shift(ivectors.to(x))[:, None]).relu_()


class FoldedLayer(NamedTuple):
    """A factored layer of a `FoldedTdnnf`: low rank, affine, ReLU, and the bypass.

    Attributes:
        low: from a frame to what both halves of the low-rank matrix make of it, 2d values (or d).
        wide: back to C, with the ReLU.
        bypass: share of the input that is added to the output.
    """

    low: Product
    wide: Product
    bypass: float

    def __call__(self, x: Tensor, tap: Taps) -> Tensor:
        """From [B, m, C] (or [m, C]) to [B, n, C]."""
        return self.expand(self.low(x), x, tap)

    def expand(self, z: Tensor, x: Tensor, tap: Taps) -> Tensor:
        """The layer's output [B, n, C] from its projections `low(x)` and its input, at the same frames."""
        u = splice(z, tap) if tap.reach else z[..., tap.at, :]
        return self.wide(u).add_(x[..., tap.at, :], alpha=self.bypass)


def _norm(norm: BatchNorm) -> tuple[Tensor, Tensor]:
    """Batch norm as scale and offset [C], float64."""
    scale = (norm.running_var.double() + EPSILON).rsqrt()
    return scale, -norm.running_mean.double() * scale


def _first(model: Tdnnf) -> tuple[_First, Tensor]:
    """tdnn1 with normalisation and LDA in its matrix, and the offset that it leaves out."""
    affine, config = model.tdnn1.affine, model.config
    weight, bias = affine.weight.detach().double(), affine.bias.detach().double()
    if model.lda is not None:
        weight, bias = weight @ model.lda[:, :-1].double(), bias + weight @ model.lda[:, -1].double()
    repeats = len(config.splice)
    features, speaker = weight.split([repeats * config.input_dim, config.ivector_dim], dim=1)
    features = features * model.input_scale.double().repeat(repeats)
    bias = bias - features @ model.input_mean.double().repeat(repeats)
    scale, offset = _norm(model.tdnn1.norm)
    parts = (scale[:, None] * features, scale * bias, scale[:, None] * speaker)
    return _First(*(part.to(affine.weight.dtype) for part in parts)), offset


def _factored(layer: FactoredLayer, offset: Tensor) -> tuple[FoldedLayer, Tensor]:
    """A layer whose input lacks `offset` [C], and the offset that its output lacks."""
    low, weight = layer.linear.weight.detach().double(), layer.affine.weight.detach().double()
    spliced = low.shape[1] > layer.norm.dim
    constant = (low @ offset.repeat(2)).repeat(2) if spliced else low @ offset
    scale, own = _norm(layer.norm)
    bias = scale * (layer.affine.bias.detach().double() + weight @ constant)
    narrow = _product(layer.linear, stacked(low) if spliced else low)
    wide = _product(layer.affine, scale[:, None] * weight, bias, rectify=True)
    return FoldedLayer(narrow, wide, layer.bypass), own + layer.bypass * offset


def _head(prefinal: nn.Linear, head: Head, offset: Tensor) -> list[Product]:
    """prefinal-l, whose input lacks `offset` [C], and the head with both batch norms in its matrices."""
    first, wide = prefinal.weight.detach().double(), head.wide.affine
    weight, bias = wide.weight.detach().double(), wide.bias.detach().double()
    scale, left_out = _norm(head.wide.norm)
    narrow, output = head.linear.weight.detach().double(), head.output.weight.detach().double()
    narrow_scale, narrow_offset = _norm(head.norm)
    last = head.output.bias.detach().double() + output @ (narrow_scale * (narrow @ left_out) + narrow_offset)
    return [
        _product(prefinal, first),
        _product(wide, scale[:, None] * weight, scale * (bias + weight @ (first @ offset)), rectify=True),
        _product(head.linear, narrow_scale[:, None] * narrow),
        _product(head.output, output, last),
    ]


def _product(of: nn.Linear, weight: Tensor, bias: Tensor | None = None, rectify: bool = False) -> Product:
    """A product in the precision of the layer that it stands for."""
    dtype = of.weight.dtype
    return Product(weight.to(dtype), None if bias is None else bias.to(dtype), rectify)
