"""SpecAugment (Park et al. 2019) for cepstra: bands of the mel spectrum and stretches of time are blanked."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

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


@cache
def _transforms(bins: int) -> tuple[Tensor, Tensor]:
    """From liftered cepstra to the log mel spectrum and back, [F, F] each."""
    cosines = dct(np.eye(bins), norm="ortho")  # rows: filters, columns: cepstra
    lifter = 1 + 0.5 * LIFTER * np.sin(np.pi * np.arange(bins) / LIFTER)
    to_mel = (cosines / lifter).T
    back = cosines * lifter
    return torch.from_numpy(to_mel).float(), torch.from_numpy(back).float()
