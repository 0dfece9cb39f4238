"""A full-precision baseline by one command: prepare, train flat, tie biphones, train on, decode."""

from __future__ import annotations

import dataclasses
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .acoustic import Recipe
from .prepare import PrepareSettings, Say, prepare
from .record import RunRecord, read_json, write_json
from .tie import run_tie
from .train import MODEL, load_trained, run_decode, run_train


@dataclass(frozen=True)
class Baseline:
    """The settings of a baseline, as a table.

    Attributes:
        prepare: of the corpus, its graphs and features.
        flat: the training of monophones, from random weights.
        leaves: biphone pdfs that the monophones are split into; 0: they stay monophones.
        tied: the training of the biphones, which begins where the monophones ended.
    """

    prepare: PrepareSettings
    flat: Recipe
    leaves: int = 0
    tied: Recipe | None = None

    def to_json(self) -> dict[str, Any]:
        """The fields as JSON values."""
        tied = self.tied.to_json() if self.tied else None
        return {"prepare": self.prepare.to_json(), "flat": self.flat.to_json(), "leaves": self.leaves, "tied": tied}


def data_small(seed: int = 0) -> Baseline:
    """The shipped corpus, as the demo trains it."""
    return Baseline(prepare=PrepareSettings(), flat=Recipe(seed=seed))


def speechocean762(directory: str | Path, seed: int = 0) -> Baseline:
    """Read English of Mandarin speakers; `directory` as published, with a dev part beside train and test."""
    varied = Recipe(batch_size=4, time_masked=0.1, frequency_masks=1, warp=0.1, seed=seed)
    return Baseline(
        prepare=PrepareSettings(
            corpus=f"kaldi:{directory}",
            lexicon=str(Path(directory) / "lexicon.txt"),
            tests=("dev", "test"),
            prune=0.0,
            subtract_mean=True,
        ),
        flat=dataclasses.replace(varied, passes=16.0),
        leaves=300,
        tied=dataclasses.replace(varied, passes=16.0, learning_rate=1e-3),
    )


def run_baseline(baseline: Baseline, run_dir: str | Path, *, say: Say = print) -> dict[str, Any]:
    """Run all stages; what a stage has finished is not done again. Writes RUN_DIR/baseline.json.

    The folders are RUN_DIR/prepared, /flat, /tied (the second prepared folder) and /final (of the biphones). Without
    `leaves` the monophones are the baseline.

    Returns:
      {"settings", "commit", "data", "model": SHA-256 of the weights, "train_seconds", "results"}.

    Raises:
      ValueError: the folder holds another baseline, or `leaves` without `tied`.
      Stopped: SIGTERM; run it again to go on.
    """
    if bool(baseline.leaves) != bool(baseline.tied):
        raise ValueError("a baseline of biphones has both: leaves, their number, and tied, how they are trained")
    folder, told = Path(run_dir), baseline.to_json()
    if read_json(folder / "settings.json") not in (None, told):
        raise ValueError(f"{folder} holds a baseline of other settings; choose another folder")
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "settings.json", told)
    data = prepare(baseline.prepare, folder / "prepared", say=say).folder
    run_train(data, baseline.flat, folder / "flat")
    parts = [folder / "flat"]
    if baseline.tied:
        data = run_tie(data, load_trained(parts[0]), folder / "tied", leaves=baseline.leaves, say=say).folder
        run_train(data, baseline.tied, folder / "final", start=parts[0])
        parts.append(folder / "final")
    results = run_decode(data, parts[-1], splits=None, acoustic_scale=None)
    records = [RunRecord.load(part) for part in parts]
    facts = {
        "settings": told,
        "commit": records[-1].commit,
        "data": records[-1].data_hash,
        "model": hashlib.sha256((parts[-1] / MODEL).read_bytes()).hexdigest(),
        "train_seconds": round(sum(record.seconds for record in records), 1),
        "results": results,
    }
    write_json(folder / "baseline.json", facts)
    return facts
