"""Sections of the report page on compression: what was compared, the plan, utterances to hear. Empty where the report
has nothing to say on it."""

import html
from collections.abc import Mapping, Sequence
from typing import Any

from . import budget_figures as figures
from .examples import NAMES, TAGS, aligned, words_of
from .parts import figure_twice, real, table
from .report import Report, finite, interval, number, p_value, signed, signed_interval, size

SIZE_CAPTION = (
    "Left is smaller, down is better. Each grey line is a test set, named at its right end; symbols tell the systems."
)
DIFFERENCE_CAPTION = (
    "Right of 0, the smaller system makes more errors. The line is the 95% interval of the difference: where it "
    "crosses 0, this test cannot tell the two apart. The grey band is what the set is too small to show."
)
PLAN_CAPTION = (
    "Each row is a layer. Left, the bits that the plan gives it; right, what the layer would cost at each bit-width, "
    "the chosen one ringed. Costs too small for the axis, zero and below included, stand at its left edge. Bits go "
    "where cost falls steeply for few bytes."
)


def systems(report: Report) -> str:
    """The systems compared: cards, table of sizes, table of errors, two figures."""
    found = report.get("systems") or []
    if not found:
        return ""
    curve = figure_twice("plot-size", figures.size_against_errors(found), "Size against errors", SIZE_CAPTION)
    compared = any(finite(entry.get("difference")) for system in found for entry in system["sets"].values())
    forest = figure_twice("plot-differences", figures.differences(found), "What it costs", DIFFERENCE_CAPTION)
    return f"""<h2 id="systems">Smaller</h2>
<p>The same recogniser at full precision and packed into fewer bits. Every row was decoded from the file whose bytes
are given.</p>
{sizes_table(found)}
{curve}
{forest if compared else ""}
{errors_table(found)}"""


def sizes_table(found: Sequence[Mapping[str, Any]]) -> str:
    """Bytes, ratios and bits of each system."""
    rows = [
        [
            html.escape(_label(system)),
            number(real(system.get("average_bits")), 2),
            f"{number(system.get('bytes'), 0)}<br><small>{size(system.get('bytes'))}</small>",
            number(real(system.get("ratio"))),
            number(real(system.get("ratio_with_xent"))),
        ]
        for system in found
    ]
    head = [
        "system",
        "bits a weight, average",
        "bytes on disk",
        "times smaller",
        "times smaller, training head counted",
    ]
    note = (
        "Times smaller: bytes of the full-precision file, with what recognition uses, / bytes of this one. The last "
        "column also counts the cross-entropy head, which only training uses, on the full side: papers often do, and "
        "it flatters."
    )
    return table("Size", head, rows) + f'<p class="soft">{note}</p>'


def errors_table(found: Sequence[Mapping[str, Any]]) -> str:
    """Errors of each system on each set, and the comparison with full precision."""
    rows = []
    for split in dict.fromkeys(split for system in found for split in system["sets"]):
        for system in found:
            if split in system["sets"]:
                rows.append(_errors_row(split, system, system["sets"][split]))
    head = ["test set", "system", "word errors, %", "phone errors, %", "more than full, points", "p"]
    head += ["least difference shown, points", "real-time factor"]
    return table("Errors; small figures are 95% intervals", head, rows, "two-words")


def _errors_row(split: str, system: Mapping[str, Any], entry: Mapping[str, Any]) -> list[str]:
    between, around = interval(entry.get("wer_interval")), signed_interval(entry.get("interval"))
    return [
        html.escape(split),
        html.escape(_label(system)),
        number(real(entry.get("wer"))) + (f"<br><small>{between}</small>" if between else ""),
        number(real(entry.get("per"))),
        signed(entry.get("difference")) + (f"<br><small>{around}</small>" if around else ""),
        html.escape(p_value(entry.get("p"))),
        number(real(entry.get("detectable")), 2),
        number(real(entry.get("real_time_factor")), 4),
    ]


def _label(system: Mapping[str, Any]) -> str:
    return str(system.get("label") or system["name"])


def plan(report: Report) -> str:
    """The plan as bars beside the sensitivities, and both as a table."""
    sensitivity, bits = report.get("sensitivity"), (report.get("plan") or {}).get("bits")
    if not sensitivity:
        return ""
    average = (report.get("plan") or {}).get("average_bits")
    told = f" The plan spends {number(real(average), 2)} bits a weight on average." if finite(average) else ""
    picture = figure_twice(
        "plot-plan", figures.plan_over_sensitivities(sensitivity, bits), "The plan and its reasons", PLAN_CAPTION
    )
    measure = f"{sensitivity.get('measure') or 'cost'}, {sensitivity.get('unit') or 'no unit given'}"
    listed = _plan_table(sensitivity, bits or {}, f"Cost of each layer at each bit-width ({html.escape(measure)})")
    return f"""<h2 id="plan">Where the bits went</h2>
<p>One layer at a time was rounded to few bits and the damage measured; the plan is the cheapest sum within the
budget.{told}</p>
{picture}
<details><summary>Plan and sensitivities as a table</summary>{listed}</details>"""


