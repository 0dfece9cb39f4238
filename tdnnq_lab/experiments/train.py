"""The jobs behind `tdnnq-lab train`, `decode`, `headroom`, `compress` and `study`, each on a prepared corpus."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..corpora import find_data_small
from ..deploy import BundleReport, load, make_bundle
from ..graphs import Lexicon
from ..models import Tdnnf, load_model, save_model
from ..quantize import BitPlan
from ..training import TrainReport
from .acoustic import AcousticBatches, Recipe
from .acoustic_training import train_acoustic
from .compress import (
    MEASURE,
    FitSettings,
    Variant,
    bytes_with_xent,
    compare,
    compressed_report,
    describe,
    pack_variants,
)
from .evaluate import Scales, evaluate, network_outputs, tune
from .headroom import headroom
from .prepare import Prepared, PrepareSettings, read_lexicon
from .record import RunRecord, StatusWriter, Stopped, file_sha256, read_json, write_json
from .status import StageTimes
from .study import run_study

MODEL = "model.safetensors"
SHIPPED = "data_small"


def run_train(
    prepared: str | Path,
    recipe: Recipe,
    run_dir: str | Path,
    *,
    start: str | Path | None = None,
    time_limit: float | None = None,
    device: str = "cpu",
    bf16: bool = False,
) -> TrainReport:
    """Train into a run directory; call again to resume. Writes `run.json`, `status.json` and the model.

    Args:
      start: run directory of a finished training to begin with, in place of random weights; SHIPPED: the model
        that comes with `data_small`.
      device, bf16: as for `train_acoustic`.

    Raises:
      FileNotFoundError: `prepared` is not a prepared folder.
      ValueError: the run directory belongs to another run; the start was trained on other phones.
      Stopped: SIGTERM or the time limit ended it before its last update; a checkpoint is there.
    """
    data, folder = Prepared.load(prepared), Path(run_dir)
    with StatusWriter(folder) as status:
        settings = {
            "recipe": recipe.to_json(),
            "prepared": data.facts["settings"],
            "phones": phones_sha256(data.lexicon),
        }
        if start is not None:
            settings |= {"start": Path(start).name, "tying": data.facts.get("tying")}
        if device != "cpu" or bf16:
            settings |= {"device": device, "bf16": bf16}
        corpus, hashed = data.settings.corpus, data.facts["data"]
        record = RunRecord.begin(folder, "train", corpus, recipe.seed, data_hash=hashed, settings=settings)
        status.stage("train")
        model, report, left_out = train_acoustic(
            data,
            recipe,
            folder,
            on_progress=status.progress,
            time_limit=time_limit,
            start=None if start is None else _start(start, data),
            device=device,
            bf16=bf16,
        )
        left_out.show()
        if report.state == "finished":
            save_model(model, folder / MODEL)
        record.finish(
            seconds_by_part=report.seconds_by_part,
            criterion_share=round(report.criterion_share, 4),
            updates=report.update,
            left_out=left_out.lines(),
            left_out_in_training=report.left_out,
            skips=report.skips,
        )
        if report.state == "stopped":
            raise Stopped(report.reason)
    return report


def _start(start: str | Path, data: Prepared) -> Tdnnf:
    """The network that a training begins with; ValueError where its phones are not the folder's."""
    if str(start) == SHIPPED:
        model, phones = load_model(shipped_model()), phones_sha256(read_lexicon(PrepareSettings()))
    else:
        record = read_json(Path(start) / "run.json") or {}
        model, phones = load_trained(start), record.get("settings", {}).get("phones")
    if phones not in (None, phones_sha256(data.lexicon)):  # None: the run does not say
        raise ValueError(
            f"{start} cannot be begun with: it was trained on other phones than those of {data.folder}; begin with "
            "random weights, or bring the lexicon to the same names"
        )
    return model


def phones_sha256(lexicon: Lexicon) -> str:
    """A hash of the phones' names in their order, which is that of a network's outputs."""
    return hashlib.sha256("\n".join(lexicon.phones).encode()).hexdigest()


