"""The TDNN-F acoustic model (Povey et al. 2018; Kaldi's swbd run_tdnn_7q)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from .batchnorm import Frames
from .components import FactoredLayer, Head, ReluNormLayer, dropout_gain, new_linear
from .config import TdnnfConfig
from .geometry import Geometry, checked_input, repeat_edges

Outputs = Tensor | tuple[Tensor, Tensor]


@dataclass
class ForwardState:
    """A forward pass between two layers: `x` is the activation that the next one reads.

    Args:
        x: [B, n, width]; before tdnn1 its spliced input.
        geometry: the frames of every layer.
        lengths: [B], in input frames; None: all of them.
        scales: the caller's `speaker_scales`, as [B or 1, 1, width].
    """

    x: Tensor
    geometry: Geometry
    lengths: Tensor | None
    scales: dict[str, Tensor]

    @cached_property
    def frames(self) -> list[Frames]:
        """For every hidden layer and, last, the heads, the frames that count in batch norm."""
        return self.geometry.frames(self.lengths, len(self.x), self.x)


class Tdnnf(nn.Module):
    """A factored time-delay network with a chain head and, for training, a cross-entropy head.

    `forward` is `begin`, then `layer(i, …)` for each hidden layer, then `finish`: whoever needs activations,
    or to start again from the middle, calls those.

    Args:
        config: its shape. Weights are drawn with torch's global generator: seed it with `torch.manual_seed`.

    Attributes:
        dropout: proportion of the continuous dropout while training (`set_dropout`).
        fused: train with gradients written by hand, faster and lighter but differentiable once only. Turn it
            off for second derivatives and forward-mode differentiation.
        autocast: torch.bfloat16: `forward` multiplies matrices in that type (`torch.autocast`), for GPUs; batch
            norm, the sums of the bypass, weights, gradients of weights and outputs stay float32. None: float32
            throughout. Tested on a CPU, where it brings no speed; not run on a GPU yet.
    """

    input_mean: Tensor
    input_scale: Tensor
    lda: Tensor | None

    def __init__(self, config: TdnnfConfig) -> None:
        super().__init__()
        self.config = config
        self.dropout = 0.0
        self.fused = True
        self.autocast: torch.dtype | None = None
        self.register_buffer("input_mean", torch.zeros(config.input_dim))
        self.register_buffer("input_scale", torch.ones(config.input_dim))
        dim = config.spliced_dim
        self.register_buffer("lda", torch.eye(dim, dim + 1) if config.lda else None)
        self._names = ("tdnn1", *(f"tdnnf{i + 2}" for i in range(len(config.strides))))
        self.tdnn1 = ReluNormLayer(dim, config.hidden_dim)
        for name, bottleneck, stride in zip(self._names[1:], config.bottlenecks, config.strides, strict=True):
            self.add_module(name, FactoredLayer(config.hidden_dim, bottleneck, stride, config.bypass))
        self.prefinal_l = new_linear(config.hidden_dim, config.prefinal_dim, bias=False)
        self.chain = Head(config.prefinal_dim, config.hidden_dim, config.num_pdfs)
        self.xent = Head(config.prefinal_dim, config.hidden_dim, config.num_pdfs) if config.xent_head else None

    @property
    def hidden_layers(self) -> dict[str, ReluNormLayer]:
        """tdnn1, tdnnf2, tdnnf3, ... by name, in order."""
        return {name: getattr(self, name) for name in self._names}

    def output_lengths(self, lengths: Tensor) -> Tensor:
        """Output frames of utterances of so many input frames: ceil(length / 3)."""
        return (lengths + self.config.subsampling - 1) // self.config.subsampling

    def set_dropout(self, proportion: float) -> None:
        """Set the dropout proportion (0 to 0.5) of all layers. Raises ValueError outside that range."""
        if not 0.0 <= proportion <= 0.5:
            raise ValueError(f"dropout must lie between 0 and 0.5, not {proportion}")
        self.dropout = float(proportion)

    @torch.no_grad()
    def set_input_transform(
        self, mean: Tensor | None = None, std: Tensor | None = None, *, matrix: Tensor | None = None
    ) -> None:
        """Set the fixed transforms of the input; what is not given stays.

        Args:
            mean, std: [F], of a frame's features: (x - mean) / std comes first. A std of zero counts as one.
            matrix: [D, D] or, with an offset as last column, [D, D + 1], applied to the spliced input with its
                i-vector (Kaldi's lda.mat); the configuration must have `lda=True`.

        Raises:
            ValueError: a shape that does not fit, or a matrix for a configuration without `lda`.
        """
        f, d = self.config.input_dim, self.config.spliced_dim
        for name, vector in (("mean", mean), ("std", std)):
            if vector is not None and tuple(vector.shape) != (f,):
                raise ValueError(f"{name} of shape {tuple(vector.shape)}: this model's frames have {f} features")
        if mean is not None:
            self.input_mean.copy_(mean)
        if std is not None:
            self.input_scale.copy_(torch.where(std > 0, std, torch.ones_like(std)).reciprocal())
        if matrix is None:
            return
        if self.lda is None:
            raise ValueError("this model has no transform of its spliced input: its configuration needs lda=True")
        if tuple(matrix.shape) not in ((d, d), (d, d + 1)):
            raise ValueError(f"a transform of shape {tuple(matrix.shape)}: need ({d}, {d}) or ({d}, {d + 1})")
        self.lda.zero_()[:, : matrix.shape[1]] = matrix

    def forward(
        self,
        features: Tensor,
        lengths: Tensor | None = None,
        ivectors: Tensor | None = None,
        speaker_scales: Mapping[str, Tensor] | None = None,
        heads: str = "chain",
    ) -> Outputs:
        """Raw outputs of one frame in three.

        Args:
            features: [B, T, F].
            lengths: [B] integers, 1 to T, in input frames; None: all T. Frames from there on are not read
                (the last real frame stands for them), and only frames before count in batch norm.
            ivectors: [B, ivector_dim], where the configuration has them.
            speaker_scales: multipliers [B, width] or [width] (learning hidden unit contributions, Swietojanski
                et al. 2016): "tdnn1" or "tdnnf7" scale a hidden layer's output before its bypass,
                "tdnnf7.bottleneck" its low-rank activations.
            heads: "chain", or "both" for the pair (chain, cross-entropy).

        Returns:
            [B, T', P] with T' = ceil(T / 3), for output frames 0, 3, 6, ...; or a pair of such. Outputs at and
            beyond ceil(length / 3) mean nothing.

        Raises:
            ValueError: an argument of the wrong shape, or one that the configuration has no place for.
        """
        if heads not in ("chain", "both"):
            raise ValueError(f'heads must be "chain" or "both", not {heads!r}')
        if heads == "both" and self.xent is None:
            raise ValueError('this model was made without its cross-entropy head: use heads="chain"')
        device = features.device.type
        if self.autocast is not None and not torch.is_autocast_enabled(device):
            with torch.autocast(device, self.autocast):
                outputs = self.forward(features, lengths, ivectors, speaker_scales, heads)
            return outputs.float() if isinstance(outputs, Tensor) else (outputs[0].float(), outputs[1].float())
        state = self.begin(features, lengths, ivectors, speaker_scales)
        for i in range(len(self.config.strides) + 1):
            state.x = self.layer(i, state)
        return self.finish(state, heads)

    def begin(
        self,
        features: Tensor,
        lengths: Tensor | None = None,
        ivectors: Tensor | None = None,
        speaker_scales: Mapping[str, Tensor] | None = None,
    ) -> ForwardState:
        """Check and splice the input of `forward`; same arguments and errors."""
        lengths = checked_input(self.config, features, lengths, ivectors)
        geometry = Geometry(self.config, features.shape[1])
        features = (features.to(self.input_mean.dtype) - self.input_mean) * self.input_scale
        x = geometry.spliced(features, lengths)
        if ivectors is not None:
            x = torch.cat([x, ivectors.to(x.dtype)[:, None].expand(-1, x.shape[1], -1)], dim=-1)
        if self.lda is not None:
            x = linear(x, self.lda[:, :-1], self.lda[:, -1])
        return ForwardState(x, geometry, lengths, self._scales(speaker_scales or {}, len(x)))

    def layer(self, i: int, state: ForwardState) -> Tensor:
        """Output of hidden layer i (0: tdnn1) of its input `state.x`, with edge frames repeated where due."""
        name = self._names[i]
        module: ReluNormLayer = getattr(self, name)
        gain = self._gain(name, state)
        bottleneck = state.scales.get(f"{name}.bottleneck")
        frames = None if module.norm.fixed() else state.frames[i]
        fused = self._by_hand(state) and not state.scales
        if isinstance(module, FactoredLayer):
            x = module(state.x, state.geometry.taps(i), frames, gain, bottleneck, fused)
        else:
            x = module(state.x, frames, gain, fused=fused)
        return repeat_edges(x, *state.geometry.repeats) if i == state.geometry.turn else x

    def finish(self, state: ForwardState, heads: str = "chain") -> Outputs:
        """Outputs of the heads from the last hidden layer's output, `state.x`."""
        x = self.prefinal_l(state.x)
        chain = self._head(self.chain, x, state)
        return chain if self.xent is None or heads == "chain" else (chain, self._head(self.xent, x, state))

    def _head(self, head: Head, x: Tensor, state: ForwardState) -> Tensor:
        known = head.norm.fixed() and head.wide.norm.fixed()
        return head(x, None if known else state.frames[-1], self._by_hand(state))

    def _by_hand(self, state: ForwardState) -> bool:
        """Whether gradients by hand are due; under autocast torch's own keep to the lower precision."""
        return self.fused and torch.is_grad_enabled() and not torch.is_autocast_enabled(state.x.device.type)

    def _gain(self, name: str, state: ForwardState) -> Tensor | None:
        """Speaker scale and dropout of a hidden layer, [B or 1, 1, C]."""
        gain = state.scales.get(name)
        if self.training and self.dropout > 0:
            mask = dropout_gain(len(state.x), self.config.hidden_dim, self.dropout, state.x)
            gain = mask if gain is None else gain * mask
        return gain

    def _scales(self, scales: Mapping[str, Tensor], batch: int) -> dict[str, Tensor]:
        """Speaker scales as [B or 1, 1, width]; ValueError for an unknown layer or a wrong width."""
        widths = dict.fromkeys(self.hidden_layers, self.config.hidden_dim)
        for name, bottleneck in zip(list(widths)[1:], self.config.bottlenecks, strict=True):
            widths[f"{name}.bottleneck"] = bottleneck
        for name, scale in scales.items():
            if name not in widths:
                raise ValueError(f"speaker_scales for {name!r}: this model has {', '.join(widths)}")
            if tuple(scale.shape) not in ((widths[name],), (batch, widths[name])):
                want = f"({batch}, {widths[name]})"
                raise ValueError(f"speaker_scales for {name!r} of shape {tuple(scale.shape)}: need {want}")
        return {name: scale.reshape(-1, 1, widths[name]) for name, scale in scales.items()}
