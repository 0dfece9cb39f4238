"""Plotly figures of a report: the learning curve, and errors by set, accent, speaker and bits.

Every figure has labelled axes with units, needs no colour to be read (names stand beside the marks), and uses only
lines, markers, text and bars over numeric axes, so that `svg.static_svg` can draw the same figure without
JavaScript. Colours have a contrast of at least 3 on white and on near-black paper.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from .report import finite, number

COLOURS = ("#2f81c7", "#cf6d17", "#1f9168", "#9a63c9", "#c2478a", "#8a7a1f")
FAINT = "#7d7d7d"
SYMBOLS = ("circle", "diamond", "square", "cross", "triangle-up", "x")
ROW = 26  # pixels a bar with its gap
CURVE_POINTS = 600  # drawn at most: more cannot be seen

Entries = Sequence[Mapping[str, Any]]


def learning_curve(curve: Entries) -> go.Figure:
    """The criterion and the cross-entropy over the updates.

    Args:
        curve: `learning_curve` of the report.

    Returns:
        Two panels that share the updates: the LF-MMI objective a frame (it rises towards 0), and the
        cross-entropy (it falls) where it was recorded. Thin: each record; thick: a running mean.
    """
    panels = [("objective", "LF-MMI objective<br>(nats a frame)"), ("xent", "cross-entropy<br>(nats a frame)")]
    panels = [panel for panel in panels if any(finite(point.get(panel[0])) for point in curve)]
    figure = make_subplots(rows=max(1, len(panels)), cols=1, shared_xaxes=True, vertical_spacing=0.09)
    for row, (key, title) in enumerate(panels, start=1):
        colour = COLOURS[row - 1]
        points = [point for point in curve if finite(point.get(key)) and finite(point.get("update"))]
        updates = [point["update"] for point in points]
        values = [point[key] for point in points]
        _curve(figure, row, updates, values, colour, key, points)
        figure.update_yaxes(title_text=title, row=row, col=1)
    figure.update_xaxes(title_text="update (batches seen)", row=max(1, len(panels)), col=1)
    return finish(figure, 180 + 190 * max(1, len(panels)))


def _curve(
    figure: go.Figure, row: int, updates: list, values: list, colour: str, key: str, points: list[Mapping[str, Any]]
) -> None:
    """Every record as a thin line, its running mean as a thick one."""
    step = max(1, -(-len(values) // CURVE_POINTS))
    smooth = running_mean(values, max(1, len(values) // 40))
    rates = [f"learning rate {point['learning_rate']:.1e}" for point in points if finite(point.get("learning_rate"))]
    hover = "update %{x}: %{y:.3f} nats a frame"
    thin = {"x": updates[::step], "y": [round(value, 4) for value in values[::step]], "mode": "lines"}
    figure.add_scatter(
        **thin, line={"color": colour, "width": 1}, opacity=0.35, hoverinfo="skip", showlegend=False, row=row, col=1
    )
    figure.add_scatter(
        x=updates[::step],
        y=[round(value, 4) for value in smooth[::step]],
        mode="lines",
        name=f"{key}, running mean",
        line={"color": colour, "width": 3},
        text=rates[::step] if len(rates) == len(points) else None,
        hovertemplate=hover + ("<br>%{text}" if rates else "") + "<extra></extra>",
        showlegend=False,
        row=row,
        col=1,
    )


def running_mean(values: Sequence[float], width: int) -> list[float]:
    """Means over up to `width` records on each side; the window shrinks at the ends."""
    sums = [0.0]
    for value in values:
        sums.append(sums[-1] + value)
    spans = [(max(0, i - width), min(len(values), i + width + 1)) for i in range(len(values))]
    return [(sums[high] - sums[low]) / (high - low) for low, high in spans]


def errors_by_set(sets: Entries) -> go.Figure:
    """Word and phone errors of each test set with their 95% intervals, and word errors without a grammar.

    Args:
        sets: `sets` of the report.
    """
    figure, ticks = go.Figure(), []
    measures = [
        ("wer", "word errors", COLOURS[0], "wer_interval"),
        ("per", "phone errors", COLOURS[2], "per_interval"),
        ("unigram_wer", "word errors, unigram", FAINT, None),
    ]
    shown = [measure for measure in measures if any(finite(entry.get(measure[0])) for entry in sets)]
    for block, entry in enumerate(sets):
        ticks.append((block * (len(shown) + 0.8) + (len(shown) - 1) / 2, entry["name"]))
    for offset, (key, name, colour, interval_key) in enumerate(shown):
        rows = [
            (block * (len(shown) + 0.8) + offset, entry) for block, entry in enumerate(sets) if finite(entry.get(key))
        ]
        intervals = [_interval(entry, key, interval_key) for _, entry in rows]
        _bars(figure, [(y, entry[key], number(float(entry[key]))) for y, entry in rows], name, colour, intervals)
    _named_rows(figure, ticks, "errors (% of the words or phones spoken)")
    figure.update_layout(legend_traceorder="normal")
    return finish(figure, 120 + ROW * round(len(sets) * (len(shown) + 0.8)))


def _interval(entry: Mapping[str, Any], key: str, interval_key: str | None) -> tuple[float, float]:
    """(low, high), the value itself twice where there is no interval."""
    pair = entry.get(interval_key) if interval_key else None
    return (pair[0], pair[1]) if pair and all(map(finite, pair)) else (entry[key], entry[key])


def errors_by_accent(sets: Entries) -> go.Figure:
    """Word errors by accent of the speaker, a bar for each set in which the accent occurs.

    Args:
        sets: `sets` of the report, with `errors_by_speaker`.
    """
    totals = _by_accent(sets)
    order = sorted(totals, key=lambda accent: max(e / w for e, w in totals[accent].values()))
    bars: dict[str, list[tuple[float, float, str]]] = defaultdict(list)
    ticks, y = [], 0.0
    for accent in order:
        first = y
        for name, (errors, words) in totals[accent].items():
            rate = 100 * errors / words
            bars[name].append((y, rate, f"{name} {rate:.1f}"))
            y += 1
        ticks.append(((first + y - 1) / 2, accent))
        y += 0.6
    figure = go.Figure()
    for index, entry in enumerate(sets):
        if bars[entry["name"]]:
            _bars(figure, bars[entry["name"]], entry["name"], COLOURS[index % len(COLOURS)])
    _named_rows(figure, ticks, "word errors (%)")
    return finish(figure, 120 + ROW * max(1, round(y)))


def _by_accent(sets: Entries) -> dict[str, dict[str, tuple[int, int]]]:
    """accent -> set -> (errors, words), sets in their order; accents without words are left out."""
    totals: dict[str, dict[str, tuple[int, int]]] = defaultdict(dict)
    for entry in sets:
        for speaker in entry.get("errors_by_speaker") or []:
            if speaker.get("words"):
                accent = str(speaker.get("accent") or "not said")
                errors, words = totals[accent].get(entry["name"], (0, 0))
                totals[accent][entry["name"]] = (errors + speaker["errors"], words + speaker["words"])
    return dict(totals)


def errors_by_speaker(sets: Entries) -> go.Figure:
    """A mark for every speaker of every set: their word errors; its shape tells the gender.

    Args:
        sets: `sets` of the report, with `errors_by_speaker`.
    """
    groups: dict[str, list[tuple[float, float, str]]] = defaultdict(list)
    for row, entry in enumerate(sets):
        speakers = [s for s in entry.get("errors_by_speaker") or [] if s.get("words")]
        speakers.sort(key=lambda s: s["errors"] / s["words"])
        for rank, speaker in enumerate(speakers):
            rate = 100 * speaker["errors"] / speaker["words"]
            jitter = 0.6 * ((rank * 0.618034) % 1) - 0.3  # golden ratio: neighbours in rank lie far apart
            label = f"{speaker['speaker']} ({speaker.get('accent') or 'accent not said'}): "
            label += f"{speaker['errors']} errors in {speaker['words']} words, {rate:.1f}%"
            groups[str(speaker.get("gender") or "not said")].append((rate, row + jitter, label))
    figure = go.Figure()
    for index, (gender, marks) in enumerate(sorted(groups.items())):
        x, y, labels = zip(*marks, strict=True)
        marker = {"color": COLOURS[index % 6], "symbol": SYMBOLS[index % 6], "size": 9, "opacity": 0.8}
        figure.add_scatter(
            x=x, y=y, text=labels, mode="markers", name=gender, marker=marker, hovertemplate="%{text}<extra></extra>"
        )
    for row, entry in enumerate(sets):
        if not finite(entry["wer"]):
            continue
        figure.add_scatter(
            x=[entry["wer"]] * 2,
            y=[row - 0.42, row + 0.42],
            mode="lines",
            line={"color": FAINT, "width": 3},
            name="whole set",
            showlegend=row == 0,
            hovertemplate=f"{entry['name']}: %{{x:.1f}}%<extra></extra>",
        )
    _named_rows(figure, [(float(row), entry["name"]) for row, entry in enumerate(sets)], "word errors (%)", 0.18)
    return finish(figure, 130 + 80 * len(sets))


def headroom(rows: Entries) -> go.Figure:
    """Word and phone errors when the weights are simply rounded to fewer bits.

    Args:
        rows: `headroom` of the report.
    """
    rows = sorted(rows, key=lambda row: row["bits"])
    names = list(dict.fromkeys(name for row in rows for name in row["sets"]))
    panels = [("wer", "word errors (%)"), ("per", "phone errors (%)")]
    panels = [p for p in panels if any(finite(entry.get(p[0])) for row in rows for entry in row["sets"].values())]
    figure = make_subplots(rows=max(1, len(panels)), cols=1, shared_xaxes=True, vertical_spacing=0.09)
    bits = {"tickvals": list(range(len(rows))), "ticktext": [f"{row['bits']:g}" for row in rows]}
    for panel, (key, title) in enumerate(panels, start=1):
        for index, name in enumerate(names):
            marks = [(x, row["sets"].get(name, {}).get(key)) for x, row in enumerate(rows)]
            marks = [(x, round(value, 2)) for x, value in marks if finite(value)]
            figure.add_scatter(
                x=[x for x, _ in marks],
                y=[value for _, value in marks],
                mode="lines+markers",
                name=name,
                line={"color": COLOURS[index % 6], "width": 2},
                marker={"symbol": SYMBOLS[index % 6], "size": 9},
                hovertemplate=f"{name}: %{{y:.1f}}%<extra></extra>",
                showlegend=panel == 1,
                row=panel,
                col=1,
            )
        figure.update_yaxes(title_text=title, rangemode="tozero", row=panel, col=1)
    figure.update_xaxes(**bits)
    figure.update_xaxes(title_text="bits a weight (32: as trained)", row=max(1, len(panels)), col=1)
    return finish(figure, 130 + 200 * max(1, len(panels)))


def _bars(
    figure: go.Figure,
    rows: Sequence[tuple[float, float, str]],
    name: str,
    colour: str,
    intervals: Sequence[tuple[float, float]] | None = None,
) -> None:
    """Horizontal bars (y, length, label) with the label behind the end of the bar or of its interval."""
    intervals = intervals or [(value, value) for _, value, _ in rows]
    ys = [y for y, _, _ in rows]
    bar: dict[str, Any] = {"x": [value for _, value, _ in rows], "y": ys, "width": 0.86, "orientation": "h"}
    if any(low < high for low, high in intervals):
        bar["error_x"] = {
            "type": "data",
            "symmetric": False,
            "array": [high - value for (_, value, _), (_, high) in zip(rows, intervals, strict=True)],
            "arrayminus": [value - low for (_, value, _), (low, _) in zip(rows, intervals, strict=True)],
            "color": FAINT,
            "thickness": 2,
        }
    figure.add_bar(**bar, name=name, marker_color=colour, hovertemplate=f"{name}: %{{x:.1f}}%<extra></extra>")
    figure.add_scatter(
        x=[max(high, value) for (_, value, _), (_, high) in zip(rows, intervals, strict=True)],
        y=ys,
        text=[f" {label}" for _, _, label in rows],
        mode="text",
        textposition="middle right",
        hoverinfo="skip",
        cliponaxis=False,
        showlegend=False,
    )


def _named_rows(figure: go.Figure, ticks: Sequence[tuple[float, str]], title: str, room: float = 0.6) -> None:
    """Rows with names on the y axis, first on top; rates from 0 on the x axis, with room for labels on the right."""
    marks = [value for trace in figure.data for value in trace.x]
    bottom = max([y for y, _ in ticks] + [y for trace in figure.data for y in trace.y], default=0.0)
    figure.update_yaxes(tickvals=[y for y, _ in ticks], ticktext=[name for _, name in ticks])
    figure.update_yaxes(range=[bottom + room, -0.6], showgrid=False)
    figure.update_xaxes(title_text=title, range=[0, 1.3 * max([*marks, 1.0])])


def finish(figure: go.Figure, height: int) -> go.Figure:
    """What all figures share: height in pixels, margins, legend on top; the page colours paper and text."""
    figure.update_layout(
        height=height,
        template="none",
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        margin={
            "l": 10,
            "r": 20,
            "t": 40 if any(trace.showlegend is not False for trace in figure.data) else 12,
            "b": 10,
        },
        legend={"orientation": "h", "x": 0, "y": 1.0, "yanchor": "bottom", "xanchor": "left"},
        font={"family": "system-ui, sans-serif", "size": 14},
        bargap=0,
        dragmode=False,
        hoverlabel={"namelength": -1},
    )
    figure.update_xaxes(
        automargin=True, zeroline=False, showline=True, ticks="outside", gridcolor="rgba(125,125,125,0.25)"
    )
    figure.update_yaxes(automargin=True, zeroline=False, showline=True, gridcolor="rgba(125,125,125,0.25)")
    return figure
