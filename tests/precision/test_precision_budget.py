"""allocate, frontier and the paper's rule against enumeration and integer linear programming."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from precision_toys import every_plan, front_of, random_table, size_of, table_of, tables
from scipy.optimize import Bounds, LinearConstraint, milp

from tdnnq_lab.precision import allocate, budget, closest_to_average, frontier, search
from tdnnq_lab.quantize import BitPlan


@settings(deadline=None, max_examples=120)
@given(tables(), st.floats(0, 1))
def test_no_plan_within_the_budget_is_cheaper_or_as_cheap_and_smaller(table, where):
    plans = [(size, cost) for size, cost, _ in every_plan(table)]
    least, most = min(plans)[0], max(plans)[0]
    limit = least + where * (most - least)
    plan = allocate(table, average_bits=limit / sum(table.sizes))
    best = min((cost, size) for size, cost in plans if size <= limit * (1 + 1e-9))
    assert (plan.made_by["cost"], size_of(table, plan)) == best
    assert plan.made_by["cost"] == table.cost(plan)
    assert plan.made_by["average_bits"] == pytest.approx(best[1] / sum(table.sizes), rel=1e-12)
    assert plan.made_by["gap"] == 0.0


@settings(deadline=None, max_examples=80)
@given(tables())
def test_the_frontier_is_every_plan_that_none_dominates(table):
    found = frontier(table)
    assert [(size_of(table, p), p.made_by["cost"]) for p in found] == front_of(
        (size, cost) for size, cost, _ in every_plan(table)
    )
    for plan in found:
        assert plan.made_by["cost"] == table.cost(plan)
        assert plan.made_by["average_bits"] == table.average_bits(plan)


@settings(deadline=None, max_examples=80)
@given(tables(4), st.data())
def test_constraints_hold_and_the_best_plan_under_them_is_found(table, data):
    low, high = sorted(data.draw(st.tuples(st.sampled_from(table.bits), st.sampled_from(table.bits))))
    inside = [n for n in table.bits if low <= n <= high]
    fixed = data.draw(st.dictionaries(st.sampled_from(table.layers), st.sampled_from(inside)))
    plans = [
        (size, cost)
        for size, cost, bits in every_plan(table)
        if all(low <= n <= high and fixed.get(name, n) == n for name, n in zip(table.layers, bits, strict=True))
    ]
    limit = data.draw(st.sampled_from(plans))[0]
    constraints = {"min_bits": low, "max_bits": high, "fixed": fixed}
    plan = allocate(table, average_bits=limit / sum(table.sizes), **constraints)
    assert all(low <= n <= high for n in plan.bits.values())
    assert {name: plan.bits[name] for name in fixed} == fixed
    assert (plan.made_by["cost"], size_of(table, plan)) == min((c, s) for s, c in plans if s <= limit)
    found = [(size_of(table, p), p.made_by["cost"]) for p in frontier(table, **constraints)]
    assert found == front_of(plans)


def by_milp(table, average_bits: float) -> float:
    """Least cost within the budget, by scipy's branch and bound."""
    layers, bits = table.values.shape
    size = (np.array(table.sizes)[:, None] * np.array(table.bits)).ravel()
    one_each = np.kron(np.eye(layers), np.ones(bits))
    found = milp(
        table.values.ravel(),
        constraints=[
            LinearConstraint(one_each, 1, 1),
            LinearConstraint(size[None] / sum(table.sizes), -np.inf, average_bits),
        ],
        integrality=np.ones(layers * bits),
        bounds=Bounds(0, 1),
        options={"mip_rel_gap": 0},
    )
    assert found.success
    return float(found.fun)


@pytest.mark.parametrize("average_bits", [1.3, 2.5, 4.0, 9.0])
@pytest.mark.parametrize("falling", [True, False])
def test_eighteen_layers_agree_with_integer_programming(average_bits, falling):
    table = random_table(np.random.default_rng(int(10 * average_bits)), 18, falling)
    plan = allocate(table, average_bits=average_bits)
    assert plan.made_by["cost"] == pytest.approx(by_milp(table, average_bits), rel=1e-6, abs=1e-9)
    assert table.average_bits(plan) <= average_bits
    assert plan.made_by["gap"] == 0.0


