"""Training on a device that is not there."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tdnnq_lab.experiments.acoustic import Recipe
from tdnnq_lab.experiments.acoustic_training import train_acoustic


def test_a_gpu_that_is_not_there_is_missed_before_anything_is_read(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ValueError, match=r"no device 'cuda' here: train on the CPU, or see `tdnnq-lab doctor`"):
        train_acoustic(None, Recipe(), tmp_path, device="cuda")  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())
