"""Training an acoustic model from a prepared corpus: the recipe, the batches with their numerators, the criterion."""

from __future__ import annotations

import copy
import dataclasses
import hashlib
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from lhotse import CutSet
from torch import Tensor, nn

from ..corpora import Batch, Batches, Report, SpecAugment, VocalTractWarp, global_statistics
from ..graphs import Fsa, minimum_frames, numerator
from ..lfmmi import LfmmiLoss, LfmmiOutput
from ..models import (
    Tdnnf,
    batchnorm_recalibrate,
    dropout_at,
    kaldi_7q,
    keep_freed_memory,
    semi_orthogonal_step,
    small,
    split_outputs,
)
from ..training import Progress, TrainReport, TrainSettings, seed_everything, train
from .prepare import INITIAL, Prepared

PRESETS: dict[str, Callable[..., Tdnnf]] = {"small": small, "kaldi_7q": kaldi_7q}


@dataclass(frozen=True)
class Recipe:
    """The settings of one acoustic training, as a table.

    Attributes:
        preset: "small" or "kaldi_7q".
        passes: over the training set (each pass sees an utterance once, at one of its speeds).
        batch_size: utterances.
        learning_rate, final_learning_rate: of Adam, exponential decay.
        warm_up: updates.
        time_masked: share of the frames that SpecAugment blanks. frequency_masks: bands that it blanks.
        warp: vocal tracts are warped by factors between 1 - warp and 1 + warp.
        dropout: peak of the schedule 0 … 0 at 20%, peak at 50%, 0 at the end.
        leaky: leaky-HMM coefficient of the denominator.
        l2: on the outputs.
        xent: weight of the cross-entropy head.
        orthonormal_every: updates between semi-orthogonal steps.
        average_from: share of the updates after which weights are averaged.
        seed: of weights, order and dropout.
        threads: None: all cores.
    """

    preset: str = "small"
    passes: float = 18.0
    batch_size: int = 8
    learning_rate: float = 2e-3
    final_learning_rate: float = 6e-5
    warm_up: int = 50
    time_masked: float = 0.0
    frequency_masks: int = 0
    warp: float = 0.0
    dropout: float = 0.0
    leaky: float = 0.0
    l2: float = 0.0
    xent: float = 0.1
    orthonormal_every: int = 4
    average_from: float = 0.85
    seed: int = 0
    threads: int | None = None

    def to_json(self) -> dict[str, Any]:
        """The fields as JSON values."""
        return dataclasses.asdict(self)


class AcousticBatches:
    """Batches as `training.train` takes them: inputs (features, lengths, …), targets (numerators, lengths).

    Attributes:
        augment: what varies the features, in turn. mean: of the corpus, what SpecAugment blanks with.
    """

    def __init__(self, prepared: Prepared, batch_size: int, seed: int, report: Report | None = None) -> None:
        self.augment: list[SpecAugment | VocalTractWarp] = []
        self.mean = torch.zeros(0)
        report = Report() if report is None else report
        cuts = prepared.cuts(prepared.settings.train, report=report)
        self.numerators = make_numerators(prepared, cuts, report)
        self.cuts = cuts.filter(lambda cut: cut.id in self.numerators).to_eager()
        self.batches = Batches(self.cuts, batch_size=batch_size, shuffle_seed=seed)

    def __len__(self) -> int:
        return len(self.batches)

    def epoch(self, epoch: int) -> Iterator[tuple[tuple[Any, ...], tuple[Any, ...], list[str]]]:
        """The batches of an epoch, always the same ones in the same order, varied by `augment`."""
        for place, (inputs, targets, ids) in enumerate(self.plain_epoch(epoch)):
            features, lengths, *rest = inputs
            for vary in self.augment:
                features = vary(features, lengths, self.mean, (epoch, place))
            yield (features, lengths, *rest), targets, ids

    def plain_epoch(self, epoch: int) -> Iterator[tuple[tuple[Any, ...], tuple[Any, ...], list[str]]]:
        """The same batches with their features as they are: what batch-norm statistics are taken from."""
        return map(self.example, self.batches.epoch(epoch))

    def example(self, batch: Batch) -> tuple[tuple[Any, ...], tuple[Any, ...], list[str]]:
        """(inputs, targets, ids) of one batch."""
        targets = ([self.numerators[id] for id in batch.ids], output_lengths(batch.lengths))
        return (batch.features, batch.lengths, None, None, "both"), targets, batch.ids


def output_lengths(lengths: Tensor) -> Tensor:
    """T' = ceil(T / 3), the frames the network puts out."""
    return torch.div(lengths + 2, 3, rounding_mode="floor")


