"""What an acoustic training consists of: the recipe, the batches with their numerators, the criterion."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from lhotse import CutSet
from torch import Tensor, nn

from ..corpora import Batch, Batches, Report, SpecAugment, VocalTractWarp
from ..graphs import Fsa, minimum_frames, numerator
from ..lfmmi import LfmmiLoss, LfmmiOutput
from ..models import batchnorm_recalibrate
from .prepare import INITIAL, Prepared


@dataclass(frozen=True)
class Recipe:
    """The settings of one acoustic training, as a table.

    Attributes:
        preset: "small", "medium" or "kaldi_7q".
        passes: over the training set (each pass sees an utterance once, at one of its speeds).
        batch_size: utterances, or chunks.
        chunks: sizes in input frames that utterances are cut into; none: they are trained on whole.
        optimiser: "adam", "adamw", "muon" or "sgd". weight_decay: the optimiser's; the two output layers
            have a fifth of it, as in 7q (l2-regularize 0.01 and 0.002).
        learning_rate, final_learning_rate: of the optimiser, exponential decay.
        warm_up: updates.
        time_masked: share of the frames that SpecAugment blanks. frequency_masks: bands that it blanks.
        masked_until: share of the updates after which it blanks nothing.
        warp: vocal tracts are warped by factors between 1 - warp and 1 + warp.
        shifts: batches begin 0, 1 or 2 frames early, so that the one frame in three that the network puts out falls
            elsewhere every time (Kaldi's egs of three frame shifts); for whole utterances.
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
    chunks: tuple[int, ...] = ()
    optimiser: str = "muon"
    weight_decay: float = 0.0
    learning_rate: float = 4e-3
    final_learning_rate: float = 6e-5
    warm_up: int = 50
    time_masked: float = 0.0
    frequency_masks: int = 0
    masked_until: float = 1.0
    warp: float = 0.15
    shifts: bool = False
    dropout: float = 0.1
    leaky: float = 0.0
    l2: float = 0.0
    xent: float = 0.1
    orthonormal_every: int = 4
    average_from: float = 0.85
    seed: int = 0
    threads: int | None = None

    def to_json(self) -> dict[str, Any]:
        """The fields as JSON values."""
        return json.loads(json.dumps(dataclasses.asdict(self)))


class AcousticBatches:
    """Batches as `training.train` takes them: inputs (features, lengths, …), targets (numerators, lengths).

    Attributes:
        augment: what varies the features, in turn. mean: of the corpus, what SpecAugment blanks with.
        masked: batches, counted from the training's first, after which SpecAugment blanks nothing.
        shifts: whether batches begin 0, 1 or 2 frames early.
    """

    def __init__(
        self, prepared: Prepared, batch_size: int, seed: int, report: Report | None = None, *, shifts: bool = False
    ) -> None:
        self.augment: list[SpecAugment | VocalTractWarp] = []
        self.mean = torch.zeros(0)
        self.masked = math.inf
        self.shifts = shifts
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
            if self.shifts:
                features, lengths = begun_early(features, lengths, (self.batches.shuffle_seed or 0, epoch, place))
                targets = (targets[0], output_lengths(lengths), *targets[2:])
            for vary in self.augment:
                if epoch * len(self) + place < self.masked or not isinstance(vary, SpecAugment):
                    features = vary(features, lengths, self.mean, (epoch, place))
            yield (features, lengths, *rest), targets, ids

    def plain_epoch(self, epoch: int) -> Iterator[tuple[tuple[Any, ...], tuple[Any, ...], list[str]]]:
        """The same batches with their features as they are: what batch-norm statistics are taken from."""
        return map(self.example, self.batches.epoch(epoch))

    def example(self, batch: Batch) -> tuple[tuple[Any, ...], tuple[Any, ...], list[str]]:
        """(inputs, targets, ids) of one batch."""
        targets = ([self.numerators[id] for id in batch.ids], output_lengths(batch.lengths))
        return (batch.features, batch.lengths, None, None, "both"), targets, batch.ids


def begun_early(features: Tensor, lengths: Tensor, draw: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """The first frame of each utterance [B, T, F] repeated 0, 1 or 2 times before it, as often as `draw` says."""
    count = int(np.random.default_rng((2, *draw)).integers(0, 3))
    return torch.cat([features[:, :1].expand(-1, count, -1), features], dim=1), lengths + count


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

    def __call__(
        self, outputs: tuple[Tensor, Tensor], numerators: list[Fsa], lengths: Tensor, before: Tensor | None = None
    ) -> LfmmiOutput:
        """LF-MMI of the chain head, cross-entropy of the other; of chunks without the context before and after."""
        chain, xent = outputs if before is None else (inner(x, before, lengths) for x in outputs)
        return self.lfmmi(chain, numerators, lengths, xent)


def recalibrate(model: nn.Module, batches: AcousticBatches, count: int = 60) -> None:
    """Take batch-norm statistics again, padding not counted, over the first `count` batches of an epoch."""
    device = next(model.parameters()).device
    few = zip(range(count), batches.plain_epoch(10**6), strict=False)
    batchnorm_recalibrate(model, (tuple(x.to(device) for x in example[0][:2]) for _, example in few))


def inner(outputs: Tensor, before: Tensor, frames: Tensor) -> Tensor:
    """The frames of each chunk without the context around it.

    Args:
      outputs: [B, T', P]. before: [B], output frames of context before each chunk. frames: [B], of the chunks.

    Returns:
      [B, max(frames), P]; what lies behind a chunk's own frames means nothing.
    """
    steps = torch.arange(int(frames.max()), device=outputs.device)
    places = (before.to(outputs.device)[:, None] + steps[None]).clamp(max=outputs.shape[1] - 1)  # (B, T'')
    return outputs.gather(1, places[:, :, None].expand(-1, -1, outputs.shape[2]))
