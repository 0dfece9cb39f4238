"""A TDNN-F cut into its layers and run over all batches at once, its batch norm fitted to them on the way."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from ..models import BatchNorm, FactoredLayer, Frames, Head, ReluNormLayer, Tdnnf, layers
from ..models.batchnorm import EPSILON, PooledMoments, moments
from ..models.functional import splice_linear, taps
from ..models.tdnnf import repeat_edges
from ..quantize import round_layer

Activations = list[Tensor]  # of every batch, [B, n, C]


class Stages:
    """A copy of a model, layer by layer (`layers(model)`), for a fixed set of batches.

    What a layer puts out is normalised by the moments of its own activations over all batches, padding not counted:
    the fixed point that `batchnorm_recalibrate` finds, without its second pass, as the products before a norm are
    kept until their moments are known.

    Args:
        model: not changed.
        batches: the model's inputs, (features, lengths, i-vectors, speaker scales, heads).

    Attributes:
        names: of the layers.
        operations: multiply-adds of products with weight matrices so far.
    """

    def __init__(self, model: Tdnnf, batches: Sequence[Sequence[Any]]) -> None:
        self.model = copy.deepcopy(model).eval()
        self.layers = layers(self.model)
        self.names = list(self.layers)
        self.hidden = list(self.model.hidden_layers.values())
        self.states = [self.model.begin(*inputs[:4]) for inputs in batches]
        self.both = [len(inputs) > 4 and inputs[4] == "both" for inputs in batches]
        if any(self.both) and self.model.xent is None:
            raise ValueError('heads="both" for a model without its cross-entropy head: use heads="chain"')
        self.operations = 0

    def inputs(self) -> Activations:
        """What the first layer reads."""
        return [state.x for state in self.states]

    def frames(self, at: int) -> list[Frames]:
        """For every batch, which frames of the output of layer `at` are real."""
        return [state.frames[min(at, len(self.hidden))] for state in self.states]

    def lengths(self) -> list[Tensor]:
        """For every batch, output frames of its utterances, [B]."""
        whole = (torch.full((len(s.x),), s.geometry.length) if s.lengths is None else s.lengths for s in self.states)
        return [self.model.output_lengths(lengths) for lengths in whole]

    @contextmanager
    def rounded(self, name: str, bits: int) -> Iterator[None]:
        """Within, one layer's weights are rounded. Raises ValueError naming the layer if one is NaN or infinite."""
        layer = self.layers[name]
        kept = [weight.clone() for weight in layer.weights]
        try:
            round_layer(layer, bits)
            yield
        finally:
            for weight, old in zip(layer.weights, kept, strict=True):
                weight.copy_(old)

    def output(self, at: int, xs: Activations) -> Activations:
        """Outputs of layer `at` for its inputs: after batch norm and bypass where it has them."""
        if at < len(self.hidden):
            return self._hidden(at, xs)
        chain = self.model.chain
        parts = (self._linear(self.model.prefinal_l), self._prefinal(chain), self._linear(chain.output))
        return parts[at - len(self.hidden)](xs)

    def feed(self, at: int, ys: Activations) -> Activations:
        """What the layer after `at` reads: its outputs, edge frames repeated where due."""
        geometry = [state.geometry for state in self.states]
        if at >= len(self.hidden):
            return ys
        return [repeat_edges(y, *g.repeats) if at == g.turn else y for y, g in zip(ys, geometry, strict=True)]

    def finish(
        self, at: int, xs: Activations, cross: Activations | None = None
    ) -> tuple[list[Any], Activations | None]:
        """Outputs of the model, from the inputs of layer `at` on.

        Args:
            cross: outputs of the cross-entropy head, for layers after it branches off (they are as they were).

        Returns:
            What `model(*inputs)` gives for every batch, and the outputs of the cross-entropy head if it has any.
        """
        for i in range(at, len(self.names)):
            xs = self.feed(i, self.output(i, xs))
            if i == len(self.hidden) and any(self.both):  # prefinal-l: both heads read it
                assert self.model.xent is not None
                cross = self._linear(self.model.xent.output)(self._prefinal(self.model.xent)(xs))
        if cross is None:
            return list(xs), None
        return [(x, c) if both else x for x, c, both in zip(xs, cross, self.both, strict=True)], cross

    def _hidden(self, at: int, xs: Activations) -> Activations:
        """tdnn1 or a factored layer: see `ReluNormLayer.forward` and `FactoredLayer.forward`."""
        layer, name = self.hidden[at], self.names[at]
        residuals: list[Tensor | None] = [None] * len(xs)
        if isinstance(layer, FactoredLayer):
            spliced = [self._splice(at, layer, x, s) for x, s in zip(xs, self.states, strict=True)]
            xs, residuals = [u for u, _ in spliced], [x for _, x in spliced]
        gains = [state.scales.get(name) for state in self.states]
        out = self._relu_norm(layer, xs, self.frames(at), gains)
        for y, residual in zip(out, residuals, strict=True):
            if residual is not None:
                y.add_(residual, alpha=layer.bypass)  # type: ignore[arg-type]
        return out

    def _splice(self, at: int, layer: FactoredLayer, x: Tensor, state: Any) -> tuple[Tensor, Tensor]:
        """To the bottleneck; and the input at the output frames, for the bypass."""
        where = taps(x.shape[1], *state.geometry.taps(at))
        read = x.shape[1] if where.reach else where.length
        self.operations += len(x) * read * layer.linear.weight.numel()
        u, residual = splice_linear(x, layer.linear.weight, where)
        gain = state.scales.get(f"{self.names[at]}.bottleneck")
        return u if gain is None else u * gain.repeat(1, 1, u.shape[-1] // gain.shape[-1]), residual

    def _relu_norm(
        self, layer: ReluNormLayer, xs: Activations, frames: list[Frames], gains: Sequence[Tensor | None]
    ) -> Activations:
        """Affine, ReLU, batch norm."""
        return _normalised(layer.norm, [x.relu_() for x in self._linear(layer.affine)(xs)], frames, gains)

    def _linear(self, layer: nn.Linear) -> Any:
        """A linear layer as a function of activations, counted."""

        def run(xs: Activations) -> Activations:
            self.operations += sum(x.shape[0] * x.shape[1] for x in xs) * layer.weight.numel()
            return [linear(x, layer.weight, layer.bias) for x in xs]

        return run

    def _prefinal(self, head: Head) -> Any:
        """A head without its output layer, as a function of activations."""

        def run(xs: Activations) -> Activations:
            frames, none = self.frames(len(self.hidden)), [None] * len(xs)
            wide = self._relu_norm(head.wide, xs, frames, none)
            return _normalised(head.norm, self._linear(head.linear)(wide), frames, none)

        return run


def _normalised(norm: BatchNorm, xs: Activations, frames: list[Frames], gains: Sequence[Tensor | None]) -> Activations:
    """Batch norm by the moments of all batches together, times the gains, in place."""
    pooled = PooledMoments(norm.dim)
    for x, real in zip(xs, frames, strict=True):
        pooled.add(*moments(x, real), real.total)
    mean, var = (m.to(xs[0]) for m in pooled.result())
    scale = (var + EPSILON).rsqrt()
    for x, gain in zip(xs, gains, strict=True):
        factor = scale if gain is None else scale * gain
        torch.addcmul(-mean * factor, x, factor, out=x)
    return xs