def make_numerators(prepared: Prepared, cuts: CutSet, report: Report) -> dict[str, Fsa]:
    """The numerator of every utterance that can be trained on; copies at other speeds share one.

    Left out, counted and named in `report`: words outside the lexicon, audio too short for its transcript.
    """
    lexicon, topology, phone_lm = prepared.lexicon, prepared.topology, prepared.phone_lm
    made: dict[str, Fsa] = {}
    found: dict[str, Fsa] = {}
    for cut in cuts:
        text = cut.supervisions[0].text
        words = text.split()
        if missing := lexicon.missing(words):
            report.skip(f"word outside the lexicon ({missing[0]})", cut.id)
            continue
        if text not in made:
            made[text] = numerator(words, lexicon, topology, phone_lm, initial=INITIAL)
        frames = math.ceil(cut.features.num_frames / 3)
        if frames < minimum_frames(made[text]):
            report.skip("audio too short for its transcript", cut.id)
            continue
        found[cut.id] = made[text]
    if not found:
        raise ValueError("no utterance is left to train on: " + "; ".join(report.lines()))
    return found


class Criterion:
    """The loss as the loop calls it, `loss(outputs, numerators, lengths)`, outputs being both heads."""

    def __init__(self, denominator: Fsa, recipe: Recipe) -> None:
        self.lfmmi = LfmmiLoss(denominator, leaky=recipe.leaky, l2=recipe.l2, xent=recipe.xent)

    def chain_only(self, outputs: Tensor, numerators: list[Fsa], lengths: Tensor) -> LfmmiOutput:
        """LF-MMI of the chain head's outputs alone."""
        return self.lfmmi(outputs, numerators, lengths)

    def __call__(self, outputs: tuple[Tensor, Tensor], numerators: list[Fsa], lengths: Tensor) -> LfmmiOutput:
        """LF-MMI of the chain head, cross-entropy of the other."""
        chain, xent = outputs
        return self.lfmmi(chain, numerators, lengths, xent)


def make_model(prepared: Prepared, recipe: Recipe, cuts: CutSet) -> Tdnnf:
    """The network of a recipe, seeded, its input normalised by the training set's mean and deviation."""
    if recipe.preset not in PRESETS:
        raise ValueError(f"unknown preset '{recipe.preset}'; there are {', '.join(PRESETS)}")
    seed_everything(recipe.seed)
    model = PRESETS[recipe.preset](num_pdfs=prepared.topology.num_pdfs)
    mean, std = global_statistics(cuts)
    model.set_input_transform(mean, std)
    return model


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
) -> tuple[Tdnnf, TrainReport, Report]:
    """Train from scratch (or go on from the last checkpoint in `run_dir`), without alignments.

    Args:
      start: a trained network to begin with in place of random weights (see `started_from`).

    Returns:
      The model in eval mode, what the loop did, and what was left out of training.

    Raises:
      ValueError: nothing to train on, or a checkpoint of another run.
    """
    left_out = Report()
    keep_freed_memory()
    batches = AcousticBatches(prepared, recipe.batch_size, recipe.seed, left_out)
    model = started_from(start, prepared) if start else make_model(prepared, recipe, batches.cuts)
    batches.augment, batches.mean = make_augment(recipe, prepared), model.input_mean.clone()
    speeds = len(prepared.settings.speeds)
    settings = TrainSettings(
        updates=max(1, round(recipe.passes * len(batches) / speeds)),
        seed=recipe.seed,
        learning_rate=recipe.learning_rate,
        final_learning_rate=recipe.final_learning_rate,
        warm_up=recipe.warm_up,
        average_from=recipe.average_from,
        threads=recipe.threads,
        time_limit=time_limit,
    )
    report = train(
        model,
        batches,
        Criterion(prepared.denominator, recipe),
        settings,
        run_dir,
        schedule=_dropout(recipe),
        after_step=_orthonormal(recipe),
        finalise=lambda m: recalibrate(m, batches),
        on_progress=on_progress,
        identity={"recipe": recipe.to_json(), "data": prepared.facts["data"], **_begun(start)},
        show=show,
    )
    return model, report, left_out


def make_augment(recipe: Recipe, prepared: Prepared) -> list[SpecAugment | VocalTractWarp]:
    """What a recipe varies the training features by."""
    made: list[SpecAugment | VocalTractWarp] = []
    if recipe.warp:
        highest = prepared.settings.sampling_rate / 2 - 200  # as MfccSettings.high_freq
        made.append(VocalTractWarp(recipe.warp, high_freq=highest, seed=recipe.seed))
    if recipe.time_masked or recipe.frequency_masks:
        made.append(SpecAugment(recipe.frequency_masks, time_masked=recipe.time_masked, seed=recipe.seed))
    return made


def recalibrate(model: nn.Module, batches: AcousticBatches, count: int = 60) -> None:
    """Take batch-norm statistics again, padding not counted, over the first `count` batches of an epoch."""
    few = (example[0][:2] for _, example in zip(range(count), batches.plain_epoch(10**6), strict=False))
    batchnorm_recalibrate(model, few)


def _dropout(recipe: Recipe) -> Callable[[nn.Module, float], None] | None:
    if not recipe.dropout:
        return None
    return lambda model, fraction: model.set_dropout(recipe.dropout / 0.5 * dropout_at(fraction))  # type: ignore[operator]


def _orthonormal(recipe: Recipe) -> Callable[[nn.Module, int], None]:
    def step(model: nn.Module, update: int) -> None:
        if update % recipe.orthonormal_every == 0:
            semi_orthogonal_step(model)  # type: ignore[arg-type]

    return step