def shipped_model() -> Path:
    """The model that comes with `data_small`."""
    return find_data_small() / "models" / "baseline.safetensors"


def load_trained(run_dir: str | Path, data: Prepared | None = None) -> Tdnnf:
    """The model of a finished training run, in eval mode.

    Args:
      data: the folder it is to be used with; None: not checked.

    Raises:
      FileNotFoundError: the run has not finished.
      ValueError: its outputs are not the folder's pdfs (monophones and biphones confused, or another lexicon).
    """
    path = Path(run_dir) / MODEL
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist: let `tdnnq-lab train` finish in {run_dir} first")
    model = load_model(path).eval()
    if data is not None and model.config.num_pdfs != data.topology.num_pdfs:
        raise ValueError(
            f"{path} has {model.config.num_pdfs} outputs and {data.folder} {data.topology.num_pdfs} pdfs: "
            "give the folder that the model was trained on"
        )
    return model


def run_decode(
    prepared: str | Path,
    run_dir: str | Path,
    *,
    splits: Sequence[str] | None,
    acoustic_scale: float | None,
    graph: str = "ngram",
    unigram: bool = True,
) -> list[dict[str, Any]]:
    """Decode test splits into RUN_DIR/hyp (references into RUN_DIR/ref) and write RUN_DIR/results.json.

    With another graph than the folder's own all this goes into RUN_DIR/GRAPH. A scale that is given is that of words
    and phones, and nothing is tuned; otherwise both are, apart, on the first test split.

    Args:
      unigram: as in `evaluate`; with another graph than the folder's own it was decoded already.
    """
    data, folder = Prepared.load(prepared), Path(run_dir)
    model, tuning = load_trained(folder, data), data.settings.tests[0]
    tuned: dict[str, dict[str, float]] = {}
    if acoustic_scale is not None:
        scales = Scales(acoustic_scale)
    else:
        scales, tuned = tune(network_outputs(model, data.cuts(tuning)), data, tuning, graph)
        print(f"acoustic scale {scales.words} (phones {scales.phones}), tuned on {tuning}")
    out = folder if graph == "ngram" else folder / graph
    results = evaluate(
        model, data, out, scales=scales, graph=graph, splits=splits, unigram=unigram and graph == "ngram"
    )
    told = {"model": file_sha256(folder / MODEL), **scales.to_json()}
    write_json(out / "results.json", {**told, "tuned": tuned, "sets": results})
    return results


def run_headroom(prepared: str | Path, run_dir: str | Path, *, bits: Sequence[int]) -> list[dict[str, Any]]:
    """Round, recalibrate and decode; write RUN_DIR/headroom.json. Decode first: it tunes the acoustic scale."""
    data, folder = Prepared.load(prepared), Path(run_dir)
    report = read_json(folder / "report.json") or {}  # of a demo
    scales, model = _tuned(folder), load_trained(folder, data)
    rows = headroom(model, data, AcousticBatches(data, 8, 0), scales=scales, bits=bits)
    write_json(folder / "headroom.json", {**scales.to_json(), "rows": rows})
    if report:  # its page then shows the rounded weights too
        write_json(folder / "report.json", report | {"headroom": rows})
    return rows