def test_allocate_takes_its_plans_from_the_frontier():
    table = random_table(np.random.default_rng(0), 18)
    plans = frontier(table)
    assert len(plans) > 50
    for plan in plans[:: len(plans) // 40]:
        again = allocate(table, average_bits=plan.made_by["average_bits"])
        assert (again.bits, again.made_by["cost"]) == (plan.bits, plan.made_by["cost"])


def test_the_three_units_are_one_budget_and_rounding_at_its_edge_is_forgiven():
    table = random_table(np.random.default_rng(1), 8)
    weights = sum(table.sizes)
    for plan in frontier(table)[1::7]:
        bits = plan.made_by["average_bits"]
        for given_, slightly_less in (
            ({"average_bits": bits}, bits * (1 - 1e-6)),
            ({"average_bits": float(f"{bits:.10g}")}, None),
            ({"megabytes": weights * bits / 8e6}, None),
            ({"ratio": 32 / bits}, None),
            ({"ratio": 32 / bits * (1 + 1e-10)}, None),
        ):
            made = allocate(table, **given_)
            assert made.bits == plan.bits
            assert made.made_by["budget"] == given_
            if slightly_less:
                assert allocate(table, average_bits=slightly_less).bits != plan.bits


def test_one_layer_and_one_number_of_bits():
    assert allocate(table_of([7], [[5, 4, 3, 2, 1]]), average_bits=7.9).bits == {"l0": 4}
    assert [p.bits for p in frontier(table_of([7], [[5, 4, 3, 4, 1]]))] == [{"l0": n} for n in (1, 2, 4, 16)]
    only = table_of([7, 9], [[3.0], [2.0]], bits=(4,))
    assert allocate(only, ratio=8).bits == {"l0": 4, "l1": 4} == frontier(only)[0].bits


def test_equal_costs_go_to_fewest_bytes():
    assert allocate(table_of([7, 3], np.zeros((2, 5))), average_bits=16).bits == {"l0": 1, "l1": 1}
    assert allocate(table_of([5, 4], [[1, 0, 0, 0, 0]] * 2), average_bits=2).bits == {"l0": 2, "l1": 2}
    # Both at 2 bits would do; either alone fits, and the smaller layer costs fewer bytes.
    assert allocate(table_of([5, 4], [[1, 0, 0, 0, 0]] * 2), average_bits=1.9).bits == {"l0": 1, "l1": 2}


def test_costs_that_rounding_makes_equal_are_ties():
    table = table_of([1, 1, 1], [[0, 0], [0, -1e-61], [-1, 0]], bits=(1, 2))
    assert allocate(table, average_bits=2).bits == {"l0": 1, "l1": 1, "l2": 1}
    assert [p.bits for p in frontier(table)] == [{"l0": 1, "l1": 1, "l2": 1}]


def test_constraints_by_layer():
    table = random_table(np.random.default_rng(2), 6)
    plan = allocate(table, average_bits=4, min_bits={"l0": 8}, max_bits={"l1": 2, "l2": 4}, fixed={"l5": 1})
    assert plan.bits["l0"] >= 8
    assert plan.bits["l1"] <= 2
    assert plan.bits["l2"] <= 4
    assert plan.bits["l5"] == 1
    told = {"min_bits": {"l0": 8}, "max_bits": {"l1": 2, "l2": 4}, "fixed": {"l5": 1}}
    assert plan.made_by.items() >= told.items()


def test_what_made_a_plan_is_told_and_survives_its_file(tmp_path):
    table = random_table(np.random.default_rng(3), 4)
    table = table_of(table.sizes, table.values, made_by={"method": "kl"})
    plan = allocate(table, megabytes=0.9, min_bits=np.int64(2))
    assert plan.made_by["measure"] == "kl"
    assert plan.made_by["min_bits"] == 2
    assert set(plan.made_by) == {"measure", "budget", "min_bits", "cost", "average_bits", "gap"}
    plan.save(tmp_path / "plan.json")
    assert BitPlan.load(tmp_path / "plan.json") == plan
    assert json.dumps([p.made_by for p in frontier(table)])


@pytest.mark.parametrize(
    ("given_", "constraints", "unit", "sign"),
    [
        ({"average_bits": 0.5}, {}, "average_bits", 1),
        ({"megabytes": 0.01}, {}, "megabytes", 1),
        ({"ratio": 40}, {}, "ratio", -1),
        ({"average_bits": 2.0}, {"fixed": {"l0": 16}}, "average_bits", 1),
        ({"megabytes": 0.03}, {"min_bits": 2, "fixed": {"l1": 8}}, "megabytes", 1),
        ({"ratio": 12}, {"min_bits": {"l1": 4}, "fixed": {"l0": 8}}, "ratio", -1),
    ],
)
def test_a_budget_out_of_reach_names_the_smallest_that_is_not(given_, constraints, unit, sign):
    table = random_table(np.random.default_rng(4), 3)
    table = table_of([33_333, 41_117, 50_001], table.values)
    with pytest.raises(ValueError, match="no plan reaches") as caught:
        allocate(table, **given_, **constraints)
    named = float(str(caught.value).split()[-1])
    plan = allocate(table, **{unit: named}, **constraints)  # as printed, it is reached
    least = size_of(table, allocate(table, average_bits=named if unit == "average_bits" else 16, **constraints))
    with pytest.raises(ValueError, match="no plan reaches"):
        allocate(table, **{unit: named * (1 - sign * 3e-4)}, **constraints)
    assert size_of(table, plan) <= least


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "exactly one of average_bits, megabytes, ratio: none was given"),
        ({"average_bits": 4, "ratio": 8}, "average_bits, ratio were given"),
        ({"average_bits": float("nan")}, "average_bits is nan"),
        ({"megabytes": -1}, "megabytes is -1"),
        ({"ratio": 0}, "ratio is 0"),
        ({"ratio": float("inf")}, "ratio is inf"),
        ({"average_bits": "4"}, "average_bits is '4'"),
        ({"average_bits": 4, "min_bits": 8, "max_bits": 4}, "layer 'l0': min_bits 8 is more than max_bits 4"),
        ({"average_bits": 4, "min_bits": {"l1": 8}, "max_bits": 4}, "layer 'l1': min_bits 8"),
        (
            {"average_bits": 4, "min_bits": 5, "max_bits": 7},
            "layer 'l0'.*leave it no bits; the table has 1, 2, 4, 8, 16",
        ),
        ({"average_bits": 4, "max_bits": 0}, "leave it no bits"),
        ({"average_bits": 4, "fixed": {"l1": 3}}, "layer 'l1' is fixed at 3 bits: the table has 1, 2, 4, 8, 16"),
        ({"average_bits": 4, "fixed": {"l7": 4}}, "fixed names 'l7', which is no layer of the table"),
        ({"average_bits": 4, "min_bits": {"l7": 4}}, "min_bits names 'l7'"),
        ({"average_bits": 9, "fixed": {"l1": 16}, "max_bits": 8}, "layer 'l1' is fixed at 16 bits, outside"),
        ({"average_bits": 4, "fixed": {"l1": 2.5}}, "fixed of layer 'l1' is 2.5"),
        ({"average_bits": 4, "min_bits": "2"}, "min_bits of layer 'l0' is '2'"),
    ],
)
def test_contradictions_are_told(arguments, message):
    table = random_table(np.random.default_rng(5), 3)
    with pytest.raises(ValueError, match=message):
        allocate(table, **arguments)


