"""Pictures of low rank: a matrix beside its two factors, singular values on their way to one, weights by layer."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from plotly.subplots import make_subplots

from .figures import COLOURS, FAINT, finish
from .paper import Drawing, on_paper, paper, powers
from .svg import svg_line, svg_text

SIDE, TOP = 200, 46  # pixels of the square matrix, and above it
ROW, NAMES, BARS = 32, 112, 380  # pixels of `weights_by_layer`: a layer; width of the names; longest bar


def low_rank(hidden: int, bottleneck: int) -> Drawing:
    """A square matrix W [C, C] beside the product of A [C, d] and M [d, C], to scale, with their weights.

    Args:
        hidden: C.
        bottleneck: d.
    """
    full, thin = hidden * hidden, 2 * hidden * bottleneck
    ratio = full / thin
    saved = f"{ratio:.1f} times fewer" if ratio > 1 else "just as many" if ratio == 1 else f"{1 / ratio:.1f} times more"
    words = f"Bottleneck {bottleneck}: {thin:,} weights in two factors against {full:,} in one matrix, {saved}."
    w, left = max(2.0, SIDE * bottleneck / hidden), 300
    boxes = [(24, SIDE, SIDE, FAINT), (left, w, SIDE, COLOURS[0]), (left + w + 40, SIDE, w, COLOURS[1])]
    parts = [
        f'<rect x="{x:.1f}" y="{TOP}" width="{across:.1f}" height="{down:.1f}" fill="{colour}" fill-opacity="0.55" '
        f'stroke="{colour}"/>'
        for x, across, down, colour in boxes
    ]
    parts += [
        svg_text(24 + SIDE / 2, TOP - 12, f"W: {hidden:,} × {hidden:,}", "middle"),
        svg_text(left + w / 2, TOP + SIDE + 22, f"A: {hidden:,} × {bottleneck}", "middle"),
        svg_text(left + w + 40 + SIDE / 2, TOP - 12, f"M: {bottleneck} × {hidden:,}", "middle"),
        svg_text(262, TOP + SIDE / 2, "=", "middle"),
        svg_text(left + w + 20, TOP + SIDE / 2, "·", "middle"),
    ]
    return paper(680, TOP + SIDE + 40, words, "\n".join(parts), size=15)


def singular_values(history: Sequence[Sequence[float]], errors: Sequence[float]) -> dict[str, Drawing]:
    """One drawing a step: the singular values then, over their scale, and the error up to then.

    Args:
        history: at each step (the first: before any) the singular values over the scale s, largest first.
        errors: at each step the root mean square of M Mᵀ/s² - I, positive.

    Returns:
        Drawings by step, "0", "1", …
    """
    top = 1.08 * max(max(values) for values in history)
    ticks = powers(math.log10(error) for error in errors)
    found = {}
    for step, (values, error) in enumerate(zip(history, errors, strict=True)):
        figure = make_subplots(cols=2, horizontal_spacing=0.04, column_widths=[0.52, 0.48])
        places = list(range(1, len(values) + 1))
        figure.add_scatter(x=[1, len(values)], y=[1, 1], mode="lines", line={"color": FAINT, "width": 1}, row=1, col=1)
        line = {"color": COLOURS[0], "width": 3}
        figure.add_scatter(x=places, y=[round(v, 4) for v in values], mode="lines", line=line, row=1, col=1)
        logs = [round(math.log10(e), 3) for e in errors]
        line = {"color": COLOURS[1], "width": 2}
        figure.add_scatter(x=list(range(len(logs))), y=logs, mode="lines", line=line, row=1, col=2)
        mark = {"color": COLOURS[1], "size": 12}
        figure.add_scatter(x=[step], y=[logs[step]], mode="markers", marker=mark, row=1, col=2)
        figure.update_xaxes(title_text="singular values, largest first", range=[1, len(values)], row=1, col=1)
        figure.update_yaxes(title_text="singular value / scale s", range=[0, top], row=1, col=1)
        figure.update_xaxes(title_text="step", range=[-0.3, max(1, len(logs) - 1) + 0.3], row=1, col=2)
        figure.update_yaxes(title_text="error", **ticks, row=1, col=2)
        figure.update_traces(showlegend=False)
        words = f"After {step} step{'s' * (step != 1)}: singular values between {min(values):.3f} and "
        words += f"{max(values):.3f} of their scale, error {error:.1e}."
        found[str(step)] = on_paper(finish(figure, 330), words)
    return found


def weights_by_layer(counts: Mapping[str, Mapping[str, int]]) -> Drawing:
    """Bars of the parameters of each layer, a bar a network.

    Args:
        counts: by network, by layer; the layers of the first name the rows.
    """
    names = list(next(iter(counts.values())))
    most = max(max(network.values()) for network in counts.values())
    thick = (ROW - 8) / len(counts)
    parts, x = [], NAMES + 0.0
    for k, name in enumerate(counts):
        parts.append(f'<rect x="{x:.0f}" y="10" width="12" height="12" fill="{COLOURS[k]}"/>')
        parts.append(svg_text(x + 17, 21, name, "start"))
        x += 44 + 7.5 * len(name)
    for row, layer in enumerate(names):
        y = 34 + ROW * row
        parts.append(svg_text(NAMES - 8, y + ROW / 2 + 1, layer, "end"))
        for k, network in enumerate(counts.values()):
            across, at = BARS * network[layer] / most, y + thick * k
            parts.append(
                f'<rect class="bar" x="{NAMES}" y="{at:.1f}" width="{across:.1f}" height="{thick - 1:.1f}" '
                f'fill="{COLOURS[k]}"/>'
            )
            label = svg_text(NAMES + across + 6, at + thick - 1.5, f"{network[layer]:,}", "start")
            parts.append(f'<g font-size="11">{label}</g>')
    bottom = 34 + ROW * len(names)
    parts.append(svg_line(NAMES, 30, NAMES, bottom, "currentColor", 1, 0.6))
    totals = "; ".join(f"{name} {sum(network.values()):,}" for name, network in counts.items())
    return paper(600, bottom + 10, f"Parameters of each layer, biases included. In all: {totals}.", "\n".join(parts))
