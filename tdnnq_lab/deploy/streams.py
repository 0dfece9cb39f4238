"""Features and outputs of the network block by block, equal to those of the whole audio at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..corpora import MfccSettings, SpeechMean
from ..corpora.mfcc import FRAME_SHIFT
from ..models import Stream, Tdnnf

Frames = NDArray[np.float32]
CHUNK = 3000
"""Input frames that the network is given at a time: half a minute."""
QUIETEST = 60.0
"""dB below a speaker's loud frames. Seconds of digital silence, between the turns of a call laid out from its turns,
are quieter than anything a network was trained on, which then hears words in them; they are raised to this level."""


def feature_blocks(
    blocks: Iterable[NDArray[np.float32]], settings: MfccSettings, mean: NDArray[np.float64] | None = None
) -> Iterator[Frames]:
    """Features of samples that come in blocks: each frame as soon as its last sample is there.

    Args:
        blocks: (n,) each, at the settings' rate.
        mean: (F,) of the whole channel (`feature_mean`), which settings with `subtract_mean` or `speaker_mean` need.

    Yields:
        (t, F); T = 1 + (N - 200) // 80 frames in all at 8 kHz, none if N < 200.

    Raises:
        ValueError: NaN or infinity in the samples, or no mean where the settings need one.
    """
    if settings != settings.plain and mean is None:
        raise ValueError("these features have their mean taken away: give the mean of the whole channel")
    plain = settings.plain
    shift = int(settings.sampling_rate * FRAME_SHIFT)
    held = np.zeros(0, np.float32)
    for block in blocks:
        held = np.concatenate([held, block])
        if frames := settings.num_frames(len(held)):
            found = plain.compute(held)
            yield found if mean is None else _normalised(found, mean, settings)
            held = held[frames * shift :]


def _normalised(frames: Frames, mean: NDArray[np.float64], settings: MfccSettings) -> Frames:
    """Frames (t, F) without the mean; where it is that of loud frames, none is quieter than `QUIETEST` below them."""
    found = (frames - mean).astype(np.float32)
    if settings.speaker_mean:
        found[:, 0] = np.maximum(found[:, 0], -QUIETEST * settings.decibel)
    return found


def feature_mean(blocks: Iterable[NDArray[np.float32]], settings: MfccSettings) -> NDArray[np.float64]:
    """What a channel's features have taken away, (F,), of samples that come in blocks; zeros if there is no frame.

    With `subtract_mean` the mean over all frames, with `speaker_mean` that over the louder ones (`SpeechMean`).
    """
    total, count, speech = np.zeros(settings.num_ceps), 0, SpeechMean(settings.num_ceps)
    for found in feature_blocks(blocks, settings.plain):
        if settings.speaker_mean:
            speech.add(found)
        total += found.sum(0, dtype=np.float64)
        count += len(found)
    return speech.mean() if settings.speaker_mean else total / max(1, count)


def output_blocks(frames: Iterable[Frames], model: Tdnnf, *, chunk: int = CHUNK) -> Iterator[Tensor]:
    """Outputs of the network for features that come in blocks, equal to those of the whole at once (`Stream`).

    Args:
        frames: (t, F) each.
        model: in evaluation mode.
        chunk: input frames that the network is given together, at least 1; the last time fewer.

    Yields:
        (t', P) float32, as soon as a chunk completes them; T' = ceil(T / 3) rows in all.

    Raises:
        ValueError: the model is in training mode, or the chunk has no frame.
    """
    if chunk < 1:
        raise ValueError(f"a chunk needs at least one frame, not {chunk}")
    stream = Stream(model)
    for block in _of_size(frames, chunk):
        rows = stream.feed(torch.from_numpy(block))
        if len(rows):
            yield rows
    rows = stream.finish()
    if len(rows):
        yield rows


def _of_size(blocks: Iterable[Frames], size: int) -> Iterator[Frames]:
    """The same frames in blocks of `size`, the last one shorter."""
    held: list[Frames] = []
    missing = size
    for block in blocks:
        while len(block) >= missing:
            yield np.concatenate([*held, block[:missing]])
            held, block, missing = [], block[missing:], size
        held.append(block)
        missing -= len(block)
    if missing < size:
        yield np.concatenate(held)
