"""Automata, trellises and occupancies drawn: what they show is what the library computes."""

import math
import re

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tdnnq_lab import ui
from tdnnq_lab.graphs import Fsa
from tdnnq_lab.lfmmi import forward_backward_reference
from tdnnq_lab.ui.graph_picture import forward_weights
from tdnnq_lab.ui.paper import Drawing

PDFS = ["A₁", "A₊", "B₁", "B₊"]


def small() -> Fsa:
    """Start, A, B; from B back to A; two arcs from A to B; each phone with its loop."""
    arcs = torch.tensor([[0, 1, 0], [1, 1, 1], [1, 2, 2], [1, 2, 3], [2, 1, 0], [2, 2, 3]])
    scores = torch.tensor([1.0, 0.5, 0.25, 0.125, 0.1, 0.4]).log()
    return Fsa(arcs, scores, torch.tensor([1.0, 0, 0]).log(), torch.tensor([0, 0, 0.3]).log())


def test_graph_shows_every_arc_and_both_ends() -> None:
    drawing = ui.graph(small(), PDFS, "A, then B.", names=["", "A", "B"])
    for label in ("A₁ 1.00", "A₊ 0.50", "B₁ 0.25", "B₊ 0.12", "A₁ 0.10", "B₊ 0.40", "start", "end 0.30", ">A<", ">B<"):
        assert label in drawing.svg
    assert drawing.svg.count("<polygon") == 5  # heads: the two arcs from A to B share theirs
    assert drawing.svg.count("<circle") == 4  # the end has two rings
    assert drawing.svg.count("Q") >= 3  # from A to B and back, each bent its own way
    assert drawing.words == "A, then B."


def test_states_stand_in_columns_or_where_they_are_put() -> None:
    def centres(drawing: Drawing) -> list[tuple[float, float]]:
        found = re.findall(r'<circle cx="([\d.]+)" cy="([\d.]+)" r="19"', drawing.svg)
        return [(float(x), float(y)) for x, y in found]

    chain = centres(ui.graph(small(), PDFS, "in a row"))
    assert chain[0][0] < chain[1][0] < chain[2][0]
    assert len({y for _, y in chain}) == 1
    placed = centres(ui.graph(small(), PDFS, "placed", places={0: (0, 0), 1: (1, 1), 2: (0, 1)}))
    assert placed[0][0] == placed[2][0] < placed[1][0]
    assert placed[0][1] < placed[1][1] == placed[2][1]


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 5), st.integers(0, 1000))
def test_forward_weights_sum_to_the_total(frames: int, seed: int) -> None:
    y = torch.randn(frames, 4, generator=torch.Generator().manual_seed(seed))
    fsa = small()
    weights = forward_weights(fsa, y)
    assert [len(column) for column in weights] == [3] * (frames + 1)
    total = sum(a * math.exp(end) for a, end in zip(weights[-1], fsa.final.tolist(), strict=True))
    right = float(forward_backward_reference(fsa, y)[0])
    assert (math.log(total) if total else -math.inf) == pytest.approx(right, abs=1e-5)


def test_trellis_fills_a_column_a_frame() -> None:
    y = torch.zeros(3, 4)
    found = ui.trellis(small(), y, ["start", "A", "B"])
    assert list(found) == ["0", "1", "2", "3"]
    cells = [drawing.svg.count('rx="6"') for drawing in found.values()]
    assert cells == [3, 6, 9, 12]
    assert "After 1 frame: most weight (1.0000) is in A." in found["1"].words
    total = float(forward_backward_reference(small(), y)[0])
    assert f"whose log is {total:.4f}" in found["3"].words
    for column in forward_weights(small(), y):
        for weight in column:
            assert (f">{weight:.4f}<" if weight else ">0<") in found["3"].svg


def test_a_trellis_without_a_path_says_so() -> None:
    found = ui.trellis(small(), torch.zeros(1, 4), ["start", "A", "B"])  # one frame cannot reach the end
    assert "no path" in found["1"].words


def test_occupancies_keep_phones_that_matter_in_order() -> None:
    rng = np.random.default_rng(0)
    panel = 0.05 * rng.random((30, 5))
    panel[20:, 1] = 0.9
    panel[:10, 3] = 0.9
    drawing = ui.occupancies({"numerator": panel, "difference": panel - 0.01}, list("abcde"), "two phones")
    assert re.findall(r'text-anchor="end"[^>]*>(\w)<', drawing.svg) == ["d", "b", "d", "b"]
    assert drawing.svg.count("<image") == 2
    assert "time (s)" in drawing.svg
    assert "numerator" in drawing.svg


def test_occupancies_refuse_what_does_not_fit() -> None:
    with pytest.raises(ValueError, match=r"one shape \(frames, 2\)"):
        ui.occupancies({"a": np.zeros((3, 3))}, ["x", "y"], "wrong")
    with pytest.raises(ValueError, match="one shape"):
        ui.occupancies({"a": np.zeros((3, 2)), "b": np.zeros((4, 2))}, ["x", "y"], "wrong")
    assert "<image" not in ui.occupancies({"a": np.zeros((3, 2))}, ["x", "y"], "nothing there").svg
