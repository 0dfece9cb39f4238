"""Training an acoustic model from a prepared corpus: the network, its data, its schedules, one call."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from ..corpora import Report, SpecAugment, VocalTractWarp, global_statistics
from ..graphs import Fsa, denominator
from ..models import (
    Tdnnf,
    dropout_at,
    kaldi_7q,
    keep_freed_memory,
    medium,
    semi_orthogonal_step,
    small,
    split_outputs,
)
from ..training import ParameterGroup, Progress, TrainReport, TrainSettings, seed_everything, train
from .acoustic import AcousticBatches, Criterion, Recipe, recalibrate
from .chunks import ChunkBatches
from .prepare import Prepared

PRESETS: dict[str, Callable[..., Tdnnf]] = {"small": small, "medium": medium, "kaldi_7q": kaldi_7q}
OUTPUT_DECAY = 0.2  # of the hidden layers' weight decay: 0.002 for 0.01 in Kaldi's 7q


def make_model(prepared: Prepared, recipe: Recipe) -> Tdnnf:
    """The network of a recipe, seeded."""
    if recipe.preset not in PRESETS:
        raise ValueError(f"unknown preset '{recipe.preset}'; there are {', '.join(PRESETS)}")
    seed_everything(recipe.seed)
    return PRESETS[recipe.preset](num_pdfs=prepared.topology.num_pdfs)


def started_from(start: Tdnnf, prepared: Prepared) -> Tdnnf:
    """A network to go on from: as it is, or, where the folder's pdfs are biphones, each output split into them.

    Raises:
      ValueError: its outputs fit neither the folder's pdfs nor the monophones they were made from.
    """
    outputs, topology = start.config.num_pdfs, prepared.topology
    if outputs == topology.num_pdfs:
        return copy.deepcopy(start).train()
    if outputs != 2 * topology.num_phones:
        raise ValueError(
            f"a network of {outputs} outputs cannot begin a training with {topology.num_pdfs} pdfs of "
            f"{topology.num_phones} phones: it needs as many, or {2 * topology.num_phones} (monophones)"
        )
    phones, kinds = torch.from_numpy(topology.owners).long().unbind(1)
    return split_outputs(start, 2 * phones + kinds).train()


def _begun(start: Tdnnf | None) -> dict[str, str]:
    """What a run's identity says of the network it began with: a hash of its weights."""
    if start is None:
        return {}
    digest = hashlib.sha256()
    for tensor in start.state_dict().values():
        digest.update(tensor.numpy().tobytes())
    return {"start": digest.hexdigest()}


def train_acoustic(
    prepared: Prepared,
    recipe: Recipe,
    run_dir: str | Path,
    *,
    on_progress: Callable[[Progress], None] | None = None,
    time_limit: float | None = None,
    show: bool = True,
    start: Tdnnf | None = None,
    device: str = "cpu",
    bf16: bool = False,
) -> tuple[Tdnnf, TrainReport, Report]:
    """Train from scratch (or go on from the last checkpoint in `run_dir`), without alignments.

    Args:
      start: a trained network to begin with in place of random weights (see `started_from`); its input is
        normalised anew, by this training set's mean and deviation.
      device: "cpu", or "cuda" where there is one. bf16: the network runs under bfloat16 autocast; the criterion and
        the weights stay in float32.

    Returns:
      The model in eval mode, on the CPU, what the loop did, and what was left out of training.

    Raises:
      ValueError: nothing to train on, a checkpoint of another run, or "cuda" where there is none.
    """
    if device != "cpu" and not torch.cuda.is_available():
        raise ValueError(f"there is no device '{device}' here: train on the CPU, or see `tdnnq-lab doctor`")
    left_out = Report()
    keep_freed_memory()
    batches = make_batches(prepared, recipe, start, left_out)
    model = started_from(start, prepared) if start else make_model(prepared, recipe)
    model.set_input_transform(*global_statistics(batches.cuts))
    batches.augment, batches.mean = make_augment(recipe, prepared), model.input_mean.clone()
    model.to(device).autocast = torch.bfloat16 if bf16 else None
    updates = max(1, round(recipe.passes * len(batches) / len(prepared.settings.speeds)))
    batches.masked = round(recipe.masked_until * updates)
    report = train(
        model,
        batches,
        Criterion(make_denominator(prepared, recipe), recipe),
        _settings(recipe, updates, time_limit),
        run_dir,
        groups=decay_by_layer(model, recipe.weight_decay),
        schedule=_dropout(recipe),
        after_step=_orthonormal(recipe),
        finalise=lambda m: recalibrate(m, batches),
        on_progress=on_progress,
        identity={"recipe": recipe.to_json(), "data": prepared.facts["data"], **_begun(start)},
        show=show,
    )
    model.to("cpu").autocast = None
    return model, report, left_out


