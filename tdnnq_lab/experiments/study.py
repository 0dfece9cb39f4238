"""Which sensitivity predicts errors? Layers rounded one at a time, and plans of equal bytes, all decoded.

Nothing is fine-tuned here: weights are rounded and batch norm is recalibrated, so that many cases can be afforded.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.stats import spearmanr

from ..corpora import transcripts
from ..models import Tdnnf, layers
from ..precision import SensitivityTable, allocate
from ..quantize import BitPlan, round_layer, round_model
from ..scoring import wer
from .acoustic import AcousticBatches, recalibrate
from .compress import measure
from .evaluate import Scales, count_errors, network_outputs, recognise
from .prepare import Prepared
from .record import read_json, write_json

MEASURES = ("kl", "kl_bernoulli", "loss", "output_kl")
ALONE = (1, 2)  # bits of the one layer that is rounded
BUDGETS = (4.0, 2.5)
UNIFORM = (4, 3, 2)
RANDOM_PLANS = 10
RECALIBRATION = 20  # batches, the same for every case
RESAMPLES = 1000


class Study:
    """Cases that are decoded once each and kept in a JSON file.

    Args:
        model: full precision. prepared: its corpus.
        batches: of its training set, for batch norm.
        path: of the file; what is in it already is not decoded again.
        acoustic_scale: of all decoding.
    """

    def __init__(
        self,
        model: Tdnnf,
        prepared: Prepared,
        batches: AcousticBatches,
        path: Path,
        acoustic_scale: float,
        say: Callable[[str], None] = print,
    ) -> None:
        self.model, self.prepared, self.batches, self.path = model, prepared, batches, path
        self.scale, self.say = acoustic_scale, say
        self.cases: dict[str, Any] = read_json(path) or {}
        self.graph = prepared.graph()
        self.sets = {split: prepared.cuts(split) for split in prepared.settings.tests}

    def case(
        self, name: str, change: Callable[[Tdnnf], None], splits: Sequence[str], *, phones: bool = True
    ) -> dict[str, dict[str, int]]:
        """Errors of a changed copy of the model by split: word errors and words; phone errors and phones."""
        known = self.cases.setdefault(name, {})
        missing = [split for split in splits if split not in known or (phones and "phones" not in known[split])]
        if missing:
            changed = copy.deepcopy(self.model)
            with torch.no_grad():
                change(changed)
            recalibrate(changed, self.batches, RECALIBRATION)
            known |= {split: self._errors(changed, split, phones) for split in missing}
            write_json(self.path, self.cases)
            total = {split: round(100 * known[split]["word_errors"] / known[split]["words"], 1) for split in missing}
            self.say(f"{name}: {total}")
        return known

    def _errors(self, model: Tdnnf, split: str, phones: bool) -> dict[str, int]:
        cuts = self.sets[split]
        outputs = network_outputs(model, cuts)
        if not phones:
            words = wer(transcripts(cuts), recognise(outputs, self.graph, acoustic_scale=self.scale).words)
            return {"word_errors": words.errors, "words": words.words}
        _, words, errors = count_errors(outputs, self.prepared, cuts, self.graph, Scales(self.scale))
        return {
            "word_errors": words.errors,
            "words": words.words,
            "phone_errors": errors.errors,
            "phones": errors.words,
        }


def one_layer(name: str, bits: int) -> Callable[[Tdnnf], None]:
    """Round one layer, leave the others."""

    def change(model: Tdnnf) -> None:
        round_layer(layers(model)[name], bits)

    return change


def by_plan(plan: BitPlan) -> Callable[[Tdnnf], None]:
    """Round all layers by a plan."""
    return lambda model: round_model(model, plan)


def random_plans(table: SensitivityTable, average_bits: float, count: int, seed: int = 0) -> list[BitPlan]:
    """Plans drawn at random whose bytes lie within 2% below a budget: random bits, then random changes towards it."""
    draw, bits, sizes = np.random.default_rng(seed), sorted(table.bits), np.asarray(table.sizes)
    budget = average_bits * sizes.sum()
    found: list[BitPlan] = []
    while len(found) < count:
        choice = draw.integers(len(bits), size=len(sizes))
        for _ in range(10_000):
            total = float(sizes @ np.asarray(bits)[choice])
            if 0.98 * budget <= total <= budget:
                made_by = {"method": "random", "seed": seed, "average_bits": total / float(sizes.sum())}
                plan = dict(zip(table.layers, (bits[k] for k in choice), strict=True))
                found.append(BitPlan(bits=plan, made_by=made_by))
                break
            layer, step = draw.integers(len(sizes)), 1 if total < budget else -1
            choice[layer] = np.clip(choice[layer] + step, 0, len(bits) - 1)
    return found


def run_study(
    model: Tdnnf,
    prepared: Prepared,
    folder: str | Path,
    *,
    acoustic_scale: float,
    seed: int = 0,
    say: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Measure every sensitivity, decode every case, correlate; resumes from FOLDER/study_cases.json.

    Returns:
        Tables by measure, errors by case, rank correlations and the plans compared, as written to FOLDER/study.json.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    batches = AcousticBatches(prepared, 8, seed)
    tables = {m: measure(model, prepared, batches, folder / f"sensitivity_{m}.json", method=m) for m in MEASURES}
    for name, table in tables.items():
        say(f"{name}: {table.made_by.get('operations')} operations, naive {table.made_by.get('naive_operations')}")
    study = Study(model, prepared, batches, folder / "study_cases.json", acoustic_scale, say)
    dev, *tests = prepared.settings.tests
    plans, untouched = _plans(tables, seed), lambda model: None
    for name, plan in plans.items():  # what is chosen is chosen on dev, so that comes first
        study.case(name, by_plan(plan), [dev], phones=False)
    full = study.case("full", untouched, [dev, *tests])
    alone = {
        f"{name} at {bits}": study.case(f"{name} at {bits}", one_layer(name, bits), tests)
        for bits in ALONE
        for name in layers(model)
    }
    compared = {name: study.case(name, by_plan(plan), [dev, *tests], phones=False) for name, plan in plans.items()}
    result = {
        "full": full,
        "alone": alone,
        "correlation": correlations(tables, full, alone, tests, seed),
        "plans": {name: {"plan": plans[name].bits, "errors": errors} for name, errors in compared.items()},
        "tables": {
            name: {
                "values": [[float(v) for v in row] for row in table.values],
                "layers": list(table.layers),
                "sizes": [int(s) for s in table.sizes],
                "bits": [int(b) for b in table.bits],
                "operations": table.made_by.get("operations"),
                "naive_operations": table.made_by.get("naive_operations"),
            }
            for name, table in tables.items()
        },
    }
    write_json(folder / "study.json", result)
    return result


def _plans(tables: Mapping[str, SensitivityTable], seed: int) -> dict[str, BitPlan]:
    """Every plan to compare, by name: of each measure, uniform, random."""
    first = next(iter(tables.values()))
    plans = {f"uniform {b}": BitPlan(bits=dict.fromkeys(first.layers, b)) for b in UNIFORM}
    for budget in BUDGETS:
        for name, table in tables.items():
            plans[f"{name} {budget:g}"] = allocate(table, average_bits=budget)
        for k, plan in enumerate(random_plans(first, budget, RANDOM_PLANS, seed)):
            plans[f"random {budget:g} #{k + 1}"] = plan
    return plans


def correlations(
    tables: Mapping[str, SensitivityTable],
    full: Mapping[str, Mapping[str, int]],
    alone: Mapping[str, Mapping[str, Mapping[str, int]]],
    tests: Sequence[str],
    seed: int = 0,
) -> list[dict[str, Any]]:
    """Spearman's rank correlation of each measure with the increase in errors, pooled over the test splits.

    Intervals: 95%, resampling layers.

    Returns:
        A row for each measure, bits and kind of error: {"measure", "bits", "errors", "rho", "interval", "p"}.
    """
    rows, draw = [], np.random.default_rng(seed)
    for name, table in tables.items():
        for bits in ALONE:
            predicted = np.asarray(table.values)[:, list(table.bits).index(bits)]
            for kind in ("word_errors", "phone_errors"):
                increase = np.array(
                    [sum(alone[f"{layer} at {bits}"][s][kind] - full[s][kind] for s in tests) for layer in table.layers]
                )
                rho, p = spearmanr(predicted, increase)
                low, high = _interval(predicted, increase, draw)
                rows.append(
                    {
                        "measure": name,
                        "bits": bits,
                        "errors": kind,
                        "rho": round(float(rho), 3),
                        "interval": [round(low, 3), round(high, 3)],
                        "p": round(float(p), 4),
                    }
                )
    return rows


def _interval(a: np.ndarray, b: np.ndarray, draw: np.random.Generator) -> tuple[float, float]:
    """95% bootstrap interval of Spearman's correlation."""
    found = []
    for _ in range(RESAMPLES):
        rows = draw.integers(len(a), size=len(a))
        if len(set(a[rows])) > 1 and len(set(b[rows])) > 1:
            found.append(spearmanr(a[rows], b[rows])[0])
    low, high = np.quantile(found, [0.025, 0.975])
    return float(low), float(high)


__all__ = ["ALONE", "MEASURES", "Study", "by_plan", "correlations", "one_layer", "random_plans", "run_study"]
