"""The static twin of a figure: one inline SVG, drawn from the same plotly figure, for a page without JavaScript.

Reads what the figures of this room use and no more: lines with gaps, markers, text and horizontal bars with error
bars, over numeric axes with given or computed ticks. Text and grid take the colours of the page (`currentColor`), so
dark and light work.
"""

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

WIDTH = 760
LETTER = 7.2  # pixels a letter of 13 px takes on average
LINE = 17


@dataclass
class _Panel:
    """A pair of axes: the box in pixels, the ranges (first value at the left or bottom), ticks and titles."""

    left: float
    top: float
    right: float
    bottom: float
    x: tuple[float, float]
    y: tuple[float, float]

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Data to pixels."""
        across = (x - self.x[0]) / ((self.x[1] - self.x[0]) or 1.0)
        up = (y - self.y[0]) / ((self.y[1] - self.y[0]) or 1.0)
        return self.left + across * (self.right - self.left), self.bottom - up * (self.bottom - self.top)


def static_svg(figure: go.Figure, title: str) -> str:
    """Draw a figure of `figures` as SVG.

    Args:
        figure: Made by one of the functions in `figures`.
        title: What a screen reader says instead.

    Returns:
        An `<svg>` element, 760 wide, as high as the figure asks for.
    """
    height, body = svg_body(figure)
    return (
        f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{html.escape(title)}" '
        f'xmlns="http://www.w3.org/2000/svg" font-family="system-ui, sans-serif" font-size="13">\n{body}\n</svg>'
    )


def svg_body(figure: go.Figure) -> tuple[int, str]:
    """Height in pixels (the width is `WIDTH`), and what stands inside the `<svg>` of `static_svg`."""
    height = int(figure.layout.height or 400)
    lines = max(_lines(figure.layout[f"xaxis{suffix}"].title.text) for suffix in _axes(figure) or [""])
    parts = [_legend(figure)]
    for suffix in _axes(figure):
        traces = [trace for trace in figure.data if (trace.xaxis or "x")[1:] == suffix]
        xaxis, yaxis = figure.layout[f"xaxis{suffix}"], figure.layout[f"yaxis{suffix}"]
        panel = _panel(traces, xaxis, yaxis, height - 48 - LINE * max(0, lines - 1))
        parts.append(_frame(panel, xaxis, yaxis))
        parts += [_trace(trace, panel) for trace in traces]
    return height, "\n".join(part for part in parts if part)


def _axes(figure: go.Figure) -> list[str]:
    """The suffixes of the panels, "" first: "", "2", …"""
    return list(dict.fromkeys((trace.xaxis or "x")[1:] for trace in figure.data))


def _lines(title: str | None) -> int:
    return title.count("<br>") + 1 if title else 0


def _panel(traces: Sequence[Any], xaxis: Any, yaxis: Any, bottom: float) -> _Panel:
    """Place a panel in its share of the picture, with room for its tick labels and titles."""
    names = [str(name) for name in yaxis.ticktext or ["000.0"]] if yaxis.showticklabels is not False else [""]
    room = 14 + LETTER * max(len(name) for name in names) + (2.2 * LINE if yaxis.title.text else 0)
    x_domain, y_domain = xaxis.domain or (0, 1), yaxis.domain or (0, 1)
    top = 34
    return _Panel(
        left=x_domain[0] * WIDTH + room,
        right=x_domain[1] * WIDTH - 12,
        top=bottom - y_domain[1] * (bottom - top),
        bottom=bottom - y_domain[0] * (bottom - top),
        x=_range(xaxis, [value for trace in traces for value in trace.x or () if value is not None]),
        y=_range(yaxis, [value for trace in traces for value in trace.y or () if value is not None]),
    )


def _range(axis: Any, values: Sequence[float]) -> tuple[float, float]:
    """The range that the axis names, else that of the values with a little room."""
    if axis.range:
        return float(axis.range[0]), float(axis.range[1])
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    room = 0.05 * ((high - low) or abs(high) or 1.0)
    return (0.0 if axis.rangemode == "tozero" else low - room), high + room


def _ticks(axis: Any, limits: tuple[float, float]) -> list[tuple[float, str]]:
    """The ticks that the axis names, else about five round ones."""
    if axis.tickvals is not None:
        return list(zip(axis.tickvals, axis.ticktext or map(str, axis.tickvals), strict=True))
    low, high = min(limits), max(limits)
    step = 10.0 ** math.floor(math.log10((high - low) / 5 or 1.0))
    step *= next(factor for factor in (1, 2, 5, 10) if (high - low) / (step * factor) <= 6)
    digits = max(0, -math.floor(math.log10(step)))
    first, last = math.ceil(low / step), math.floor(high / step)
    return [(index * step, f"{index * step:,.{digits}f}") for index in range(first, last + 1)]


def _frame(panel: _Panel, xaxis: Any, yaxis: Any) -> str:
    """Grid, ticks, and titles of both axes."""
    parts = []
    for x, name in _ticks(xaxis, panel.x):
        px, _ = panel.at(x, panel.y[0])
        parts.append(svg_line(px, panel.top, px, panel.bottom, "currentColor", 1, 0.15))
        if xaxis.showticklabels is not False:
            parts.append(svg_text(px, panel.bottom + LINE, name, "middle"))
    for y, name in _ticks(yaxis, panel.y):
        _, py = panel.at(panel.x[0], y)
        if yaxis.showgrid is not False:
            parts.append(svg_line(panel.left, py, panel.right, py, "currentColor", 1, 0.15))
        if yaxis.showticklabels is not False:
            parts.append(svg_text(panel.left - 6, py + 4, name, "end"))
    parts.append(svg_line(panel.left, panel.top, panel.left, panel.bottom, "currentColor", 1, 0.6))
    parts.append(svg_line(panel.left, panel.bottom, panel.right, panel.bottom, "currentColor", 1, 0.6))
    for index, line in enumerate(xaxis.title.text.split("<br>") if xaxis.title.text else ()):
        parts.append(svg_text((panel.left + panel.right) / 2, panel.bottom + (2.3 + index) * LINE, line, "middle"))
    if yaxis.title.text:
        names = [name for _, name in _ticks(yaxis, panel.y)]
        x = panel.left - 14 - LETTER * max(map(len, names), default=0)
        middle = (panel.top + panel.bottom) / 2
        lines = yaxis.title.text.split("<br>")
        for index, line in enumerate(reversed(lines)):
            parts.append(svg_text(x - index * LINE, middle, line, "middle", turn=True))
    return "\n".join(parts)


def _trace(trace: Any, panel: _Panel) -> str:
    if trace.type == "bar":
        return _bars(trace, panel)
    strokes = [[panel.at(x, y) for x, y in stroke] for stroke in _strokes(trace)]
    points = [point for stroke in strokes for point in stroke]
    mode, parts = trace.mode, []
    for stroke in strokes if "lines" in mode else ():
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in stroke)
        parts.append(
            f'<polyline points="{path}" fill="none" stroke="{trace.line.color}" '
            f'stroke-width="{trace.line.width or 2}" opacity="{trace.opacity or 1}"/>'
        )
    if "markers" in mode:
        parts += [
            svg_mark(x, y, trace.marker.symbol or "circle", trace.marker.color or trace.line.color, _radius(trace))
            for x, y in points
        ]
    if "text" in mode:
        parts += [
            svg_text(x, y + 4, label.strip(), "start", dx=8) for (x, y), label in zip(points, trace.text, strict=True)
        ]
    return "\n".join(parts)


def _strokes(trace: Any) -> list[list[tuple[float, float]]]:
    """The points of a trace, parted where it has gaps (None)."""
    strokes: list[list[tuple[float, float]]] = [[]]
    for x, y in zip(trace.x or (), trace.y or (), strict=True):
        if x is None or y is None:
            strokes.append([])
        else:
            strokes[-1].append((x, y))
    return [stroke for stroke in strokes if stroke]


def _radius(trace: Any) -> float:
    """Half of a marker's size; figures that do not say have 10."""
    return (trace.marker.size or 10) / 2


