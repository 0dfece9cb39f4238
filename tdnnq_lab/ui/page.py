"""The report page: one HTML file that needs no network, and no JavaScript to be read."""

import html
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from plotly.offline import get_plotlyjs

from . import figures, sections
from .examples import example
from .parts import figure_twice, real, table
from .report import Report, check_report, duration, finite, interval, number, size
from .style import SCRIPT, STYLE

EXAMPLES = 3  # shown of each set at once; the rest unfolds
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data: blob:; media-src data:"
)

TERMS = {
    "Word errors (WER)": "Words substituted, inserted or deleted, in percent of the words that were said. Aligned as "
    "NIST's sclite does. More insertions than words can push it above 100%.",
    "Interval": "Where the true rate lies with 95% confidence. Two systems whose intervals overlap may still differ: "
    "that takes a paired test.",
    "Phone errors (PER)": "The same count over phones, recognised with a language model of phones and no words: closer "
    "to what the network hears by itself.",
    "Word errors, unigram": "The same network with a language model that knows only how frequent each word is. The "
    "distance to the word errors is what grammar brings.",
    "Perplexity": "Between how many words the language model hesitates on average at each word of the test. Lower "
    "means that the text is easier to guess.",
    "Real-time factor": "Seconds of computing for a second of speech, decoding on this machine.",
    "Points": "A difference of two percentages: from 10% to 12% are 2 points.",
    "p": "How often chance alone would bring a difference as large as this one (MAPSSWE, two-tailed). Above 0.05 the "
    "test has not told the two systems apart, which is not to say that they are equal.",
    "Least difference shown": "The smallest true difference that a test of this size finds in 8 of 10 cases.",
}


def write_page(report: Report, path: str | os.PathLike) -> Path:
    """Write the report page.

    Args:
        report: As described in `report`.
        path: The HTML file; written to a temporary name and renamed.
    """
    path = Path(path)
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_text(report_page(report), encoding="utf-8")
    os.replace(temporary, path)
    return path


def report_page(report: Report) -> str:
    """The report as one HTML page of about 5 MB, nearly all of it plotly.js, which travels inside.

    Every figure is there twice: a static SVG that is replaced by the interactive figure where JavaScript runs.

    Args:
        report: As described in `report`.

    Raises:
        ValueError: The report lacks what must be there.
    """
    check_report(report)
    title = str(report.get("title") or "A recogniser trained from scratch")
    parts = [sections.systems(report), sections.plan(report), sections.listen(report)]
    parts += [_results(report), _examples(report), _speakers(report), _curve(report), _headroom(report)]
    parts += [_corpus(report), _run(report), _terms()]
    body = "\n".join(part for part in parts if part)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<title>{html.escape(title)}</title>
<style>{STYLE}</style>
</head>
<body>
<a class="skip" href="#results">Skip to the results</a>
<main>
<h1>{html.escape(title)}</h1>
<p class="lede">{_lede(report)}</p>
{_navigation(body)}
{body}
</main>
<script>{get_plotlyjs()}</script>
<script>{SCRIPT}</script>
</body>
</html>
"""


def _lede(report: Report) -> str:
    """The one sentence to take away."""
    seconds = (report.get("run") or {}).get("wall_seconds")
    time = f"Trained and tested in {duration(seconds)}. " if finite(seconds) else ""
    rates = ", ".join(
        f"<strong>{number(real(entry['wer']))}</strong> on {html.escape(entry['name'])}" for entry in report["sets"]
    )
    small = next(
        (s for s in report.get("systems") or [] if s["name"].startswith("mixed") and finite(s.get("ratio"))), None
    )
    told = ""
    if small:
        told = (
            f" Packed into <strong>{size(small.get('bytes'))}</strong>, {number(real(small['ratio']))} times smaller, "
        )
        told += f"it makes {_rates(small)}."
    return f"{time}Errors for every 100 words spoken: {rates}.{told}"


def _rates(system: Mapping[str, Any]) -> str:
    """Word errors of a system by set, in a line."""
    return ", ".join(number(real(entry.get("wer"))) for entry in system["sets"].values())


def _navigation(body: str) -> str:
    """Links to the sections that are there."""
    names = {
        "systems": "Smaller",
        "plan": "Where the bits went",
        "listen": "Listen",
        "results": "Results",
        "heard": "What it heard",
        "speakers": "Speakers",
        "learning": "Learning",
        "headroom": "Fewer bits",
        "corpus": "Corpus",
        "run": "This run",
        "terms": "Terms",
    }
    if 'id="systems"' in body:
        names["results"] = "Full precision"
    links = "".join(f'<a href="#{key}">{name}</a>' for key, name in names.items() if f'id="{key}"' in body)
    return f'<nav aria-label="Sections">{links}</nav>'


def _results(report: Report) -> str:
    """Cards, the table with every figure, and the picture."""
    cards = "".join(map(_card, report["sets"]))
    picture = figure_twice("plot-sets", figures.errors_by_set(report["sets"]), "Errors by test set", RESULTS_CAPTION)
    heading = "At full precision, in detail" if report.get("systems") else "Results"
    return f"""<h2 id="results">{heading}</h2>
