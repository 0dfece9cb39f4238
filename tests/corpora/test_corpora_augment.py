"""SpecAugment on cepstra: bands are blank in the mel spectrum, stretches in time, and nothing else changes."""

from __future__ import annotations

import numpy as np
import torch
from scipy.fft import idct

from tdnnq_lab.corpora import SpecAugment

LENGTHS = torch.tensor([90, 60, 1])


def log_mel(cepstra: torch.Tensor) -> np.ndarray:
    """Kaldi's cepstra back to log mel energies, by scipy's inverse transform."""
    lifter = 1 + 11 * np.sin(np.pi * np.arange(40) / 22)
    return idct(cepstra.double().numpy() / lifter, norm="ortho", axis=-1)


def batch() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return 5 * torch.randn(3, 90, 40, generator=generator), torch.randn(40, generator=generator)


def test_bands_are_the_mean_and_the_rest_is_untouched() -> None:
    features, mean = batch()
    out = SpecAugment(frequency_masks=2, max_bins=8, time_masked=0.0)(features, LENGTHS, mean, (0, 0))
    difference = np.abs(log_mel(out) - log_mel(features)).max(1)  # (B, F)
    blank = np.abs(log_mel(out) - log_mel(mean)).max(1) < 1e-3
    assert ((difference < 1e-3) | blank).all()
    assert all(0 < row.sum() <= 16 for row in blank)


def test_stretches_cover_about_the_share_asked_for() -> None:
    features, mean = batch()
    features, lengths = features.repeat(40, 1, 1)[:40], torch.full((40,), 90)
    out = SpecAugment(frequency_masks=0, time_masked=0.2, max_frames=10)(features, lengths, mean, (1, 2))
    blank = (out - mean).abs().amax(2) < 1e-3
    kept = (out - features).abs().amax(2) < 1e-3
    assert (blank | kept).all()
    assert 0.12 < float(blank.float().mean()) < 0.22


def test_draws_depend_on_seed_epoch_and_place_alone() -> None:
    features, mean = batch()
    masks = SpecAugment(seed=3)
    first = masks(features, LENGTHS, mean, (4, 5))
    torch.manual_seed(99)
    assert torch.equal(first, masks(features, LENGTHS, mean, (4, 5)))
    for other in (masks(features, LENGTHS, mean, (4, 6)), SpecAugment(seed=4)(features, LENGTHS, mean, (4, 5))):
        assert not torch.equal(first, other)


def test_nothing_to_blank_gives_the_features_back() -> None:
    features, mean = batch()
    out = SpecAugment(frequency_masks=0, time_masked=0.0)(features, LENGTHS, mean, (0, 0))
    assert torch.allclose(out, features, atol=1e-4)
