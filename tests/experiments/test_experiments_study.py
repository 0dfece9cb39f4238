"""The study of predictors: its random plans, its correlations, and what it changes in a model."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch

from tdnnq_lab.experiments.study import ALONE, correlations, one_layer, random_plans
from tdnnq_lab.models import Tdnnf, TdnnfConfig, layers
from tdnnq_lab.precision import SensitivityTable
from tdnnq_lab.quantize import dequantize, quantize

NAMES = [f"l{i}" for i in range(18)]


def table(values: np.ndarray) -> SensitivityTable:
    sizes = np.random.default_rng(0).integers(1000, 90000, 18).tolist()
    return SensitivityTable(layers=NAMES, sizes=sizes, bits=(1, 2, 3, 4, 8), values=values)


@pytest.mark.parametrize("budget", [2.5, 4.0])
def test_random_plans_weigh_what_they_should_and_differ(budget: float) -> None:
    t = table(np.zeros((18, 5)))
    plans = random_plans(t, budget, 10, seed=1)
    for plan in plans:
        average = sum(s * plan.bits[n] for n, s in zip(NAMES, t.sizes, strict=True)) / sum(t.sizes)
        assert 0.98 * budget <= average <= budget
    assert len({tuple(plan.bits.values()) for plan in plans}) == 10
    assert [p.bits for p in random_plans(t, budget, 10, seed=1)] == [p.bits for p in plans]


def test_correlations_of_a_planted_case() -> None:
    """A measure that knows the errors correlates perfectly, its opposite inversely; the splits named are pooled."""
    draw = np.random.default_rng(2)
    errors = draw.permutation(18) * 10
    alone = {
        f"{name} at {bits}": {
            "dev": {"word_errors": 1000 - int(e), "phone_errors": 0},
            "test": {"word_errors": 5 + int(e), "phone_errors": 7 - int(e)},
        }
        for name, e in zip(NAMES, errors, strict=True)
        for bits in ALONE
    }
    full = {split: {"word_errors": 5, "phone_errors": 7} for split in ("dev", "test")}
    knowing = table(np.tile(errors[:, None].astype(float), (1, 5)))
    rows = correlations({"knowing": knowing}, full, alone, ["test"])
    assert [(r["errors"], r["rho"]) for r in rows] == [("word_errors", 1.0), ("phone_errors", -1.0)] * 2
    assert all(r["interval"][0] <= r["rho"] <= r["interval"][1] for r in rows)


def test_one_layer_changes_only_that_layer() -> None:
    torch.manual_seed(0)
    model = Tdnnf(TdnnfConfig(6, 16, (4, 5), (1, 3), 8, 7))
    before = copy.deepcopy(model)
    with torch.no_grad():
        one_layer("tdnnf3", 2)(model)
    for name, layer in layers(model).items():
        for now, then in zip(layer.weights, layers(before)[name].weights, strict=True):
            assert torch.equal(now, dequantize(quantize(then, 2)) if name == "tdnnf3" else then)
