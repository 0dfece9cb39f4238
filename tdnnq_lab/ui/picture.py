"""The static picture of a report, for the README (matplotlib): errors by test set beside the learning curve, and
where a model was compressed, the plan beside size against errors."""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from .figures import COLOURS, FAINT, running_mean
from .report import Report, check_report, finite, number, size

POINTS = 300  # of the learning curve: keeps an SVG small


def static_picture(report: Report, path: str | os.PathLike) -> Path:
    """Draw word errors by test set with their intervals, the learning curve, the plan, and size against errors: those
    of which the report knows something.

    The same report gives the same bytes. The picture has a white ground, so that it reads on dark pages too.

    Args:
        report: As described in `report`.
        path: Ends in .svg or .png; written to a temporary name and renamed.

    Raises:
        ModuleNotFoundError: matplotlib is not installed (it comes with the extra `lab`).
        ValueError: The report lacks what must be there, or the path has another ending.
    """
    check_report(report)
    path = Path(path)
    if path.suffix not in (".svg", ".png"):
        raise ValueError(f"{path}: a picture ends in .svg or .png")
    try:
        import matplotlib
        from matplotlib.figure import Figure
    except ModuleNotFoundError:
        raise ModuleNotFoundError("matplotlib draws this picture: pip install 'tdnnq-lab[lab]'") from None
    panels = _panels(report)
    with matplotlib.rc_context({"svg.hashsalt": "tdnnq-lab", "font.size": 10}):
        rows = -(-len(panels) // 2)
        figure = Figure(figsize=(9, 3.2 * rows), layout="constrained", facecolor="white")
        places = figure.subplots(rows, min(2, len(panels)), squeeze=False).ravel()
        for axes, (draw, data) in zip(places, panels, strict=False):
            draw(axes, data)
        for axes in places[len(panels) :]:
            axes.remove()
        temporary = path.with_name(path.name + ".tmp")
        metadata = {"Date": None} if path.suffix == ".svg" else {"Software": None}
        figure.savefig(temporary, format=path.suffix[1:], dpi=150, metadata=metadata)
    os.replace(temporary, path)
    return path


def _panels(report: Report) -> list[tuple[Callable[[Any, Any], None], Any]]:
    """What to draw, in order, with its part of the report."""
    curve = [point for point in report.get("learning_curve") or [] if finite(point.get("objective"))]
    systems = [system for system in report.get("systems") or [] if finite(system.get("bytes")) and system["bytes"] > 0]
    panels: list[tuple[Callable[[Any, Any], None], Any]] = [(_errors, report["sets"])]
    panels += [(_curve, curve)] if curve else []
    panels += [(_plan, report["plan"]["bits"])] if report.get("plan") else []
    panels += [(_sizes, systems)] if systems else []
    return panels


def _plan(axes: Any, bits: Mapping[str, float]) -> None:
    """Bits of each layer, first to last, as bars."""
    places = range(len(bits))
    axes.bar(places, list(bits.values()), color=COLOURS[0], width=0.8)
    for place, value in zip(places, bits.values(), strict=True):
        axes.text(place, value, f"{value:g}", ha="center", va="bottom", fontsize=8)
    axes.set_xticks(list(places), list(bits), rotation=60, ha="right", rotation_mode="anchor", fontsize=8)
    axes.set_ylabel("bits a weight")
    axes.set_title("the plan", fontsize=10, loc="left")
    axes.spines[["top", "right"]].set_visible(False)


def _sizes(axes: Any, systems: Sequence[Mapping[str, Any]]) -> None:
    """Word errors over bytes on disk: a grey line a set, a symbol a system."""
    splits = dict.fromkeys(split for system in systems for split in system["sets"])
    for split in splits:
        points = [(s["bytes"], s["sets"][split]["wer"]) for s in systems if finite(s["sets"].get(split, {}).get("wer"))]
        if points:
            x, y = zip(*sorted(points), strict=True)
            axes.plot(x, y, color=FAINT, linewidth=1, zorder=1)
            axes.text(x[-1], y[-1], f"   {split}", va="center", fontsize=9)
    for index, system in enumerate(systems):
        rates = [e["wer"] for e in system["sets"].values() if finite(e.get("wer"))]
        look = {"color": COLOURS[index % 6], "linestyle": "none", "marker": "oDsP^X"[index % 6]}
        axes.plot([system["bytes"]] * len(rates), rates, **look, label=str(system.get("label") or system["name"]))
    axes.set_xscale("log")
    low, high = min(s["bytes"] for s in systems), max(s["bytes"] for s in systems)
    axes.set_xlim(low / 1.3, high * max(1.6, (high / low) ** 0.35))
    marks = [m for m in (f * 10**k for k in range(2, 12) for f in (1, 2, 5)) if low / 1.3 <= m <= high * 1.6]
    axes.set_xticks(marks, [size(mark).replace(".0", "") for mark in marks])
    axes.minorticks_off()
    axes.set_ylim(bottom=0)
    axes.set_xlabel("size on disk (logarithmic)")
    axes.set_ylabel("word errors (%)")
    axes.legend(frameon=False, loc="lower left", bbox_to_anchor=(-0.02, 1.0), ncols=3, borderaxespad=0.1, fontsize=8)
    axes.spines[["top", "right"]].set_visible(False)


def _errors(axes: Any, sets: Sequence[Mapping[str, Any]]) -> None:
    """Bars with intervals; the unigram's errors as diamonds."""
    shown = [entry for entry in sets if finite(entry["wer"])]
    rates = [entry["wer"] for entry in shown]
    places = range(len(shown))
    pairs = [entry.get("wer_interval") or (entry["wer"], entry["wer"]) for entry in shown]
    spread = [[max(0.0, r - low) for r, (low, _) in zip(rates, pairs, strict=True)]]
    spread += [[max(0.0, high - r) for r, (_, high) in zip(rates, pairs, strict=True)]]
    bars = {"color": COLOURS[0], "ecolor": "#333333", "capsize": 3, "height": 0.6}
    axes.barh(places, rates, xerr=spread, label="word errors", **bars)
    unigram = [(place, entry["unigram_wer"]) for place, entry in enumerate(shown) if finite(entry.get("unigram_wer"))]
    if unigram:
        y, x = zip(*unigram, strict=True)
        axes.plot(x, y, "D", color=FAINT, label="with a unigram")
        axes.legend(frameon=False, loc="lower left", bbox_to_anchor=(-0.02, 1.0), ncols=2, borderaxespad=0.1)
    for place, rate, (_, high) in zip(places, rates, pairs, strict=True):
        axes.text(max(rate, high), place, f"  {number(float(rate))}", va="center", fontweight="bold")
    axes.set_yticks(list(places), [entry["name"] for entry in shown])
    axes.invert_yaxis()
    axes.set_xlim(0, 1.15 * max([*rates, *(high for _, high in pairs), *(x for _, x in unigram), 1.0]))
    axes.set_xlabel("word errors (%), with 95% intervals")
    axes.spines[["top", "right"]].set_visible(False)


def _curve(axes: Any, curve: Sequence[Mapping[str, Any]]) -> None:
    """The objective over the updates: records thin, running mean thick."""
    step = max(1, -(-len(curve) // POINTS))
    updates = [point["update"] for point in curve]
    values = [point["objective"] for point in curve]
    smooth = running_mean(values, max(1, len(values) // 40))
    axes.plot(updates[::step], values[::step], color=COLOURS[0], linewidth=0.7, alpha=0.4)
    axes.plot(updates[::step], smooth[::step], color=COLOURS[0], linewidth=2)
    axes.set_xlabel("update (batches seen)")
    axes.set_ylabel("LF-MMI objective\n(nats a frame)")
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
