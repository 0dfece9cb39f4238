"""Drawings of the lessons: what they show is what the library computes."""

import base64
import math
import re
import time

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("ipywidgets", reason="ipywidgets comes with the extra lab")

from tdnnq_lab import ui
from tdnnq_lab.models import KALDI_7Q, SMALL, Tdnnf, TdnnfConfig
from tdnnq_lab.models.geometry import Geometry
from tdnnq_lab.ui.live import plain
from tdnnq_lab.ui.paper import Drawing, paper, powers


def drawings(count: int) -> dict[str, Drawing]:
    return {str(k): paper(600, 100, f"picture {k} <of {count}>", f"<text>{k}</text>") for k in range(count)}


def test_slider_flips_picture_and_words() -> None:
    found = drawings(4)
    box = ui.flip(found, "step", start="2")
    assert found["2"].svg in box.picture.value
    took = []
    for place in found:
        start = time.process_time()
        box.slider.value = place
        took.append(time.process_time() - start)
        assert found[place].svg in box.picture.value
        assert plain(box.text) == found[place].words
    assert min(took) < 0.05  # seconds of processor time: nothing is drawn anew
    assert box.slider.description == "step"


def test_flip_refuses_what_it_cannot_show() -> None:
    with pytest.raises(ValueError, match="at least one drawing"):
        ui.flip({}, "step")
    with pytest.raises(ValueError, match="start is '9'; the slider has 0, 1"):
        ui.flip(drawings(2), "step", start="9")


def test_stills_are_images_with_words() -> None:
    drawing = drawings(1)["0"]
    for page in (ui.flip({"0": drawing}, "step")._repr_mimebundle_()["text/html"], ui.shown(drawing)._repr_html_()):
        assert "picture 0 &lt;of 1&gt;" in page
        assert "<svg" not in page  # a lab that does not trust a notebook drops it; an image it keeps
        data = re.search(r'src="data:image/svg\+xml;base64,([\w+/=]+)"', page).group(1)
        assert base64.b64decode(data).decode() == drawing.svg
    assert 'aria-label="picture 0 &lt;of 1&gt;"' in drawing.svg
    assert 'fill="#fff"' in drawing.svg  # white paper: legible on a dark page


def test_curves_over_a_logarithmic_axis() -> None:
    drawing = ui.curves(
        {"a": ([0, 1, 2], [1, 1e-2, 1e-4]), "b": ([0, 2], [1, 1])}, "update", "error", "falls", log=True
    )
    line = re.search(r'<polyline points="([^"]+)"', drawing.svg).group(1)
    ys = [float(point.split(",")[1]) for point in line.split()]
    assert ys[1] - ys[0] == pytest.approx(ys[2] - ys[1], abs=0.2)  # a straight line
    for word in ("update", "error", ">a<", ">b<", ">0.01<"):
        assert word in drawing.svg
    widths = re.findall(
        r'<polyline [^>]*stroke-width="([\d.]+)"',
        ui.curves({"a": ([0, 1], [1, 2]), "b": ([0, 1], [1, 2])}, "x", "y", "one is thin", thin=["a"]).svg,
    )
    assert float(widths[0]) < float(widths[1])
    many = ui.curves({f"a run of some corpus {k}": ([0, 1], [k, k]) for k in range(7)}, "x", "y", "seven")
    heights = {re.search(rf'y="([\d.]+)"[^>]*>a run of some corpus {k}<', many.svg).group(1) for k in range(7)}
    assert len(heights) > 1  # the legend takes as many rows as it needs
    with pytest.raises(ValueError, match="no curve"):
        ui.curves({"a": ([], [])}, "x", "y", "nothing")


@given(st.lists(st.floats(-30, 30), min_size=1, max_size=5))
def test_powers_cover_what_is_drawn(exponents: list[float]) -> None:
    axis = powers(exponents)
    low, high = axis["range"]
    assert low <= min(exponents)
    assert max(exponents) <= high
    assert low < high
    assert 2 <= len(axis["tickvals"]) == len(axis["ticktext"]) <= 9
    assert all(low <= tick <= high for tick in axis["tickvals"])


