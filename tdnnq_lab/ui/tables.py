"""The table of a report on the terminal and in Markdown."""

from collections.abc import Mapping
from typing import Any

from rich.markup import escape
from rich.table import Table

from .report import Report, check_report, duration, finite, interval, number, size

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
    "WER: word errors, with their 95% interval. PER: phone errors. 1-gram: WER with a\n"
    "unigram. ppl: perplexity of the language model. RTF: seconds of decoding for a\nsecond of speech."
)


def terminal_table(report: Report) -> Table:
    """The results as a table for the terminal.

    Args:
        report: As described in `report`.

    Raises:
        ValueError: The report lacks what must be there.
    """
    check_report(report)
    caption = "\n".join(part for part in (_caption(report), LEGEND) if part)
    table = Table(title=_title(report), title_justify="left", caption=caption, caption_justify="left", padding=(0, 1))
    for index, name in enumerate(SHORT):
        table.add_column(name, justify="right" if index else "left", overflow="fold")
    for entry in report["sets"]:
        name, words, rate, between, _, *rest = _cells(entry)
        table.add_row(*map(escape, (name, words, rate, between.replace(" to ", "-"), *rest)))
    return table


def readme_table(report: Report) -> str:
    """The results as a Markdown table with a line on what it took, for the README.

    Args:
        report: As described in `report`.

    Raises:
        ValueError: The report lacks what must be there.
    """
    check_report(report)
    lines = ["| " + " | ".join(HEAD) + " |", "| --- |" + " ---: |" * (len(HEAD) - 1)]
    for entry in report["sets"]:
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in _cells(entry)) + " |")
    caption = _caption(report)
    return "\n".join(lines) + (f"\n\n{caption}" if caption else "")


def _cells(entry: Mapping[str, Any]) -> list[str]:
    def real(key: str, digits: int = 1) -> str:
        return number(float(entry[key]), digits) if finite(entry.get(key)) else "–"

    edits = [number(entry.get(key)) for key in ("substitutions", "insertions", "deletions")]
    return [
        entry["name"],
        number(entry["words"]),
        real("wer"),
        interval(entry.get("wer_interval")) or "–",
        " / ".join(edits),
        real("per"),
        real("unigram_wer"),
        real("perplexity"),
        real("real_time_factor", 3),
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
