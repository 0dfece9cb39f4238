"""Plotly figures of a compression: the plan beside the sensitivities it was made from, size against errors, and the
differences between systems with their intervals.

Drawn as in `figures`: labelled axes with units, nothing told by colour alone, and a static twin for each. A
logarithmic axis is linear in log10 with ticks of its own, so that the twin needs no other scale.
"""

import math
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from .figures import COLOURS, FAINT, Entries, finish
from .report import finite, number, p_value, signed, signed_interval, size

ROW = 23  # pixels a layer
SYMBOLS = ("circle", "diamond", "square", "cross", "triangle-up", "x", "triangle-down", "star")
DECADES = 5  # of sensitivity that are told apart; what is smaller stands at the left edge


def plan_over_sensitivities(table: Mapping[str, Any], bits: Mapping[str, float] | None = None) -> go.Figure:
    """What each layer got, beside what it would cost with fewer or more bits.

    Args:
        table: `sensitivity` of the report.
        bits: `plan["bits"]` of the report; without it only the sensitivities are drawn.

    Returns:
        A row a layer. Left: bars of the bits that the plan gave it. Right, on a logarithmic axis: the layer's cost at
        each bit-width, the chosen one ringed. Costs of 0 and below stand at the left edge.
    """
    names = [str(name) for name in table["layers"]]
    rows = range(len(names))
    figure = make_subplots(
        rows=1,
        cols=2 if bits else 1,
        shared_yaxes=True,
        column_widths=[0.36, 0.64] if bits else None,
        horizontal_spacing=0.04,
    )
    if bits:
        _plan_bars(figure, names, [float(bits.get(name, math.nan)) for name in names], table)
    _costs(figure, names, table, bits or {}, 2 if bits else 1)
    figure.update_yaxes(tickvals=list(rows), ticktext=names, range=[len(names) - 0.4, -0.6], showgrid=False)
    return finish(figure, 134 + ROW * len(names))


def _plan_bars(figure: go.Figure, names: Sequence[str], chosen: Sequence[float], table: Mapping[str, Any]) -> None:
    """Bars of bits by layer, the number behind each."""
    sizes = table.get("sizes") or [None] * len(names)
    shown = [
        (row, bits, weights) for row, (bits, weights) in enumerate(zip(chosen, sizes, strict=True)) if finite(bits)
    ]
    hover = [
        f"{names[row]}: {bits:g} bits"
        + (f" x {number(weights)} weights = {size(weights * bits / 8)}" if weights else "")
        for row, bits, weights in shown
    ]
    rows, lengths = [row for row, _, _ in shown], [bits for _, bits, _ in shown]
    figure.add_bar(
        x=lengths,
        y=rows,
        width=0.72,
        orientation="h",
        marker_color=COLOURS[0],
        name="bits of the plan",
        showlegend=False,
        text=hover,
        textposition="none",
        hovertemplate="%{text}<extra></extra>",
        row=1,
        col=1,
    )
    figure.add_scatter(
        x=lengths,
        y=rows,
        text=[f" {bits:g}" for bits in lengths],
        mode="text",
        textposition="middle right",
        hoverinfo="skip",
        cliponaxis=False,
        showlegend=False,
        row=1,
        col=1,
    )
    top = max([4.0, *lengths])
    ticks = [tick for tick in (0, 2, 4, 8, 12, 16) if tick <= top]
    figure.update_xaxes(title_text="bits<br>a weight", range=[0, 1.25 * top], tickvals=ticks, row=1, col=1)


def _costs(
    figure: go.Figure, names: Sequence[str], table: Mapping[str, Any], bits: Mapping[str, float], col: int
) -> None:
    """A mark for every layer and bit-width at its cost; a ring around the chosen ones."""
    values = [[float(v) if finite(v) else math.nan for v in row] for row in table["values"]]
    low, high = log_limits(values)
    for k, width in enumerate(table["bits"]):
        rows = [row for row in range(len(names)) if finite(values[row][k])]
        costs, plural = [values[row][k] for row in rows], "s" * (width > 1)
        figure.add_scatter(
            x=[log_place(cost, low) for cost in costs],
            y=rows,
            mode="markers",
            name=f"{width:g} bit{plural}",
            marker={"symbol": SYMBOLS[k % len(SYMBOLS)], "color": COLOURS[(k + 1) % len(COLOURS)], "size": 9},
            text=[f"{names[row]} at {width:g} bits: {cost:.3g}" for row, cost in zip(rows, costs, strict=True)],
            hovertemplate="%{text}<extra></extra>",
            row=1,
            col=col,
        )
    columns = {width: k for k, width in enumerate(table["bits"])}
    ringed = [(row, values[row][columns[bits[name]]]) for row, name in enumerate(names) if bits.get(name) in columns]
    ringed = [(row, cost) for row, cost in ringed if finite(cost)]
    if ringed:
        figure.add_scatter(
            x=[log_place(cost, low) for _, cost in ringed],
            y=[row for row, _ in ringed],
            mode="markers",
            name="chosen",
            marker={"symbol": "circle-open", "size": 17, "color": FAINT, "line": {"width": 2}},
            hoverinfo="skip",
            row=1,
            col=col,
        )
    ticks = [(float(d), power(d)) for d in range(math.ceil(low), math.floor(high) + 1)]
    if any(finite(v) and v < 0.999 * 10**low for row in values for v in row):
        ticks = [(low, "less"), *((place, label) for place, label in ticks if place > low + 0.4)]
    title = "<br>".join(textwrap.wrap(f"cost ({table.get('unit') or table.get('measure') or 'no unit given'})", 26))
    figure.update_xaxes(
        title_text=title,
        range=[low - 0.2, high + 0.2],
        row=1,
        col=col,
        tickvals=[place for place, _ in ticks],
        ticktext=[label for _, label in ticks],
    )


