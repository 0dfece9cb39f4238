"""The layers of a TDNN-F: tdnn1, the factored layers, and the two heads (Kaldi's xconfig layers)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from .batchnorm import BatchNorm, Frames
from .functional import AffineReluNorm, Factored, Statistics, affine_relu_norm, splice_linear, taps


def new_linear(inputs: int, outputs: int, bias: bool = True, bias_deviation: float = 1.0) -> nn.Linear:
    """A linear layer initialised as Kaldi's: weights N(0, 1/inputs), biases N(0, bias_deviation²)."""
    layer = nn.Linear(inputs, outputs, bias=bias)
    nn.init.normal_(layer.weight, std=inputs**-0.5)
    if bias:
        nn.init.normal_(layer.bias, std=bias_deviation)
    return layer


class ReluNormLayer(nn.Module):
    """Affine, ReLU, batch norm (Kaldi's relu-batchnorm-layer); `linear` puts a low-rank splice before it.

    Args:
        inputs: width of the affine's input.
        outputs: C.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.affine = new_linear(inputs, outputs)
        self.norm = BatchNorm(outputs)

    def forward(self, u: Tensor, frames: Frames | None, gain: Tensor | None = None, fused: bool = False) -> Tensor:
        """From u [B, n, inputs] to [B, n, C].

        Args:
            frames: which frames count in batch norm (None: none are measured).
            gain: [B or 1, 1, C], multiplies the output.
            fused: use the gradient by hand (`functional`).
        """
        arguments = (u, self.affine.weight, self.affine.bias, Statistics(self.norm.fixed(), frames), gain)
        return self._observed(AffineReluNorm.apply if fused else affine_relu_norm, arguments, frames)

    def _observed(self, operation: Callable, arguments: tuple, frames: Frames | None) -> Tensor:
        """Run an operation that returns (output, mean, variance), and let batch norm see what was measured."""
        measured = self.norm.fixed() is None
        out, mean, var = operation(*arguments)
        if measured:
            assert frames is not None
            self.norm.observe(mean, var, frames)
        return out


class FactoredLayer(ReluNormLayer):
    """Kaldi's tdnnf-layer: to the bottleneck (splices -stride, 0), back (0, stride), ReLU, batch norm, bypass.

    Args:
        hidden: C, its input's and output's width.
        bottleneck: d.
        stride: time stride in input frames; 0: no splicing.
        bypass: share of the input that is added to the output.
    """

    def __init__(self, hidden: int, bottleneck: int, stride: int, bypass: float) -> None:
        halves = 2 if stride else 1
        super().__init__(halves * bottleneck, hidden)
        self.linear = new_linear(halves * hidden, bottleneck, bias=False)
        self.bypass = bypass

    def forward(  # type: ignore[override]
        self,
        x: Tensor,
        tap: tuple[int, int],
        frames: Frames | None,
        gain: Tensor | None = None,
        bottleneck_gain: Tensor | None = None,
        fused: bool = False,
    ) -> Tensor:
        """From x [B, m, C] to [B, n, C].

        Args:
            tap: the stride in frames of x, and the frames of x from one output to the next.
            frames: which output frames count in batch norm (None: none are measured).
            gain: [B or 1, 1, C], multiplies the output before the bypass.
            bottleneck_gain: [B or 1, 1, d], multiplies the bottleneck.
            fused: use the gradient by hand (`functional`); there is none for a bottleneck_gain.
        """
        where = taps(x.shape[1], *tap)
        statistics = Statistics(self.norm.fixed(), frames)
        affine = (self.affine.weight, self.affine.bias)
        if fused:
            arguments = (x, self.linear.weight, *affine, where, statistics, gain, self.bypass)
            return self._observed(Factored.apply, arguments, frames)
        u, residual = splice_linear(x, self.linear.weight, where)
        if bottleneck_gain is not None:
            u = u * bottleneck_gain.repeat(1, 1, u.shape[-1] // bottleneck_gain.shape[-1])
        return self._observed(affine_relu_norm, (u, *affine, statistics, gain, residual, self.bypass), frames)


class Head(nn.Module):
    """Kaldi's prefinal-layer and output-layer: affine, ReLU, batch norm, linear, batch norm, affine.

    Args:
        prefinal: width of its input and of its narrow layer.
        hidden: width of its wide layer.
        num_pdfs: P.
    """

    def __init__(self, prefinal: int, hidden: int, num_pdfs: int) -> None:
        super().__init__()
        self.wide = ReluNormLayer(prefinal, hidden)
        self.linear = new_linear(hidden, prefinal, bias=False)
        self.norm = BatchNorm(prefinal)
        # Kaldi starts the output at zero; a new model of ours tells frames apart from the start.
        self.output = new_linear(prefinal, num_pdfs, bias_deviation=0.0)

    def forward(self, x: Tensor, frames: Frames | None, fused: bool = False) -> Tensor:
        """From prefinal-l's x [B, T', prefinal] to raw outputs [B, T', P]."""
        narrow = self.linear(self.wide(x, frames, fused=fused))
        return self.output(self.norm(narrow, frames))


def dropout_gain(batch: int, width: int, proportion: float, like: Tensor) -> Tensor:
    """Kaldi's continuous dropout, one value a dimension and sequence: uniform in [1 - 2p, 1 + 2p], [B, 1, C].

    Source: GeneralDropoutComponent with `continuous` and time-period 0 (dropout-per-dim-continuous).
    """
    mask = torch.rand(batch, 1, width, dtype=like.dtype, device=like.device)
    return mask.mul_(4 * proportion).add_(1 - 2 * proportion)
