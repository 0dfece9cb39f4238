"""Pieces of pages: a figure with its static twin, a table, a number; and HTML that a notebook shows."""

import html
import json
from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from .svg import static_svg


def figure_twice(id: str, figure: go.Figure, title: str, caption: str) -> str:
    """A figure twice: the static SVG, and the data from which the script draws the interactive one."""
    data = json.dumps(json.loads(figure.to_json()), separators=(",", ":")).replace("<", "\\u003c")
    return f"""<figure>
<figcaption><strong>{html.escape(title)}.</strong> {html.escape(caption)}</figcaption>
<div class="plot still" id="{id}">{static_svg(figure, title)}</div>
<script type="application/json" id="{id}-figure">{data}</script>
</figure>"""


def table(caption: str, head: Sequence[str], rows: Sequence[Sequence[str]], style: str = "") -> str:
    """A plain table that can be scrolled sideways by keyboard; cells are HTML already."""
    header = "".join(f'<th scope="col">{name}</th>' for name in head)
    body = "".join(
        f'<tr><th scope="row">{first}</th>' + "".join(f"<td>{cell}</td>" for cell in rest) + "</tr>"
        for first, *rest in rows
    )
    heading = f"<thead><tr>{header}</tr></thead>" if any(head) else ""
    return (
        f'<div class="scroll" role="region" aria-label="{html.escape(caption)}" tabindex="0">'
        f'<table class="{style}"><caption>{caption}</caption>{heading}<tbody>{body}</tbody></table></div>'
    )


def real(value: Any) -> Any:
    """A whole number as a real one, so that rates keep their decimals."""
    return float(value) if isinstance(value, int) else value


class Page:
    """HTML that notebooks show, and that can be written as a page of its own."""

    def __init__(self, content: str) -> None:
        self.content = content

    def __repr__(self) -> str:
        return "a page: needs a notebook or a browser to be shown"

    def _repr_html_(self) -> str:
        return self.content

    def page(self, title: str = "tdnnq-lab") -> str:
        """A whole HTML page."""
        head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        head += f"<title>{html.escape(title)}</title>"
        return f'<!doctype html>\n<html lang="en"><head>{head}</head><body>{self.content}</body></html>\n'
