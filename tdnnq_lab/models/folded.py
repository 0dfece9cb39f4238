"""The network that recognition runs: batch norm and all fixed transforms folded into its matrices."""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from .batchnorm import EPSILON, BatchNorm
from .components import FactoredLayer, Head
from .config import TdnnfConfig
from .functional import Taps, splice, stacked, taps
from .geometry import Geometry, checked_input, repeat_edges
from .tdnnf import Tdnnf

M = TypeVar("M", bound=nn.Module)


def fold_batchnorm(model: Tdnnf) -> FoldedTdnnf:
    """The chain output of a model in evaluation mode, computed by fewer passes over memory.

    A layer's batch norm, scale·r + offset with r = relu(A u + b), becomes nothing: its scale is positive, so it
    goes through the ReLU into the rows of A and b; its offset is constant over all frames (edges are repeated at
    the input, never inside), so it is left out and carried on, offset' = offset + bypass · offset before, until
    the next layer's bias takes what that layer's matrices make of it. Input normalisation and LDA go into tdnn1,
    the head's second batch norm into the matrices around it. Everything is folded in float64.

    Only for running a model: folded rows have other magnitudes than trained ones, so weights that are to be
    quantised with one α a matrix are quantised before. (`layers` of a folded network has none.)

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


class FoldedTdnnf(nn.Module):
    """A `Tdnnf` without cross-entropy head, speaker scales, dropout and gradients (see `fold_batchnorm`)."""

    def __init__(self, model: Tdnnf) -> None:
        super().__init__()
        self.config: TdnnfConfig = model.config
        self.first, offset = _first(model)
        self.hidden: list[FoldedLayer] = []
        for name, layer in model.hidden_layers.items():
            if isinstance(layer, FactoredLayer):
                folded, offset = _factored(layer, offset)
                self.add_module(name, folded)
                self.hidden.append(folded)
        self.head = _head(model.prefinal_l, model.chain, offset)
        self.to(model.tdnn1.affine.weight)

    @torch.no_grad()
    def forward(self, features: Tensor, lengths: Tensor | None = None, ivectors: Tensor | None = None) -> Tensor:
        """Raw outputs [B, T', P] of features [B, T, F]; arguments and errors as of `Tdnnf.forward`."""
        lengths = checked_input(self.config, features, lengths, ivectors)
        geometry = Geometry(self.config, features.shape[1])
        x = self.first(geometry.spliced(features, lengths), ivectors)
        for i in range(len(self.hidden) + 1):
            if i:
                x = self.hidden[i - 1](x, taps(x.shape[1], *geometry.taps(i)))
            if i == geometry.turn:
                x = repeat_edges(x, *geometry.repeats)
        return self.head(x)


class _First(nn.Module):
    """tdnn1 from raw spliced features; the i-vector, constant in time, is part of the bias."""

    weight: Tensor
    bias: Tensor
    speaker: Tensor

    def forward(self, x: Tensor, ivectors: Tensor | None = None) -> Tensor:
        """From [B, n, splice·F] to [B, n, C]."""
        x = x.to(self.weight.dtype)
        if ivectors is None:
            return linear(x, self.weight, self.bias).relu_()
        shift = linear(ivectors.to(x.dtype), self.speaker, self.bias)
        return linear(x, self.weight).add_(shift[:, None]).relu_()


class FoldedLayer(nn.Module):
    """A factored layer of a `FoldedTdnnf`: low rank, affine, ReLU, and the bypass."""

    linear: Tensor
    weight: Tensor
    bias: Tensor
    bypass: float

    def forward(self, x: Tensor, tap: Taps) -> Tensor:
        """From [B, m, C] to [B, n, C]."""
        return self.expand(self.project(x), x, tap)

    def project(self, x: Tensor) -> Tensor:
        """What both halves of the low-rank matrix make of every frame: from [B, m, C] to [B, m, 2d] (or d)."""
        return linear(x, self.linear)

    def expand(self, z: Tensor, x: Tensor, tap: Taps) -> Tensor:
        """The layer's output [B, n, C] from its projections and its input at the same frames."""
        at = tap.slices()[1]
        u = splice(z, tap) if tap.reach else z[:, at]
        return linear(u, self.weight, self.bias).relu_().add_(x[:, at], alpha=self.bypass)


class _Head(nn.Module):
    """prefinal-l and the chain head."""

    prefinal: Tensor
    wide: Tensor
    wide_bias: Tensor
    linear: Tensor
    output: Tensor
    output_bias: Tensor

    def forward(self, x: Tensor) -> Tensor:
        """From [B, T', C] to [B, T', P]."""
        x = linear(linear(x, self.prefinal), self.wide, self.wide_bias).relu_()
        return linear(linear(x, self.linear), self.output, self.output_bias)


def _with_buffers(module: M, **tensors: Tensor) -> M:
    """Buffers, not parameters: none of these matrices is a layer that could be trained or quantised."""
    for name, tensor in tensors.items():
        module.register_buffer(name, tensor.clone(memory_format=torch.contiguous_format), persistent=False)
    return module


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
    rows = scale[:, None]
    return _with_buffers(_First(), weight=rows * features, bias=scale * bias, speaker=rows * speaker), offset


def _factored(layer: FactoredLayer, offset: Tensor) -> tuple[FoldedLayer, Tensor]:
    """A layer whose input lacks `offset` [C], and the offset that its output lacks."""
    low, weight = layer.linear.weight.detach().double(), layer.affine.weight.detach().double()
    spliced = low.shape[1] > layer.norm.dim
    constant = (low @ offset.repeat(2)).repeat(2) if spliced else low @ offset
    scale, own = _norm(layer.norm)
    bias = scale * (layer.affine.bias.detach().double() + weight @ constant)
    folded = FoldedLayer()
    folded.bypass = layer.bypass
    _with_buffers(folded, linear=stacked(low) if spliced else low, weight=scale[:, None] * weight, bias=bias)
    return folded, own + layer.bypass * offset


def _head(prefinal: nn.Linear, head: Head, offset: Tensor) -> _Head:
    """prefinal-l, whose input lacks `offset` [C], and the head with both batch norms in its matrices."""
    first, wide = prefinal.weight.detach().double(), head.wide.affine
    weight, bias = wide.weight.detach().double(), wide.bias.detach().double()
    scale, left_out = _norm(head.wide.norm)
    narrow, output = head.linear.weight.detach().double(), head.output.weight.detach().double()
    narrow_scale, narrow_offset = _norm(head.norm)
    last = head.output.bias.detach().double() + output @ (narrow_scale * (narrow @ left_out) + narrow_offset)
    return _with_buffers(
        _Head(),
        prefinal=first,
        wide=scale[:, None] * weight,
        wide_bias=scale * (bias + weight @ (first @ offset)),
        linear=narrow_scale[:, None] * narrow,
        output=output,
        output_bias=last,
    )
