"""Fine-tuning a quantised model by its plan (section 3 of the paper)."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from ..models import BatchNorm, Tdnnf, batchnorm_recalibrate
from ..training import Progress, TrainReport, TrainSettings, as_batches, train
from .plan import BitPlan
from .straight_through import QuantizedLayers, straight_through

METHODS = ("qat",)
FROZEN = 0.3  # last share of the updates, with batch norm frozen
DECAY = 0.05  # of the learning rate, from first to last update
CALIBRATE = 60  # batches that batch-norm statistics are taken from


@dataclass
class FitReport:
    """What `fit` did.

    Attributes:
        method: "qat".
        state: "finished", or "stopped" by a signal: the model then holds its full-precision weights as far as they
            got, and the same call with the same `run_dir` goes on.
        updates: done.
        seconds: spent on training.
        losses: means over the last log interval, by name.
        changed: share of the codes of each layer that are others than after plain rounding (0-1).
        skipped: batches of which something was not finite.
    """

    method: str
    state: str
    updates: int
    seconds: float
    losses: dict[str, float] = field(default_factory=dict)
    changed: dict[str, float] = field(default_factory=dict)
    skipped: int = 0


def fit(
    model: nn.Module,
    plan: BitPlan,
    batches: Any,
    loss: Callable[..., Any],
    *,
    method: str = "qat",
    updates: int,
    learning_rate: float,
    seed: int = 0,
    teacher: nn.Module | None = None,
    run_dir: str | Path | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    show: bool = False,
) -> FitReport:
    """Fine-tune a model to a plan of bits; its weights are the dequantised values afterwards.

    "qat": the network runs with quantised weights, and their gradient moves the full-precision ones behind them
    (straight-through). α takes a Lloyd step before every update. For 70% of the updates batch norm normalises by
    the batch; then its statistics are taken again, padding not counted, and stay frozen.

    Args:
        model: full precision, changed in place; a cross-entropy head is trained along and not quantised.
        plan: bits for every layer of `layers(model)`.
        batches, loss, on_progress, show: as in `training.train`.
        updates, learning_rate: in all; of Adam, decaying to a twentieth.
        run_dir: where checkpoints go, to resume from; None: a temporary folder.

    Raises:
        ValueError: a method or teacher that is not there, a plan that does not fit, a weight that is not finite.
    """
    _check(method, teacher, updates)
    batches = as_batches(batches)
    parts = _parts(updates, learning_rate, seed)
    identity = {"method": method, "plan": dataclasses.asdict(plan), "updates": updates}
    with (
        tempfile.TemporaryDirectory() if run_dir is None else nullcontext(str(run_dir)) as folder,
        straight_through(model, plan) as quantized,
    ):
        before = quantized.codes()
        _recalibrate(model, batches)
        reports: list[TrainReport] = []
        for name, settings in parts.items():
            report = train(
                *(model, batches, loss, settings, Path(folder) / name),
                schedule=_schedule(quantized, freeze=name == "frozen"),
                finalise=(lambda m: _recalibrate(m, batches)) if name == "moving" else None,
                on_progress=_of_all(on_progress, parts, name),
                identity=identity,
                show=show,
            )
            reports.append(report)
            quantized.finished = report.state == "finished"
            if not quantized.finished:
                break
        after = quantized.codes()
    model.eval()
    return _report(method, reports, {name: float((before[name] != after[name]).float().mean()) for name in before})


def _check(method: str, teacher: nn.Module | None, updates: int) -> None:
    """ValueError for a way of training that is not there."""
    if method not in METHODS:
        raise ValueError(f"method {method!r}: this version has {', '.join(METHODS)}")
    if teacher is not None:
        raise ValueError("a teacher is given, and this version trains without: pass teacher=None")
    if updates < 1:
        raise ValueError(f"{updates} updates: at least 1 is needed (round_model rounds without any)")


def _parts(updates: int, learning_rate: float, seed: int) -> dict[str, TrainSettings]:
    """The two parts of the training: batch norm moving, then frozen; one decay over both."""
    frozen = min(round(FROZEN * updates), updates - 1)
    turn, end = (learning_rate * DECAY**share for share in ((updates - frozen) / updates, 1.0))
    more = dict(average_from=1.0, seed=seed)  # a mean of weights lies between the table's values
    parts = {"moving": TrainSettings(updates - frozen, learning_rate=learning_rate, final_learning_rate=turn, **more)}  # type: ignore[arg-type]
    if frozen:
        parts["frozen"] = TrainSettings(frozen, learning_rate=turn, final_learning_rate=end, **more)  # type: ignore[arg-type]
    return parts


def _schedule(quantized: QuantizedLayers, freeze: bool) -> Callable[[nn.Module, float], None]:
    """What happens before every update: a Lloyd step for α, and batch norm kept frozen."""

    def step(model: nn.Module, fraction: float) -> None:
        quantized.refit()
        if freeze:
            for module in model.modules():
                if isinstance(module, (BatchNorm, _BatchNorm)):
                    module.eval()

    return step


def _recalibrate(model: nn.Module, batches: Any) -> None:
    """Batch-norm statistics of the weights as they are seen, over the first batches of an epoch."""
    few = (batch[0][:4] if isinstance(model, Tdnnf) else batch[0] for batch in islice(batches.epoch(0), CALIBRATE))
    batchnorm_recalibrate(model, few)


def _of_all(
    on_progress: Callable[[Progress], None] | None, parts: dict[str, TrainSettings], name: str
) -> Callable[[Progress], None] | None:
    """Progress of one part told as that of the whole."""
    if on_progress is None:
        return None
    total = sum(settings.updates for settings in parts.values())
    done = 0 if name == "moving" else parts["moving"].updates

    def tell(progress: Progress) -> None:
        pace = progress.seconds / max(1, progress.update)
        left = pace * (total - done - progress.update)
        on_progress(dataclasses.replace(progress, update=done + progress.update, updates=total, remaining_seconds=left))

    return tell


def _report(method: str, reports: list[TrainReport], changed: dict[str, float]) -> FitReport:
    last = reports[-1]
    return FitReport(
        method=method,
        state=last.state,
        updates=sum(report.update for report in reports),
        seconds=round(sum(report.seconds for report in reports), 3),
        losses=last.losses,
        changed=changed,
        skipped=sum(report.skipped for report in reports),
    )
