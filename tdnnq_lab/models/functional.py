"""The two operations that a TDNN-F is made of, with gradients that touch the wide activations least.

Each is written once as plain torch operations (`splice_linear`, `affine_relu_norm`), which autograd can
differentiate any number of times. The `autograd.Function`s at the end compute the same forward pass and have
their gradient by hand, for training: fewer passes over memory, and nothing kept but what the gradient needs.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable
from torch.nn.functional import linear

from .batchnorm import EPSILON, Frames, moments


class Taps(NamedTuple):
    """Which input frames a layer reads for output i: i·step, i·step + reach and i·step + 2·reach.

    Args:
        reach: the layer's stride in frames of its input.
        step: input frames from one output frame to the next.
        length: n, the number of output frames.
    """

    reach: int
    step: int
    length: int

    @property
    def at(self) -> slice:
        """Slice of the time axis at the output frames."""
        return self._slice(1)

    def slices(self) -> tuple[slice, slice, slice]:
        """Slices of the time axis: before, at and after the output frames."""
        return self._slice(0), self._slice(1), self._slice(2)

    def _slice(self, k: int) -> slice:
        return slice(k * self.reach, k * self.reach + (self.length - 1) * self.step + 1, self.step)


def taps(frames: int, reach: int, step: int) -> Taps:
    """The taps of a layer that sees `frames` input frames and computes all outputs whose inputs exist."""
    return Taps(reach, step, (frames - 2 * reach - 1) // step + 1)


class Statistics(NamedTuple):
    """What batch norm normalises by: `fixed` (mean and variance [C]), else the moments over `frames`."""

    fixed: tuple[Tensor, Tensor] | None
    frames: Frames | None


def splice_linear(x: Tensor, weight: Tensor, tap: Taps) -> tuple[Tensor, Tensor]:
    """A factored layer's first half: to the bottleneck, and spliced for its second half.

    With y[t] = W (x[t - stride], x[t]) the result at t is (y[t], y[t + stride]). One matrix product of the
    unspliced input gives both halves of W at every frame; what is shifted, added and copied after it is only as
    wide as the bottleneck.

    Args:
        x: [B, m, C].
        weight: [d, 2C], or [d, C] where the stride is 0.
        tap: frames to read.

    Returns:
        [B, n, 2d] (or [B, n, d]), and the view [B, n, C] of x at the output frames, for the bypass.
    """
    residual = x[:, tap.at]
    if tap.reach == 0:
        return linear(residual, weight), residual
    return splice(linear(x, stacked(weight)), tap), residual


def splice(z: Tensor, tap: Taps) -> Tensor:
    """(y[t], y[t + stride]), [B, n, 2d], from what both halves of W make of every frame, z [B, m, 2d].

    Without gradients the batch dimension may be missing.
    """
    if torch.is_grad_enabled() or torch.compiler.is_compiling():
        before, at, after = tap.slices()
        old, new = z.chunk(2, dim=-1)
        return torch.cat([old[:, before] + new[:, at], old[:, at] + new[:, after]], dim=-1)
    # One sum of two views of z: along their third axis (of 2) time moves by the stride. Nothing is copied.
    *batch, frame, _ = z.stride()
    size, later = (*z.shape[:-2], tap.length, 2, z.shape[-1] // 2), tap.reach * frame
    strides, start = (*batch, tap.step * frame, later, 1), z.storage_offset()
    old, new = z.as_strided(size, strides, start), z.as_strided(size, strides, start + later + size[-1])
    return torch.add(old, new, out=z.new_empty(size)).flatten(-2)


def affine_relu_norm(
    u: Tensor,
    weight: Tensor,
    bias: Tensor,
    statistics: Statistics,
    gain: Tensor | None = None,
    residual: Tensor | None = None,
    bypass: float = 0.0,
) -> tuple[Tensor, Tensor, Tensor]:
    """Affine, ReLU, batch norm, times `gain`, plus `bypass` times `residual`.

    Args:
        u: [B, n, D].
        weight, bias: [C, D], [C].
        gain: [B or 1, 1, C]: dropout mask or speaker scales, constant in time.
        residual: [B, n, C].

    Returns:
        Output [B, n, C], and the mean and variance [C] that were used.
    """
    keep = torch.is_grad_enabled() or torch.compiler.is_compiling()
    return _forward(u, weight, bias, statistics, gain, residual, bypass, keep)[:3]


def _forward(
    u: Tensor,
    weight: Tensor,
    bias: Tensor,
    statistics: Statistics,
    gain: Tensor | None,
    residual: Tensor | None,
    bypass: float,
    keep: bool,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """`affine_relu_norm`, and what its gradient needs: the rectified activations (if kept) and their scale."""
    r = linear(u, weight, bias).relu_()
    if statistics.fixed is None:
        assert statistics.frames is not None
        mean, var = moments(r, statistics.frames)
    else:
        mean, var = statistics.fixed
    scale = (var + EPSILON).rsqrt()
    factor = scale if gain is None else scale * gain
    out = torch.addcmul(-mean * factor, r, factor, out=None if keep else r)
    if residual is not None:
        out.add_(residual, alpha=bypass)
    return out, mean, var, r, scale


def stacked(weight: Tensor) -> Tensor:
    """Weight [d, 2C] over (x[t - stride], x[t]) as [2d, C]: both halves over one frame."""
    return torch.cat(weight.chunk(2, dim=1))


class AffineReluNorm(Function):
    """`affine_relu_norm` without residual, its gradient by hand; `gain` gets none."""

    @staticmethod
    def forward(
        ctx: Any, u: Tensor, weight: Tensor, bias: Tensor, statistics: Statistics, gain: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor]:
        out, mean, var, r, scale = _forward(u, weight, bias, statistics, gain, None, 0.0, keep=True)
        ctx.save_for_backward(u, weight, r, mean, scale, gain, *(statistics.frames or (None, None)))
        ctx.measured = statistics.fixed is None
        ctx.mark_non_differentiable(mean, var)
        return out, mean, var

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dy: Tensor, _mean: Tensor, _var: Tensor) -> tuple[Tensor | None, ...]:
        u, weight, *norm = ctx.saved_tensors
        dh = _norm_backward(dy, norm, ctx.measured)
        rows = dh.flatten(0, 1)
        du = (rows @ weight).view_as(u) if ctx.needs_input_grad[0] else None
        return du, *_affine_gradients(rows, u, *ctx.needs_input_grad[1:3]), None, None


class Factored(Function):
    """A whole factored layer, `splice_linear` and `affine_relu_norm`; `gain` gets no gradient."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        linear_weight: Tensor,
        affine_weight: Tensor,
        bias: Tensor,
        tap: Taps,
        statistics: Statistics,
        gain: Tensor | None,
        bypass: float,
    ) -> tuple[Tensor, Tensor, Tensor]:
        u, residual = splice_linear(x, linear_weight, tap)
        out, mean, var, r, scale = _forward(u, affine_weight, bias, statistics, gain, residual, bypass, keep=True)
        frames = statistics.frames or (None, None)
        ctx.save_for_backward(x, linear_weight, u, affine_weight, r, mean, scale, gain, *frames)
        ctx.tap, ctx.bypass, ctx.measured = tap, bypass, statistics.fixed is None
        ctx.mark_non_differentiable(mean, var)
        return out, mean, var

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dy: Tensor, _mean: Tensor, _var: Tensor) -> tuple[Tensor | None, ...]:
        x, linear_weight, u, affine_weight, *norm = ctx.saved_tensors
        rows = _norm_backward(dy, norm, ctx.measured).flatten(0, 1)
        affine = _affine_gradients(rows, u, *ctx.needs_input_grad[2:4])
        dz = _unspliced((rows @ affine_weight).view_as(u), x.shape[1], ctx.tap).flatten(0, 1)
        dlinear = dx = None
        if ctx.needs_input_grad[1]:
            dlinear = dz.t() @ x.flatten(0, 1)
            dlinear = torch.cat(dlinear.chunk(2), dim=1) if ctx.tap.reach else dlinear
        if ctx.needs_input_grad[0]:
            dx = (dz @ (stacked(linear_weight) if ctx.tap.reach else linear_weight)).view_as(x)
            dx[:, ctx.tap.slices()[1]].add_(dy, alpha=ctx.bypass)
        return dx, dlinear, *affine, None, None, None, None


