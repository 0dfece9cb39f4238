"""MFCC equal to Kaldi's: against stored values and, live, against kaldi-native-fbank."""

import json
from pathlib import Path

import numpy as np
import pytest
from golden_mfcc import reference, signal
from hypothesis import given, settings
from hypothesis import strategies as st

from tdnnq_lab.corpora import MfccSettings

TOLERANCE = 2e-3  # values run from -150 to 150; on noise the two differ by 1e-4, on pure tones by 1e-2 (float32)


def compute(samples: np.ndarray, rate: int = 8000) -> np.ndarray:
    return MfccSettings(rate).compute((samples / 32768).astype(np.float32))


def test_golden_values() -> None:
    golden = json.loads((Path(__file__).parent / "golden_mfcc.json").read_text())
    matrix = compute(signal())
    assert list(matrix.shape) == golden["shape"]
    for frame, values in golden["frames"].items():
        np.testing.assert_allclose(matrix[int(frame)], values, atol=TOLERANCE)


@pytest.mark.parametrize("rate", [8000, 16000])
def test_equals_kaldi_native_fbank(rate: int) -> None:
    samples = np.random.default_rng(3).integers(-9000, 9000, 2 * rate).astype(np.int16)
    expected = reference(samples, rate)
    assert compute(samples, rate).shape == expected.shape
    np.testing.assert_allclose(compute(samples, rate), expected, atol=TOLERANCE)


@settings(deadline=None, max_examples=20)
@given(st.integers(200, 3000), st.integers(0, 2**31))
def test_any_length_equals_kaldi(num_samples: int, seed: int) -> None:
    samples = np.random.default_rng(seed).integers(-3000, 3000, num_samples).astype(np.int16)
    np.testing.assert_allclose(compute(samples), reference(samples), atol=TOLERANCE)


def test_blocks_join_without_a_seam() -> None:
    samples = np.random.default_rng(0).standard_normal(8000 * 61).astype(np.float32) * 0.1
    whole = MfccSettings().compute(samples)
    part = MfccSettings().compute(samples[5990 * 80 : 6010 * 80 + 120])  # frames 5990 … 6009, across the block edge
    np.testing.assert_allclose(whole[5990:6010], part, atol=1e-3)


@pytest.mark.parametrize("num_samples", [0, 1, 199])
def test_shorter_than_a_frame(num_samples: int) -> None:
    assert MfccSettings().compute(np.ones(num_samples, np.float32)).shape == (0, 40)


def test_wrong_input() -> None:
    with pytest.raises(ValueError, match=r"shape \(N,\), not \(1, 800\)"):
        MfccSettings().compute(np.ones((1, 800), np.float32))
    with pytest.raises(ValueError, match="NaN or infinity"):
        MfccSettings().compute(np.full(800, np.nan, np.float32))


def test_subtracted_mean_leaves_level_and_colour_out() -> None:
    """What is louder, or heard through another microphone's mean spectrum, has the same features."""
    samples = np.random.default_rng(1).standard_normal(8000).astype(np.float32) * 0.01
    normal = MfccSettings(subtract_mean=True).compute(samples)
    np.testing.assert_allclose(normal.mean(0), 0, atol=1e-4)
    plain = MfccSettings().compute(samples)
    np.testing.assert_allclose(normal, plain - plain.mean(0), atol=1e-4)
    np.testing.assert_allclose(MfccSettings(subtract_mean=True).compute(samples * 8), normal, atol=0.05)
