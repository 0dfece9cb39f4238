"""`make demo`: from the shipped corpus to a table of errors, in one run directory."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..corpora import Report, cuts, speakers
from ..models import Tdnnf, save_model
from .acoustic import AcousticBatches, Recipe
from .acoustic_training import train_acoustic
from .compress import MEASURE, FitSettings, Variant, bytes_with_xent, compare, compressed_report, pack_variants
from .curves import learning_curve
from .evaluate import Scales, evaluate, network_outputs, tune
from .listen import listen
from .prepare import Prepared, PrepareSettings, prepare
from .record import RunRecord, StatusWriter, Stopped, write_json
from .status import StageTimes
from .train import MODEL

ABOUT = {
    "train": "what the network learns from",
    "dev": "half of its speakers new, for choosing the acoustic scale",
    "test_seen": "speakers of the training set, new sentences",
    "test_unseen": "voices and accents never heard in training, noise at 10 to 20 dB",
    "test_hard": "the voices of unseen in babble at 8 to 13 dB, rooms, narrow codecs",
}


@dataclass(frozen=True)
class DemoSettings:
    """What the demo does beside training, as a table.

    Attributes:
        variants: the packed models, as `Variant.parse` reads them; the first plan is the one shown.
        fit: the fine-tuning of each; its rate is that of the recorded demo, whose 4-bit model ships.
        measure: the sensitivity that plans are made by.
    """

    variants: tuple[str, ...] = ("mixed:4", "uniform:4")
    fit: FitSettings = field(default_factory=lambda: FitSettings(learning_rate=5e-4))
    measure: str = MEASURE


def run_demo(
    run_dir: str | Path,
    *,
    settings: PrepareSettings | None = None,
    recipe: Recipe | None = None,
    demo: DemoSettings | None = None,
) -> Path:
    """The whole way: prepare, train, measure sensitivities, plan, fine-tune, pack, decode every test split.

    Resumes what was begun in `run_dir`; nothing that is there is computed again.

    Args:
      settings: of the corpus and its graphs; None: `data_small`. The acoustic scale is tuned on its first test split.
      recipe: of the training; None: the demo's. demo: of what follows it.

    Returns:
      The path of `report.json` (its schema stands in `ui.report`).

    Raises:
      ValueError: the corpus or the run directory is not what it should be.
      Stopped: SIGTERM; start it again to go on.
    """
    folder, settings, recipe = Path(run_dir), settings or PrepareSettings(), recipe or Recipe()
    demo = demo or DemoSettings()
    with StatusWriter(folder) as status:
        told = {**recipe.to_json(), "demo": dataclasses.asdict(demo)}
        record = RunRecord.begin(folder, "demo", settings.corpus, recipe.seed, settings=told)
        stage = StageTimes(status)
        with stage("prepare"):
            data = prepare(settings, folder / "prepared", say=_say)
            record.data_hash = data.facts["data"]
        with stage("train"):
            model, facts = _trained(data, recipe, folder, status)
        with stage("decode"):
            scales, tuned = tune(network_outputs(model, data.cuts(settings.tests[0])), data, settings.tests[0])
            _say(f"acoustic scale {scales.words} (phones {scales.phones}), tuned on {settings.tests[0]}")
            results = evaluate(model, data, folder, scales=scales, say=_say)
        batches = AcousticBatches(data, recipe.batch_size, recipe.seed)
        systems, table = pack_variants(
            *(model, list(map(Variant.parse, demo.variants)), data, batches, folder),
            settings=demo.fit,
            recipe=recipe,
            measure_by=demo.measure,
            stage=stage,
            say=_say,
        )
        with stage("decode"):
            status.message("decoding from packed files")
            full_bytes = bytes_with_xent(model, folder)
            rows = compare(systems, data, folder, scales=scales, full_bytes_with_xent=full_bytes, say=_say)
        seconds = {"seconds_by_stage": stage.seconds, "tuned": tuned}
        record.finish(**scales.to_json(), **seconds, **facts)
        report = make_report(folder, record, data, model, results, stage.seconds)
        report |= compressed_report(rows, systems, table)
        report["listen"] = listen(data, folder, [system.name for system in systems])
        write_json(folder / "report.json", report)
    return folder / "report.json"


def _trained(data: Prepared, recipe: Recipe, folder: Path, status: StatusWriter) -> tuple[Tdnnf, dict[str, Any]]:
    """The trained model, written to the run directory, and what the record keeps of its training."""
    model, training, left_out = train_acoustic(data, recipe, folder, on_progress=status.progress)
    left_out.show()
    if training.state == "stopped":
        raise Stopped(training.reason)
    save_model(model, folder / MODEL)
    return model, {
        "seconds_by_part": training.seconds_by_part,
        "criterion_share": round(training.criterion_share, 4),
        "left_out": left_out.lines(),
        "left_out_in_training": training.left_out,
        "skips": training.skips,
    }


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
        "title": "From speech to a 4-bit recogniser: an LF-MMI TDNN-F, trained, planned and packed on data_small",
        "run": record.facts()
        | {
            "model": f"{record.settings['preset']}, {parameters:,} parameters",
            "updates": curve[-1]["update"] if curve else None,
            "stages": stages,
            "criterion_share": record.results["criterion_share"],
            **Scales.from_json(record.results).to_json(),
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