<div class="cards">{cards}</div>
{_results_table(report["sets"])}
{picture}"""


RESULTS_CAPTION = "Shorter bars are better; the thin lines are 95% intervals."


def _card(entry: Mapping[str, Any]) -> str:
    """One test set: its name, its word error rate, a meter, what it is."""
    share = min(100.0, max(0.0, real(entry["wer"]))) if finite(entry["wer"]) else 0.0
    between = interval(entry.get("wer_interval"))
    between = f"95% interval {between}; " if between else ""
    what = f'<p class="what">{html.escape(str(entry["what"]))}</p>' if entry.get("what") else ""
    return f"""<div class="card"><h3>{html.escape(entry["name"])}</h3>
<div class="value">{number(real(entry["wer"]))}% <small>word errors</small></div>
<div class="meter" aria-hidden="true"><span style="width:{share:.1f}%"></span></div>
<p>{between}{number(entry["words"])} words</p>{what}</div>"""


def _results_table(sets: Sequence[Mapping[str, Any]]) -> str:
    head = ["test set", "words", "word errors, %", "subst.", "insert.", "delet.", "phone errors, %"]
    head += ["word errors, unigram, %", "perplexity", "real-time factor"]
    rows = []
    for entry in sets:
        counts = [number(entry.get(key)) for key in ("substitutions", "insertions", "deletions")]
        rows.append(
            [
                html.escape(entry["name"]),
                number(entry["words"]),
                _rate(entry, "wer"),
                *counts,
                _rate(entry, "per"),
                number(real(entry.get("unigram_wer"))),
                number(real(entry.get("perplexity"))),
                number(real(entry.get("real_time_factor")), 4),
            ]
        )
    return table("All figures; with 95% intervals", head, rows)


def _rate(entry: Mapping[str, Any], key: str) -> str:
    between = interval(entry.get(f"{key}_interval"))
    return number(real(entry.get(key))) + (f"<br><small>{between}</small>" if between else "")


def _examples(report: Report) -> str:
    parts = []
    for entry in report["sets"]:
        shown = [example(item) for item in entry.get("examples") or []]
        if not shown:
            continue
        parts.append(f"<h3>{html.escape(entry['name'])}</h3>" + "".join(shown[:EXAMPLES]))
        if shown[EXAMPLES:]:
            more = "".join(shown[EXAMPLES:])
            parts.append(f"<details><summary>{len(shown) - EXAMPLES} more of this set</summary>{more}</details>")
    if not parts:
        return ""
    return f"""<h2 id="heard">What it heard</h2>
