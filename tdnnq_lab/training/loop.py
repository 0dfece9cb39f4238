"""One training loop for every model: deterministic, interruptible at any moment, and honest about bad batches."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn

from .batches import as_batches
from .checkpoints import checkpoints
from .optimiser import ParameterGroup
from .report import Display, Progress, TrainReport
from .settings import TrainSettings
from .stopping import StopSignals
from .trainer import Trainer


def train(
    model: nn.Module,
    batches: Any,
    loss: Callable[..., Any],
    settings: TrainSettings,
    run_dir: str | Path,
    *,
    groups: Sequence[ParameterGroup] | None = None,
    schedule: Callable[[nn.Module, float], None] | None = None,
    after_step: Callable[[nn.Module, int], None] | None = None,
    on_epoch: Callable[[nn.Module, int], Mapping[str, float] | None] | None = None,
    finalise: Callable[[nn.Module], None] | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    identity: Mapping[str, Any] | None = None,
    resume: bool = True,
    show: bool = True,
) -> TrainReport:
    """Train a model; if `run_dir` holds a checkpoint of the same run, go on from there, bit for bit.

    `run_dir` gets `metrics.jsonl`, `checkpoint-N.safetensors` and at the end `final.safetensors` (averaged weights)
    and `training.json`. SIGTERM, or one SIGINT, ends it after the update in progress, with a checkpoint. A finished
    run is not trained again: its weights are loaded and its report returned.

    Args:
        model: on the device to train on; on return it holds the final weights, in eval mode (if stopped: the
            last weights). Make it after `seed_everything(settings.seed)`: its first weights come from you.
        batches: see `Batches`; or a list of batches.
        loss: `loss(outputs, *targets)`, a scalar tensor or an object with `.loss` and further numbers to log;
            its `.frames`, if any, weights their means, its `.skipped` names places in the batch it left out.
        settings: see `TrainSettings`.
        run_dir: a folder; made if missing.
        groups: parameters with learning rates or weight decays of their own; those in none stay as they are.
        schedule: `schedule(model, fraction)` before every update, fraction from 0 to below 1 (dropout, …).
        after_step: `after_step(model, update)` after every optimiser step (the semi-orthogonal step).
        on_epoch: `on_epoch(model, epoch)` after every epoch; numbers it returns are logged.
        finalise: `finalise(model)` once, with the averaged weights (take batch-norm statistics again).
        on_progress: called at every line of the log.
        identity: what else makes it the same run (model, hash of the data, …), as JSON values; kept in every
            file and compared on resume.
        resume: False: refuse a folder that holds a run. show: progress on stderr.

    Returns a report; its `state` is "finished" or "stopped".

    Raises:
        ValueError: no batch; a checkpoint of another run (the field is named); `settings.max_skips` batches in a
            row without a finite loss and gradient; weights that are no longer finite.
        FileExistsError: `resume` is False and there is a run.
        OSError: the folder cannot be written; the last checkpoint stays.
    """
    folder = _make_folder(Path(run_dir))
    with _threads(settings.threads), Display(show) as display, StopSignals() as stop:
        run = Trainer(model, loss, settings, folder, groups, identity, display)
        run.schedule, run.after_step, run.on_progress = schedule, after_step, on_progress
        if not resume and (checkpoints(folder) or (folder / "final.safetensors").exists()):
            raise FileExistsError(f"{folder} holds a run already; resume it or choose another folder.")
        if (report := run.finished()) is not None:
            return report
        run.start_or_resume()
        with closing(run.metrics):
            return run.train(as_batches(batches), stop, on_epoch, finalise)


def _make_folder(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise type(error)(
            f"Cannot make the run directory {folder}: {error.strerror}; choose a writable place."
        ) from error
    return folder


@contextmanager
def _threads(threads: int | None) -> Iterator[None]:
    before = torch.get_num_threads()
    try:
        if threads:
            torch.set_num_threads(threads)
        yield
    finally:
        torch.set_num_threads(before)
