"""Samples of one channel of any audio file, block by block, at the rate that the network knows."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from ..corpora.audio import TRUNCATED, AudioInfo, DamagedAudio, probe

Samples = NDArray[np.float32]
BLOCK_SECONDS = 2.0
_ZEROS, _ROLLOFF = 6, 0.99  # torchaudio's defaults: zero crossings of the filter on each side, its cut-off


def open_audio(path: Path) -> AudioInfo:
    """What the header of an audio file says.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is empty, truncated, without samples, or no audio that libsndfile reads; it is named.
    """
    info = probe(path)
    if info.damage:
        remedy = "; fetch it again" if info.damage == TRUNCATED else ""
        raise DamagedAudio(f"{info.damage}: {path}{remedy}")
    return info


def channel_blocks(info: AudioInfo, channel: int) -> Iterator[Samples]:
    """The samples of one channel, two seconds at a time.

    Yields:
        (n,) float32 in [-1, 1].

    Raises:
        ValueError: the file cannot be decoded to its end, or holds NaN or infinity; it is named.
    """
    size, read = max(1, int(info.rate * BLOCK_SECONDS)), 0
    try:
        with soundfile.SoundFile(str(info.path)) as file:
            while len(block := file.read(size, dtype="float32", always_2d=True)):
                samples = np.ascontiguousarray(block[:, channel])
                if not np.isfinite(samples).all():
                    raise ValueError(f"audio holds NaN or infinity: {info.path}")
                read += len(samples)
                yield samples
    except (soundfile.LibsndfileError, RuntimeError) as error:
        second = read / info.rate
        raise DamagedAudio(
            f"audio file cannot be decoded beyond {second:.1f} s: {info.path}; fetch it again"
        ) from error
    if read < info.frames:
        raise DamagedAudio(f"{TRUNCATED}: {info.path} holds {read} of {info.frames} samples; fetch it again")


def resampled(blocks: Iterable[Samples], source: int, target: int) -> Iterator[Samples]:
    """Blocks at another rate, equal to `torchaudio.functional.resample` of them all together.

    The same filter (a sinc with a Hann window over six zero crossings on each side), but only its taps that are not
    zero: torchaudio's kernel grows with both rates where they share no divisor (44,101 to 8,000 Hz: 1.4 GB).

    Args:
        blocks: (n,) each, one after the other.
        source, target: Hz.

    Yields:
        (n',) float32; ceil(target / source · N) samples in all.
    """
    if source == target:
        yield from blocks
        return
    divisor = math.gcd(source, target)
    old, new = source // divisor, target // divisor
    filters = _filters(old, new)  # (new, taps)
    half = filters.shape[1] // 2
    held, first = np.zeros(half, np.float32), -half  # input from sample `first` on
    received = done = 0
    for block in chain(blocks, [None]):
        received += 0 if block is None else len(block)
        held = np.concatenate([held, np.zeros(half + 1, np.float32) if block is None else block])
        ready = -(-(received - (0 if block is None else half)) * new // old)
        outputs = np.arange(done, max(done, ready))
        if len(outputs):
            windows = np.lib.stride_tricks.sliding_window_view(held, 2 * half + 1)
            yield np.einsum("nt,nt->n", windows[outputs * old // new - half - first], filters[outputs % new])
            done = ready
        keep = done * old // new - half
        held, first = held[keep - first :], keep


def _filters(old: int, new: int) -> Samples:
    """The filter of each of the `new` phases at its taps, samples -half … half around the one before it."""
    cutoff = min(old, new) * _ROLLOFF / old
    half = math.ceil(_ZEROS / cutoff)
    phase = (np.arange(new) * old % new) / new
    t = ((np.arange(-half, half + 1) - phase[:, None]) * cutoff).clip(-_ZEROS, _ZEROS)  # (new, taps)
    return (np.sinc(t) * np.cos(t * np.pi / _ZEROS / 2) ** 2 * cutoff).astype(np.float32)