def run_compress(
    prepared: str | Path,
    run_dir: str | Path,
    out: str | Path,
    *,
    variants: Sequence[str],
    settings: FitSettings,
    measure_by: str = MEASURE,
    seed: int = 0,
) -> list[dict[str, Any]]:
    """Plan, fine-tune, pack and decode variants of a trained model; writes OUT/compress.json. Resumes.

    Args:
        run_dir: of the training; it was decoded before, which tuned the acoustic scale.
        out: a run directory of its own, for packed models, hypotheses and the record.
        variants: as `Variant.parse` reads them.
        settings: of each fine-tuning. measure_by: the sensitivity that mixed plans are made by.

    Raises:
        FileNotFoundError: the model has not been trained. Stopped: SIGTERM; run again to go on.
    """
    data, folder = Prepared.load(prepared), Path(out)
    model, scales, chosen = load_trained(run_dir, data), _tuned(run_dir), [Variant.parse(v) for v in variants]
    with StatusWriter(folder) as status:
        told = {"variants": list(variants), "updates": settings.updates, "learning_rate": settings.learning_rate}
        told |= {"measure": measure_by, "prepared": data.facts["settings"]}
        corpus, hashed = data.settings.corpus, data.facts["data"]
        record = RunRecord.begin(folder, "compress", corpus, seed, data_hash=hashed, settings=told)
        systems, table = pack_variants(
            *(model, chosen, data, AcousticBatches(data, 8, seed), folder),
            settings=settings,
            recipe=Recipe(seed=seed),
            measure_by=measure_by,
            stage=StageTimes(status),
        )
        status.stage("decode")
        full_bytes = bytes_with_xent(model, folder)
        rows = compare(systems, data, folder, scales=scales, full_bytes_with_xent=full_bytes)
        plans = {s.name: s.plan.bits for s in systems if s.plan is not None}
        record.finish(**scales.to_json())
        write_json(folder / "compress.json", {"systems": rows, "plans": plans, "sensitivity": describe(table)})
        if results := read_json(Path(run_dir) / "results.json"):
            report = {"format": "tdnnq-lab report 1", "title": f"{corpus}: packed models", "run": record.facts()}
            report |= {"sets": results["sets"], **compressed_report(rows, systems, table)}
            write_json(folder / "report.json", report)
    return rows


def run_bundle(
    prepared: str | Path, run_dir: str | Path, system: str, out: str | Path, *, about: dict[str, Any] | None = None
) -> BundleReport:
    """Put a packed system of a demo or a compression, its graph and settings into one folder for `Recogniser`.

    Args:
        run_dir: where SYSTEM.safetensors and SYSTEM.plan.json are ("mixed4").
        out: the folder; its parts are replaced.
        about: what the bundle says of itself; None: row, commit and plan of the run.

    Raises:
        FileNotFoundError: there is no such system.
    """
    data, folder = Prepared.load(prepared), Path(run_dir)
    path = folder / f"{system}.safetensors"
    if not path.is_file():
        there = ", ".join(sorted(p.name.removesuffix(".plan.json") for p in folder.glob("*.plan.json"))) or "none"
        raise FileNotFoundError(f"{path} does not exist; packed systems in {folder}: {there}")
    record = read_json(folder / "run.json") or {}
    plan = BitPlan.load(folder / f"{system}.plan.json")
    told = {"corpus": data.settings.corpus, "system": system, "commit": record.get("commit"), "plan": plan.bits}
    return make_bundle(
        out,
        load(path),
        plan,
        data.graph(),
        acoustic_scale=record.get("results", {}).get("acoustic_scale", 1.0),
        features=data.settings.mfcc,
        about=told if about is None else about,
    )


def run_study_of(prepared: str | Path, run_dir: str | Path, out: str | Path, *, seed: int = 0) -> dict[str, Any]:
    """Which sensitivity predicts errors, on a trained model (`study.run_study`); writes OUT/study.json. Resumes."""
    data, folder = Prepared.load(prepared), Path(out)
    model, scale = load_trained(run_dir, data), _tuned(run_dir).words
    with StatusWriter(folder, "study"):
        hashed = data.facts["data"]
        record = RunRecord.begin(folder, "study", data.settings.corpus, seed, data_hash=hashed)
        result = run_study(model, data, folder, acoustic_scale=scale, seed=seed)
        record.finish(acoustic_scale=scale)
    return result


def _tuned(run_dir: str | Path) -> Scales:
    """The scales that `decode` (or a demo) tuned; 1 if neither ran."""
    folder = Path(run_dir)
    report = (read_json(folder / "report.json") or {}).get("run") or {}
    return Scales.from_json(read_json(folder / "results.json") or report)
