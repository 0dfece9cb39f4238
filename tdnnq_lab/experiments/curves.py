"""How an objective rose: the log of a training, thinned out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def learning_curve(path: Path, points: int = 200) -> list[dict[str, Any]]:
    """At most so many lines of `metrics.jsonl`, evenly spread, the last one included."""
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    lines = [line for line in lines if line.get("kind", "train") == "train"]
    kept = lines[:: max(1, len(lines) // points)]
    if lines and kept[-1] is not lines[-1]:
        kept.append(lines[-1])
    names = ("update", "fraction", "loss", "numerator", "denominator", "xent", "learning_rate")
    return [
        {name: line[name] for name in names if name in line}
        | ({"objective": line["numerator"] - line["denominator"]} if "numerator" in line else {})
        for line in kept
    ]