@pytest.mark.parametrize("same", [False, True])
def test_ten_thousand_layers_come_with_a_proven_gap(same):
    rng = np.random.default_rng(6)
    table = random_table(rng, 10_000)
    table = table_of([4096] * 10_000, np.tile([[9.0, 4, 2, 1, 0]], (10_000, 1))) if same else table
    plan = allocate(table, average_bits=3)
    cost, gap = plan.made_by["cost"], plan.made_by["gap"]
    assert table.average_bits(plan) <= 3
    assert cost == pytest.approx(table.cost(plan))
    assert 0 <= gap <= 1e-4 * cost
    if same:
        assert (cost, gap) == (30_000, 0)  # half at 2 bits, half at 4
    # The bound that the gap claims holds for the relaxation too: no price of a bit gives a higher one.
    sizes = np.array(table.sizes)[:, None] * np.array(table.bits)
    bound = max(
        (table.values + p * sizes).min(1).sum() - p * 3 * sum(table.sizes) for p in np.geomspace(1e-9, 1e-3, 200)
    )
    assert bound <= cost + 1e-6
    assert cost - gap >= bound - 1e-6 * abs(bound)


def test_a_front_beyond_its_limit_names_allocate(monkeypatch):
    table = random_table(np.random.default_rng(9), 6)
    plans = len(frontier(table))
    monkeypatch.setattr(budget, "POINTS", plans)
    assert len(frontier(table)) == plans
    monkeypatch.setattr(budget, "POINTS", plans - 1)
    with pytest.raises(ValueError, match=f"6 layers has more than {plans - 1} plans.*use allocate"):
        frontier(table)


