"""SpecAugment blanks bands and stretches of cepstra and nothing else; a warp moves resonances."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.fft import dct, idct

from tdnnq_lab.corpora import SpecAugment, VocalTractWarp

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


@settings(deadline=None, max_examples=40)
@given(st.floats(0.8, 1.2), st.integers(300, 2500))
def test_a_resonance_moves_by_the_factor(factor: float, hertz: int) -> None:
    """A peak in the mel spectrum comes out where a vocal tract of another length would put it."""
    warp = VocalTractWarp(0.2)
    centres = 700 * np.expm1(np.linspace(*(1127 * np.log1p(np.array([40, 3800]) / 700)), 42)[1:-1] / 1127)

    def peak(at: float) -> np.ndarray:
        return np.exp(-0.5 * ((1127 * np.log1p(centres / 700) - 1127 * np.log1p(at / 700)) / 150) ** 2)

    cepstra = torch.from_numpy(dct(peak(hertz), norm="ortho") * (1 + 11 * np.sin(np.pi * np.arange(40) / 22)))
    warped = log_mel(cepstra.float() @ warp.matrix(factor, 40))
    expected = min(hertz * factor, 3800)
    if hertz * max(factor, 1) < 0.75 * 3800:  # below the bend
        found = np.interp(np.argmax(warped), np.arange(40), centres)
        assert abs(1127 * np.log1p(found / 700) - 1127 * np.log1p(expected / 700)) < 60  # a filter


def test_no_warp_is_no_change_and_the_edges_stay() -> None:
    features, mean = batch()
    assert torch.allclose(VocalTractWarp(0.0)(features, LENGTHS, mean, (0, 0)), features, atol=1e-3)
    flat = torch.zeros(1, 1, 40)
    flat[..., 0] = 7.0  # the same energy everywhere
    assert torch.allclose(VocalTractWarp(0.2)(flat, LENGTHS[:1], mean, (0, 3)), flat, atol=1e-4)


def test_factors_depend_on_seed_epoch_and_place_alone() -> None:
    features, mean = batch()
    warp = VocalTractWarp(0.2, seed=3)
    first = warp(features, LENGTHS, mean, (4, 5))
    assert torch.equal(first, warp(features, LENGTHS, mean, (4, 5)))
    assert not torch.equal(first, warp(features, LENGTHS, mean, (4, 6)))
    with pytest.raises(ValueError, match=r"0\.4"):
        VocalTractWarp(0.4)