<p>Above, what was said; below it, what was recognised. Each error is boxed and named: <em>wrong</em> is another word,
<em>missed</em> a word left out, <em>added</em> a word that nobody said.</p>
{"".join(parts)}"""


def _speakers(report: Report) -> str:
    sets = [entry for entry in report["sets"] if entry.get("errors_by_speaker")]
    if not sets:
        return ""
    rows = [
        [html.escape(entry["name"]), html.escape(str(speaker["speaker"]))]
        + [html.escape(str(speaker.get(key) or "–")) for key in ("accent", "gender")]
        + [number(speaker["words"]), number(speaker["errors"]), number(_share(speaker))]
        for entry in sets
        for speaker in sorted(entry["errors_by_speaker"], key=_share, reverse=True)
    ]
    head = ["test set", "speaker", "accent", "gender", "words", "errors", "word errors, %"]
    accents = figure_twice("plot-accents", figures.errors_by_accent(sets), "Word errors by accent", ACCENTS_CAPTION)
    speakers = figure_twice(
        "plot-speakers", figures.errors_by_speaker(sets), "Word errors by speaker", SPEAKERS_CAPTION
    )
    return f"""<h2 id="speakers">Who is hard to understand</h2>
{accents}
{speakers}
<details><summary>Every speaker as a table</summary>{table("Hardest first", head, rows)}</details>"""


ACCENTS_CAPTION = (
    "By accent, the easiest first. Each bar pools the speakers with that accent; few speakers, so read it with care."
)
SPEAKERS_CAPTION = "Each mark is a speaker. How far the marks spread says how much one speaker differs from the next."


def _share(speaker: Mapping[str, Any]) -> float:
    return 100.0 * speaker["errors"] / speaker["words"] if speaker["words"] else 0.0


def _curve(report: Report) -> str:
    curve = report.get("learning_curve") or []
    if not any(finite(point.get("objective")) for point in curve):
        return ""
    picture = figure_twice("plot-curve", figures.learning_curve(curve), "Learning curve", CURVE_CAPTION)
    keys = ("update", "objective", "numerator", "denominator", "xent", "learning_rate")
    step = max(1, -(-len(curve) // 20))
    rows = [
        [number(point.get("update"), 0)]
        + [number(real(point.get(key)), 3) for key in keys[1:5]]
        + [f"{point['learning_rate']:.1e}" if finite(point.get("learning_rate")) else "–"]
        for point in [*curve[:-1:step], curve[-1]]
    ]
    head = ["update", "objective", "numerator", "denominator", "cross-entropy", "learning rate"]
    return f"""<h2 id="learning">How it learned</h2>
{picture}
<details><summary>The curve as a table</summary>{table("Nats a frame of the output", head, rows)}</details>"""


CURVE_CAPTION = (
    "The LF-MMI objective is the log-probability of the right words (numerator) less that of everything that could be "
    "said (denominator), a frame. It can never pass 0. Training starts flat: the curve stays low until the network has "
    "found where the phones are, then rises."
)


def _headroom(report: Report) -> str:
    rows = sorted(report.get("headroom") or [], key=lambda row: -row["bits"])
    if not rows:
        return ""
    names = list(dict.fromkeys(name for row in rows for name in row["sets"]))
    keys = [(name, key) for name in names for key in ("wer", "per")]
    head = ["bits a weight"]
    head += [f"{html.escape(name)}, {'words' if key == 'wer' else 'phones'}, %" for name, key in keys]
    cells = [
        [number(row["bits"], 0)] + [number(real(row["sets"].get(name, {}).get(key))) for name, key in keys]
        for row in rows
    ]
    picture = figure_twice("plot-headroom", figures.headroom(rows), "Errors by bits a weight", HEADROOM_CAPTION)
    return f"""<h2 id="headroom">The same weights with fewer bits</h2>
{picture}
{table("Errors after rounding", head, cells)}"""


HEADROOM_CAPTION = (
    "The trained weights rounded to fewer bits, without any training after. Batch norm is recalibrated in every row, "
    "full precision included."
)


def _corpus(report: Report) -> str:
    corpus = report.get("corpus") or {}
    if not corpus:
        return ""
    rows = [
        [html.escape(str(entry.get("name", "–")))]
        + [number(real(entry.get("minutes")))]
        + [number(entry.get(key)) for key in ("speakers", "utterances", "words")]
        for entry in corpus.get("sets") or []
    ]
    notes = [corpus.get("note"), f"Licence: {corpus['licence']}." if corpus.get("licence") else ""]
    note = html.escape(" ".join(str(part) for part in notes if part))
    head = ["set", "minutes", "speakers", "utterances", "words"]
    return f"""<h2 id="corpus">The corpus: {html.escape(str(corpus.get("name", "")))}</h2>
<p>{note}</p>
{table("What it was trained and tested on", head, rows) if rows else ""}"""


def _run(report: Report) -> str:
    run = report.get("run") or {}
    if not run:
        return ""
    machine = run.get("machine") or {}
    text = ", ".join(str(machine[key]) for key in ("cpu", "platform") if machine.get(key))
    for key, unit in (("cores", "cores"), ("threads", "threads used")):
        text += f", {machine[key]} {unit}" if machine.get(key) else ""
    text += f", {size(machine['memory_bytes'])} of memory" if machine.get("memory_bytes") else ""
    facts = {"row": run.get("row"), "model": run.get("model"), "seed": run.get("seed"), "command": run.get("command")}
    facts |= {"commit": run.get("commit"), "data hash": run.get("data_hash"), "started": run.get("started")}
    facts |= {"updates": number(run.get("updates"), 0), "peak memory": size(run.get("peak_memory_bytes"))}
    facts |= {"machine": text.lstrip(", "), "whole run": duration(run.get("wall_seconds"))}
    rows = [[key, html.escape(str(value))] for key, value in facts.items() if value not in (None, "", "–")]
    stages = [[html.escape(key), duration(value)] for key, value in (run.get("stages") or {}).items()]
    versions = ", ".join(f"{key} {value}" for key, value in (run.get("versions") or {}).items())
    return f"""<h2 id="run">This run</h2>
{table("What was run, and where", ["", ""], rows, "words")}
{table("Time by stage", ["stage", "time"], stages) if stages else ""}
<p class="soft">{html.escape(versions)}</p>"""


def _terms() -> str:
    terms = "".join(f"<dt>{name}</dt><dd>{text}</dd>" for name, text in TERMS.items())
    return f"""<h2 id="terms">Terms</h2>
<dl class="terms">{terms}</dl>
<p class="soft">This page is about 5 MB because plotly.js is inside: it opens without a network.</p>"""
