"""The static picture of a report, for the README: errors by test set beside the learning curve (matplotlib)."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .figures import COLOURS, FAINT, running_mean
from .report import Report, check_report, finite, number

POINTS = 300  # of the learning curve: keeps an SVG small


def static_picture(report: Report, path: str | os.PathLike) -> Path:
    """Draw word errors by test set with their intervals, and the learning curve where there is one.

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
    curve = [point for point in report.get("learning_curve") or [] if finite(point.get("objective"))]
    with matplotlib.rc_context({"svg.hashsalt": "tdnnq-lab", "font.size": 10}):
        figure = Figure(figsize=(9, 3.2), layout="constrained", facecolor="white")
        panels = figure.subplots(1, 2 if curve else 1, squeeze=False)[0]
        _errors(panels[0], report["sets"])
        if curve:
            _curve(panels[1], curve)
        temporary = path.with_name(path.name + ".tmp")
        metadata = {"Date": None} if path.suffix == ".svg" else {"Software": None}
        figure.savefig(temporary, format=path.suffix[1:], dpi=150, metadata=metadata)
    os.replace(temporary, path)
    return path


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