def test_a_search_without_room_still_proves_its_gap(monkeypatch):
    monkeypatch.setattr(search, "STATES", 0)
    monkeypatch.setattr(search, "BEAM", 3)
    exact = 0
    for seed in range(30):
        rng = np.random.default_rng(seed)
        sizes = rng.integers(10, 99, 7)
        values = -sizes[:, None] * np.array([1, 2, 4, 8, 16]) * rng.uniform(0.9, 1.1, (7, 5))  # hard: nearly linear
        table = table_of(sizes.tolist(), values)
        plan = allocate(table, average_bits=5)
        best = by_milp(table, 5)
        assert size_of(table, plan) <= 5 * sizes.sum()
        assert best - 1e-6 <= plan.made_by["cost"] <= best + plan.made_by["gap"] + 1e-6
        exact += plan.made_by["gap"] == 0
    assert exact < 30


def test_the_papers_rule_is_the_nearest_optimal_plan_on_either_side():
    table = random_table(np.random.default_rng(7), 5)
    front = front_of((size, cost) for size, cost, _ in every_plan(table))
    over = under = 0
    for target in np.linspace(1.1, 12, 40):
        plan = closest_to_average(table, target)
        averages = np.array([size for size, _ in front]) / sum(table.sizes)
        want = front[int(np.abs(averages - target).argmin())]
        assert (size_of(table, plan), plan.made_by["cost"]) == want
        over += plan.made_by["average_bits"] > target
        under += plan.made_by["average_bits"] < target
    assert over > 5
    assert under > 5


def test_the_papers_rule_by_layers_counts_each_layer_once():
    table = random_table(np.random.default_rng(8), 5)
    front = front_of((np.mean(bits), cost) for _, cost, bits in every_plan(table))
    for target in (2.0, 4.0, 6.1):
        plan = closest_to_average(table, target, by="layers")
        mean, cost = min(front, key=lambda point: (abs(point[0] - target), point[1]))
        assert np.mean(list(plan.bits.values())) == mean
        assert plan.made_by["cost"] == cost == table.cost(plan)
        assert plan.made_by["average_bits"] == table.average_bits(plan)
        assert plan.made_by["target"] == {"average_bits": target, "by": "layers"}
    with pytest.raises(ValueError, match="by is 'bytes'"):
        closest_to_average(table, 4, by="bytes")
    with pytest.raises(ValueError, match="average_bits is -1"):
        closest_to_average(table, -1)
