"""Occupancies over an utterance as pictures: a row a phone, a column a frame, panels above each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from .listening import OUTPUT_SHIFT, heat_map
from .paper import Drawing, paper
from .svg import svg_line, svg_text

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

ACROSS, LEFT, ROW, GAP = 600, 64, 12, 34  # pixels: width of a panel and of the names, height of a phone, between panels
REACHED = 0.2  # a phone is shown if it reaches this somewhere
MOST = 20  # phones shown


def occupancies(panels: Mapping[str, ArrayLike], phones: Sequence[str], words: str) -> Drawing:
    """Panels of occupancies, or of their differences, over one time axis.

    Args:
        panels: by title, an array (T', N): a row every 30 ms, a column a phone, in [0, 1]; in one with a negative
            value, in [-1, 1], blue is above zero and red below.
        phones: N names.
        words: what is seen, in a sentence or two.

    Raises:
        ValueError: a panel that does not fit the phones or the others.
    """
    values = {title: np.asarray(panel, dtype=np.float64) for title, panel in panels.items()}
    shapes = {array.shape for array in values.values()}
    if len(shapes) != 1 or (shape := next(iter(shapes)))[1:] != (len(phones),):
        raise ValueError(f"panels of shapes {sorted(shapes)}: one shape (frames, {len(phones)}) is needed")
    rows, parts, top = _rows(list(values.values())), [], 26
    deep = ROW * max(1, len(rows))
    for title, array in values.items():
        signed = bool((array < 0).any())
        shown = (array[:, rows].clip(-1, 1) + 1) / 2 if signed else array[:, rows].clip(0, 1)
        parts.append(svg_text(LEFT, top - 8, title, "start"))
        if rows:
            parts.append(heat_map(shown.T, "RdBu" if signed else "Blues", LEFT, top, ACROSS, deep))
        parts.append(
            f'<rect x="{LEFT}" y="{top}" width="{ACROSS}" height="{deep}" fill="none" stroke="currentColor" '
            'stroke-opacity="0.5"/>'
        )
        names = "".join(svg_text(LEFT - 6, top + ROW * (k + 0.5) + 4, phones[n], "end") for k, n in enumerate(rows))
        parts.append(f'<g font-size="11">{names}</g>')
        top += deep + GAP
    parts.append(_seconds(shape[0] * OUTPUT_SHIFT, top - GAP))
    return paper(LEFT + ACROSS + 16, top - GAP + 42, words, "".join(parts))


def _rows(arrays: Sequence[NDArray[np.float64]]) -> list[int]:
    """Phones that reach something in a panel, in the order in which they first do."""
    height = np.max([np.abs(array) for array in arrays], axis=0)
    reached = np.flatnonzero((height >= REACHED).any(0))
    strongest = sorted(reached.tolist(), key=lambda k: -float(height[:, k].sum()))[:MOST]
    return sorted(strongest, key=lambda k: int((height[:, k] >= REACHED).argmax()))


def _seconds(seconds: float, top: float) -> str:
    """The time axis."""
    step = next((s for s in (0.2, 0.5, 1, 2, 5, 10) if seconds / s <= 12), 30)
    parts = []
    for k in range(int(seconds / step + 1e-6) + 1):
        x = LEFT + ACROSS * k * step / seconds
        parts += [svg_line(x, top, x, top + 5, "currentColor", 1), svg_text(x, top + 19, f"{k * step:.1f}", "middle")]
    return "".join([*parts, svg_text(LEFT + ACROSS / 2, top + 36, "time (s)", "middle")])