def _settings(recipe: Recipe, updates: int, time_limit: float | None) -> TrainSettings:
    return TrainSettings(
        updates=updates,
        seed=recipe.seed,
        optimiser=recipe.optimiser,
        weight_decay=recipe.weight_decay,
        learning_rate=recipe.learning_rate,
        final_learning_rate=recipe.final_learning_rate,
        warm_up=recipe.warm_up,
        average_from=recipe.average_from,
        threads=recipe.threads,
        time_limit=time_limit,
    )


def decay_by_layer(model: nn.Module, weight_decay: float) -> list[ParameterGroup] | None:
    """Hidden layers with the weight decay, output layers with `OUTPUT_DECAY` times as much; None without any."""
    if not weight_decay:
        return None
    named = list(model.named_parameters())
    hidden = [p for name, p in named if ".output." not in name]
    outputs = [p for name, p in named if ".output." in name]
    return [ParameterGroup(hidden), ParameterGroup(outputs, weight_decay=OUTPUT_DECAY * weight_decay)]


def make_augment(recipe: Recipe, prepared: Prepared) -> list[SpecAugment | VocalTractWarp]:
    """What a recipe varies the training features by; ValueError where masks end outside the training."""
    if not 0.0 <= recipe.masked_until <= 1.0:
        raise ValueError(f"masked_until is a share of the training's updates, 0 to 1, not {recipe.masked_until}")
    made: list[SpecAugment | VocalTractWarp] = []
    if recipe.warp:
        highest = prepared.settings.sampling_rate / 2 - 200  # as MfccSettings.high_freq
        made.append(VocalTractWarp(recipe.warp, high_freq=highest, seed=recipe.seed))
    if recipe.time_masked or recipe.frequency_masks:
        made.append(SpecAugment(recipe.frequency_masks, time_masked=recipe.time_masked, seed=recipe.seed))
    return made


def make_batches(prepared: Prepared, recipe: Recipe, start: Tdnnf | None, report: Report) -> AcousticBatches:
    """Whole utterances, or, where the recipe says so, chunks of them aligned by the network to begin with.

    Raises:
      ValueError: chunks without a network to begin with; nothing to train on.
    """
    if not recipe.chunks:
        return AcousticBatches(prepared, recipe.batch_size, recipe.seed, report, shifts=recipe.shifts)
    if recipe.shifts:
        raise ValueError("chunks begin where their phones do: shifts are for whole utterances")
    if start is None:
        raise ValueError("chunks are cut by alignments: train on whole utterances first, then begin with that run")
    aligner = started_from(start, prepared).eval()
    return ChunkBatches(prepared, recipe.batch_size, recipe.seed, report, aligner=aligner, sizes=recipe.chunks)


def make_denominator(prepared: Prepared, recipe: Recipe) -> Fsa:
    """The folder's denominator; for chunks the one that may begin and end anywhere."""
    if not recipe.chunks:
        return prepared.denominator
    return denominator(prepared.phone_lm, prepared.topology, initial="kaldi")


def _dropout(recipe: Recipe) -> Callable[[nn.Module, float], None] | None:
    if not recipe.dropout:
        return None
    return lambda model, fraction: model.set_dropout(recipe.dropout / 0.5 * dropout_at(fraction))  # type: ignore[operator]


def _orthonormal(recipe: Recipe) -> Callable[[nn.Module, int], None]:
    def step(model: nn.Module, update: int) -> None:
        if update % recipe.orthonormal_every == 0:
            semi_orthogonal_step(model)  # type: ignore[arg-type]

    return step