def test_low_rank_is_to_scale() -> None:
    drawing = ui.low_rank(1536, 160)
    boxes = re.findall(r'<rect x="[\d.]+" y="\d+" width="([\d.]+)" height="([\d.]+)"', drawing.svg)
    areas = [float(width) * float(height) for width, height in boxes]
    assert areas[0] / (areas[1] + areas[2]) == pytest.approx(1536 / 320, rel=0.01)
    assert "491,520 weights" in drawing.words
    assert "4.8 times fewer" in drawing.words
    assert "just as many" in ui.low_rank(8, 4).words
    assert "2.0 times more" in ui.low_rank(8, 8).words


def test_singular_values_step_by_step() -> None:
    found = ui.singular_values([[1.5, 0.5], [1.1, 0.9], [1.0, 1.0]], [0.8, 0.1, 1e-6])
    assert list(found) == ["0", "1", "2"]
    assert "After 0 steps: singular values between 0.500 and 1.500" in found["0"].words
    assert "After 1 step:" in found["1"].words
    marks = [re.search(r'<circle cx="([\d.]+)" cy="([\d.]+)"', drawing.svg).groups() for drawing in found.values()]
    assert [float(x) for x, _ in marks] == sorted({float(x) for x, _ in marks})
    assert float(marks[0][1]) < float(marks[1][1]) < float(marks[2][1])  # the error falls


def test_bars_are_as_long_as_the_counts() -> None:
    drawing = ui.weights_by_layer({"a": {"x": 100, "y": 50}, "b": {"x": 25, "y": 0}})
    widths = [float(w) for w in re.findall(r'class="bar" x="\d+" y="[\d.]+" width="([\d.]+)"', drawing.svg)]
    assert [w / widths[0] for w in widths] == pytest.approx([1, 0.25, 0.5, 0])
    assert "a 150; b 25" in drawing.words


strides = st.lists(st.integers(0, 4), max_size=4)
splices = st.lists(st.integers(-3, 3), min_size=1, max_size=4, unique=True).map(sorted)


@settings(max_examples=20, deadline=None, derandomize=True)
@given(splices, strides)
def test_needed_frames_are_those_with_a_gradient(splice: list[int], strides: list[int]) -> None:
    """The drawing's rule against autograd through real networks (several: a rectified unit may hide a frame)."""
    config = TdnnfConfig(3, 16, (8,) * len(strides), tuple(strides), 8, 5, splice=tuple(splice))
    seen: set[int] = set()
    for seed in range(6):
        torch.manual_seed(seed)
        model = Tdnnf(config).double().eval()
        x = torch.randn(1, 121, 3, dtype=torch.double, requires_grad=True)
        (model(x)[0, 20] @ torch.randn(5, dtype=torch.double)).backward()
        seen |= set((x.grad[0].abs().sum(1).nonzero().flatten() - 60).tolist())
    assert sorted(seen) == ui.needed_frames(config)["input"]


def test_needed_frames_of_7q_are_those_that_it_computes() -> None:
    needed = ui.needed_frames(KALDI_7Q)
    assert (needed["input"][0], needed["input"][-1], len(needed["input"])) == (-34, 34, 69)
    geometry = Geometry(KALDI_7Q, 600)  # of 200 outputs, all that they need is computed and nothing else
    for layer, name in enumerate(("tdnn1", *(f"tdnnf{k}" for k in range(2, 16)))):
        wanted = {3 * k + t for k in range(200) for t in needed[name]}
        computed = set(geometry.positions(layer))
        assert {t for t in wanted if 0 <= t < 598} == {t for t in computed if 0 <= t < 598}


def test_receptive_field_has_a_dot_a_frame_and_a_bar_a_gradient() -> None:
    gradient = [0.0] * 3 + [1.0 + (k == 34) for k in range(69)] + [0.0] * 3
    drawing = ui.receptive_field(SMALL, gradient)
    dots = sum(path.count("h0") for path in re.findall(r'<path d="([^"]+)" stroke="#', drawing.svg))
    assert dots == sum(map(len, ui.needed_frames(SMALL).values()))
    bars = [float(h) for h in re.findall(r'width="5" height="([\d.]+)"', drawing.svg)]
    assert len(bars) == 69
    assert max(bars) == pytest.approx(2 * sorted(bars)[0])
    assert "69 input frames, from -34 to 34" in drawing.words
    assert math.isfinite(float(re.search(r'viewBox="0 0 ([\d.]+)', drawing.svg).group(1)))
    with pytest.raises(ValueError, match="2 gradients"):
        ui.receptive_field(SMALL, [1.0, 2.0])
