"""Pictures of the lessons: SVG on white paper, with the words that say what is seen."""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from .budget_figures import power
from .figures import COLOURS, finish
from .svg import LETTER, LINE, WIDTH, svg_body, svg_line, svg_text

INK = "#1d2126"
LEAST = 560  # pixels: on a narrower page a picture keeps this width and scrolls

Series = Mapping[str, tuple[Sequence[float], Sequence[float]]]


@dataclass(frozen=True)
class Drawing:
    """An SVG with a paper of its own, and a sentence that says what is in it (read aloud, and shown above it)."""

    svg: str
    words: str


def paper(width: float, height: float, words: str, body: str, size: int = 13) -> Drawing:
    """A drawing from the elements of its SVG.

    Args:
        width, height: pixels; text is `size` pixels high.
        words: what it shows, in a sentence or two.
        body: SVG elements; text without a colour of its own is dark.
    """
    return Drawing(
        f'<svg viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}" role="img" '
        f'aria-label="{html.escape(words)}" xmlns="http://www.w3.org/2000/svg" font-family="system-ui, sans-serif" '
        f'font-size="{size}" color="{INK}" '
        f'style="display:block;max-width:max(100%,{LEAST}px);height:auto;background:#fff;'
        f'color:{INK}">\n<rect width="{width:g}" height="{height:g}" fill="#fff"/>\n{body}\n</svg>',
        words,
    )


def on_paper(figure: go.Figure, words: str) -> Drawing:
    """A plotly figure, as `svg.static_svg` draws it, with paper under it."""
    height, body = svg_body(figure)
    return paper(WIDTH, height, words, body)


def curves(
    series: Series, x: str, y: str, words: str, *, log: bool = False, thin: Sequence[str] = (), height: int = 320
) -> Drawing:
    """Lines over one pair of axes.

    Args:
        series: by name, (x values, y values).
        x, y: titles of the axes, with units.
        words: what is seen, in a sentence.
        log: y on a logarithmic axis; values must then be positive.
        thin: names of the series that stay in the background.
        height: pixels.

    Raises:
        ValueError: nothing to draw.
    """
    figure = go.Figure()
    for k, (name, (xs, ys)) in enumerate(series.items()):
        line = {"color": COLOURS[k % len(COLOURS)], "width": 1 if name in thin else 2.5}
        places = [math.log10(v) if log else float(v) for v in ys]
        across, behind = [float(v) for v in xs], 0.5 if name in thin else 1
        figure.add_scatter(x=across, y=places, mode="lines", name=name, line=line, opacity=behind)
    if not any(trace.y for trace in figure.data):
        raise ValueError("there is no curve to draw: every series is empty")
    figure.update_xaxes(title_text=x)
    figure.update_yaxes(title_text=y)
    if log:
        figure.update_yaxes(**powers(v for trace in figure.data for v in trace.y))
    figure.update_traces(showlegend=False)
    _, drawn = svg_body(finish(figure, height))
    legend, rows = _legend(list(series))
    body = f'{legend}\n<g transform="translate(0 {LINE * rows - 22})">\n{drawn}\n</g>'
    return paper(WIDTH, height + LINE * rows - 22, words, body)


def _legend(names: Sequence[str]) -> tuple[str, int]:
    """Names beside their colours, in as many rows as they need; none for a single name."""
    parts, x, row = [], 12.0, 1
    for k, name in enumerate(names if len(names) > 1 else ()):
        across = 44 + LETTER * len(name)
        if x > 12 and x + across > WIDTH:
            x, row = 12.0, row + 1
        y = LINE * row
        parts += [svg_line(x, y - 4, x + 16, y - 4, COLOURS[k % len(COLOURS)], 3), svg_text(x + 22, y, name, "start")]
        x += across
    return "".join(parts), row


def powers(exponents: Iterable[float]) -> dict[str, Any]:
    """Range and ticks of an axis whose values are logarithms to base 10: a tick at powers of ten, nine at most."""
    found = list(exponents)
    low, high = math.floor(min(found)), math.ceil(max(found))
    high += low == high
    ticks = list(range(high, low - 1, (low - high) // 8))
    return {"range": [low, high], "tickvals": ticks, "ticktext": [power(k) for k in ticks]}
