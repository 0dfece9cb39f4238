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
    systems         the models that were compared, the full-precision one first, under the name "full":
        name ("full", "mixed4", "uniform4"), label ("mixed, 4.0 bits"), average_bits (by weight),
        bytes (of the file on disk), ratio (bytes of the full-precision file without its cross-entropy head / bytes),
        ratio_with_xent (the same with that head counted on the full side)
        sets        {name of the test set: {"wer", "wer_interval", "words", "per", "real_time_factor"; against "full":
                    "difference" (points), "interval" [low, high] (points, 95%), "p" (MAPSSWE, two-tailed),
                    "detectable" (points: the least difference that this set shows with 80% power)}}
    sensitivity     what fewer bits cost, layer by layer: {"measure" ("loss"), "unit" (text), "layers",
                    "sizes" (weights), "bits", "values": a row a layer, a column a bit-width}
    plan            what the budget gave each layer: {"bits": {layer: bits}, "average_bits"}
    listen          utterances to hear: [{"id", "set", "audio" ("data:audio/…;base64,…"), "seconds", "reference",
                    "hypotheses": {name of the system: words}}]; words as in `examples`
"""

import json
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

Report = Mapping[str, Any]
FORMAT = "tdnnq-lab report 1"
LISTS = ("sets", "learning_curve", "headroom", "systems", "listen")
RATES = ("wer", "per", "real_time_factor", "difference", "p", "detectable")


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
    for index, system in enumerate(report.get("systems") or []):
        _check_system(system, f"{name}: systems[{index}]")
    for index, entry in enumerate(report.get("listen") or []):
        _check_listen(entry, f"{name}: listen[{index}]")
    _check_plan(report, name)
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
    _check_pairs(entry, ("wer_interval", "per_interval"), place)


def _check_pairs(entry: Mapping[str, Any], keys: Sequence[str], place: str) -> None:
    for key in keys:
        pair = entry.get(key)
        if pair is not None and not (isinstance(pair, list | tuple) and len(pair) == 2):
            raise ValueError(f"{place}.{key} is {pair!r}, not [low, high]")


def _check_system(system: Mapping[str, Any], place: str) -> None:
    if not isinstance(system.get("name"), str) or not isinstance(system.get("sets"), dict):
        raise ValueError(f"{place} needs name (a text) and sets (an object by name of the set)")
    numbers = [(system, key, place) for key in ("average_bits", "bytes", "ratio", "ratio_with_xent")]
    for split, entry in system["sets"].items():
        where = f"{place} ({system['name']}).sets.{split}"
        if not isinstance(entry, dict):
            raise ValueError(f"{where} is {entry!r}, not an object")
        numbers += [(entry, key, where) for key in RATES]
        _check_pairs(entry, ("wer_interval", "interval"), where)
    for holder, key, where in numbers:
        if not isinstance(holder.get(key), int | float | None):
            raise ValueError(f"{where}.{key} is {holder[key]!r}, not a number")


def _check_listen(entry: Mapping[str, Any], place: str) -> None:
    if "reference" not in entry or not isinstance(entry.get("hypotheses"), dict):
        raise ValueError(f"{place} needs reference (words) and hypotheses (words by name of the system)")
    if not str(entry.get("audio") or "data:audio/").startswith("data:audio/"):
        raise ValueError(f"{place}.audio does not begin with data:audio/ (the page holds the sound itself)")


def _check_plan(report: Mapping[str, Any], name: str) -> None:
    """The plan, and the sensitivities, whose rows and columns must fit their layers and bits."""
    plan, table = report.get("plan"), report.get("sensitivity")
    bits = (plan or {}).get("bits") if isinstance(plan, dict | None) else None
    if plan is not None and not (isinstance(bits, dict) and all(isinstance(b, int | float) for b in bits.values())):
        raise ValueError(f"{name}: plan needs bits, an object of numbers by layer")
    if table is None:
        return
    if not isinstance(table, dict) or not all(isinstance(table.get(k), list) for k in ("layers", "bits", "values")):
        raise ValueError(f"{name}: sensitivity needs the lists layers, bits and values")
    rows, columns = len(table["layers"]), len(table["bits"])
    if len(table["values"]) != rows or any(len(row) != columns for row in table["values"]):
        raise ValueError(f"{name}: sensitivity.values is not a table of {rows} layers by {columns} bit-widths")


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


def signed(value: Any, digits: int = 2) -> str:
    """A difference for people, with its sign.

    >>> signed(0.314), signed(-0.001), signed(None)
    ('+0.31', '0.00', '–')
    """
    if not finite(value):
        return "–"
    return f"{value:+.{digits}f}" if round(value, digits) else f"{0:.{digits}f}"


def signed_interval(pair: Sequence[Any] | None, digits: int = 2) -> str:
    """`[low, high]` of a difference for people; empty when it is absent.

    >>> signed_interval([-0.123, 0.746]), signed_interval(None)
    ('-0.12 to +0.75', '')
    """
    if not pair or not all(map(finite, pair)):
        return ""
    return f"{signed(pair[0], digits)} to {signed(pair[1], digits)}"


def p_value(value: Any) -> str:
    """A p-value for people.

    >>> p_value(0.0421), p_value(0.00021), p_value(1.0), p_value(None)
    ('0.042', '<0.001', '1.000', '–')
    """
    if not finite(value):
        return "–"
    return "<0.001" if value < 0.0005 else f"{value:.3f}"


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
