"""Chunked training: pieces of a fixed size in place of whole utterances, as Kaldi's recipes train.

A flat-start model aligns the training speech; a chunk keeps the phones that the alignment finds in it, and nothing of
when they were spoken (Kaldi's unconstrained end-to-end supervision, `nnet3-chain-e2e-get-egs`). Frames around a chunk
are shown to the network and left out of the criterion, so that the chunk's edges see what they will see in use.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from ..corpora import Report, padded
from ..decoding import phone_segments
from ..graphs import Fsa, minimum_frames, numerator_from_phones
from ..models import Tdnnf
from .acoustic import AcousticBatches
from .alignments import align
from .prepare import Prepared

SIZES = (150, 110, 100)  # input frames, as 7q's


@dataclass(frozen=True)
class Chunk:
    """Output frames start … start + frames - 1 of the utterance at place `cut`, and what was said in them."""

    cut: int
    start: int
    frames: int
    numerator: Fsa


def cut_up(frames: int, sizes: Sequence[int]) -> list[tuple[int, int]]:
    """Where the chunks of an utterance begin, and how long they are.

    The longest size that fits, as often as it fits; the rest is covered by the smallest size that covers it, moved
    back over what is already covered. An utterance no longer than the smallest size stays whole.

    Args:
      frames: of the utterance. sizes: of chunks; both in output frames.

    Raises:
      ValueError: no sizes, or one below 1.
    """
    if not sizes or min(sizes) < 1:
        raise ValueError(f"chunks have sizes of at least one frame, not {list(sizes)}")
    if frames <= min(sizes):
        return [(0, frames)]
    longest = max(size for size in sizes if size <= frames)
    pieces = [(at, longest) for at in range(0, frames - longest + 1, longest)]
    if rest := frames - len(pieces) * longest:
        size = min(size for size in sizes if rest <= size <= frames)
        pieces.append((frames - size, size))
    return pieces


class ChunkBatches(AcousticBatches):
    """Chunks of the training utterances, as `AcousticBatches` gives whole ones.

    Args:
        prepared, batch_size, seed, report: as for `AcousticBatches`; a batch is so many chunks of one size.
        aligner: a flat-start model of the folder's pdfs.
        sizes: of chunks, in input frames.

    Raises:
        ValueError: no chunk is left to train on.
    """

    def __init__(
        self,
        prepared: Prepared,
        batch_size: int,
        seed: int,
        report: Report | None = None,
        *,
        aligner: Tdnnf,
        sizes: Sequence[int] = SIZES,
    ) -> None:
        report = Report() if report is None else report
        super().__init__(prepared, batch_size, seed, report)
        self.seed, self.size = seed, batch_size
        step = aligner.config.subsampling
        self.context = max(-(-side // step) for side in aligner.config.context)  # output frames on each side
        self.chunks = list(self._cut(prepared, aligner, [-(-size // step) for size in sizes], report))
        if not self.chunks:
            raise ValueError("no chunk is left to train on: " + "; ".join(report.lines()))

    def __len__(self) -> int:
        return len(self._plan(0))

    def plain_epoch(self, epoch: int) -> Iterator[tuple[tuple[Any, ...], tuple[Any, ...], list[str]]]:
        """Chunks of one size together, in another order every epoch."""
        return (self.chunk_example([self.chunks[i] for i in members]) for members in self._plan(epoch))

    def chunk_example(self, chunks: Sequence[Chunk]) -> tuple[tuple[Any, ...], tuple[Any, ...], list[str]]:
        """(inputs, targets, ids); the last target says how many output frames of context come before each chunk."""
        pieces, before = [], []
        for chunk in chunks:
            first = max(0, chunk.start - self.context)
            pieces.append(self.batches.matrices[chunk.cut][3 * first : 3 * (chunk.start + chunk.frames + self.context)])
            before.append(chunk.start - first)
        features, lengths = padded(pieces)
        frames = torch.tensor([chunk.frames for chunk in chunks])
        targets = ([chunk.numerator for chunk in chunks], frames, torch.tensor(before))
        names = [f"{self.batches.cuts[chunk.cut].id}-{chunk.start}" for chunk in chunks]
        return (features, lengths, None, None, "both"), targets, names

    def _plan(self, epoch: int) -> list[list[int]]:
        rng = np.random.default_rng([self.seed, epoch])
        sizes = np.array([chunk.frames for chunk in self.chunks])
        order = rng.permutation(len(sizes))
        order = order[np.argsort(sizes[order], kind="stable")]
        plan = [order[i : i + self.size].tolist() for i in range(0, len(order), self.size)]
        return [plan[i] for i in rng.permutation(len(plan))]

    def _cut(self, prepared: Prepared, aligner: Tdnnf, sizes: Sequence[int], report: Report) -> Iterator[Chunk]:
        topology, made = prepared.topology, {}
        places = {cut.id: place for place, cut in enumerate(self.batches.cuts)}
        for cut, pdfs in align(aligner, self.cuts, self.numerators, report):
            segments = phone_segments(pdfs, topology)
            for start, frames in cut_up(len(pdfs), sizes):
                said = [s for s in segments if s[2] > start and s[1] < start + frames]
                key = tuple(name for name, _, _ in said), said[0][1] < start
                if key not in made:
                    made[key] = numerator_from_phones(key[0], topology, prepared.phone_lm, inside=key[1])
                if minimum_frames(made[key]) > frames:
                    report.skip("chunk shorter than its phones", f"{cut.id}-{start}")
                    continue
                yield Chunk(places[cut.id], start, frames, made[key])
