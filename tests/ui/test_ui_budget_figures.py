"""Figures of a compression show the report's figures."""

import math
import xml.etree.ElementTree as ET

import pytest

from tdnnq_lab import ui
from tdnnq_lab.ui.budget_figures import DECADES, log_limits, log_place

SVG = "{http://www.w3.org/2000/svg}"


def named(figure, name: str):
    return next(trace for trace in figure.data if trace.name == name)


def test_bars_are_the_plan(compressed: dict) -> None:
    table, bits = compressed["sensitivity"], compressed["plan"]["bits"]
    figure = ui.plan_over_sensitivities(table, bits)
    bar = next(trace for trace in figure.data if trace.type == "bar")
    assert list(bar.x) == [bits[layer] for layer in table["layers"]]
    assert list(figure.layout.yaxis.ticktext) == table["layers"]
    assert figure.layout.yaxis.range[0] > figure.layout.yaxis.range[1]  # the first layer on top
    assert "x 30,720 weights = " in bar.text[0]


def test_marks_are_the_costs_and_rings_the_chosen_ones(compressed: dict) -> None:
    table, bits = compressed["sensitivity"], compressed["plan"]["bits"]
    figure = ui.plan_over_sensitivities(table, bits)
    low, _ = log_limits(table["values"])
    for k, name in enumerate(["1 bit", "2 bits", "4 bits", "8 bits", "16 bits"]):
        expected = [max(low, math.log10(row[k])) if row[k] > 0 else low for row in table["values"]]
        assert list(named(figure, name).x) == pytest.approx(expected, abs=1e-4)
    rings = named(figure, "chosen")
    chosen = [row[table["bits"].index(bits[name])] for name, row in zip(table["layers"], table["values"], strict=True)]
    assert list(rings.x) == pytest.approx([log_place(value, low) for value in chosen])
    shown = [trace.marker.symbol for trace in figure.data if trace.type == "scatter" and trace.mode == "markers"]
    assert len(set(shown)) == len(shown)  # told apart without colour


def test_costs_below_the_axis_stand_at_its_edge() -> None:
    table = {"layers": ["a"], "bits": [1, 2, 4, 8], "values": [[100.0, 1e-9, 0.0, -3.0]], "unit": "words"}
    figure = ui.plan_over_sensitivities(table)
    places = [trace.x[0] for trace in figure.data]
    assert places == [2.0, 2.0 - DECADES, 2.0 - DECADES, 2.0 - DECADES]
    assert figure.layout.xaxis.ticktext[0] == "less"
    assert "less" not in (ui.plan_over_sensitivities({**table, "values": [[8.0, 4.0, 2.0, 1.0]]}).layout.xaxis.ticktext)


@pytest.mark.parametrize("values", [[[0.0, 0.0]], [[float("nan"), -1.0]], [[1.0, 1.0]], [[None, 2e-7]], []])
def test_odd_tables_are_drawn(values: list) -> None:
    table = {"layers": [f"l{i}" for i in range(len(values))], "bits": [2, 4], "values": values}
    figure = ui.plan_over_sensitivities(table, {"l0": 4})
    ET.fromstring(ui.static_svg(figure, "odd"))
    assert all(math.isfinite(x) for trace in figure.data for x in trace.x)


def test_size_against_errors(compressed: dict) -> None:
    figure = ui.size_against_errors(compressed["systems"])
    for system in compressed["systems"]:
        marks = named(figure, system["label"])
        assert set(marks.x) == {math.log10(system["bytes"])}
        assert list(marks.y) == [entry["wer"] for entry in system["sets"].values()]
    lines = [trace for trace in figure.data if trace.mode == "lines"]
    assert [line.name for line in lines] == ["seen", "unseen", "hard"]
    for line in lines:
        assert list(line.x) == sorted(math.log10(system["bytes"]) for system in compressed["systems"])


def test_differences_with_their_intervals(compressed: dict) -> None:
    figure = ui.differences(compressed["systems"])
    mixed = compressed["systems"][1]
    marks = next(trace for trace in figure.data if trace.mode == "markers" and trace.name == mixed["label"])
    line = next(trace for trace in figure.data if trace.mode == "lines" and trace.name == mixed["label"])
    for k, entry in enumerate(mixed["sets"].values()):
        assert marks.x[k] == entry["difference"]
        assert list(line.x[3 * k : 3 * k + 2]) == entry["interval"]
        assert line.x[3 * k + 2] is None  # a gap before the next one
        assert line.y[3 * k] == line.y[3 * k + 1] == marks.y[k]
    places = [y for trace in figure.data if trace.mode == "markers" for y in trace.y]
    assert len(set(places)) == len(places) == 6
    low, high = figure.layout.xaxis.range
    assert low < min(-0.62, *(x for x in line.x if x is not None))
    assert high > max(x for x in line.x if x is not None)


def test_labels_stand_clear_of_what_is_drawn(compressed: dict) -> None:
    figure = ui.differences(compressed["systems"])
    labels = [(x, y) for trace in figure.data if trace.mode == "text" for x, y in zip(trace.x, trace.y, strict=True)]
    strokes = [trace for trace in figure.data if trace.mode == "lines" and trace.name != "no difference"]
    for x, y in labels:
        drawn = [a for t in strokes for a, b in zip(t.x, t.y, strict=True) if b == y]
        assert x == max(drawn)


def test_strokes_of_the_twin_have_gaps(compressed: dict) -> None:
    figure = ui.differences(compressed["systems"])
    strokes = sum(sum(x is None for x in trace.x) or 1 for trace in figure.data if trace.mode == "lines")
    root = ET.fromstring(ui.static_svg(figure, "twin"))
    assert len(list(root.iter(f"{SVG}polyline"))) == strokes


def test_bare_systems_are_drawn() -> None:
    for systems in ([], [{"name": "full", "sets": {}}], [{"name": "a", "bytes": 10, "sets": {"s": {"wer": None}}}]):
        ET.fromstring(ui.static_svg(ui.size_against_errors(systems), "bare"))
        ET.fromstring(ui.static_svg(ui.differences(systems), "bare"))
