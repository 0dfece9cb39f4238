"""Features and outputs of the network block by block, equal to those of the whole audio at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import chain

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..corpora import MfccSettings
from ..corpora.mfcc import FRAME_SHIFT
from ..models import Tdnnf

Frames = NDArray[np.float32]
CHUNK = 3000
"""Input frames that the network is given at a time, context not counted: half a minute."""


def feature_blocks(
    blocks: Iterable[NDArray[np.float32]], settings: MfccSettings, mean: NDArray[np.float64] | None = None
) -> Iterator[Frames]:
    """Features of samples that come in blocks: each frame as soon as its last sample is there.

    Args:
        blocks: (n,) each, at the settings' rate.
        mean: (F,) of the whole channel (`feature_mean`), which settings with `subtract_mean` need.

    Yields:
        (t, F); T = 1 + (N - 200) // 80 frames in all at 8 kHz, none if N < 200.

    Raises:
        ValueError: NaN or infinity in the samples, or no mean where the settings need one.
    """
    if settings.subtract_mean and mean is None:
        raise ValueError("these features have their mean taken away: give the mean of the whole channel")
    plain = replace(settings, subtract_mean=False)
    shift = int(settings.sampling_rate * FRAME_SHIFT)
    held = np.zeros(0, np.float32)
    for block in blocks:
        held = np.concatenate([held, block])
        if frames := settings.num_frames(len(held)):
            found = plain.compute(held)
            yield found if mean is None else (found - mean).astype(np.float32)
            held = held[frames * shift :]


def feature_mean(blocks: Iterable[NDArray[np.float32]], settings: MfccSettings) -> NDArray[np.float64]:
    """Mean (F,) over all frames of samples that come in blocks; zeros if there is no frame."""
    total, count = np.zeros(settings.num_ceps), 0
    for found in feature_blocks(blocks, replace(settings, subtract_mean=False)):
        total += found.sum(0, dtype=np.float64)
        count += len(found)
    return total / max(1, count)


def output_blocks(frames: Iterable[Frames], model: Tdnnf, *, chunk: int = CHUNK) -> Iterator[Tensor]:
    """Outputs of the network for features that come in blocks.

    Each chunk is computed with the frames before and after it that its outputs see, so the joins change nothing.

    Args:
        frames: (t, F) each.
        model: in evaluation mode.
        chunk: input frames whose outputs are computed together, at least 1; rounded up to whole output frames.

    Yields:
        (t', P) float32; T' = ceil(T / 3) rows in all.
    """
    step = model.config.subsampling
    before, after = (-(-context // step) * step for context in model.config.context)
    chunk = -(-chunk // step) * step
    held, first, start = np.zeros((0, model.config.input_dim), np.float32), 0, 0
    for block in chain(frames, [None]):
        held = held if block is None else np.concatenate([held, block])
        end = first + len(held)  # frames received
        while start + chunk + after <= end or (block is None and start < end):
            stop = min(start + chunk, end)
            with torch.inference_mode():
                rows = model(torch.from_numpy(held[: stop + after - first])[None])[0]
            yield rows[(start - first) // step :][: -(-(stop - start) // step)]
            start = stop
            keep = max(first, start - before)
            held, first = held[keep - first :], keep
