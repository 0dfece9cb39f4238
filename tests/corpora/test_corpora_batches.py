"""Batching: limits, padding, determinism, lengths known in advance."""

from pathlib import Path

import numpy as np
import pytest
import torch
from corpora_helpers import featured
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lhotse import CutSet

from tdnnq_lab.corpora import Batches, batches, global_statistics


def ramp(frames: int, start: int = 0) -> np.ndarray:
    return np.arange(start, start + frames)[:, None] * np.array([1.0, -1.0])


def random_cuts(folder: Path, lengths: list[int]) -> CutSet:
    return featured(folder, [ramp(n, 10 * i) for i, n in enumerate(lengths)])


def members(loader: Batches, epoch: int = 0) -> list[list[str]]:
    return [batch.ids for batch in loader.epoch(epoch)]


def test_a_batch(tmp_path: Path) -> None:
    (batch,) = batches(featured(tmp_path, [ramp(3), ramp(5, 7)]), batch_size=2)
    assert batch.features.dtype == torch.float32
    assert batch.lengths.dtype == torch.int64
    assert batch.lengths.tolist() == [5, 3]
    assert (batch.ids, batch.words, batch.speakers) == (
        ["u1", "u0"],
        [["WORD", "u1"], ["WORD", "u0"]],
        ["spk-u1", "spk-u0"],
    )
    assert batch.features[0, :, 0].tolist() == [7, 8, 9, 10, 11]
    assert batch.features[1, :, 0].tolist() == [0, 1, 2, 2, 2]  # padded by its last frame
    assert batch.features[1, :, 1].tolist() == [0, -1, -2, -2, -2]


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lengths=st.lists(st.integers(1, 400), min_size=1, max_size=120),
    max_seconds=st.none() | st.floats(0.5, 20),
    batch_size=st.none() | st.integers(1, 9),
    seed=st.none() | st.integers(0, 5),
    epoch=st.integers(0, 3),
)
def test_every_utterance_once_within_the_limits(
    tmp_path: Path,
    lengths: list[int],
    max_seconds: float | None,
    batch_size: int | None,
    seed: int | None,
    epoch: int,
) -> None:
    if max_seconds is None and batch_size is None:
        return
    loader = batches(
        random_cuts(tmp_path, lengths), max_seconds=max_seconds, batch_size=batch_size, shuffle_seed=seed, epoch=epoch
    )
    seen = list(loader)
    assert len(seen) == len(loader)
    assert sorted(id for batch in seen for id in batch.ids) == sorted(f"u{i}" for i in range(len(lengths)))
    for batch in seen:
        assert batch.lengths.tolist() == [lengths[int(id[1:])] for id in batch.ids]
        assert batch.features.shape == (len(batch), max(batch.lengths), 2)
        for row, id, length in zip(batch.features, batch.ids, batch.lengths, strict=True):
            assert row[0, 0] == 10 * int(id[1:])
            assert row[-1, 0] == 10 * int(id[1:]) + length - 1
        assert batch_size is None or len(batch) <= batch_size
        padded_seconds = batch.features.shape[0] * batch.features.shape[1] / 100
        assert max_seconds is None or len(batch) == 1 or padded_seconds <= max_seconds + 1e-6
    if max_seconds is None:
        assert len(loader) == -(-len(lengths) // (batch_size or 1))


def test_same_seed_and_epoch_same_batches(tmp_path: Path) -> None:
    found = random_cuts(tmp_path, np.random.default_rng(0).integers(50, 500, 200).tolist())
    first, second = (batches(found, batch_size=8, shuffle_seed=3) for _ in range(2))
    assert members(first, 2) == members(second, 2)
    assert members(first, 2) != members(first, 3)
    assert members(first) != members(batches(found, batch_size=8, shuffle_seed=4))
    unshuffled = batches(found, batch_size=8)
    assert members(unshuffled, 0) == members(unshuffled, 7)
    assert members(first, 2)[5:] == [batch.ids for batch in first.epoch(2, start=5)]
    assert len({frozenset(ids) for e in range(4) for ids in members(first, e)}) > 90  # other company every epoch


@pytest.mark.parametrize("limits", [{"batch_size": 8}, {"max_seconds": 60.0}])
def test_little_padding(tmp_path: Path, limits: dict) -> None:
    """Lengths as in telephone turns: 900 of 1 to 15 s."""
    lengths = np.random.default_rng(0).gamma(3.0, 130.0, 900).clip(60, 1500).astype(int)
    loader = batches(random_cuts(tmp_path, lengths.tolist()), shuffle_seed=0, **limits)
    padded = sum(batch.features.shape[0] * batch.features.shape[1] for batch in loader)
    real = int(lengths.sum())
    assert loader.padding(0) == pytest.approx(1 - real / padded)
    assert loader.padding(0) < 0.05


def test_drop_last(tmp_path: Path) -> None:
    found = random_cuts(tmp_path, list(range(10, 31)))  # 21 utterances
    loader = batches(found, batch_size=4, shuffle_seed=0, drop_last=True)
    assert len(loader) == len(list(loader)) == 5
    assert {len(ids) for epoch in range(3) for ids in members(loader, epoch)} == {4}
    assert len(batches(random_cuts(tmp_path, [5] * 20), batch_size=4, drop_last=True)) == 5
    with pytest.raises(ValueError, match="drop_last leaves no batch of these 3 cuts"):
        batches(random_cuts(tmp_path, [5, 6, 7]), batch_size=4, drop_last=True)


def test_errors(tmp_path: Path) -> None:
    found = random_cuts(tmp_path, [5, 6])
    with pytest.raises(ValueError, match="need a limit"):
        batches(found)
    with pytest.raises(ValueError, match="above 0"):
        batches(found, batch_size=0)
    with pytest.raises(ValueError, match="above 0"):
        batches(found, max_seconds=0.0)
    with pytest.raises(ValueError, match="no cuts"):
        batches(CutSet.from_cuts([]), batch_size=2)
    with pytest.raises(ValueError, match="'u0' has no features; call features"):
        batches(found.drop_features(), batch_size=2)
    with pytest.raises(ValueError, match="'u0' has no features; call features"):
        global_statistics(found.drop_features())
    with pytest.raises(ValueError, match="no frames"):
        global_statistics(CutSet.from_cuts([]))


def test_global_statistics(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    matrices = [rng.normal([80.0, -5.0, 3.0], [20.0, 3.0, 0.0], (n, 3)).astype(np.float32) for n in (50, 7, 300)]
    mean, deviation = global_statistics(featured(tmp_path, matrices))
    together = np.concatenate(matrices).astype(np.float64)
    np.testing.assert_allclose(mean, together.mean(0), rtol=1e-6)
    np.testing.assert_allclose(deviation[:2], together.std(0)[:2], rtol=1e-5)
    assert deviation[2] == pytest.approx(1e-5)
    assert mean.dtype == deviation.dtype == torch.float32
