"""`report.json`: what a run leaves behind for its table, its page and the README.

A report is plain JSON. Rates are percent (0-100), durations seconds, sizes bytes, log-probabilities nats a frame
of the network's output. Only `sets[].name`, `.words` and `.wer` must be there; whatever else is absent or null is
shown as a dash or left out. Further keys are kept and ignored.

    format          "tdnnq-lab report 1"
    title           a line for the head of the page
    run             what was done, where:
        row, seed, command, commit, started (ISO 8601), model (text, e.g. "small, 1,062,336 parameters"),
        updates, wall_seconds, peak_memory_bytes, data_hash,
        stages      {name of the stage: seconds}, in order
        machine     {"cpu", "cores", "threads", "memory_bytes", "platform"}; any of these
        versions    {package: version}
    corpus          what it was trained and tested on:
        name, licence, note (a sentence: what it is and is not)
        sets        [{"name", "what" (a sentence), "minutes", "speakers", "utterances", "words"}], training included
    sets            the test sets, in the order to show them:
        name, what (a sentence: who speaks, under which conditions), utterances, words,
        wer, wer_interval [low, high] (95%), substitutions, insertions, deletions, per, per_interval,
        unigram_wer (the same network, a language model of word frequencies only), perplexity, real_time_factor
        errors_by_speaker   [{"speaker", "accent", "gender", "words", "errors"}]
        examples            [{"id", "reference", "hypothesis"}]: words separated by spaces, or lists of words
    learning_curve  [{"update", "fraction" (of the training done, 0-1), "loss", "numerator", "denominator",
                    "objective" (numerator - denominator, never above 0), "xent", "learning_rate"}]
    headroom        the weights rounded without fine-tuning: [{"bits", "sets": {name: {"wer", "per"}}}]; the full
                    precision, recalibrated the same way, is the row with bits 32
"""

import json
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

Report = Mapping[str, Any]
FORMAT = "tdnnq-lab report 1"
LISTS = ("sets", "learning_curve", "headroom")


def load_report(path: str | os.PathLike) -> dict[str, Any]:
    """Read and check a `report.json`.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is not JSON, of another format, or lacks what must be there; the key is named.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise FileNotFoundError(f"{path}: no such report; `make demo` writes one in its run directory") from None
    try:
        report = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"{path}, line {error.lineno}: not JSON ({error.msg}); was it written to the end?") from None
    return check_report(report, str(path))


def check_report(report: Any, name: str = "report") -> dict[str, Any]:
    """Check that a report can be shown.

    Args:
        report: The parsed JSON.
        name: What to call it in an error: its file.

    Returns:
        The report itself.

    Raises:
        ValueError: One sentence that names the key.
    """
    if not isinstance(report, dict):
        raise ValueError(f"{name}: a report is a JSON object, not {type(report).__name__}")
    if report.get("format", FORMAT) != FORMAT:
        raise ValueError(f"{name}: format is {report['format']!r}, this version reads {FORMAT!r}")
    for key in LISTS:
        entries = report.get(key) or []
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            raise ValueError(f"{name}: {key} must be a list of objects")
    if not report.get("sets"):
        raise ValueError(f"{name}: sets is missing or empty, so there is nothing to show")
    for index, entry in enumerate(report["sets"]):
        _check_set(entry, f"{name}: sets[{index}]")
    for index, row in enumerate(report.get("headroom") or []):
        if not isinstance(row.get("bits"), int | float) or not isinstance(row.get("sets"), dict):
            raise ValueError(f"{name}: headroom[{index}] needs bits (a number) and sets (an object by name of the set)")
    return report


def _check_set(entry: Mapping[str, Any], place: str) -> None:
    if not isinstance(entry.get("name"), str):
        raise ValueError(f"{place}.name is missing: the name of the test set")
    for key in ("words", "wer"):
        if key not in entry:
            raise ValueError(f"{place} ({entry['name']}) has no {key}")
    for key in ("words", "wer", "per", "unigram_wer", "perplexity", "real_time_factor"):
        if not isinstance(entry.get(key), int | float | None):
            raise ValueError(f"{place}.{key} is {entry[key]!r}, not a number")
    for index, speaker in enumerate(entry.get("errors_by_speaker") or []):
        if not all(isinstance(speaker.get(key), int) for key in ("words", "errors")) or "speaker" not in speaker:
            raise ValueError(f"{place}.errors_by_speaker[{index}] needs speaker, words and errors, whole numbers")
    for key in ("wer_interval", "per_interval"):
        pair = entry.get(key)
        if pair is not None and not (isinstance(pair, list | tuple) and len(pair) == 2):
            raise ValueError(f"{place}.{key} is {pair!r}, not [low, high]")


def finite(value: Any) -> bool:
    """Whether a value is there and can be drawn: not null, not NaN, not infinite."""
    return isinstance(value, int | float) and math.isfinite(value)


def number(value: Any, digits: int = 1) -> str:
    """A number for people: thousands separated, `digits` decimals (whole numbers none), a dash when it is absent.

    >>> number(12345), number(9.96), number(None), number(float("nan"))
    ('12,345', '10.0', '–', '–')
    """
    if not finite(value):
        return "–"
    return f"{value:,}" if isinstance(value, int) else f"{value:,.{digits}f}"


def interval(pair: Sequence[Any] | None, digits: int = 1) -> str:
    """`[low, high]` for people; empty when it is absent.

    >>> interval([9.25, 11.75]), interval(None)
    ('9.2 to 11.8', '')
    """
    if not pair or not all(map(finite, pair)):
        return ""
    return f"{number(float(pair[0]), digits)} to {number(float(pair[1]), digits)}"


def duration(seconds: Any) -> str:
    """Seconds for people.

    >>> duration(5.25), duration(340.2), duration(3725), duration(None)
    ('5.2 s', '5 min 40 s', '1 h 2 min', '–')
    """
    if not finite(seconds):
        return "–"
    if seconds < 59.5:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def size(count: Any) -> str:
    """Bytes for people, in powers of 1000.

    >>> size(2.5e9), size(4_200_000), size(None)
    ('2.5 GB', '4.2 MB', '–')
    """
    if not finite(count):
        return "–"
    scale, unit = next((s, u) for s, u in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"), (1, "bytes")) if count >= s or s == 1)
    return f"{count / scale:.1f} {unit}" if scale > 1 else f"{count:.0f} bytes"
