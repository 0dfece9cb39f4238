"""Figures show the report's figures, with units, and their static twins show the same."""

import re
import xml.etree.ElementTree as ET

import plotly.graph_objects as go
import pytest

from tdnnq_lab import ui
from tdnnq_lab.ui.figures import COLOURS, FAINT, running_mean

MAKERS = {
    "errors_by_set": lambda report: ui.errors_by_set(report["sets"]),
    "errors_by_accent": lambda report: ui.errors_by_accent(report["sets"]),
    "errors_by_speaker": lambda report: ui.errors_by_speaker(report["sets"]),
    "learning_curve": lambda report: ui.learning_curve(report["learning_curve"]),
    "headroom": lambda report: ui.headroom(report["headroom"]),
    "plan": lambda report: ui.plan_over_sensitivities(report["sensitivity"], report["plan"]["bits"]),
    "sensitivities": lambda report: ui.plan_over_sensitivities(report["sensitivity"]),
    "size": lambda report: ui.size_against_errors(report["systems"]),
    "differences": lambda report: ui.differences(report["systems"]),
}


def axis_titles(figure: go.Figure) -> list[str]:
    layout = figure.to_dict()["layout"]
    return [axis.get("title", {}).get("text", "") for key, axis in layout.items() if re.match("[xy]axis", key)]


@pytest.mark.parametrize("maker", MAKERS)
def test_units_are_named(compressed: dict, maker: str) -> None:
    titles = " ".join(axis_titles(MAKERS[maker](compressed))).replace("<br>", " ")
    assert re.search(r"\(%|nats a frame|bits a weight|\(bytes|\(percentage points\)", titles), titles


@pytest.mark.parametrize("maker", MAKERS)
def test_static_twin_is_drawn_inside_its_frame(compressed: dict, maker: str) -> None:
    figure = MAKERS[maker](compressed)
    root = ET.fromstring(ui.static_svg(figure, "A <picture> & its title"))
    width, height = map(float, root.get("viewBox").split()[2:])
    assert root.get("aria-label") == "A <picture> & its title"
    for element in root.iter():
        for key in ("x", "x1", "x2", "cx"):
            assert -1 <= float(element.get(key, 0)) <= width, ET.tostring(element)
        for key in ("y", "y1", "y2", "cy"):
            assert -1 <= float(element.get(key, 0)) <= height, ET.tostring(element)
    texts = {element.text for element in root.iter("{http://www.w3.org/2000/svg}text")}
    for title in filter(None, axis_titles(figure)):
        assert set(title.split("<br>")) <= texts


def test_bars_of_the_twin_are_as_long_as_the_rates(report: dict) -> None:
    figure = ui.errors_by_set(report["sets"])
    root = ET.fromstring(ui.static_svg(figure, "bars"))
    bars = [
        float(rect.get("width")) for rect in root.iter("{http://www.w3.org/2000/svg}rect") if not rect.get("transform")
    ]
    rates = [x for trace in figure.data if trace.type == "bar" for x in trace.x]
    bars = bars[-len(rates) :]  # the legend's squares come first
    scale = max(bars) / max(rates)
    assert bars == pytest.approx([rate * scale for rate in rates], abs=0.2)


def test_errors_by_set(report: dict) -> None:
    figure = ui.errors_by_set(report["sets"])
    bar = next(trace for trace in figure.data if trace.name == "word errors")
    assert list(bar.x) == [entry["wer"] for entry in report["sets"]]
    for i, entry in enumerate(report["sets"]):
        assert entry["wer"] + bar.error_x.array[i] == pytest.approx(entry["wer_interval"][1])
        assert entry["wer"] - bar.error_x.arrayminus[i] == pytest.approx(entry["wer_interval"][0])


def test_accents_are_pooled_over_their_speakers() -> None:
    speakers = [
        {"speaker": "a", "accent": "X", "gender": "f", "words": 100, "errors": 10},
        {"speaker": "b", "accent": "X", "gender": "m", "words": 300, "errors": 10},
        {"speaker": "c", "accent": "Y", "gender": "m", "words": 50, "errors": 50},
        {"speaker": "silent", "accent": "Z", "gender": "m", "words": 0, "errors": 0},
    ]
    figure = ui.errors_by_accent([{"name": "t", "words": 450, "wer": 15.6, "errors_by_speaker": speakers}])
    assert list(figure.data[0].x) == [5.0, 100.0]  # easiest first
    assert list(figure.layout.yaxis.ticktext) == ["X", "Y"]


def test_every_speaker_has_a_mark(report: dict) -> None:
    figure = ui.errors_by_speaker(report["sets"])
    marks = [label for trace in figure.data if trace.mode == "markers" for label in trace.text]
    assert len(marks) == sum(len(entry["errors_by_speaker"]) for entry in report["sets"])
    symbols = {trace.name: trace.marker.symbol for trace in figure.data if trace.mode == "markers"}
    assert len(set(symbols.values())) == len(symbols) == 2  # told apart without colour


def test_learning_curve_skips_what_is_not_there() -> None:
    curve = [{"update": i, "objective": -1.0 / (1 + i), "xent": None} for i in range(5000)]
    curve[7]["objective"] = float("nan")
    figure = ui.learning_curve(curve)
    assert len(figure.data) == 2  # one panel: thin and thick line
    assert all(len(trace.x) <= 600 for trace in figure.data)
    assert all(value <= 0 for trace in figure.data for value in trace.y)


def test_running_mean_against_the_definition() -> None:
    values = [3.0, -1.0, 4.0, 1.0, -5.0, 9.0]
    expected = [sum(values[max(0, i - 2) : i + 3]) / len(values[max(0, i - 2) : i + 3]) for i in range(6)]
    assert running_mean(values, 2) == pytest.approx(expected)


def test_figures_of_a_bare_report() -> None:
    sets = [{"name": "only", "words": 0, "wer": float("inf")}]
    for figure in (ui.errors_by_set(sets), ui.errors_by_accent(sets), ui.errors_by_speaker(sets)):
        ET.fromstring(ui.static_svg(figure, "bare"))
    ET.fromstring(ui.static_svg(ui.learning_curve([]), "nothing"))
    ET.fromstring(ui.static_svg(ui.headroom([]), "nothing"))


def luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("colour", [*COLOURS, FAINT])
@pytest.mark.parametrize("paper", ["#ffffff", "#15181d"])
def test_colours_stand_out(colour: str, paper: str) -> None:
    dark, light = sorted((luminance(colour), luminance(paper)))
    assert (light + 0.05) / (dark + 0.05) >= 3  # WCAG 2, 1.4.11
