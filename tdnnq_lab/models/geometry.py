"""Which frames every layer computes: all that the output frames need, and none twice."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import torch
from torch import Tensor

from .batchnorm import Frames
from .config import TdnnfConfig
from .functional import Taps


@dataclass(frozen=True)
class Geometry:
    """Frames of one forward pass over T input frames; positions count input frames, 0 is the first.

    Output frames lie at 0, 3, 6, ... Layer i is tdnn1 (0), tdnnf2 (1), and so on. Once all strides to come are
    multiples of 3, only every third frame is needed: `turn` is the first layer whose output is computed at
    those alone (tdnnf4 of the recipe, right before the layer without stride).

    Beyond the edges of the utterance lie copies of its first and last frame. Where a layer sees nothing else,
    its outputs are all alike: `turn` computes one of them on each side, and it is repeated.

    Args:
        config: the network.
        length: T.
    """

    config: TdnnfConfig
    length: int

    @cached_property
    def turn(self) -> int:
        """Index of the layer that goes from every frame to every third."""
        strides, r = self.config.strides, self.config.subsampling
        return next((i for i in range(len(strides), 0, -1) if strides[i - 1] % r), 0)

    @cached_property
    def outputs(self) -> int:
        """T', the number of output frames."""
        return -(-self.length // self.config.subsampling)

    def late_context(self, layer: int) -> int:
        """Output frames that the layers after this one see on each side."""
        return sum(self.config.strides[layer:]) // self.config.subsampling

    @cached_property
    def distinct(self) -> tuple[int, int]:
        """First and last output frame (counted in output frames) that layer `turn` computes."""
        r, reach = self.config.subsampling, sum(self.config.strides[: self.turn])
        sees_left, sees_right = reach - self.config.splice[0], reach + self.config.splice[-1]
        context = self.late_context(self.turn)
        first = max(-context, -_ceil(max(0, sees_right), r))
        last = min(self.outputs - 1 + context, _ceil(self.length - 1 + max(0, sees_left), r))
        # Without late context one frame more, so that the layers before reach every real frame for batch norm.
        return first, max(last, _ceil(self.length - 1, r))

    @cached_property
    def repeats(self) -> tuple[int, int]:
        """How often the outermost frames of layer `turn` are repeated on each side (-1: the last is dropped)."""
        context, (first, last) = self.late_context(self.turn), self.distinct
        return first + context, self.outputs - 1 + context - last

    def positions(self, layer: int) -> range:
        """The frames at which this layer computes its output."""
        r = self.config.subsampling
        if layer > self.turn:
            context = self.late_context(layer)
            return range(-r * context, r * (self.outputs - 1 + context) + 1, r)
        first, last = self.distinct
        if layer == self.turn:
            return range(r * first, r * last + 1, r)
        reach = sum(self.config.strides[layer : self.turn])
        return range(r * first - reach, r * last + reach + 1)

    def taps(self, layer: int) -> tuple[int, int]:
        """A factored layer's stride, and its step to the next output frame, in frames of its input."""
        stride, r = self.config.strides[layer - 1], self.config.subsampling
        if layer > self.turn:
            return stride // r, 1
        return stride, r if layer == self.turn else 1

    @cached_property
    def all_taps(self) -> list[Taps]:
        """Which frames of its input each factored layer reads, tdnnf2 first."""
        layers = range(1, len(self.config.strides) + 1)
        return [Taps(*self.taps(i), len(self.positions(i))) for i in layers]

    def spliced(self, frames: Tensor, lengths: Tensor | None) -> Tensor:
        """tdnn1's input [B, n, splice·F] from frames [B, T, F], the edge frames of each utterance repeated.

        Frames from `lengths` [B] on are never read: the last real frame stands for them.
        """
        batch, time, width = frames.shape
        shape = (batch, -1, len(self.config.splice) * width)
        positions = self.positions(0)
        at = torch.arange(positions.start, positions.stop, positions.step, device=frames.device)
        index = at[:, None] + torch.tensor(self.config.splice, device=frames.device)  # [n, splice]
        if lengths is None:
            return frames.index_select(1, index.clamp(0, time - 1).flatten()).view(shape)
        index = torch.minimum(index.clamp_min(0), lengths[:, None, None] - 1)  # [B, n, splice]
        rows = index + time * torch.arange(batch, device=frames.device)[:, None, None]
        return frames.flatten(0, 1).index_select(0, rows.flatten()).view(shape)

    def frames(self, lengths: Tensor | None, batch: int, like: Tensor) -> list[Frames]:
        """For every layer and, last, the heads, the frames that count in batch norm: those before its length."""
        turn, r = self.turn, self.config.subsampling
        if lengths is None:
            lengths = torch.full((batch,), self.length, device=like.device)
        context = self.late_context(turn)
        end = max(self.outputs + context, self.distinct[1] + 1)
        widest = {1: self.positions(0), r: range(-r * context, r * end, r)}
        weights = {step: _real(positions, lengths, like) for step, positions in widest.items()}
        counts = {step: w.sum() for step, w in weights.items()}
        found = []
        for layer in range(len(self.config.strides) + 2):
            positions = self.positions(layer)
            step = r if layer >= turn else 1
            offset = (positions.start - widest[step].start) // step
            found.append(Frames(weights[step][:, offset : offset + len(positions)], counts[step]))
        return found


@lru_cache(maxsize=64)
def geometry_of(config: TdnnfConfig, length: int) -> Geometry:
    """The geometry of utterances of this length, kept for the next one: working it out takes time that is felt."""
    return Geometry(config, length)


def _real(positions: range, lengths: Tensor, like: Tensor) -> Tensor:
    """[B, n] of the dtype of `like`, float32 at least: 1 where a position lies within its utterance."""
    at = torch.arange(positions.start, positions.stop, positions.step, device=like.device)
    return ((at >= 0) & (at < lengths[:, None])).to(torch.promote_types(like.dtype, torch.float32))


def repeat_edges(x: Tensor, left: int, right: int) -> Tensor:
    """x [B, n, C] with its first frame `left` times more and its last `right` times more; negative: dropped."""
    x = x[:, : x.shape[1] + min(0, right)]
    if left <= 0 and right <= 0:
        return x
    return torch.cat([x[:, :1].expand(-1, left, -1), x, x[:, -1:].expand(-1, max(0, right), -1)], dim=1)


def checked_input(
    config: TdnnfConfig, features: Tensor, lengths: Tensor | None, ivectors: Tensor | None
) -> Tensor | None:
    """The lengths on the features' device; ValueError for arguments of a forward pass that do not fit."""
    shape = tuple(features.shape)
    if len(shape) != 3 or shape[2] != config.input_dim:
        raise ValueError(f"features of shape {shape}: this model takes (B, T, {config.input_dim})")
    if shape[0] < 1 or shape[1] < 1:
        raise ValueError(f"features of shape {shape}: an utterance needs at least one frame")
    if ivectors is not None and not config.ivector_dim:
        raise ValueError("i-vectors given to a model without: its configuration has ivector_dim=0")
    if config.ivector_dim and (ivectors is None or tuple(ivectors.shape) != (shape[0], config.ivector_dim)):
        got = "none" if ivectors is None else f"shape {tuple(ivectors.shape)}"
        raise ValueError(f"this model takes i-vectors of shape ({shape[0]}, {config.ivector_dim}), got {got}")
    if lengths is None:
        return None
    if tuple(lengths.shape) != (shape[0],) or lengths.is_floating_point():
        raise ValueError(f"lengths must be {shape[0]} whole numbers, not {lengths.dtype} {tuple(lengths.shape)}")
    low, high = int(lengths.min()), int(lengths.max())
    if low < 1 or high > shape[1]:
        raise ValueError(f"lengths from {low} to {high}: they must lie between 1 and {shape[1]} frames")
    return lengths.to(features.device)


def _ceil(a: int, b: int) -> int:
    return -(-a // b)
