"""One run a question: runs collected into one JSON file and one table of what was asked and what came out.

python -m tdnnq_lab.experiments.questions --out results/questions RUN_DIR …
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .acoustic import Recipe
from .record import RunRecord, read_json, write_json


def answer(run_dir: str | Path) -> dict[str, Any]:
    """What a trained and decoded run says: its settings that are not the recipe's defaults, and its errors.

    Raises:
      FileNotFoundError: it was not trained, or not decoded.
    """
    folder, record = Path(run_dir), RunRecord.load(run_dir)
    results = read_json(folder / "results.json")
    if results is None:
        raise FileNotFoundError(f"{folder / 'results.json'} does not exist: run `tdnnq-lab decode` on {folder} first")
    usual = Recipe().to_json()
    asked = {k: v for k, v in record.settings["recipe"].items() if usual.get(k) != v}
    told = {k: record.settings[k] for k in ("start", "tying") if record.settings.get(k)}
    sets = {s["name"]: {k: s[k] for k in ("wer", "wer_interval", "per", "words")} for s in results["sets"]}
    return {
        "name": folder.name,
        "recipe": asked,
        **told,
        "updates": record.results["updates"],
        "seconds": record.seconds,
        "cores": record.machine.get("cores"),
        "commit": record.commit,
        "scales": {k: results.get(k) for k in ("acoustic_scale", "phone_scale")},
        "sets": sets,
    }


def as_table(answers: Sequence[dict[str, Any]]) -> str:
    """The answers as Markdown, in the order given."""
    splits = list(dict.fromkeys(split for a in answers for split in a["sets"]))
    head = ["run", "begun with", "what is not usual", "updates", "minutes"]
    head += [f"{split}: words, phones, %" for split in splits]
    lines = ["| " + " | ".join(head) + " |", "| --- | --- | --- |" + " ---: |" * (2 + len(splits))]
    for a in answers:
        told = ", ".join(f"{k} {v}" for k, v in a["recipe"].items())
        told += f", {a['tying']['pdfs']} biphone pdfs" if "tying" in a else ""
        row = [a["name"], a.get("start", "–"), told, str(a["updates"]), f"{a['seconds'] / 60:.1f}"]
        row += [f"{a['sets'][s]['wer']:.1f}, {a['sets'][s]['per']:.1f}" if s in a["sets"] else "–" for s in splits]
        lines.append("| " + " | ".join(row) + " |")
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str] | None = None) -> None:
    """Collect runs from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", required=True, type=Path, help="name of the files, without .json and .md")
    parser.add_argument("--about", default="", help="what is said above the table")
    parser.add_argument("runs", nargs="+", type=Path)
    given = parser.parse_args(arguments)
    answers = [answer(run) for run in given.runs]
    write_json(given.out.with_suffix(".json"), {"about": given.about, "runs": answers})
    given.out.with_suffix(".md").write_text(f"{given.about}\n\n{as_table(answers)}".lstrip(), encoding="utf-8")


if __name__ == "__main__":
    main()
