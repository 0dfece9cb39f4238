"""What widgets share: a box that is a still picture where no kernel runs, and words that screen readers say."""

from __future__ import annotations

import base64
import html
from collections.abc import Callable
from typing import Any

import ipywidgets


class Live(ipywidgets.VBox):
    """A column of widgets which, where no kernel runs, is shown as the picture it began with.

    A notebook page (nbviewer, a lab that has not run the cell yet) finds HTML beside the widget in the output and shows
    that. Pictures in it are images (`image`): a lab that does not trust a notebook drops SVG, styles and scripts.

    Args:
        children: the widgets, top to bottom.
        still: makes that HTML when the box is displayed.
        parts: widgets and values to reach by name, `box.slider`.
    """

    def __init__(self, children: list[ipywidgets.Widget], still: Callable[[], str], **parts: Any) -> None:
        super().__init__(children, layout={"width": "100%", "max_width": "980px"})
        self._still = still
        for name, part in parts.items():
            setattr(self, name, part)

    def _repr_mimebundle_(self, **options: Any) -> dict[str, Any]:
        return super()._repr_mimebundle_(**options) | {"text/html": self._still()}


def image(svg: str, alt: str, least: int = 0) -> str:
    """An SVG with a paper of its own as an HTML image, no wider than the page; `least`: pixels it keeps in any case."""
    data = base64.b64encode(svg.encode()).decode()
    wide = f"max(100%,{least}px)" if least else "100%"
    return f'<img alt="{html.escape(alt)}" src="data:image/svg+xml;base64,{data}" style="max-width:{wide}">'


def told(text: str = "") -> ipywidgets.HTML:
    """A line of text under a widget, which screen readers say when it changes."""
    widget = ipywidgets.HTML()
    tell(widget, text)
    return widget


def tell(widget: ipywidgets.HTML, text: str, *, wrong: bool = False) -> None:
    """Change such a line; words are never markup. `wrong` marks an error, in words too."""
    text = html.escape(f"Not done: {text}" if wrong else text)
    style = "margin:.2em 0;line-height:1.45" + (";font-weight:600" if wrong else "")
    widget.value = f'<div role="status" aria-live="polite" style="{style}">{text}</div>'


def plain(widget: ipywidgets.HTML) -> str:
    """The words of such a line."""
    return html.unescape(widget.value.partition(">")[2].removesuffix("</div>"))
