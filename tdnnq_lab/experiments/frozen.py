"""Baselines that every later row stands on: what is kept of them under `results/baselines/`, and the table of it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from .baseline import MIXED, run_parts
from .curves import learning_curve
from .record import read_json, write_json

LEFT_OUT = ("examples", "errors_by_speaker")  # of each set: the kept hypotheses say the same


def keep(run_dir: str | Path, out: str | Path) -> Path:
    """Keep a finished baseline as OUT/seedN: its record, learning curves and hypotheses; weights stay where they are.

    Hypotheses of a language model that another text helped to make are not kept: its terms may not allow it.

    Raises:
      FileNotFoundError: the baseline has not been finished.
    """
    run, facts = Path(run_dir), read_json(Path(run_dir) / "baseline.json")
    if facts is None:
        raise FileNotFoundError(f"{run / 'baseline.json'} does not exist: let `tdnnq-lab baseline` finish in {run}")
    parts = run_parts(run)
    folder = Path(out) / f"seed{facts['settings']['flat']['seed']}"
    shutil.rmtree(folder / "hyp", ignore_errors=True)
    shutil.copytree(parts[-1] / "hyp", folder / "hyp")
    for results in (facts["results"], facts.get(MIXED, {}).get("results", [])):
        for result in results:
            for name in LEFT_OUT:
                result.pop(name, None)
    write_json(folder / "baseline.json", facts)
    write_json(folder / "curves.json", {part.name: learning_curve(part / "metrics.jsonl") for part in parts})
    return folder


def kept(out: str | Path) -> list[dict[str, Any]]:
    """The records of the seeds kept in a folder, in order.

    Raises:
      FileNotFoundError: there are none.
    """
    paths = sorted(Path(out).glob("seed*/baseline.json"), key=lambda path: int(path.parent.name.removeprefix("seed")))
    if not paths:
        raise FileNotFoundError(f"{out} holds no baseline: make one with `tdnnq-lab baseline … --keep {out}`")
    return [json.loads(path.read_text(encoding="utf-8")) for path in paths]


def as_table(records: Sequence[dict[str, Any]], seconds: Mapping[str, float] | None = None) -> str:
    """Markdown: a line a test set, a column a seed, words / phones in percent, then their mean and deviation.

    Args:
      seconds: of training, by model (SHA-256), of those that others began with: counted too.
    """
    seeds = [str(record["settings"]["flat"]["seed"]) for record in records]
    lines = ["| set | " + " | ".join(f"seed {seed}" for seed in seeds) + " | mean ± deviation |"]
    lines.append("| --- |" + " ---: |" * (len(seeds) + 1))
    for place, result in enumerate(records[0]["results"]):
        lines.append(_line(result["name"], [record["results"][place] for record in records]))
    mixed = [record[MIXED]["results"] for record in records if MIXED in record]
    if len(mixed) == len(records):
        for place, result in enumerate(mixed[0]):
            lines.append(_line(f"{result['name']}, mixed language model", [found[place] for found in mixed]))
    minutes = " | ".join(_minutes(record, seconds or {}) for record in records)
    lines.append(f"| minutes of training | {minutes} | |")
    lines.append("| model (SHA-256) | " + " | ".join(f"`{r['model'][:12]}`" for r in records) + " | |")
    lines.append("| commit | " + " | ".join(f"`{(r['commit'] or '–')[:7]}`" for r in records) + " | |")
    return "\n".join(lines) + "\n"


def markdown(folder: str | Path) -> str:
    """One table for each corpus kept below FOLDER, with the command that makes its first seed again.

    Raises:
      FileNotFoundError: there are none.
    """
    corpora = sorted({path.parents[1] for path in Path(folder).glob("*/seed*/baseline.json")})
    if not corpora:
        raise FileNotFoundError(
            f"{folder} holds no baseline: make one with `tdnnq-lab baseline … --keep {folder}/NAME`"
        )
    found = {corpus.name: kept(corpus) for corpus in corpora}
    seconds = {record["model"]: record["train_seconds"] for records in found.values() for record in records}
    return "\n".join(_about(name, records, seconds) for name, records in found.items())


def _minutes(record: dict[str, Any], seconds: Mapping[str, float]) -> str:
    told = f"{record['train_seconds'] / 60:.1f}"
    start = record.get("start")
    if start is None:
        return told
    return f"{told} + {seconds[start] / 60:.1f} (start)" if start in seconds else f"{told} + start"


def _about(name: str, records: Sequence[dict[str, Any]], seconds: Mapping[str, float]) -> str:
    first = records[0]
    return (
        f"**{name}**, {first['parameters']:,} parameters; word / phone errors in percent. Seed "
        f"{first['settings']['flat']['seed']} again: `{' '.join(first['command'])}`\n\n{as_table(records, seconds)}"
    )


def _line(name: str, results: Sequence[dict[str, Any]]) -> str:
    told = [f"{r['wer']:.1f} / {r['per']:.1f}" for r in results]
    spread = " / ".join(_spread([r[key] for r in results]) for key in ("wer", "per"))
    return f"| {name} | {' | '.join(told)} | {spread} |"


def _spread(values: Sequence[float]) -> str:
    return f"{mean(values):.1f}" + (f" ± {stdev(values):.1f}" if len(values) > 1 else "")
