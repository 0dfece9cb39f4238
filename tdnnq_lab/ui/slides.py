"""Drawings on a notebook's page: one as it is, or several behind a slider.

All are drawn beforehand, so a move of the slider swaps text and takes a millisecond.
"""

from __future__ import annotations

import html
from collections.abc import Mapping

import ipywidgets

from .live import Live, image, tell, told
from .paper import LEAST, Drawing
from .parts import Page


def still(drawing: Drawing) -> str:
    """The drawing as HTML that every notebook page shows: an image that scrolls where the page is narrow."""
    return f'<div style="overflow-x:auto">{image(drawing.svg, drawing.words, LEAST)}</div>'


def shown(drawing: Drawing) -> Page:
    """A drawing on a page, under its words."""
    return Page(f'<div style="margin:.2em 0;line-height:1.45">{html.escape(drawing.words)}</div>{still(drawing)}')


def flip(drawings: Mapping[str, Drawing], description: str, start: str | None = None) -> Live:
    """Drawings behind a slider, one for each of its places.

    Args:
        drawings: by what the slider reads there, in order.
        description: of the slider, with its unit.
        start: where it begins (None: at the first).

    Returns:
        A widget with `.slider` (arrow keys move it), `.text` (the words) and `.picture` (an SVG).

    Raises:
        ValueError: no drawings, or `start` is none of them.
    """
    places = list(drawings)
    if not places:
        raise ValueError("flip needs at least one drawing")
    if start is not None and start not in drawings:
        raise ValueError(f"start is {start!r}; the slider has {', '.join(places)}")
    slider = ipywidgets.SelectionSlider(
        options=places, value=start or places[0], description=description, style={"description_width": "initial"},
        layout={"width": "min(100%, 560px)"},
    )  # fmt: skip
    text, picture = told(), ipywidgets.HTML()

    def move(change: object = None) -> None:
        drawing = drawings[slider.value]
        picture.value = f'<div style="overflow-x:auto">{drawing.svg}</div>'
        tell(text, drawing.words)

    def page() -> str:
        return text.value + still(drawings[slider.value])

    slider.observe(move, "value")
    move()
    return Live([slider, text, picture], page, slider=slider, text=text, picture=picture)
