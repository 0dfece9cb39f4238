"""From a trained model to packed ones: sensitivities, a plan, fine-tuning, files, words, and what they cost."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from torch import nn

from ..corpora import speakers
from ..deploy import load, pack
from ..models import Tdnnf, layers, load_model, save_model
from ..precision import SensitivityTable, allocate, sensitivity
from ..quantize import BitPlan, FitReport, fit
from ..scoring import mapsswe, read_trn, wer_interval
from ..training import Progress, weights_sha256
from .acoustic import AcousticBatches, Criterion, Recipe
from .evaluate import Scales, count_errors, network_outputs, write_hypotheses
from .prepare import Prepared
from .record import Stopped
from .status import StageTimes

FULL = "full.safetensors"
MEASURE = "output_kl"
BITS = (1, 2, 3, 4, 5, 6, 7, 8)
VECTORS = 16  # bits of biases and batch norm in packed files
RATE_AT_2_BITS = 1e-3
CALIBRATION = 8  # batches of the training set that sensitivities are measured on


@dataclass(frozen=True)
class Variant:
    """One way to spend bits.

    Attributes:
        name: of its files, "mixed4" or "uniform2".
        kind: "mixed": a plan by sensitivities; "uniform": every layer alike.
        bits: on average, by weight.
    """

    kind: str
    bits: float

    @classmethod
    def parse(cls, text: str) -> Variant:
        """From "mixed:4" or "uniform:2"; ValueError for anything else."""
        kind, _, bits = text.partition(":")
        try:
            value = float(bits)
        except ValueError:
            value = 0.0
        if kind not in ("mixed", "uniform") or value <= 0 or (kind == "uniform" and value not in (*BITS, 16.0)):
            raise ValueError(
                f"'{text}': say mixed:AVERAGE or uniform:BITS (1 to 8 or 16), as in mixed:2.5 or uniform:4"
            )
        return cls(kind, value)

    @property
    def name(self) -> str:
        """As in file names: "mixed2.5"."""
        return f"{self.kind}{self.bits:g}"

    def plan(self, model: nn.Module, table: SensitivityTable) -> BitPlan:
        """Its plan for a model."""
        if self.kind == "uniform":
            bits = dict.fromkeys(layers(model), int(self.bits))
            return BitPlan(bits=bits, vectors=VECTORS, made_by={"method": "uniform"})
        plan = allocate(table, average_bits=self.bits)
        made_by = {**plan.made_by, "sensitivity": table.made_by}
        return dataclasses.replace(plan, vectors=VECTORS, made_by=made_by)


@dataclass(frozen=True)
class FitSettings:
    """The fine-tuning of one variant.

    Attributes:
        updates: of `quantize.fit`.
        learning_rate: of Adam, at its highest; None: by the plan's bits (`rate`).
    """

    updates: int = 400
    learning_rate: float | None = None

    def rate(self, bits: float) -> float:
        """The learning rate for a plan of so many bits a weight: 1e-3 at 2 bits, half of it for every bit more.

        So do the distances of a table's values shrink. At 5e-4 throughout, a well trained model got worse at 8 bits
        (results/speechocean762_8k/rate_5e-4).
        """
        return RATE_AT_2_BITS * 2.0 ** (2.0 - bits) if self.learning_rate is None else self.learning_rate


@dataclass
class Packed:
    """A model on disk.

    Attributes:
        name: "full", "mixed4", "uniform4".
        path: its file.
        bytes: of the file.
        plan: None for the full-precision one.
        fit: what fine-tuning did.
    """

    name: str
    path: Path
    bytes: int
    plan: BitPlan | None = None
    fit: dict[str, Any] = field(default_factory=dict)

    def model(self) -> Tdnnf:
        """The model, read from its file."""
        return load_model(self.path) if self.plan is None else load(self.path)


def measure(
    model: Tdnnf,
    prepared: Prepared,
    batches: AcousticBatches,
    path: str | Path,
    *,
    method: str = MEASURE,
    bits: Sequence[int] = BITS,
    count: int = CALIBRATION,
) -> SensitivityTable:
    """Sensitivities on batches of the training set; read from `path` if they were measured for these weights."""
    made_for = {"weights": weights_sha256(model), "method": method, "bits": list(bits), "count": count}
    if Path(path).is_file():
        table = SensitivityTable.load(path)
        if table.made_by.get("made_for") == made_for:
            return table
    few = [(inputs[:2], targets) for inputs, targets, _ in islice(batches.epoch(10**6), count)]
    more: dict[str, Any] = {}
    if method == "loss":
        more["loss"] = Criterion(prepared.denominator, Recipe(xent=0.0)).chain_only
    elif method == "output_kl":
        more["denominator"] = prepared.denominator
    table = sensitivity(model, few, bits=tuple(bits), method=method, **more)
    table = dataclasses.replace(table, made_by={**table.made_by, "made_for": made_for})
    table.save(path)
    return table


def save_full(model: Tdnnf, folder: str | Path) -> Packed:
    """Write the full-precision model as recognition needs it: without its cross-entropy head."""
    bare = Tdnnf(dataclasses.replace(model.config, xent_head=False))
    wanted = bare.state_dict().keys()
    bare.load_state_dict({name: tensor for name, tensor in model.state_dict().items() if name in wanted})
    path = Path(folder) / FULL
    save_model(bare, path)
    return Packed("full", path, path.stat().st_size)


def compress(
    model: Tdnnf,
    variant: Variant,
    plan: BitPlan,
    prepared: Prepared,
    batches: AcousticBatches,
    folder: str | Path,
    settings: FitSettings,
    *,
    recipe: Recipe,
    on_progress: Callable[[Progress], None] | None = None,
) -> Packed:
    """Fine-tune a copy of the model to a plan and pack it into FOLDER/NAME.safetensors (its plan beside it).

    Raises:
        Stopped: SIGTERM; call again to go on.
    """
    folder, name = Path(folder), variant.name
    copied = copy.deepcopy(model)
    report: FitReport = fit(
        copied,
        plan,
        batches,
        Criterion(prepared.denominator, recipe),
        updates=settings.updates,
        learning_rate=settings.rate(average_bits(plan, copied)),
        seed=recipe.seed,
        run_dir=folder / f"fit_{name}",
        on_progress=on_progress,
        show=True,
    )
    if report.state == "stopped":
        raise Stopped(f"asked to stop while fine-tuning {name}")
    plan.save(folder / f"{name}.plan.json")
    packed = pack(copied, plan, folder / f"{name}.safetensors")
    told = {"updates": report.updates, "seconds": report.seconds, "loss": report.losses.get("loss")}
    changed = sum(report.changed[n] * layer.parameters for n, layer in layers(copied).items())
    told["changed"] = round(changed / sum(layer.parameters for layer in layers(copied).values()), 4)
    return Packed(name, folder / f"{name}.safetensors", packed.bytes_on_disk, plan, told)


def pack_variants(
    model: Tdnnf,
    variants: Sequence[Variant],
    prepared: Prepared,
    batches: AcousticBatches,
    folder: Path,
    *,
    settings: FitSettings,
    recipe: Recipe,
    measure_by: str,
    stage: StageTimes,
    say: Callable[[str], None] = print,
) -> tuple[list[Packed], SensitivityTable]:
    """The full-precision file, then one for each variant, fine-tuned; and the sensitivities that made their plans."""
    with stage("sensitivity"):
        table = measure(model, prepared, batches, folder / "sensitivity.json", method=measure_by)
        say(f"sensitivity of {len(table.layers)} layers at {len(table.bits)} bit-widths by {measure_by}")
    systems = [save_full(model, folder)]
    for variant in variants:
        plan = variant.plan(model, table)
        say(f"{variant.name}: " + " ".join(f"{name} {bits}" for name, bits in plan.bits.items()))
        with stage(f"fine-tune {variant.name}"):
            parts = (model, variant, plan, prepared, batches, folder, settings)
            systems.append(compress(*parts, recipe=recipe, on_progress=stage.status.progress))
        say(f"{systems[-1].path}: {systems[-1].bytes:,} bytes")
    return systems, table


def compressed_report(rows: list[dict[str, Any]], systems: Sequence[Packed], table: SensitivityTable) -> dict[str, Any]:
    """What a report says of packed models: `systems`, `sensitivity`, and the `plan` of the first mixed one, if any."""
    report: dict[str, Any] = {"systems": rows, "sensitivity": describe(table)}
    mixed = next((s for s in systems if s.plan is not None and s.name.startswith("mixed")), None)
    if mixed is not None and mixed.plan is not None:
        average = next(row["average_bits"] for row in rows if row["name"] == mixed.name)
        report["plan"] = {"system": mixed.name, "bits": mixed.plan.bits, "average_bits": average}
    return report


def average_bits(plan: BitPlan, model: nn.Module) -> float:
    """Bits a weight, over all layers."""
    table = layers(model)
    total = sum(layer.parameters for layer in table.values())
    return sum(plan.bits[name] * layer.parameters for name, layer in table.items()) / total


def decode_system(
    system: Packed,
    prepared: Prepared,
    folder: str | Path,
    *,
    scales: Scales,
    splits: Sequence[str],
) -> dict[str, dict[str, Any]]:
    """Decode test splits from a packed file; hypotheses go to FOLDER/hyp/NAME, errors come back by split."""
    model, graph = system.model(), prepared.graph()
    results: dict[str, dict[str, Any]] = {}
    for split in splits:
        cuts = prepared.cuts(split)
        found, words, phones = count_errors(network_outputs(model, cuts), prepared, cuts, graph, scales)
        write_hypotheses(split, found, Path(folder) / "hyp" / system.name)
        low, high = wer_interval(words, speakers(cuts))
        results[split] = {
            "words": words.words,
            "errors": words.errors,
            "wer": round(words.percent, 2),
            "wer_interval": [round(low, 2), round(high, 2)],
            "per": round(phones.percent, 2),
            "real_time_factor": round(found.real_time_factor, 4),
        }
    return results


def against(
    references: dict[str, list[str]], full: dict[str, list[str]], other: dict[str, list[str]]
) -> dict[str, Any]:
    """MAPSSWE of a system against the full-precision one, in points of word error (positive: more errors)."""
    test = mapsswe(references, full, other)
    low, high = test.interval
    return {
        "difference": round(100 * test.difference, 2),
        "interval": [round(100 * low, 2), round(100 * high, 2)],
        "p": round(test.p, 4),
        "detectable": round(100 * test.detectable, 2),
    }


def compare(
    systems: Sequence[Packed],
    prepared: Prepared,
    folder: str | Path,
    *,
    scales: Scales,
    full_bytes_with_xent: int,
    splits: Sequence[str] | None = None,
    say: Callable[[str], None] = print,
) -> list[dict[str, Any]]:
    """Decode every system, the first being the full-precision one, and compare the others with it.

    Returns:
        A row for each system, as `ui.report` describes them (`systems`).
    """
    folder, splits, rows = Path(folder), list(splits or prepared.settings.tests), []
    for system in systems:
        sets = decode_system(system, prepared, folder, scales=scales, splits=splits)
        if system is not systems[0]:
            for split in splits:
                first, second = (
                    read_trn(folder / "hyp" / name / f"{split}.trn.gz") for name in (systems[0].name, system.name)
                )
                sets[split] |= against(prepared.references(split), first, second)
        say(f"{system.name}: " + ", ".join(f"{split} {sets[split]['wer']} %" for split in splits))
        rows.append(_row(system, systems[0].bytes, full_bytes_with_xent) | {"sets": sets})
    return rows


def _row(system: Packed, full: int, full_with_xent: int) -> dict[str, Any]:
    bits = 32.0 if system.plan is None else average_bits(system.plan, system.model())
    kind = "full" if system.plan is None else system.name.rstrip("0123456789.")
    label = {"full": "full precision", "mixed": f"mixed, {bits:.2f} bits", "uniform": f"uniform, {bits:.0f} bits"}[kind]
    return {
        "name": system.name,
        "label": label,
        "average_bits": round(bits, 3),
        "bytes": system.bytes,
        "ratio": round(full / system.bytes, 2),
        "ratio_with_xent": round(full_with_xent / system.bytes, 2),
        "fit": system.fit,
    }


def describe(table: SensitivityTable) -> dict[str, Any]:
    """A table as the report's `sensitivity`."""
    method = str(table.made_by.get("method", ""))
    return {
        "measure": method,
        "unit": str(table.made_by.get("unit", "")),
        "layers": list(table.layers),
        "sizes": [int(s) for s in table.sizes],
        "bits": [int(b) for b in table.bits],
        "values": [[float(v) for v in row] for row in table.values],
    }


def bytes_with_xent(model: Tdnnf, folder: str | Path) -> int:
    """Bytes of the full-precision file with its cross-entropy head."""
    path = Path(folder) / "with_xent.safetensors"
    save_model(model, path)
    size = path.stat().st_size
    path.unlink()
    return size