def log_limits(values: Sequence[Sequence[float]]) -> tuple[float, float]:
    """log10 of the smallest and the largest positive value, at most `DECADES` apart."""
    logs = [math.log10(v) for row in values for v in row if finite(v) and v > 0]
    if not logs:
        return -1.0, 0.0
    high = max(logs)
    low = max(min(logs), high - DECADES)
    return (low, high) if high - low > 0.5 else (low - 0.5, high)


def log_place(value: float, low: float) -> float:
    """log10 of a value; `low` for what lies below it, zero and negative values included."""
    return round(max(low, math.log10(value)), 4) if value > 0 else low


def power(decade: int) -> str:
    """A power of ten for an axis."""
    return f"{10.0**decade:g}" if -4 <= decade <= 4 else f"1e{decade}"


def size_against_errors(systems: Entries) -> go.Figure:
    """Word errors over the bytes on disk: a line a test set, a symbol a system.

    Args:
        systems: `systems` of the report.
    """
    placed = sorted((s for s in systems if finite(s.get("bytes")) and s["bytes"] > 0), key=lambda s: s["bytes"])
    figure = go.Figure()
    for split in _splits(placed):
        points = [(math.log10(s["bytes"]), s["sets"][split]["wer"]) for s in placed if _has(s, split)]
        if not points:
            continue
        x, y = zip(*points, strict=True)
        figure.add_scatter(
            x=x, y=y, mode="lines", line={"color": FAINT, "width": 1.5}, name=split, hoverinfo="skip", showlegend=False
        )
        figure.add_scatter(
            x=x[-1:],
            y=y[-1:],
            text=[f"  {split}"],
            mode="text",
            textposition="middle right",
            hoverinfo="skip",
            cliponaxis=False,
            showlegend=False,
        )
    for index, system in enumerate(systems):
        if system not in placed:
            continue
        shown = [split for split in _splits(placed) if _has(system, split)]
        rates = [system["sets"][split]["wer"] for split in shown]
        label = str(system.get("label") or system["name"])
        hover = [f"{label} on {split}: {rate:.1f}%" for split, rate in zip(shown, rates, strict=True)]
        figure.add_scatter(
            x=[math.log10(system["bytes"])] * len(shown),
            y=rates,
            mode="markers",
            name=label,
            marker={"symbol": SYMBOLS[index % len(SYMBOLS)], "color": COLOURS[index % len(COLOURS)], "size": 11},
            text=[f"{told}, {size(system['bytes'])}" for told in hover],
            hovertemplate="%{text}<extra></extra>",
        )
    _size_axis(figure, [s["bytes"] for s in placed])
    figure.update_yaxes(title_text="word errors (%)", rangemode="tozero")
    return finish(figure, 400)


def _size_axis(figure: go.Figure, sizes: Sequence[float]) -> None:
    """A logarithmic axis of bytes with room on the right for the names of the sets."""
    low, high = (math.log10(min(sizes)), math.log10(max(sizes))) if sizes else (5.0, 6.0)
    span = max(high - low, 0.3)
    marks = [factor * 10**power for power in range(2, 12) for factor in (1, 2, 5)]
    ticks = [mark for mark in marks if low - 0.08 * span <= math.log10(mark) <= high + 0.3 * span]
    figure.update_xaxes(
        title_text="size on disk (bytes, logarithmic)",
        range=[low - 0.08 * span, high + 0.3 * span],
        tickvals=[math.log10(mark) for mark in ticks],
        ticktext=[size(mark).replace(".0", "") for mark in ticks],
    )


def differences(systems: Entries) -> go.Figure:
    """How many points of word errors each system loses against full precision, with 95% intervals.

    Args:
        systems: `systems` of the report; those without a difference are left out.

    Returns:
        A row for each test set and system: the difference, its interval, its p; a grey band of the differences too
        small for the set to show (80% power).
    """
    rows = list(_compared(systems))
    figure = go.Figure()
    bands: tuple[list, list] = ([], [])
    for y, _, _, entry in rows:
        if finite(entry.get("detectable")):
            _append(bands, [-entry["detectable"], entry["detectable"]], y)
    if bands[0]:
        figure.add_scatter(
            x=bands[0],
            y=bands[1],
            mode="lines",
            line={"color": FAINT, "width": 13},
            opacity=0.3,
            name="too small for the set to show",
            hoverinfo="skip",
        )
    for index, system in enumerate(systems):
        mine = [(y, split, entry) for y, split, owner, entry in rows if owner == index]
        if mine:
            _differences(figure, index, system, mine)
    _difference_axes(figure, rows, systems)
    return finish(figure, 144 + 30 * max(1, len(rows)))


