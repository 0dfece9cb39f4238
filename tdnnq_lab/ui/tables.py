"""The table of a report on the terminal and in Markdown."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import Group
from rich.markup import escape
from rich.table import Table

from .report import Report, check_report, duration, finite, interval, number, p_value, signed, signed_interval, size

HEAD = (
    "test set",
    "words",
    "word errors, %",
    "95% interval",
    "sub / ins / del",
    "phone errors, %",
    "unigram, %",
    "perplexity",
    "real-time factor",
)
SHORT = ("set", "words", "WER %", "95%", "PER %", "1-gram %", "ppl", "RTF")  # fits 80 columns
LEGEND = (
    "WER: word errors, with their 95% interval. PER: phone errors. 1-gram: WER with a unigram. "
    "ppl: perplexity of the language model. RTF: seconds of decoding for a second of speech."
)
SIZES = ("system", "average bits", "bytes on disk", "times smaller", "times smaller, training head counted")
SIZES_SHORT = ("system", "avg bits", "bytes on disk", "ratio", "with xent head")
SIZES_LEGEND = (
    "ratio: bytes of the full-precision file, with what recognition uses, / bytes of this one; with xent head: the "
    "same with the cross-entropy head, which only training uses, counted on the full side."
)
ERRORS = (
    "test set",
    "system",
    "word errors, % (95%)",
    "phone errors, %",
    "more than full, points (95%)",
    "p (MAPSSWE)",
    "least difference shown, points",
    "real-time factor",
)
ERRORS_SHORT = ("set, system", "WER", "PER", "more than full [95%]", "p", "least", "RTF")
ERRORS_LEGEND = (
    "WER, PER: word and phone errors, %. more than full: difference in points. p: MAPSSWE. "
    "least: the least difference, in points, that the set shows with 80% power."
)


def terminal_table(report: Report) -> Table | Group:
    """The results as a table for the terminal; where systems were compared, that comparison below it.

    Args:
        report: As described in `report`.

    Raises:
        ValueError: The report lacks what must be there.
    """
    check_report(report)
    results = _results(report)
    if not report.get("systems"):
        return results
    return Group(results, "", _sizes(report), "", _errors(report))


def _sizes(report: Report) -> Table:
    """Bytes and ratios of each system; fits 80 columns."""
    table = _table("Size", SIZES_SHORT, SIZES_LEGEND)
    for system in report["systems"]:
        table.add_row(*map(escape, _size_cells(system)))
    return table


def _errors(report: Report) -> Table:
    """Errors of each system by set, and the difference to full precision; fits 80 columns."""
    table = _table("Errors by system", ERRORS_SHORT, ERRORS_LEGEND)
    for split in dict.fromkeys(split for system in report["systems"] for split in system["sets"]):
        table.add_row(f"[bold]{escape(split)}[/bold]")
        for system in report["systems"]:
            if split in system["sets"]:
                _, _, wer, per, more, p, least, factor = _error_cells(split, system)
                more = more.replace("(", "[").replace(")", "]").replace(" to ", ", ")
                table.add_row(*map(escape, (f" {system['name']}", wer.split(" ")[0], per, more, p, least, factor)))
        table.add_section()
    return table


def _table(title: str, head: tuple[str, ...], legend: str) -> Table:
    table = Table(title=title, title_justify="left", caption=legend, caption_justify="left", padding=(0, 1))
    for index, name in enumerate(head):
        table.add_column(name.replace("[", "\\["), justify="right" if index else "left", overflow="fold")
    return table


def _results(report: Report) -> Table:
    caption = "\n".join(part for part in (_caption(report), LEGEND) if part)
    table = Table(title=_title(report), title_justify="left", caption=caption, caption_justify="left", padding=(0, 1))
    for index, name in enumerate(SHORT):
        table.add_column(name, justify="right" if index else "left", overflow="fold")
    for entry in report["sets"]:
        name, words, rate, between, _, *rest = _cells(entry)
        table.add_row(*map(escape, (name, words, rate, between.replace(" to ", "-"), *rest)))
    return table


def readme_table(report: Report) -> str:
    """The results as Markdown tables with a line on what it took, for the README.

    Where systems were compared, their sizes and errors come first.

    Args:
        report: As described in `report`.

    Raises:
        ValueError: The report lacks what must be there.
    """
    check_report(report)
    systems = report.get("systems") or []
    blocks = []
    if systems:
        splits = dict.fromkeys(split for system in systems for split in system["sets"])
        compared = [_error_cells(split, s) for split in splits for s in systems if split in s["sets"]]
        blocks += [_markdown(SIZES, map(_size_cells, systems)), _markdown(ERRORS, compared, words=2)]
        blocks += ["At full precision, in detail:"]
    blocks += [_markdown(HEAD, map(_cells, report["sets"])), _caption(report)]
    return "\n\n".join(filter(None, blocks))


def _markdown(head: Sequence[str], rows: Iterable[Sequence[str]], words: int = 1) -> str:
    """A Markdown table whose first `words` columns are text, the others figures."""
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * words + " ---: |" * (len(head) - words)]
    lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def _size_cells(system: Mapping[str, Any]) -> list[str]:
    return [
        str(system.get("label") or system["name"]),
        _real(system, "average_bits", 2),
        number(system.get("bytes"), 0),
        _real(system, "ratio"),
        _real(system, "ratio_with_xent"),
    ]


def _error_cells(split: str, system: Mapping[str, Any]) -> list[str]:
    entry = system["sets"][split]
    return [
        split,
        str(system.get("label") or system["name"]),
        _with_interval(_real(entry, "wer"), interval(entry.get("wer_interval"))),
        _real(entry, "per"),
        _with_interval(signed(entry.get("difference")), signed_interval(entry.get("interval"))),
        p_value(entry.get("p")),
        _real(entry, "detectable", 2),
        _real(entry, "real_time_factor", 3),
    ]


def _with_interval(rate: str, between: str) -> str:
    return f"{rate} ({between})" if between else rate


def _real(entry: Mapping[str, Any], key: str, digits: int = 1) -> str:
    return number(float(entry[key]), digits) if finite(entry.get(key)) else "–"


def _cells(entry: Mapping[str, Any]) -> list[str]:
    edits = [number(entry.get(key)) for key in ("substitutions", "insertions", "deletions")]
    return [
        entry["name"],
        number(entry["words"]),
        _real(entry, "wer"),
        interval(entry.get("wer_interval")) or "–",
        " / ".join(edits),
        _real(entry, "per"),
        _real(entry, "unigram_wer"),
        _real(entry, "perplexity"),
        _real(entry, "real_time_factor", 3),
    ]


def _title(report: Report) -> str:
    run, corpus = report.get("run") or {}, report.get("corpus") or {}
    parts = [run.get("row"), corpus.get("name"), f"seed {run['seed']}" if "seed" in run else None]
    return escape(", ".join(str(part) for part in parts if part))


def _caption(report: Report) -> str:
    """What it took, as one sentence; empty where the report does not say."""
    run = report.get("run") or {}
    machine = run.get("machine") or {}
    parts = []
    stages = run.get("stages") or {}
    training = next((stages[name] for name in ("train", "training") if finite(stages.get(name))), None)
    if training is not None:
        parts.append(f"training {duration(training)}")
    if finite(run.get("wall_seconds")):
        parts.append(f"everything {duration(run['wall_seconds'])}")
    if machine.get("cores"):
        parts.append(f"{machine['cores']} cores")
    if finite(run.get("peak_memory_bytes")):
        parts.append(f"peak memory {size(run['peak_memory_bytes'])}")
    sentence = ", ".join(parts)
    return f"{sentence[0].upper()}{sentence[1:]}." if sentence else ""