def _bars(trace: Any, panel: _Panel) -> str:
    """Horizontal bars from zero, with their error bars."""
    parts = []
    for index, (x, y) in enumerate(zip(trace.x or (), trace.y or (), strict=True)):
        left, top = panel.at(0.0, y - trace.width / 2)
        right, bottom = panel.at(x, y + trace.width / 2)
        top, bottom = min(top, bottom), max(top, bottom)
        parts.append(
            f'<rect x="{left:.1f}" y="{top:.1f}" width="{max(0.0, right - left):.1f}" '
            f'height="{bottom - top:.1f}" fill="{trace.marker.color}"/>'
        )
        if trace.error_x.array is not None:
            low, _ = panel.at(x - trace.error_x.arrayminus[index], y)
            high, middle = panel.at(x + trace.error_x.array[index], y)
            parts.append(svg_line(low, middle, high, middle, "currentColor", 2, 0.8))
            parts += [svg_line(end, middle - 4, end, middle + 4, "currentColor", 2, 0.8) for end in (low, high)]
    return "\n".join(parts)


def svg_mark(x: float, y: float, symbol: str, colour: str, size: float = 5) -> str:
    """One marker; what is not known is a square."""
    if symbol == "circle":
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{size}" fill="{colour}"/>'
    if symbol == "circle-open":
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{size}" fill="none" stroke="{colour}" stroke-width="2"/>'
    if symbol in _SHAPES:
        corners = " ".join(f"{x + size * dx:.1f},{y + size * dy:.1f}" for dx, dy in _SHAPES[symbol])
        return f'<polygon points="{corners}" fill="{colour}"/>'
    turn = f' transform="rotate(45 {x:.1f} {y:.1f})"' if symbol == "diamond" else ""
    edge = 1.7 * size
    return f'<rect x="{x - edge / 2:.1f}" y="{y - edge / 2:.1f}" width="{edge}" height="{edge}" fill="{colour}"{turn}/>'


