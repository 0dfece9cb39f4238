"""SpecAugment stops where the recipe says; what else varies the features goes on."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from tdnnq_lab.corpora import SpecAugment, VocalTractWarp
from tdnnq_lab.experiments import acoustic_training
from tdnnq_lab.experiments.acoustic import AcousticBatches, Recipe
from tdnnq_lab.models import Tdnnf, TdnnfConfig

LENGTHS = torch.tensor([90, 60])
MASKS, WARP = SpecAugment(2, time_masked=0.3), VocalTractWarp(0.1)


class Given(AcousticBatches):
    """Three batches an epoch of drawn features [2, 90, 40]."""

    def __init__(self, *augment: SpecAugment | VocalTractWarp) -> None:
        self.augment, self.mean, self.masked, self.shifts = list(augment), torch.zeros(40), math.inf, False
        self.cuts: Any = None

    def __len__(self) -> int:
        return 3

    def plain_epoch(self, epoch: int) -> Iterator[tuple[tuple[Any, ...], tuple[Any, ...], list[str]]]:
        """The batches, others in every epoch."""
        for place in range(3):
            generator = torch.Generator().manual_seed(3 * epoch + place)
            yield (torch.randn(2, 90, 40, generator=generator), LENGTHS), (), ["a", "b"]


def features(batches: Given, epochs: int = 2) -> list[torch.Tensor]:
    return [inputs[0] for epoch in range(epochs) for inputs, _, _ in batches.epoch(epoch)]


def test_batches_are_masked_up_to_the_one_named() -> None:
    masked, until_4, plain = Given(MASKS), Given(MASKS), Given()
    until_4.masked = 4
    rows = zip(features(until_4), features(masked), features(plain), strict=True)
    for number, (found, blanked, whole) in enumerate(rows):
        assert not torch.equal(blanked, whole)
        assert torch.equal(found, blanked if number < 4 else whole)


def test_the_warp_goes_on() -> None:
    batches, warped = Given(WARP, MASKS), Given(WARP)
    batches.masked = 0
    for found, want in zip(features(batches), features(warped), strict=True):
        assert torch.equal(found, want)


@pytest.mark.parametrize(("until", "masked"), [(1.0, 20), (0.67, 13), (0.0, 0)])
def test_a_recipe_names_it_as_a_share_of_the_updates(
    until: float, masked: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches = Given()
    monkeypatch.setattr(acoustic_training, "make_batches", lambda *_: batches)
    monkeypatch.setattr(acoustic_training, "make_model", lambda *_: Tdnnf(TdnnfConfig(40, 16, (4, 5), (1, 3), 8, 7)))
    monkeypatch.setattr(acoustic_training, "global_statistics", lambda _: (torch.zeros(40), torch.ones(40)))
    monkeypatch.setattr(acoustic_training, "make_denominator", lambda *_: None)
    seen = []
    monkeypatch.setattr(
        acoustic_training, "train", lambda model, data, loss, settings, *_, **__: seen.append(settings.updates)
    )
    prepared: Any = SimpleNamespace(
        settings=SimpleNamespace(speeds=[0.9, 1.0, 1.1], sampling_rate=8000), facts={"data": ""}
    )
    recipe = Recipe(passes=20.0, time_masked=0.2, masked_until=until)
    acoustic_training.train_acoustic(prepared, recipe, tmp_path)
    assert seen == [20]
    assert batches.masked == masked
    assert any(isinstance(vary, SpecAugment) for vary in batches.augment)


@pytest.mark.parametrize("until", [-0.1, 1.1, math.nan])
def test_a_share_outside_the_training_is_refused(until: float) -> None:
    with pytest.raises(ValueError, match="masked_until is a share"):
        acoustic_training.make_augment(Recipe(masked_until=until), None)  # type: ignore[arg-type]