def _plan_table(sensitivity: Mapping[str, Any], bits: Mapping[str, Any], caption: str) -> str:
    widths = sensitivity["bits"]
    head = ["layer", "weights", "bits chosen", *(f"{width:g} bit{'s' * (width > 1)}" for width in widths)]
    sizes = sensitivity.get("sizes") or [None] * len(sensitivity["layers"])
    rows = []
    for layer, weights, values in zip(sensitivity["layers"], sizes, sensitivity["values"], strict=True):
        costs = [_chosen(value, width == bits.get(layer)) for width, value in zip(widths, values, strict=True)]
        rows.append([html.escape(str(layer)), number(weights), number(bits.get(layer), 0), *costs])
    return table(f"{caption}; chosen ones marked ●", head, rows)


def _chosen(value: Any, chosen: bool) -> str:
    told = f"{value:.3g}" if finite(value) else "–"
    return f"<strong>● {told}</strong>" if chosen else told


def listen(report: Report) -> str:
    """Utterances with their sound, and what each system heard, word under word."""
    entries = report.get("listen") or []
    labels = {system["name"]: _label(system) for system in report.get("systems") or []}
    shown = "".join(heard(entry, labels) for entry in entries)
    if not shown:
        return ""
    return f"""<h2 id="listen">Listen</h2>
<p>What was said, and under it what each system heard, word under word. Each error is boxed and named: <em>wrong</em>
is another word, <em>missed</em> a word left out, <em>added</em> a word that nobody said.</p>
{shown}"""


def heard(entry: Mapping[str, Any], labels: Mapping[str, str] | None = None) -> str:
    """One utterance with its sound, the reference on top and each hypothesis aligned under it.

    Args:
        entry: of `listen` in the report; without "audio" there is no player.
        labels: what to call each system.
    """
    labels, hypotheses = labels or {}, entry["hypotheses"]
    counts, columns = aligned(words_of(entry["reference"]), {name: words_of(h) for name, h in hypotheses.items()})
    told = "; ".join(
        f"{html.escape(labels.get(name, name))}: {count or 'no'} error{'' if count == 1 else 's'}"
        for name, count in counts.items()
    )
    title = " · ".join(html.escape(str(part)) for part in (entry.get("set"), entry.get("id"), _seconds(entry)) if part)
    sound = html.escape(str(entry.get("audio") or ""))
    label = html.escape(f"Play {entry.get('id', 'the utterance')}")
    player = f'<audio controls preload="metadata" aria-label="{label}" src="{sound}"></audio>' if sound else ""
    names = "".join(f"<span>{html.escape(name)}</span>" for name in _short(labels, list(counts)))
    rows = f'<span class="pair column rows"><span>said</span>{names}</span>'
    return (
        f'<div class="example listen"><div class="id">{title}</div>{player}'
        f'<div class="pairs" style="--systems:{len(counts)}">{rows}{"".join(map(_column, columns))}</div>'
        f'<div class="id">{told}</div></div>'
    )


def _short(labels: Mapping[str, str], names: Sequence[str]) -> list[str]:
    """Labels up to their first comma where that tells the systems apart, else their names."""
    short = [labels.get(name, name).split(",")[0] for name in names]
    return short if len(set(short)) == len(short) else list(names)


def _seconds(entry: Mapping[str, Any]) -> str:
    return f"{entry['seconds']:.1f} s" if finite(entry.get("seconds")) else ""


def _column(column: tuple[str | None, list[tuple[str, str | None]]]) -> str:
    """One reference word (none where somebody added one), and what each system has there."""
    said, cells = column
    told = "".join(_cell(op, word) for op, word in cells)
    return f'<span class="pair column"><span class="said">{_text(said)}</span>{told}</span>'


def _cell(op: str, word: str | None) -> str:
    if op in TAGS:
        return (
            f'<span class="cell wrong {op}" title="{NAMES[op]}"><span class="heard">{_text(word)}</span>'
            f'<span class="tag">{TAGS[op]}</span></span>'
        )
    return f'<span class="cell"><span class="heard">{html.escape(word or "")}</span><span class="tag"></span></span>'


def _text(word: str | None) -> str:
    return "–" if word is None else html.escape(word)
