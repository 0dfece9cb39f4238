"""Batches of utterances of similar length, read from the feature cache."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from lhotse import CutSet
from lhotse.cut import MonoCut
from numpy.typing import NDArray
from torch import Tensor

from .store import NpyReader, frames

# Utterances are shuffled within runs of similar length: of 2 to 4 batches, and more than 30 runs where there are
# utterances enough. Long runs mix better, short ones pad less.
_BATCHES_A_RUN = 4
_RUNS = 30


@dataclass(frozen=True)
class Batch:
    """B utterances padded to the longest.

    Args:
        features: (B, T, F) float32; beyond its length an utterance's last frame is repeated.
        lengths: (B,) int64, in input frames.
        ids, words, speakers: of each utterance.
    """

    features: torch.Tensor
    lengths: torch.Tensor
    ids: list[str]
    words: list[list[str]]
    speakers: list[str]

    def __len__(self) -> int:
        return len(self.ids)


class Batches:
    """An iterable of `Batch`: `len(batches)` of them every epoch; see `batches` for the arguments.

    Iterating runs through epoch `epoch`, `.epoch(e)` through any other. The same seed and epoch give the same
    batches in the same order.
    """

    def __init__(
        self,
        cuts: CutSet,
        *,
        max_seconds: float | None = None,
        batch_size: int | None = None,
        shuffle_seed: int | None = None,
        epoch: int = 0,
        drop_last: bool = False,
    ) -> None:
        _check_limits(max_seconds, batch_size)
        self.cuts: list[MonoCut] = list(cuts)
        if without := [cut.id for cut in self.cuts if not cut.has_features]:
            raise ValueError(f"cut '{without[0]}' has no features; call features(cuts, cache_dir) first")
        if not self.cuts:
            raise ValueError("there are no cuts to make batches of")
        self.shuffle_seed, self.first_epoch = shuffle_seed, epoch
        self.matrices = [_matrix(cut) for cut in self.cuts]
        self.lengths = np.array([len(matrix) for matrix in self.matrices])
        if not self.lengths.all():
            raise ValueError(f"cut '{self.cuts[int(self.lengths.argmin())].id}' has features of no frame; leave it out")
        max_frames = None if max_seconds is None else max_seconds / self.cuts[0].features.frame_shift
        self.dropped = 0  # utterances that drop_last leaves out of an epoch
        self.runs = _runs(self.lengths, max_frames, batch_size)
        if drop_last:  # only the shortest utterances' run can hold a batch that is not full
            self.dropped = len(self.runs[-1][0]) % self.runs[-1][1]
        if not len(self):
            raise ValueError(f"drop_last leaves no batch of these {len(self.cuts)} cuts; make batches smaller")

    def __len__(self) -> int:
        """Batches in an epoch."""
        return sum(-(-len(members) // size) for members, size in self.runs) - bool(self.dropped)

    def __iter__(self) -> Iterator[Batch]:
        return self.epoch(self.first_epoch)

    def epoch(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        """The batches of one epoch, from number `start` on (to go on in mid-epoch, without reading the others)."""
        for members in self.plan(epoch)[start:]:
            yield self._batch(members)

    def plan(self, epoch: int = 0) -> list[NDArray[np.int64]]:
        """Which cuts (positions in `self.cuts`) make up each batch of an epoch."""
        rng = None if self.shuffle_seed is None else np.random.default_rng([self.shuffle_seed, epoch])
        plan = []
        for members, size in self.runs:
            members = members if rng is None else rng.permutation(members)
            plan += [members[i : i + size] for i in range(0, len(members), size)]
        plan = plan[: len(self)]
        return plan if rng is None else [plan[i] for i in rng.permutation(len(plan))]

    def padding(self, epoch: int = 0) -> float:
        """Share of padded frames among all frames of an epoch, 0 to 1."""
        padded = sum(len(members) * self.lengths[members].max() for members in self.plan(epoch))
        real = sum(self.lengths[members].sum() for members in self.plan(epoch))
        return float(1 - real / padded)

    def _batch(self, members: NDArray[np.int64]) -> Batch:
        features, lengths = padded([self.matrices[member] for member in members])
        supervisions = [self.cuts[member].supervisions[0] for member in members]
        return Batch(
            features=features,
            lengths=lengths,
            ids=[self.cuts[member].id for member in members],
            words=[s.text.split(" ") if s.text else [] for s in supervisions],
            speakers=[s.speaker for s in supervisions],
        )


def batches(
    cuts: CutSet,
    *,
    max_seconds: float | None = None,
    batch_size: int | None = None,
    shuffle_seed: int | None = None,
    epoch: int = 0,
    drop_last: bool = False,
) -> Batches:
    """Batches of utterances of similar length.

    Args:
        cuts: with features.
        max_seconds: longest batch, padding counted; an utterance longer than that is a batch of its own.
        batch_size: most utterances in a batch. One of the two limits must be given; where both are, both hold.
        shuffle_seed: shuffles utterances among others of similar length, and the batches, anew every epoch;
            None: longest first, always the same.
        epoch: the epoch that iterating runs through (any other: `.epoch(e)`).
        drop_last: leave out the batch that is smaller than it could be, if there is one.

    Returns:
        An iterable with a length, the same in every epoch.

    Raises:
        ValueError: no limit or one that is not above 0; cuts without features; no cuts.

    Example:
        >>> for batch in batches(train, batch_size=8, shuffle_seed=1, epoch=3): ...  # doctest: +SKIP
    """
    return Batches(
        cuts,
        max_seconds=max_seconds,
        batch_size=batch_size,
        shuffle_seed=shuffle_seed,
        epoch=epoch,
        drop_last=drop_last,
    )


def padded(matrices: Sequence[NDArray[np.float32]]) -> tuple[Tensor, Tensor]:
    """Matrices (t, F), t at least 1, as one tensor (B, T, F), each filled up with its last frame; and lengths (B,)."""
    lengths = torch.tensor([len(matrix) for matrix in matrices])
    features = np.empty((len(matrices), int(lengths.max()), matrices[0].shape[1]), np.float32)
    for row, matrix in zip(features, matrices, strict=True):
        row[: len(matrix)] = matrix
        row[len(matrix) :] = matrix[-1]
    return torch.from_numpy(features), lengths


def _check_limits(max_seconds: float | None, batch_size: int | None) -> None:
    if max_seconds is None and batch_size is None:
        raise ValueError("batches need a limit: max_seconds, batch_size, or both")
    if (max_seconds is not None and not max_seconds > 0) or (batch_size is not None and batch_size < 1):
        raise ValueError(f"limits of a batch are above 0, not max_seconds={max_seconds}, batch_size={batch_size}")


def _matrix(cut: MonoCut) -> NDArray[np.float32]:
    """Features (T, F) of a cut; those of our cache stay on disk until they are used."""
    features = cut.features
    if features.storage_type == NpyReader.name and (features.start, features.duration) == (cut.start, cut.duration):
        return frames(features.storage_path, features.storage_key)
    return cut.load_features()


def _runs(
    lengths: NDArray[np.int64], max_frames: float | None, batch_size: int | None
) -> list[tuple[NDArray[np.int64], int]]:
    """Splits utterances, longest first, into runs of similar length.

    The batch size of a run is fixed by its longest member, and every run but the last holds a whole number of
    batches: so the number of batches is the same however a run is shuffled, and only one batch may be small.

    Returns:
        (positions, batch size) of each run.
    """
    order = np.argsort(-lengths, kind="stable")
    runs = []
    at = 0
    while at < len(order):
        size = batch_size or len(order)
        if max_frames is not None:
            size = max(1, min(size, int(max_frames // lengths[order[at]])))
        count = min(max(len(order) // (_RUNS * size), 2), _BATCHES_A_RUN)
        runs.append((order[at : at + count * size], size))
        at += count * size
    return runs