def _norm_backward(dy: Tensor, saved: list[Tensor], measured: bool) -> Tensor:
    """Gradient before the ReLU, from that after batch norm and gain.

    With x̂ = (r - mean)·scale, batch norm's is scale·dy - w/total·scale·(Σ dy + x̂ Σ dy·x̂): the sums run over
    every frame (all are normalised), the correction reaches only those that were measured (w = 1).
    """
    r, mean, scale, gain, weights, total = saved
    if gain is not None:
        dy = dy * gain
    if not measured:
        dr = dy * scale
    else:
        level = dy.sum((0, 1))
        dr = dy * r
        slope = (dr.sum((0, 1)) - mean * level) * scale  # Σ dy·x̂
        share = scale / total
        tilt = -share * scale * slope
        torch.addcmul(-share * level - tilt * mean, r, tilt, out=dr)
        dr.mul_(weights.unsqueeze(-1)).addcmul_(dy, scale)
    torch.ops.aten.threshold_backward.grad_input(dr, r, 0.0, grad_input=dr)  # in place
    return dr


def _affine_gradients(rows: Tensor, u: Tensor, weight: bool, bias: bool) -> tuple[Tensor | None, Tensor | None]:
    """Gradients of an affine's weight and bias, where they are wanted."""
    return rows.t() @ u.flatten(0, 1) if weight else None, rows.sum(0) if bias else None


def _unspliced(du: Tensor, frames: int, tap: Taps) -> Tensor:
    """Gradient [B, frames, 2d] (or d) of `splice_linear`'s matrix product from that of its result."""
    if tap == Taps(0, 1, frames):
        return du
    before, at, after = tap.slices()
    dz = du.new_zeros(du.shape[0], frames, du.shape[2])
    if tap.reach == 0:
        dz[:, at] = du
        return dz
    (old, new), (first, second) = dz.chunk(2, dim=-1), du.chunk(2, dim=-1)
    old[:, before] = first
    old[:, at] += second
    new[:, at] = first
    new[:, after] += second
    return dz
