"""Means of speakers: what is taken away, and that it is kept."""

from pathlib import Path

import numpy as np
import pytest
from corpora_helpers import featured
from lhotse import CutSet

from tdnnq_lab.corpora import MfccSettings, SpeechMean, subtract_speaker_means


def spoken_by(cuts: CutSet, names: list[str]) -> CutSet:
    for cut, name in zip(cuts, names, strict=True):
        cut.supervisions[0].speaker = name
    return cuts


@pytest.fixture
def matrices() -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    found = [rng.normal(10 * i, 1 + i, (frames, 40)).astype(np.float32) for i, frames in enumerate((7, 1, 30, 12))]
    for matrix in found:
        matrix[:, 0] = 100.0  # all equally loud
    return found


def test_speech_mean_is_that_of_the_loud_frames() -> None:
    rng = np.random.default_rng(1)
    frames = rng.normal(0, 5, (5000, 40)).astype(np.float32)
    decibels = rng.uniform(20, 90, 5000)
    frames[:, 0] = decibels * np.log(10) / 10 * np.sqrt(40)
    speech = SpeechMean(40)
    for block in np.split(frames, [1, 1, 700, 4000]):
        speech.add(block)
    top = np.percentile(decibels, 98)
    np.testing.assert_allclose(speech.mean(), frames[decibels >= top - 10].mean(0), atol=0.6)  # bins of half a dB


@pytest.mark.parametrize("pauses", [1, 100, 1000])
def test_pauses_and_the_other_sides_turns_change_nothing(pauses: int) -> None:
    rng = np.random.default_rng(2)
    frames = rng.normal(0, 5, (400, 40)).astype(np.float32)
    frames[:, 0] = rng.uniform(150, 152, 400)
    silence = rng.normal(0, 5, (pauses, 40)).astype(np.float32)
    silence[:, 0] = rng.uniform(-120, 120, pauses)  # 20 dB and more below
    alone, between = SpeechMean(40), SpeechMean(40)
    alone.add(frames)
    for block in (frames[:100], silence, frames[100:]):
        between.add(block)
    np.testing.assert_allclose(between.mean(), alone.mean(), atol=1e-9)


def test_no_frames_have_no_mean() -> None:
    speech = SpeechMean(40)
    speech.add(np.zeros((0, 40), np.float32))
    assert not speech.mean().any()


def test_frames_of_a_speaker_average_to_nothing(matrices: list[np.ndarray], tmp_path: Path) -> None:
    first, second = featured(tmp_path, matrices[:2]), featured(tmp_path, matrices[2:])  # in two matrices
    cuts = CutSet.from_cuts([*first, *(cut.with_id(f"v{i}") for i, cut in enumerate(second))])
    spoken_by(cuts, names := ["ann", "ben", "ann", "cat"])
    found = subtract_speaker_means(cuts, tmp_path / "cache")
    assert [cut.id for cut in found] == [cut.id for cut in cuts]
    for name in set(names):
        own = np.concatenate([m for m, n in zip(matrices, names, strict=True) if n == name])
        for cut, matrix, speaker in zip(found, matrices, names, strict=True):
            if speaker == name:
                np.testing.assert_allclose(cut.load_features(), matrix - own.mean(0), atol=1e-4)
    for cut, matrix in zip(cuts, matrices, strict=True):
        np.testing.assert_array_equal(cut.load_features(), matrix)  # the input is not changed


def test_computed_once_and_anew_when_a_speaker_says_more(matrices: list[np.ndarray], tmp_path: Path) -> None:
    cuts = spoken_by(featured(tmp_path, matrices), ["ann"] * 4)
    found = subtract_speaker_means(cuts, tmp_path / "cache")
    files = {path: path.stat().st_mtime_ns for path in (tmp_path / "cache").iterdir()}
    again = subtract_speaker_means(cuts, tmp_path / "cache")
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "cache").iterdir()} == files
    assert [c.features.storage_path for c in again] == [c.features.storage_path for c in found]
    fewer = list(subtract_speaker_means(CutSet.from_cuts(list(cuts)[:2]), tmp_path / "cache"))
    assert np.abs(fewer[0].load_features() - next(iter(found)).load_features()).max() > 1
    other = subtract_speaker_means(spoken_by(cuts, ["ann", "ben", "ben", "ben"]), tmp_path / "cache")
    np.testing.assert_allclose(next(iter(other)).load_features().mean(0), 0, atol=1e-5)


def test_a_damaged_copy_is_made_again(matrices: list[np.ndarray], tmp_path: Path) -> None:
    cuts = spoken_by(featured(tmp_path, matrices), ["ann"] * 4)
    found = subtract_speaker_means(cuts, tmp_path / "cache")
    before = [cut.load_features() for cut in found]
    for path in (tmp_path / "cache").glob("*.json"):
        path.write_text("{")
    for cut, matrix in zip(subtract_speaker_means(cuts, tmp_path / "cache"), before, strict=True):
        np.testing.assert_array_equal(cut.load_features(), matrix)


def test_cuts_without_features_are_refused(matrices: list[np.ndarray], tmp_path: Path) -> None:
    bare = CutSet.from_cuts([cut.drop_features() for cut in featured(tmp_path, matrices)])
    with pytest.raises(ValueError, match="'u0' has no features in a cache"):
        subtract_speaker_means(bare, tmp_path / "cache")


def test_a_mean_is_taken_away_once() -> None:
    with pytest.raises(ValueError, match="taken away once"):
        MfccSettings(subtract_mean=True, speaker_mean=True)
