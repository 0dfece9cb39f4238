"""A full-precision baseline by one command: prepare, train flat, tie biphones, train on, decode."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..training import TrainReport
from .acoustic import Recipe
from .mixed_lm import read_text, run_mix
from .prepare import PrepareSettings, Say, prepare
from .record import RunRecord, file_sha256, read_json, write_json
from .tie import run_tie
from .train import MODEL, SHIPPED, load_trained, run_decode, run_train, shipped_model

FLAT, FINAL, MIXED = "flat", "final", "mixed"


@dataclass(frozen=True)
class Baseline:
    """The settings of a baseline, as a table.

    Attributes:
        prepare: of the corpus, its graphs and features.
        flat: the training of monophones, from random weights.
        leaves: biphone pdfs that the monophones are split into; 0: they stay monophones.
        tied: the training of the biphones, which begins where the monophones ended.
        start: what the monophones begin with: SHIPPED, the model that comes with `data_small`; None: random weights.
    """

    prepare: PrepareSettings
    flat: Recipe
    leaves: int = 0
    tied: Recipe | None = None
    start: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The fields as JSON values."""
        told: dict[str, Any] = {"prepare": self.prepare.to_json(), "start": self.start, "flat": self.flat.to_json()}
        return told | {"leaves": self.leaves, "tied": self.tied.to_json() if self.tied else None}


def data_small(seed: int = 0) -> Baseline:
    """The shipped corpus, as the demo trains it."""
    return Baseline(prepare=PrepareSettings(), flat=Recipe(seed=seed))


def speechocean762(directory: str | Path, seed: int = 0) -> Baseline:
    """Read English of Mandarin speakers; `directory` as published, with a dev part beside train and test."""
    flat = Recipe(passes=4.0, dropout=0.0, seed=seed)
    tied = dataclasses.replace(  # by now the network could learn its training speech by heart
        flat, passes=36.0, learning_rate=3e-3, time_masked=0.2, frequency_masks=2, masked_until=0.67, dropout=0.3
    )
    return Baseline(
        prepare=PrepareSettings(
            corpus=f"kaldi:{directory}",
            lexicon=str(Path(directory) / "lexicon.txt"),
            tests=("dev", "test"),
            prune=0.0,
        ),
        start=SHIPPED,
        flat=flat,
        leaves=300,
        tied=tied,
    )


def speechocean762_hour(directory: str | Path, seed: int = 0) -> Baseline:
    """As `speechocean762`, for an hour on two cores: twice the passes over the biphones, with more dropout."""
    half = speechocean762(directory, seed)
    assert half.tied is not None
    return dataclasses.replace(half, tied=dataclasses.replace(half.tied, passes=74.0, dropout=0.4))


def run_baseline(
    baseline: Baseline,
    run_dir: str | Path,
    *,
    text: str | Path | None = None,
    device: str = "cpu",
    say: Say = print,
) -> dict[str, Any]:
    """Run all stages; what a stage has finished is not done again. Writes RUN_DIR/baseline.json.

    The folders are RUN_DIR/prepared, /flat, /tied (the second prepared folder) and /final (of the biphones). Without
    `leaves` the monophones are the baseline.

    Args:
      text: the test sets are decoded once more, with a language model mixed with one of this text (`mixed_lm`); it is
        no part of the baseline, and its hypotheses stay in RUN_DIR.
      device: to train on, "cpu" or "cuda".

    Returns:
      {"settings", "start": SHA-256 of the shipped model, if begun with it, "command", "commit", "dirty", "data",
      "model": SHA-256 of the weights, "train_seconds", "updates", "machine", "versions", "results", "mixed" (a text)}.

    Raises:
      ValueError: the folder holds another baseline, or `leaves` without `tied`.
      FileNotFoundError, ValueError: the text, as `mixed_lm.read_text`; before anything is computed.
      Stopped: SIGTERM; run it again to go on.
    """
    if bool(baseline.leaves) != bool(baseline.tied):
        raise ValueError("a baseline of biphones has both: leaves, their number, and tied, how they are trained")
    if text is not None:
        read_text(text)  # what is wrong with it is better said now than after the training
    folder, told = Path(run_dir), baseline.to_json()
    if read_json(folder / "settings.json") not in (None, told):
        raise ValueError(f"{folder} holds a baseline of other settings; choose another folder")
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "settings.json", told)
    data = prepare(baseline.prepare, folder / "prepared", say=say).folder
    if not _trained(folder / FLAT):
        run_train(data, baseline.flat, folder / FLAT, start=baseline.start, device=device)
    if baseline.tied:
        data = run_tie(data, load_trained(folder / FLAT), folder / "tied", leaves=baseline.leaves, say=say).folder
        if not _trained(folder / FINAL):
            run_train(data, baseline.tied, folder / FINAL, start=folder / FLAT, device=device)
    begun = {"start": file_sha256(shipped_model())} if baseline.start == SHIPPED else {}
    facts = {"settings": told, **begun, **trained_facts(folder)}
    parts = run_parts(folder)
    tests = baseline.prepare.tests
    facts["results"] = decoded(parts[-1], tests) or run_decode(data, parts[-1], splits=None, acoustic_scale=None)
    if text is not None:
        facts[MIXED] = {"text": Path(text).name, **_mixed(data, parts[-1], text, say)}
    write_json(folder / "baseline.json", facts)
    return facts


def _trained(part: Path) -> bool:
    """Whether a training is finished: one done on a GPU elsewhere can be decoded here."""
    return (part / MODEL).is_file() and "updates" in RunRecord.load(part).results


def decoded(run_dir: str | Path, tests: Sequence[str]) -> list[dict[str, Any]] | None:
    """The results of a run whose model has decoded all tests; None if it has not."""
    found = read_json(Path(run_dir) / "results.json") or {}
    if found.get("model") != file_sha256(Path(run_dir) / MODEL):
        return None
    return found["sets"] if [one["name"] for one in found["sets"]] == list(tests) else None


def run_parts(run_dir: str | Path) -> list[Path]:
    """The trainings of a baseline, the last one being that of its model."""
    return [part for part in (Path(run_dir) / FLAT, Path(run_dir) / FINAL) if (part / MODEL).is_file()]


def trained_facts(run_dir: Path) -> dict[str, Any]:
    """What the record of a baseline says of its trainings."""
    parts = run_parts(run_dir)
    records = [RunRecord.load(part) for part in parts]
    last = records[-1]
    return {
        "command": last.command,
        "commit": last.commit,
        "dirty": any(record.dirty for record in records),
        "data": last.data_hash,
        "model": file_sha256(parts[-1] / MODEL),
        "parameters": sum(p.numel() for p in load_trained(parts[-1]).parameters()),
        "train_seconds": round(sum(TrainReport.load(part / "training.json").seconds for part in parts), 1),
        "updates": [record.results["updates"] for record in records],
        "machine": last.machine,
        "versions": last.versions,
    }


def _mixed(data: Path, run_dir: Path, text: str | Path, say: Say) -> dict[str, Any]:
    """Errors with a language model that another text helped to make, and that model's perplexities."""
    found = run_mix(data, text, name=MIXED, say=say)  # anew: the folder may hold the mixture of another text
    results = run_decode(data, run_dir, splits=None, acoustic_scale=None, graph=MIXED)
    for result in results:
        result["perplexity"] = found["perplexity"][result["name"]]
    return {"weight_of_own": found["weight_of_own"], "results": results}
