"""Kept baselines: their table, and what is missing."""

import pytest

from tdnnq_lab.experiments import frozen


def record(seed: int, words: float, *, mixed: bool = True) -> dict:
    found = {"settings": {"flat": {"seed": seed}}, "train_seconds": 90, "model": "ab" * 32, "commit": "c0ffee0" * 5}
    found["results"] = [{"name": "dev", "wer": words, "per": 20.0}, {"name": "test", "wer": words + 2, "per": 24.0}]
    if mixed:
        found["mixed"] = {"results": [{"name": "dev", "wer": words - 5, "per": 20.0}]}
    return found


def test_the_table_gives_each_seed_mean_and_deviation():
    table = frozen.as_table([record(0, 40.0), record(1, 42.0)])
    assert "| set | seed 0 | seed 1 | mean ± deviation |" in table
    assert "| dev | 40.0 / 20.0 | 42.0 / 20.0 | 41.0 ± 1.4 / 20.0 ± 0.0 |" in table
    assert "| dev, mixed language model | 35.0 / 20.0 | 37.0 / 20.0 | 36.0 ± 1.4 / 20.0 ± 0.0 |" in table
    assert "| minutes of training | 1.5 | 1.5 | |" in table


def test_one_seed_has_no_deviation_and_a_mixture_of_only_some_is_left_out():
    assert "| dev | 40.0 / 20.0 | 40.0 / 20.0 |" in frozen.as_table([record(0, 40.0)])
    assert "mixed" not in frozen.as_table([record(0, 40.0), record(1, 40.0, mixed=False)])


def test_nothing_to_keep_is_said(tmp_path):
    with pytest.raises(FileNotFoundError, match="let `tdnnq-lab baseline` finish"):
        frozen.keep(tmp_path, tmp_path / "out")
    with pytest.raises(FileNotFoundError, match="holds no baseline"):
        frozen.kept(tmp_path)
