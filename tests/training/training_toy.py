"""A toy run for the tests: dropout, batch norm, shuffled data and draws from every generator.

As a script, `python training_toy.py RUN_DIR [updates]` trains it slowly enough to be killed.
"""

import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from tdnnq_lab.training import TrainingBatch, TrainReport, TrainSettings, seed_everything, train


class ToyBatches:
    """Seven batches an epoch of a linear problem, shuffled by (seed, epoch)."""

    def __init__(self, seed: int = 0, count: int = 7) -> None:
        generator = torch.Generator().manual_seed(seed)
        self.inputs = torch.randn(count * 8, 5, generator=generator)
        self.targets = self.inputs @ torch.randn(5, 2, generator=generator)
        self.seed, self.count = seed, count

    def epoch(self, epoch: int) -> Iterator[TrainingBatch]:
        order = torch.randperm(len(self.inputs), generator=torch.Generator().manual_seed(self.seed + 1000 * epoch))
        for b in range(self.count):
            rows = order[8 * b : 8 * b + 8]
            yield TrainingBatch((self.inputs[rows],), (self.targets[rows],), [f"utt{int(r)}" for r in rows])

    def __len__(self) -> int:
        return self.count


class NoisyBatches(ToyBatches):
    """The same, with noise from Python's and numpy's global generators: resume has to bring them back."""

    def epoch(self, epoch: int) -> Iterator[TrainingBatch]:
        for (inputs,), targets, ids in super().epoch(epoch):
            noise = random.gauss(0, 0.1) + np.random.normal() * 0.1  # noqa: NPY002
            yield TrainingBatch((inputs + noise,), targets, ids)


def toy_model(seed: int = 0) -> nn.Module:
    seed_everything(seed)
    return nn.Sequential(nn.Linear(5, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.3), nn.Linear(16, 2))


def square_error(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    return ((outputs - targets) ** 2).mean()


def toy_settings(**changes: Any) -> TrainSettings:
    values = {"updates": 40, "learning_rate": 0.02, "final_learning_rate": 0.002, "average_from": 0.5}
    return TrainSettings(**{**values, "checkpoint_every": 5, "log_every": 4, "threads": 1, **changes})


def toy_train(run_dir: Path, *, model: nn.Module | None = None, batches: Any = None, **options: Any) -> TrainReport:
    """Train the toy; keywords that are settings change these, the others go to `train`."""
    names = TrainSettings.__dataclass_fields__
    settings = toy_settings(**{k: options.pop(k) for k in list(options) if k in names})
    options = {"show": False, "loss": square_error, **options}
    model = toy_model() if model is None else model
    batches = ToyBatches() if batches is None else batches
    return train(model, batches, options.pop("loss"), settings, run_dir, **options)


if __name__ == "__main__":

    def slow(model: nn.Module, update: int) -> None:
        time.sleep(0.005)

    report = toy_train(
        Path(sys.argv[1]), batches=NoisyBatches(), updates=int(sys.argv[2]), checkpoint_every=3, after_step=slow
    )
    print(report.state, report.reason)
