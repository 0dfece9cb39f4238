"""00_tour as a file, and its exercises: checks that know the usual mistakes, and solutions that pass."""

import sys

import numpy as np
import pytest
from notebooks_files import NOTEBOOKS, has_its_parts, read, reads_without_a_kernel, saved_outputs, solutions, stub

from tdnnq_lab.precision import SensitivityTable, frontier

sys.path.insert(0, str(NOTEBOOKS))  # as in a kernel, which starts beside the notebook

from exercises import tour

NAME = "00_tour.ipynb"


@pytest.fixture(scope="module")
def notebook() -> dict:
    return read(NAME)


@pytest.fixture
def table() -> SensitivityTable:
    rng = np.random.default_rng(0)
    costs = np.sort(rng.gamma(0.5, 0.02, (18, 5)), 1)[:, ::-1]
    return SensitivityTable(
        [f"l{i}" for i in range(18)], rng.integers(1000, 9000, 18).tolist(), (1, 2, 4, 8, 16), costs
    )


def test_saved_with_its_outputs_and_small() -> None:
    saved_outputs(NAME)


def test_pages_without_a_kernel_show_pictures(notebook: dict) -> None:
    reads_without_a_kernel(notebook, ("ui.budget_explorer(", "ui.own_plan(", "ui.listen("))


def test_lesson_has_its_parts(notebook: dict) -> None:
    has_its_parts(notebook, 2)


def test_stubs_are_answered_kindly(notebook: dict, table: SensitivityTable, capsys: pytest.CaptureFixture) -> None:
    for check in ("check_average_bits", "check_smallest_budget"):
        exec(stub(notebook, check), {"table": table})
        assert capsys.readouterr().out.startswith("Nothing yet")


def test_solutions_pass(notebook: dict, table: SensitivityTable, capsys: pytest.CaptureFixture) -> None:
    first, second = solutions(notebook).values()
    found: dict = {"table": table}
    exec(first, found)
    tour.check_average_bits(found["average_bits"])
    cost = [plan.made_by["cost"] for plan in frontier(table)][len(frontier(table)) // 2]
    exec(second.replace("0.02", str(cost)), found)
    tour.check_smallest_budget(found["answer"], table, cost)
    assert capsys.readouterr().out.count(tour.RIGHT) == 2


SUM = "sum(sizes[n] * bits[n] for n in sizes)"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (f"{SUM} / sum(sizes.values())", "Right. 5,400 bits for 1,500 weights are 3.60"),
        ("sum(bits.values()) / len(bits)", "plain mean over layers"),
        (SUM, "divide by the number of weights"),
        (f"{SUM} / len(sizes)", "You divide by the number of layers"),
        (f"{SUM} // sum(sizes.values())", "rounds down"),
        (f"{SUM} / 8", "bytes of all weights"),
        (f"{SUM} / 8 / sum(sizes.values())", "bytes a weight"),
        (f"32 * sum(sizes.values()) / {SUM}", "ratio to 32-bit weights"),
        ("sum(s * b for s, b in zip(sizes.values(), bits.values())) / sum(sizes.values())", "by their position"),
        ("4.2", "Add up size times bits"),
        ("None", "Nothing yet"),
        ("'3.6'", "a number is wanted"),
        ("float('nan')", "a number is wanted"),
        ("1 / 0", "raised ZeroDivisionError"),
        ("bits.clear() or 3.6", "changed the dictionaries"),
    ],
)
def test_mistakes_of_exercise_1(body: str, message: str, capsys: pytest.CaptureFixture) -> None:
    tour.check_average_bits(eval(f"lambda sizes, bits: {body}"))
    assert message in capsys.readouterr().out


def test_mistakes_of_exercise_2(capsys: pytest.CaptureFixture) -> None:
    costs = [[4.0, 2.0, 0.5, 0.1], [8.0, 1.0, 0.2, 0.1]]
    table = SensitivityTable(["a", "b"], [100, 300], (1, 2, 4, 8), costs)

    def said(answer: object, cost: float = 0.75) -> str:
        tour.check_smallest_budget(answer, table, cost)
        return capsys.readouterr().out

    # By hand, bits of (a, b): (4, 4) costs 0.7; the best that is smaller is (8, 2), 3.5 bits on average, and costs 1.1.
    assert "Right. The smallest plan that costs at most 0.75 has 4.00 bits" in said(4.04)
    assert "Too small: the best plan within 3.9 bits is predicted to cost 1.1" in said(3.9)
    assert "no plan has as few as 0.5" in said(0.5)
    assert "You are near" in said(4.3)
    assert "falls as b rises" in said(7)
    assert "Nothing yet" in said(None)
    assert "a number of bits" in said("4")
    assert "ask for more" in said(4.0, cost=0.01)
    mixed = said(4.0, cost=1.6)  # (4, 2) costs 1.5 with 2.5 bits
    assert "gives every layer the same bits" in mixed