def _compared(systems: Entries) -> Iterator[tuple[float, str, int, Mapping[str, Any]]]:
    """(place, set, which system, entry) of each comparison, set by set."""
    y = 0.0
    for split in _splits(systems):
        found = [(index, system["sets"].get(split) or {}) for index, system in enumerate(systems)]
        found = [(index, entry) for index, entry in found if finite(entry.get("difference"))]
        for index, entry in found:
            yield y, split, index, entry
            y += 1
        y += 0.5 if found else 0


def _differences(
    figure: go.Figure, index: int, system: Mapping[str, Any], mine: Sequence[tuple[float, str, Mapping[str, Any]]]
) -> None:
    """The intervals of one system as lines, the differences as marks, with their figures."""
    colour, label = COLOURS[index % len(COLOURS)], str(system.get("label") or system["name"])
    lines: tuple[list, list] = ([], [])
    for y, _, entry in mine:
        if entry.get("interval") and all(map(finite, entry["interval"])):
            _append(lines, entry["interval"], y)
    figure.add_scatter(
        x=lines[0],
        y=lines[1],
        mode="lines",
        line={"color": colour, "width": 3},
        hoverinfo="skip",
        name=label,
        showlegend=False,
    )
    marker = {"symbol": SYMBOLS[index % len(SYMBOLS)], "color": colour, "size": 11}
    text = [
        f"{label} on {split}: {signed(entry['difference'])} points, p {_relation(entry.get('p'))}, "
        f"95% interval {signed_interval(entry.get('interval')) or 'not given'}"
        for _, split, entry in mine
    ]
    figure.add_scatter(
        x=[entry["difference"] for _, _, entry in mine],
        y=[y for y, _, _ in mine],
        mode="markers",
        name=label,
        marker=marker,
        text=text,
        hovertemplate="%{text}<extra></extra>",
    )
    figure.add_scatter(
        x=[_right(entry) for _, _, entry in mine],
        y=[y for y, _, _ in mine],
        mode="text",
        textposition="middle right",
        hoverinfo="skip",
        cliponaxis=False,
        text=[f"  {signed(e['difference'])}, p {_relation(e.get('p'))}" for _, _, e in mine],
        showlegend=False,
    )


def _right(entry: Mapping[str, Any]) -> float:
    """Where everything drawn of a comparison ends on the right."""
    ends = [entry["difference"], *(entry.get("interval") or []), entry.get("detectable")]
    return max(float(end) for end in ends if finite(end))


def _relation(p: Any) -> str:
    told = p_value(p)
    return told if told.startswith("<") else f"= {told}"


def _difference_axes(figure: go.Figure, rows: Sequence[tuple[float, str, int, Any]], systems: Entries) -> None:
    splits = list(dict.fromkeys(split for _, split, _, _ in rows))
    places = {split: [y for y, name, _, _ in rows if name == split] for split in splits}
    ends = [value for _, _, _, entry in rows for value in [entry["difference"], *(entry.get("interval") or [])]]
    ends += [-entry["detectable"] for _, _, _, entry in rows if finite(entry.get("detectable"))]
    low, high = min([0.0, *ends]), max([0.0, *(_right(entry) for _, _, _, entry in rows)])
    span = max(high - low, 0.5)
    bottom = max([y for y, _, _, _ in rows], default=0.0)
    figure.add_scatter(
        x=[0, 0],
        y=[-0.7, bottom + 0.7],
        mode="lines",
        line={"color": FAINT, "width": 2},
        name="no difference",
        hoverinfo="skip",
        showlegend=False,
    )
    figure.update_yaxes(
        tickvals=[sum(ys) / len(ys) for ys in places.values()],
        ticktext=splits,
        range=[bottom + 0.7, -0.7],
        showgrid=False,
    )
    reference = next((str(s.get("label") or s["name"]) for s in systems if s["name"] == "full"), "full precision")
    title = f"more word errors than {reference}<br>(percentage points)"
    figure.update_xaxes(title_text=title, range=[low - 0.1 * span, high + 0.65 * span])


def _append(lines: tuple[list, list], ends: Sequence[float], y: float) -> None:
    """Add a horizontal stroke to a trace of strokes with gaps between."""
    lines[0].extend([ends[0], ends[1], None])
    lines[1].extend([y, y, None])


def _splits(systems: Entries) -> list[str]:
    return list(dict.fromkeys(split for system in systems for split in system["sets"]))


def _has(system: Mapping[str, Any], split: str) -> bool:
    return finite(system["sets"].get(split, {}).get("wer"))
