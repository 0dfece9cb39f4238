"""`make demo`: from the shipped corpus to a table of errors, in one run directory."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..corpora import Report, cuts, speakers
from ..models import Tdnnf, save_model
from .acoustic import Recipe, train_acoustic
from .evaluate import evaluate, tune_scale
from .prepare import Prepared, PrepareSettings, prepare
from .record import RunRecord, StatusWriter, Stopped, write_json
from .train import MODEL

ABOUT = {
    "train": "what the network learns from",
    "dev": "half of its speakers new, for choosing the acoustic scale",
    "test_seen": "speakers of the training set, new sentences",
    "test_unseen": "voices and accents never heard in training, noise at 10 to 20 dB",
    "test_hard": "the voices of unseen in babble at 8 to 13 dB, rooms, narrow codecs",
}


def run_demo(run_dir: str | Path, *, settings: PrepareSettings | None = None, recipe: Recipe | None = None) -> Path:
    """Prepare, train, tune on the first test split, decode every test split; resumes what was begun in `run_dir`.

    Args:
      settings: of the corpus and its graphs; None: `data_small`.
      recipe: of the training; None: the demo's.

    Returns:
      The path of `report.json` (its schema stands in `ui.report`).

    Raises:
      ValueError: the corpus or the run directory is not what it should be.
      Stopped: SIGTERM; start it again to go on.
    """
    folder, settings, recipe = Path(run_dir), settings or PrepareSettings(), recipe or Recipe()
    stages: dict[str, float] = {}
    with StatusWriter(folder) as status:
        record = RunRecord.begin(folder, "demo", settings.corpus, recipe.seed, settings=recipe.to_json())

        @contextmanager
        def stage(name: str) -> Iterator[None]:
            status.stage(name)
            start = time.perf_counter()
            yield
            stages[name] = round(time.perf_counter() - start, 1)

        with stage("prepare"):
            data = prepare(settings, folder / "prepared", say=_say)
            record.data_hash = data.facts["data"]
        with stage("train"):
            model, training, left_out = train_acoustic(data, recipe, folder, on_progress=status.progress)
            left_out.show()
            if training.state == "stopped":
                raise Stopped(training.reason)
            save_model(model, folder / MODEL)
        with stage("decode"):
            scale, tuned = tune_scale(model, data, settings.tests[0])
            _say(f"acoustic scale {scale}, tuned on {settings.tests[0]}")
            results = evaluate(model, data, folder, acoustic_scale=scale, say=_say)
        record.finish(
            seconds_by_stage=stages,
            seconds_by_part=training.seconds_by_part,
            criterion_share=round(training.criterion_share, 4),
            acoustic_scale=scale,
            tuned={str(k): v for k, v in tuned.items()},
            left_out=left_out.lines(),
            left_out_in_training=training.left_out,
            skips=training.skips,
        )
        report = make_report(folder, record, data, model, results, stages)
        write_json(folder / "report.json", report)
    return folder / "report.json"


def make_report(
    folder: Path,
    record: RunRecord,
    data: Prepared,
    model: Tdnnf,
    results: list[dict[str, Any]],
    stages: dict[str, float],
) -> dict[str, Any]:
    """What the table, the page and the README are drawn from."""
    parameters = sum(p.numel() for p in model.parameters())
    curve = learning_curve(folder / "metrics.jsonl")
    return {
        "format": "tdnnq-lab report 1",
        "title": "Speech in, words out: an LF-MMI TDNN-F trained from scratch on data_small",
        "run": {
            "row": record.row,
            "seed": record.seed,
            "command": " ".join(record.command),
            "commit": record.commit,
            "started": record.started,
            "model": f"{record.settings['preset']}, {parameters:,} parameters",
            "updates": curve[-1]["update"] if curve else None,
            "wall_seconds": record.seconds,
            "peak_memory_bytes": int(record.peak_memory_mb * 1e6),
            "data_hash": record.data_hash,
            "stages": stages,
            "criterion_share": record.results["criterion_share"],
            "acoustic_scale": record.results["acoustic_scale"],
            "machine": {
                "cpu": record.machine.get("processor"),
                "cores": record.machine.get("cores"),
                "platform": record.machine.get("system"),
            },
            "versions": record.versions,
        },
        "corpus": {
            "name": data.settings.corpus,
            "licence": "see data_small/README.md",
            "note": "Telephone conversations that were synthesised: nothing here is a claim about real speech.",
            "sets": [_about(data, split) for split in (data.settings.train, *data.settings.tests)],
        },
        "sets": [r | {"what": ABOUT.get(r["name"], "")} for r in results],
        "learning_curve": curve,
    }


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


def _about(data: Prepared, split: str) -> dict[str, Any]:
    found = cuts(data.settings.corpus, split, report=Report())
    return {
        "name": split,
        "what": ABOUT.get(split, ""),
        "minutes": data.facts["minutes"][split],
        "speakers": len(set(speakers(found).values())),
        "utterances": len(found),
        "words": sum(len(c.supervisions[0].text.split()) for c in found),
    }


def _say(text: str) -> None:
    print(text, flush=True)
