"""The semi-orthogonal step reaches its goal within the steps that are on record."""

import json
from pathlib import Path

import pytest

from tdnnq_lab.experiments.bench_orthonormal import GOAL, SIZES, errors_by_step

RECORD = Path(__file__).resolve().parents[2] / "results" / "bench" / "orthonormal.json"
STATED = {(row["rows"], row["columns"]): row for row in json.loads(RECORD.read_text(encoding="utf-8"))["sizes"]}


def test_every_size_is_on_record():
    assert set(STATED) == set(SIZES)


@pytest.mark.parametrize("size", SIZES)
def test_it_converges_within_the_stated_number_of_steps(size):
    errors = errors_by_step(*size)
    assert errors[-1] <= GOAL < errors[-2]
    assert len(errors) - 1 <= max(STATED[size]["steps"]) <= 20
    assert errors == sorted(errors, reverse=True)
    assert errors[0] == pytest.approx(STATED[size]["errors"][0], rel=0.1)


def test_near_the_goal_it_converges_quadratically():
    errors = errors_by_step(48, 512, goal=1e-6)
    before, after = errors[-3:-1]
    assert after < 5 * before**2 < before / 5


def test_a_goal_beyond_single_precision_ends_all_the_same():
    errors = errors_by_step(8, 16, goal=0.0)
    assert len(errors) == 101
    assert errors[-1] < 1e-6
