"""One run a question: runs collected into one JSON file and one table of what was asked and what came out.

python -m tdnnq_lab.experiments.questions --out results/questions BASE RUN_DIR RUN_DIR=OTHER_DIR …

A run is compared with the first one, or with the one named behind its equals sign. RUN_DIR/GRAPH is the same run
decoded with another graph (`tdnnq-lab mix`).
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..scoring import mapsswe, read_trn
from .acoustic import Recipe
from .record import RunRecord, read_json, write_json

EARLIER = {"optimiser": "adam", "weight_decay": 0.0}  # what records say nothing of that are older than the choice

KINDS = {"words": ".trn.gz", "phones": ".phones.trn.gz"}  # as the table's head names them


def answer(run_dir: str | Path, only: Sequence[str] = ()) -> dict[str, Any]:
    """What a trained and decoded run says: its settings that are not the recipe's defaults, and its errors.

    Args:
      only: names of the sets to tell of; none: of all.

    Raises:
      FileNotFoundError: it was not trained, or not decoded.
    """
    folder = Path(run_dir)
    record = RunRecord.load(_trained(folder))
    results = read_json(folder / "results.json")
    if results is None:
        raise FileNotFoundError(f"{folder / 'results.json'} does not exist: run `tdnnq-lab decode` on {folder} first")
    usual = Recipe().to_json()
    recipe = EARLIER | record.settings["recipe"]
    asked = {k: v for k, v in recipe.items() if usual.get(k) != v}
    told = {k: record.settings[k] for k in ("start", "tying", "bf16") if record.settings.get(k)}
    chosen = [s for s in results["sets"] if not only or s["name"] in only]
    sets = {s["name"]: {k: s[k] for k in ("wer", "wer_interval", "per", "words")} for s in chosen}
    return {
        "name": _name(folder),
        "recipe": asked,
        **told,
        "updates": record.results["updates"],
        "seconds": record.seconds,
        "cores": record.machine.get("cores"),
        **({"gpu": record.machine["gpu"]} if record.machine.get("gpu") else {}),
        "command": record.command,
        "commit": record.commit,
        "data": record.data_hash,
        "versions": record.versions,
        "scales": {k: results.get(k) for k in ("acoustic_scale", "phone_scale")},
        "sets": sets,
    }


def significance(run_dir: str | Path, other: str | Path, only: Sequence[str] = ()) -> dict[str, Any]:
    """p of the difference between two runs by MAPSSWE, for every set that both decoded: {"against", set: {…}}."""
    told: dict[str, Any] = {"against": _name(Path(other))}
    folders = Path(run_dir) / "ref", Path(other) / "hyp", Path(run_dir) / "hyp"
    names = sorted(path.name for path in folders[0].glob("*.trn.gz") if not path.name.endswith(KINDS["phones"]))
    for split in (name.removesuffix(KINDS["words"]) for name in names):
        for kind, suffix in KINDS.items():
            texts = [folder / (split + suffix) for folder in folders]
            if (not only or split in only) and all(text.is_file() for text in texts):
                told.setdefault(split, {})[kind] = float(f"{mapsswe(*map(read_trn, texts)).p:.2g}")
    return told


def _trained(folder: Path) -> Path:
    """The run of a folder that may be one of its graphs'."""
    return folder.parent if (folder.parent / "run.json").is_file() else folder


def _name(folder: Path) -> str:
    """ "run", or "run, graph"."""
    run = _trained(folder)
    return folder.name if folder == run else f"{run.name}, {folder.name}"


def as_table(answers: Sequence[dict[str, Any]]) -> str:
    """The answers as Markdown, in the order given."""
    splits = list(dict.fromkeys(split for a in answers for split in a["sets"]))
    head = ["run", "begun with", "what is not usual", "updates", "minutes"]
    head += [f"{split}: words, phones, %" for split in splits] + ["p of the difference"]
    lines = ["| " + " | ".join(head) + " |", "| --- | --- | --- |" + " ---: |" * (2 + len(splits)) + " --- |"]
    for a in answers:
        told = ", ".join(f"{k} {v}" for k, v in a["recipe"].items())
        told += f", {a['tying']['pdfs']} biphone pdfs" if "tying" in a else ""
        told += ", in bfloat16" if a.get("bf16") else ""
        minutes = f"{a['seconds'] / 60:.1f}" + (" (GPU)" if "gpu" in a else "")
        row = [a["name"], a.get("start", "–"), told, str(a["updates"]), minutes]
        row += [f"{a['sets'][s]['wer']:.1f}, {a['sets'][s]['per']:.1f}" if s in a["sets"] else "–" for s in splits]
        lines.append("| " + " | ".join([*row, _told(a.get("significance"))]) + " |")
    return "\n".join(lines) + "\n"


def _told(found: dict[str, Any] | None) -> str:
    """ "0.2, 0.006 to base": of words and phones; with more than one set "dev 0.2, 0.006; test 0.1, 0.04 to base"."""
    sets = {k: ", ".join(map(str, v.values())) for k, v in (found or {}).items() if k != "against"}
    if found is None or not sets:
        return "–"
    said = "; ".join(f"{split} {p}" for split, p in sets.items()) if len(sets) > 1 else next(iter(sets.values()))
    return f"{said} to {found['against']}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Collect runs from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", required=True, type=Path, help="name of the files, without .json and .md")
    parser.add_argument("--about", default="", help="what is said above the table")
    parser.add_argument("--sets", default="", help="to tell of, by commas; all that were decoded if not given")
    parser.add_argument("runs", nargs="+", help="RUN_DIR, or RUN_DIR=the one to compare it with")
    given = parser.parse_args(arguments)
    pairs = [run.partition("=")[::2] for run in given.runs]
    only = [name for name in given.sets.split(",") if name]
    answers = [answer(run, only) for run, _ in pairs]
    for found, (run, other) in zip(answers, pairs, strict=True):
        if other or run != pairs[0][0]:
            found["significance"] = significance(run, other or pairs[0][0], only)
    write_json(given.out.with_suffix(".json"), {"about": given.about, "runs": answers})
    given.out.with_suffix(".md").write_text(f"{given.about}\n\n{as_table(answers)}".lstrip(), encoding="utf-8")


if __name__ == "__main__":
    main()
