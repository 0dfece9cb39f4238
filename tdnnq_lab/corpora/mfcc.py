"""High-resolution MFCC equal to Kaldi's (feat/feature-mfcc.cc with the usual conf/mfcc_hires.conf)."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import torch
from lhotse.features.kaldi.extractors import Mfcc, MfccConfig
from numpy.typing import NDArray
from scipy.fft import dct

FRAME_LENGTH, FRAME_SHIFT = 0.025, 0.01  # s
_INT16 = 32768.0  # Kaldi computes on 16-bit sample values, soundfile gives [-1, 1]
_BLOCK = 6000  # frames a minute, computed at a time, so that an hour needs no more memory than a minute


@dataclass(frozen=True)
class MfccSettings:
    """What `compute-mfcc-feats` is told; the defaults are those of Kaldi's telephone recipes.

    Args:
        sampling_rate: Hz.
        num_bins: triangular mel filters.
        num_ceps: cepstral coefficients, the first included (no energy).
        low_freq, high_freq: Hz; a high_freq of zero or less counts down from half the sampling rate.
        subtract_mean: take each coefficient's mean over the utterance away (apply-cmvn), and with it the level and
            the colour of the microphone.
        speaker_mean: take each coefficient's mean over its speaker's louder frames away instead. `compute` knows of
            one utterance only and does not; `features` does, and `deploy` with the mean of a whole channel.

    Raises:
        ValueError: both means.
    """

    sampling_rate: int = 8000
    num_bins: int = 40
    num_ceps: int = 40
    low_freq: float = 40.0
    high_freq: float = -200.0
    subtract_mean: bool = False
    speaker_mean: bool = False

    def __post_init__(self) -> None:
        if self.subtract_mean and self.speaker_mean:
            raise ValueError("a mean is taken away once: of each utterance (subtract_mean) or speaker (speaker_mean)")

    @property
    def plain(self) -> MfccSettings:
        """The same without a mean taken away."""
        return replace(self, subtract_mean=False, speaker_mean=False)

    @property
    def decibel(self) -> float:
        """What the first coefficient gains where every mel energy grows by 1 dB."""
        return math.log(10) / 10 * math.sqrt(self.num_bins)

    def num_frames(self, num_samples: int) -> int:
        """Frames that fit wholly into `num_samples` (Kaldi's default, snip-edges=true)."""
        length, shift = self._samples(FRAME_LENGTH), self._samples(FRAME_SHIFT)
        return 1 + (num_samples - length) // shift if num_samples >= length else 0

    def compute(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Features of one channel.

        Povey window of 25 ms every 10 ms, DC removed, pre-emphasis 0.97, lifter 22, no dither, no energy.

        Args:
            samples: (N,) in [-1, 1] at `sampling_rate`.

        Returns:
            (T, num_ceps) float32, T = `num_frames(N)`.

        Raises:
            ValueError: samples of another shape, or NaN or infinity among them.
        """
        if samples.ndim != 1:
            raise ValueError(f"features are of one channel, samples of shape (N,), not {samples.shape}")
        if not np.isfinite(samples).all():
            raise ValueError("samples hold NaN or infinity")
        length, shift = self._samples(FRAME_LENGTH), self._samples(FRAME_SHIFT)
        frames = self.num_frames(samples.size)
        features = np.empty((frames, self.num_ceps), np.float32)
        scaled = torch.from_numpy(np.ascontiguousarray(samples, np.float32) * np.float32(_INT16))
        for first in range(0, frames, _BLOCK):
            last = min(first + _BLOCK, frames)
            block = scaled[first * shift : (last - 1) * shift + length]
            with torch.inference_mode():
                features[first:last] = _extractor(self).extract(block, self.sampling_rate).numpy()
        if self.subtract_mean and frames:
            features -= features.mean(0, dtype=np.float64).astype(np.float32)
        return features

    def _samples(self, seconds: float) -> int:
        return int(self.sampling_rate * seconds)


@cache
def _extractor(settings: MfccSettings) -> Mfcc:
    """lhotse's Kaldi-compatible extractor, the fastest of those tried (4,000 times real time)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that snip_edges gives two frames fewer than lhotse counts: meant
        config = MfccConfig(
            sampling_rate=settings.sampling_rate,
            frame_length=FRAME_LENGTH,
            frame_shift=FRAME_SHIFT,
            num_filters=settings.num_bins,
            num_ceps=settings.num_ceps,
            low_freq=settings.low_freq,
            high_freq=settings.high_freq,
            dither=0.0,
            snip_edges=True,
            use_energy=False,
            cepstral_lifter=22,
        )
        extractor = Mfcc(config)
    # lhotse takes the cosines of large angles in float32; in double the distance to Kaldi falls from 1e-3 to 1e-4.
    cosines = torch.from_numpy(dct(np.eye(settings.num_bins), norm="ortho")[:, : settings.num_ceps])
    extractor.extractor._dct.copy_(cosines)  # (num_bins, num_ceps)
    return extractor
