"""The network fed piece by piece: every frame is computed once, and the joins change nothing."""

from __future__ import annotations

import torch
from torch import Tensor

from .folded import FoldedLayer, FoldedTdnnf, fold_batchnorm
from .functional import taps
from .geometry import Geometry
from .tdnnf import Tdnnf


class Stream:
    """One utterance that comes in pieces of any size; outputs come as soon as their context is there.

    Each layer keeps the last frames that its next outputs will see (twice its stride, of its input and of its
    projection), so memory does not grow with the utterance and nothing is computed twice. Beyond the edges lie
    copies of the first and the last frame, as in `Tdnnf.forward`: all outputs together are those of the whole
    utterance at once, up to rounding.

    Args:
        network: a `Tdnnf` in evaluation mode (it is folded), or one that is folded already.
        ivector: [ivector_dim], where the configuration has them.

    Raises:
        ValueError: the model is in training mode, or the i-vector does not fit.
    """

    def __init__(self, network: Tdnnf | FoldedTdnnf, ivector: Tensor | None = None) -> None:
        self.network = network if isinstance(network, FoldedTdnnf) else fold_batchnorm(network)
        self.config = config = self.network.config
        if (0 if ivector is None else ivector.numel()) != config.ivector_dim:
            got = "none" if ivector is None else f"shape {tuple(ivector.shape)}"
            raise ValueError(f"this model takes an i-vector of {config.ivector_dim} dimensions, got {got}")
        self._ivector = None if ivector is None else ivector.reshape(1, -1)
        self._reach = sum(config.strides)
        geometry = Geometry(config, 1)
        self._step = 1 if geometry.turn else config.subsampling  # of tdnn1's output frames
        # Position q of tdnn1 needs frame q + splice[-1]; output frame q - reach, its last user, must exist itself.
        self._wait = max(config.splice[-1], -self._reach)
        self._taps = [geometry.taps(i + 1) for i in range(len(config.strides))]
        self._begin()

    def _begin(self) -> None:
        self._frames = self.network.first.wide.weight.new_zeros(0, self.config.input_dim)
        self._dropped = 0  # frames before those held
        self._position = -self._reach  # next of tdnn1's; output frames lie at 0, 3, 6, …
        self._layers = [_Held(layer, *tap) for layer, tap in zip(self.network.hidden, self._taps, strict=True)]

    @torch.no_grad()
    def feed(self, frames: Tensor) -> Tensor:
        """Take the next frames [t, F], t >= 0, and return the outputs [t', P] that they complete, perhaps none.

        Raises:
            ValueError: frames of another shape.
        """
        if frames.dim() != 2 or frames.shape[1] != self.config.input_dim:
            raise ValueError(f"frames of shape {tuple(frames.shape)}: this model takes (t, {self.config.input_dim})")
        self._frames = torch.cat([self._frames, frames.to(self._frames)])
        return self._advance(self._received - 1 - self._wait)

    @torch.no_grad()
    def finish(self) -> Tensor:
        """End the utterance: its remaining outputs [t', P], ceil(T / 3) in all. What is fed next begins another."""
        outputs = -(-self._received // self.config.subsampling)
        rest = self._advance(self.config.subsampling * (outputs - 1) + self._reach)
        self._begin()
        return rest

    @property
    def _received(self) -> int:
        return self._dropped + len(self._frames)

    def _nothing(self) -> Tensor:
        return self._frames.new_zeros(0, self.config.num_pdfs)

    def _advance(self, last: int) -> Tensor:
        """Compute all that follows from tdnn1's positions up to `last`."""
        positions = range(self._position, last + 1, self._step)
        if not positions or not self._received:
            return self._nothing()
        x = self.network.first(self._spliced(positions), self._ivector)
        self._position = positions[-1] + self._step
        keep = min(max(0, self._position + self.config.splice[0]), self._received - 1)
        self._frames, self._dropped = self._frames[keep - self._dropped :].clone(), keep
        for layer in self._layers:
            x = layer.feed(x)
            if not x.shape[1]:
                return self._nothing()
        return self.network.scores(x)[0]

    def _spliced(self, positions: range) -> Tensor:
        """tdnn1's input [1, n, splice·F], the edge frames repeated as far as the utterance is known."""
        device = self._frames.device
        at = torch.arange(positions.start, positions.stop, positions.step, device=device)
        index = at[:, None] + torch.tensor(self.config.splice, device=device)
        rows = (index.clamp(0, self._received - 1) - self._dropped).flatten()
        return self._frames.index_select(0, rows).view(1, len(at), -1)


class _Held:
    """A factored layer and the frames of its input, and of their projections, that its next outputs see.

    Args:
        layer: of the folded network.
        reach: its stride in frames of its input.
        step: frames of its input from one output frame to the next.
    """

    def __init__(self, layer: FoldedLayer, reach: int, step: int) -> None:
        self.layer, self.reach, self.step = layer, reach, step
        self.x = layer.wide.weight.new_zeros(1, 0, len(layer.wide.weight))
        self.z = layer.low.weight.new_zeros(1, 0, len(layer.low.weight))

    def feed(self, x: Tensor) -> Tensor:
        """From the next frames [1, m, C] to the output frames [1, n, C] that they complete."""
        if self.reach == 0:
            return self.layer(x, taps(x.shape[1], 0, self.step))
        self.x, self.z = torch.cat([self.x, x], dim=1), torch.cat([self.z, self.layer.low(x)], dim=1)
        tap = taps(self.x.shape[1], self.reach, self.step)
        if tap.length < 1:
            return x[:, :0]
        out = self.layer.expand(self.z, self.x, tap)
        done = tap.length * tap.step
        self.x, self.z = self.x[:, done:].clone(), self.z[:, done:].clone()  # cloned: a view would keep it all
        return out
