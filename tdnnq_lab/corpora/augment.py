"""Training speech varied while it is read: SpecAugment (Park et al. 2019) and warped vocal tracts, on cepstra.

Both work in the log mel spectrum, of which high-resolution cepstra are an invertible transform.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import torch
from scipy.fft import dct
from torch import Tensor

LIFTER = 22.0  # of the cepstra (Kaldi's cepstral-lifter)


@dataclass(frozen=True)
class SpecAugment:
    """What is blanked, that is set to the mean of the corpus, in each utterance.

    High-resolution cepstra are an invertible transform of the log mel spectrum: bands are blanked there and the
    result is transformed back, as in Kaldi's recipes (idct-layer, then spec-augment-layer).

    Attributes:
        frequency_masks: bands.
        max_bins: each up to so many mel filters wide (uniform from 0).
        time_masked: share of the frames that stretches cover on average, where they do not overlap.
        max_frames: each stretch up to so many frames long (uniform from 0).
        seed: of all draws.
    """

    frequency_masks: int = 2
    max_bins: int = 8
    time_masked: float = 0.15
    max_frames: int = 20
    seed: int = 0

    def __call__(self, features: Tensor, lengths: Tensor, mean: Tensor, draw: tuple[int, ...]) -> Tensor:
        """Blank parts of a batch.

        Args:
            features: [B, T, F] cepstra, as many as mel filters.
            lengths: [B], in frames.
            mean: [F], of the corpus.
            draw: numbers that the masks depend on, with the seed (epoch, place of the batch): a resumed run sees
                the same ones.

        Returns:
            [B, T, F], new.
        """
        generator = np.random.default_rng((self.seed, *draw))
        batch, frames, bins = features.shape
        to_mel, back = _transforms(bins)
        bands = torch.ones(batch, 1, bins)
        stretches = torch.ones(batch, frames, 1)
        for b, length in enumerate(lengths.tolist()):
            for _ in range(self.frequency_masks):
                _blank(bands[b, 0], bins, self.max_bins, generator)
            for _ in range(round(2 * self.time_masked * length / self.max_frames)):
                _blank(stretches[b, :, 0], length, self.max_frames, generator)
        away = ((features - mean) @ to_mel) * (bands * stretches)
        return mean + away @ back


def _blank(row: Tensor, length: int, widest: int, generator: np.random.Generator) -> None:
    """Set a stretch of a row [n] to zero that lies within the first `length` places."""
    width = int(generator.integers(0, min(widest, length) + 1))
    start = int(generator.integers(0, length - width + 1))
    row[start : start + width] = 0.0


@dataclass(frozen=True)
class VocalTractWarp:
    """Each utterance as if its speaker's vocal tract were longer or shorter (Jaitly & Hinton 2013).

    A shorter vocal tract, a child's, moves all resonances up. The frequency axis is stretched by a factor drawn for
    each utterance; above `bend` of the highest frequency it is bent so that the highest stays where it is.

    Attributes:
        width: factors lie between 1 - width and 1 + width, drawn evenly from 21.
        low_freq, high_freq: of the mel filters, in Hz (`MfccSettings`).
        bend: share of high_freq.
        seed: of all draws.

    Raises:
        ValueError: a width outside 0 to 0.3.
    """

    width: float = 0.1
    low_freq: float = 40.0
    high_freq: float = 3800.0
    bend: float = 0.75
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.width <= 0.3:
            raise ValueError(f"vocal tracts are warped by up to 0.3, not {self.width}")

    def __call__(self, features: Tensor, lengths: Tensor, mean: Tensor, draw: tuple[int, ...]) -> Tensor:
        """Warp each utterance of a batch; arguments and result as those of `SpecAugment`."""
        generator = np.random.default_rng((self.seed, 1, *draw))
        steps = generator.integers(-10, 11, len(features))
        return features @ torch.stack([self.matrix(1 + self.width * int(k) / 10, features.shape[2]) for k in steps])

    def matrix(self, factor: float, bins: int) -> Tensor:
        """The warp as a matrix that cepstra are multiplied by from the right, [F, F]."""
        return _warp(factor, bins, self.low_freq, self.high_freq, self.bend)


@cache
def _warp(factor: float, bins: int, low: float, high: float, bend: float) -> Tensor:
    """Cepstra to log mel, each filter read where the warped axis puts its centre, and back."""
    edges = np.linspace(_mel(low), _mel(high), bins + 2)
    centres = 700 * (np.exp(edges[1:-1] / 1127) - 1)  # Hz
    knee = bend * high / max(1.0, 1 / factor)
    straight, bent = centres / factor, knee / factor + (high - knee / factor) * (centres - knee) / (high - knee)
    source = np.where(centres <= knee, straight, bent)
    place = np.clip((_mel(source) - edges[1]) / (edges[2] - edges[1]), 0, bins - 1)  # between filters
    left = np.minimum(place.astype(int), bins - 2)
    read = np.zeros((bins, bins))
    read[left, np.arange(bins)] = 1 - (place - left)
    read[left + 1, np.arange(bins)] = place - left
    to_mel, back = _transforms(bins)
    return (to_mel.double() @ torch.from_numpy(read) @ back.double()).float()


def _mel(hertz: Any) -> Any:
    """Kaldi's mel scale."""
    return 1127 * np.log1p(hertz / 700)


@cache
def _transforms(bins: int) -> tuple[Tensor, Tensor]:
    """From liftered cepstra to the log mel spectrum and back, [F, F] each."""
    cosines = dct(np.eye(bins), norm="ortho")  # rows: filters, columns: cepstra
    lifter = 1 + 0.5 * LIFTER * np.sin(np.pi * np.arange(bins) / LIFTER)
    to_mel = (cosines / lifter).T
    back = cosines * lifter
    return torch.from_numpy(to_mel).float(), torch.from_numpy(back).float()
