"""The jobs behind `tdnnq-lab train`, `decode` and `headroom`: a prepared corpus, a run directory, a record."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..models import Tdnnf, load_model, save_model
from ..training import TrainReport
from .acoustic import AcousticBatches, Recipe, train_acoustic
from .evaluate import evaluate, tune_scale
from .headroom import headroom
from .prepare import Prepared
from .record import RunRecord, StatusWriter, Stopped, read_json, write_json

MODEL = "model.safetensors"


def run_train(
    prepared: str | Path, recipe: Recipe, run_dir: str | Path, *, time_limit: float | None = None
) -> TrainReport:
    """Train into a run directory; call again to resume. Writes `run.json`, `status.json` and the model.

    Raises:
      FileNotFoundError: `prepared` is not a prepared folder.
      ValueError: the run directory belongs to another run.
      Stopped: SIGTERM or the time limit ended it before its last update; a checkpoint is there.
    """
    data, folder = Prepared.load(prepared), Path(run_dir)
    with StatusWriter(folder) as status:
        settings = {"recipe": recipe.to_json(), "prepared": data.facts["settings"]}
        corpus, hashed = data.settings.corpus, data.facts["data"]
        record = RunRecord.begin(folder, "train", corpus, recipe.seed, data_hash=hashed, settings=settings)
        status.stage("train")
        model, report, left_out = train_acoustic(
            data, recipe, folder, on_progress=status.progress, time_limit=time_limit
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


def load_trained(run_dir: str | Path) -> Tdnnf:
    """The model of a finished training run, in eval mode.

    Raises:
      FileNotFoundError: the run has not finished.
    """
    path = Path(run_dir) / MODEL
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist: let `tdnnq-lab train` finish in {run_dir} first")
    return load_model(path).eval()


def run_decode(
    prepared: str | Path, run_dir: str | Path, *, splits: Sequence[str] | None, acoustic_scale: float | None
) -> list[dict[str, Any]]:
    """Decode test splits into RUN_DIR/hyp (references into RUN_DIR/ref) and write RUN_DIR/results.json."""
    data, folder = Prepared.load(prepared), Path(run_dir)
    model = load_trained(folder)
    tuned: dict[float, float] = {}
    if acoustic_scale is None:
        acoustic_scale, tuned = tune_scale(model, data, data.settings.tests[0])
        print(f"acoustic scale {acoustic_scale}, tuned on {data.settings.tests[0]}")
    results = evaluate(model, data, folder, acoustic_scale=acoustic_scale, splits=splits)
    write_json(folder / "results.json", {"acoustic_scale": acoustic_scale, "tuned": tuned, "sets": results})
    return results


def run_headroom(prepared: str | Path, run_dir: str | Path, *, bits: Sequence[int]) -> list[dict[str, Any]]:
    """Round, recalibrate and decode; write RUN_DIR/headroom.json. Decode first: it tunes the acoustic scale."""
    data, folder = Prepared.load(prepared), Path(run_dir)
    report = read_json(folder / "report.json") or {}  # of a demo
    scale = (read_json(folder / "results.json") or report.get("run") or {}).get("acoustic_scale", 1.0)
    rows = headroom(load_trained(folder), data, AcousticBatches(data, 8, 0), acoustic_scale=scale, bits=bits)
    write_json(folder / "headroom.json", {"acoustic_scale": scale, "rows": rows})
    if report:  # its page then shows the rounded weights too
        write_json(folder / "report.json", report | {"headroom": rows})
    return rows
