"""The receptive field drawn: which frames of each layer one output frame needs, down to the input."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .figures import COLOURS, FAINT
from .paper import Drawing, paper
from .svg import svg_line, svg_text

if TYPE_CHECKING:
    from ..models import TdnnfConfig

LEFT, STEP, ROW, TOP = 78, 7.6, 24, 30  # pixels: names, a frame, a layer
MARGIN = 4  # frames drawn beyond the field
HEIGHT = 90  # of the bars below


def needed_frames(config: TdnnfConfig) -> dict[str, list[int]]:
    """Frames that the output at frame 0 needs of every layer, from "output" down to "input", in input frames.

    A factored layer of stride k reads its input at -k, 0 and k (0: at 0 alone), tdnn1 at the offsets of its splice.
    """
    found, frames = {"output": [0]}, {0}
    for number, stride in reversed(list(enumerate(config.strides, start=2))):
        found[f"tdnnf{number}"] = sorted(frames)
        frames = {t + offset for t in frames for offset in (-stride, 0, stride)}
    found["tdnn1"] = sorted(frames)
    found["input"] = sorted({t + offset for t in frames for offset in config.splice})
    return found


def receptive_field(config: TdnnfConfig, gradient: Sequence[float] | None = None) -> Drawing:
    """The frames that one output needs: a row a layer, the output on top, the input at the bottom.

    Args:
        config: the network; strides as in 7q.
        gradient: below the input, bars of these sizes: one for each frame from -n to n (so their number is odd), how
            much the output at frame 0 depends on it.

    Raises:
        ValueError: an even number of gradients.
    """
    rows = needed_frames(config)
    reach = max(-rows["input"][0], rows["input"][-1])
    if gradient is not None and not len(gradient) % 2:
        raise ValueError(f"{len(gradient)} gradients: an odd number is needed, the middle one at frame 0")
    middle = LEFT + STEP * (reach + MARGIN + 0.5)
    places = {name: TOP + ROW * k for k, name in enumerate(rows)}
    parts = [_arrows(rows, config, middle)]
    for name, frames in rows.items():
        y = places[name]
        parts.append(svg_text(LEFT - 10, y + 4, name, "end"))
        colour = COLOURS[1] if name in ("input", "output") else COLOURS[0]
        dots = "".join(f"M{middle + STEP * t:.1f} {y}h0" for t in frames)
        parts.append(f'<path d="{dots}" stroke="{colour}" stroke-width="5.5" stroke-linecap="round" fill="none"/>')
        parts.append(svg_text(2 * middle - LEFT + 12, y + 4, str(len(frames)), "start"))
    parts.append(svg_text(2 * middle - LEFT + 12, TOP - 16, "frames", "middle"))
    bottom = places["input"] + 20
    if gradient is not None:
        parts.append(_bars(gradient, middle, bottom, reach))
        bottom += HEIGHT
    parts.append(_axis(reach, middle, bottom))
    left, right = rows["input"][0], rows["input"][-1]
    words = f"The output at frame 0 needs {len(rows['input'])} input frames, from {left} to {right}."
    return paper(2 * middle - LEFT + 44, bottom + 42, words, "\n".join(parts), size=12)


def _arrows(rows: dict[str, list[int]], config: TdnnfConfig, middle: float) -> str:
    """A line from each frame to those it reads in the row below, as one path."""
    names, path = list(rows), ""
    for k, name in enumerate(names[1:-1], start=1):
        offsets = config.splice if name == "tdnn1" else sorted({0, *(s * config.strides[-k] for s in (-1, 1))})
        for t in rows[name]:
            path += "".join(f"M{middle + STEP * t:.0f} {TOP + ROW * k}l{STEP * o:.0f} {ROW}" for o in offsets)
    path += f"M{middle:.0f} {TOP}v{ROW}"
    return f'<path d="{path}" stroke="{FAINT}" stroke-width="0.7" opacity="0.55" fill="none"/>'


def _bars(gradient: Sequence[float], middle: float, top: float, reach: int) -> str:
    """A bar for each frame that fits into the picture, hanging from the input."""
    half, most = len(gradient) // 2, max(*gradient, 1e-30)
    parts = [svg_text(LEFT - 10, top + HEIGHT / 2, "gradient", "end")]
    for t in range(-min(half, reach + MARGIN), min(half, reach + MARGIN) + 1):
        down, x = (HEIGHT - 10) * gradient[half + t] / most, middle + STEP * t - 2.5
        if down:  # a bar that is there can be seen
            parts.append(f'<rect x="{x:.1f}" y="{top}" width="5" height="{max(1.0, down):.1f}" fill="{COLOURS[2]}"/>')
    return "".join(parts)


def _axis(reach: int, middle: float, bottom: float) -> str:
    span = STEP * (reach + MARGIN)
    parts = [svg_line(middle - span, bottom, middle + span, bottom, "currentColor", 1, 0.6)]
    for t in {0, -reach, reach, *(k for k in range(-30, 31, 10) if abs(k) < reach - 5)}:
        x = middle + STEP * t
        parts += [svg_line(x, bottom, x, bottom + 5, "currentColor", 1), svg_text(x, bottom + 18, str(t), "middle")]
    parts.append(svg_text(middle, bottom + 36, "frame (10 ms each)", "middle"))
    return "".join(parts)