def _turned(corners: Sequence[tuple[float, float]], degrees: float) -> list[tuple[float, float]]:
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return [(c * x - s * y, s * x + c * y) for x, y in corners]


_ARM = ((-0.35, -1), (0.35, -1), (0.35, -0.35))
_PLUS = [corner for turn in (0, 90, 180, 270) for corner in _turned(_ARM, turn)]
_STAR = [_turned([(0, -1.2 if point % 2 == 0 else -0.5)], 36 * point)[0] for point in range(10)]
_SHAPES: dict[str, Sequence[tuple[float, float]]] = {
    "triangle-up": [(0, -1), (1, 1), (-1, 1)],
    "triangle-down": [(0, 1), (1, -1), (-1, -1)],
    "cross": _PLUS,
    "x": _turned(_PLUS, 45),
    "star": _STAR,
}


def _legend(figure: go.Figure) -> str:
    """Names of the traces with their marks, in one row on top; nothing where there is one name only."""
    named = [trace for trace in figure.data if trace.name and trace.showlegend is not False]
    parts, x = [], 12.0
    for trace in named if len(named) > 1 else ():
        colour = (trace.marker.color or trace.line.color) if trace.type == "scatter" else trace.marker.color
        symbol = (trace.marker.symbol or "circle") if trace.type == "scatter" else "square"
        bare = trace.type == "scatter" and trace.mode == "lines"
        across = bare and (trace.line.width or 2) > 9  # a band
        mark = svg_line(x, 6, x, 22, colour, 3) if bare else svg_mark(x, 14, symbol, colour)
        mark = svg_line(x - 8, 14, x + 6, 14, colour, 9, trace.opacity or 1) if across else mark
        parts += [mark, svg_text(x + 10, 18, trace.name, "start")]
        x += 34 + LETTER * len(trace.name)
    return "\n".join(parts)


def svg_line(x1: float, y1: float, x2: float, y2: float, colour: str, width: float, opacity: float = 1) -> str:
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" '
        f'stroke-width="{width}" opacity="{opacity}"/>'
    )


def svg_text(x: float, y: float, text: str, anchor: str, *, turn: bool = False, dx: float = 0) -> str:
    rotate = f' transform="rotate(-90 {x:.1f} {y:.1f})"' if turn else ""
    return (
        f'<text x="{x + dx:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="currentColor"{rotate}>'
        f"{html.escape(str(text))}</text>"
    )
