"""The tables of the corpus's card, computed from the lists: `python -m data_small.generate.card`."""

from __future__ import annotations

import csv
import os
import statistics
from collections import defaultdict
from pathlib import Path

from . import cast, conditions
from .cast import SPLITS
from .check import RESULT

DATA = Path(__file__).parent.parent
BEGIN, END = "<!-- {} -->", "<!-- end of {} -->"
Row = dict[str, str]


def rows(split: str, data: Path = DATA) -> list[Row]:
    """The list of a set: one dictionary a turn."""
    with (data / f"{split}.tsv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def contents(data: Path = DATA) -> str:
    """Minutes, turns, words, calls, speakers and bytes by set."""
    lines = ["| set | calls | speakers | turns | words | different words | minutes | audio, MB |"]
    lines.append("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for split in SPLITS:
        turns = rows(split, data)
        words = [word for row in turns for word in row["text"].split()]
        minutes = sum(float(row["end"]) - float(row["start"]) for row in turns) / 60
        size = sum((data / file).stat().st_size for file in {row["file"] for row in turns}) / 1e6
        who = len({row["speaker"] for row in turns})
        numbers = [len({row["call"] for row in turns}), who, len(turns), f"{len(words):,}", len(set(words))]
        lines.append(f"| {split} | {' | '.join(map(str, numbers))} | {minutes:.1f} | {size:.2f} |")
    return "\n".join(lines)


def lines_of_sets(data: Path = DATA) -> str:
    """What the turns of each set went through, counted from the lists."""
    out = ["| set | with noise | SNR of these, dB: least, median, most | noise kinds | codecs | in a room |"]
    out.append("| --- | --- | --- | --- | --- | --- |")
    for split in SPLITS:
        parts = [dict(item.split("=") for item in row["conditions"].split(";")) for row in rows(split, data)]
        snrs = sorted(float(part["snr"]) for part in parts if part["snr"] != "inf")
        spread = f"{snrs[0]:.0f}, {statistics.median(snrs):.0f}, {snrs[-1]:.0f}"
        noises = _shares([part["noise"] for part in parts if part["noise"] != "none"])
        codecs = _shares([part["codec"] for part in parts])
        rooms = sum(float(part["room"]) > 0 for part in parts)
        noisy, room = _percent(len(snrs), len(parts)), _percent(rooms, len(parts))
        out.append(f"| {split} | {noisy} | {spread} | {noises} | {codecs} | {room} |")
    return "\n".join(out)


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f}%"


def _shares(values: list[str]) -> str:
    return ", ".join(f"{kind} {_percent(values.count(kind), len(values))}" for kind in sorted(set(values)))


def accents(data: Path = DATA) -> str:
    """Speakers by accent and set."""
    table: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for split in SPLITS:
        for row in rows(split, data):
            table[row["accent"]][split].add(row["speaker"])
    lines = ["| accent (a speaker mixed from two voices has two) | " + " | ".join(SPLITS) + " |"]
    lines.append("| --- |" + " --- |" * len(SPLITS))
    for accent in sorted(table, key=lambda name: ("+" in name, name)):
        counts = [str(len(table[accent][split]) or "") for split in SPLITS]
        lines.append(f"| {accent} | " + " | ".join(counts) + " |")
    return "\n".join(lines)


def seeds() -> str:
    """Seeds of the conversations by set."""
    calls = cast.calls()
    ranges = {split: [call.seed for call in calls if call.split == split] for split in SPLITS}
    return "; ".join(f"{split} {min(found)}-{max(found)}" for split, found in ranges.items()) + "."


def check() -> str:
    """The recogniser's word errors on clean turns, by single voice, and by set for all speakers."""
    with RESULT.open(encoding="utf-8", newline="") as file:
        found = {row["speaker"]: row for row in csv.DictReader(file, delimiter="\t")}
    single = [row for name, row in found.items() if "+" not in name]
    lines = ["| voice | accent | words | wrong, % |", "| --- | --- | --- | --- |"]
    for row in single:
        accent = cast.ACCENTS[row["speaker"][0]]
        lines.append(f"| {row['speaker']} | {accent} | {row['words']} | {row['percent']} |")
    mixed = [row for name, row in found.items() if "+" in name]
    wrong, words = sum(int(row["errors"]) for row in mixed), sum(int(row["words"]) for row in mixed)
    worst = max(mixed, key=lambda row: float(row["percent"]))
    lines += [
        "",
        f"Speakers mixed from two voices: {100 * wrong / words:.1f}% of {words:,} words; "
        f"worst {worst['speaker']}, {worst['percent']}%.",
    ]
    return "\n".join(lines)


def recipes() -> str:
    """The numbers of `conditions.RECIPES`."""
    out = []
    for split, recipe in conditions.RECIPES.items():
        clean, low, high = recipe.clean, *recipe.snr
        out.append(f"- {split}: {100 * clean:.0f}% of sides without noise, else {low:g}-{high:g} dB.")
    return "\n".join(out)


def left_out() -> str:
    """Voices that are not used, and why."""
    reasons = ", ".join(f"`{voice}` ({why})" for voice, why in cast.LEFT_OUT.items())
    return f"Voices left out after a first listening, three to six clean sentences each: {reasons}."


def main() -> None:
    """Rewrite the marked blocks of the card."""
    path = DATA / "README.md"
    text = path.read_text("utf-8")
    blocks = {
        "contents": contents(),
        "accents": accents(),
        "seeds": seeds(),
        "recipes": recipes(),
        "conditions": lines_of_sets(),
        "check": check(),
        "left out": left_out(),
    }
    for name, block in blocks.items():
        before, rest = text.split(BEGIN.format(name))
        after = rest.split(END.format(name))[1]
        text = f"{before}{BEGIN.format(name)}\n{block}\n{END.format(name)}{after}"
    partial = path.with_suffix(".tmp")
    partial.write_text(text, "utf-8")
    os.replace(partial, path)


if __name__ == "__main__":
    main()
