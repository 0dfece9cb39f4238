"""Cepstral means taken away speaker by speaker (Kaldi's apply-cmvn with utt2spk), of the frames that hold speech."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np
from lhotse import CutSet, MonoCut
from lhotse.utils import fastcopy
from numpy.typing import NDArray

from . import store
from .mfcc import MfccSettings

LOUD, PERCENTILE = 10.0, 98.0
"""Frames of speech: at most LOUD dB below the level that so many percent of the frames stay below."""
_LOWEST, _BIN, _BINS = -80.0, 0.5, 480  # dB; levels of 16-bit samples lie well inside
FORMAT = 1  # part of every key: raise it when the same features would give others


class SpeechMean:
    """The mean of the louder frames' cepstra, of frames that come in blocks and are not kept.

    Vowels, mostly: how much silence stands between the words, in a call's other turns say, changes nothing. Frames
    are counted and summed by level; the level is the first coefficient, in dB.
    """

    def __init__(self, num_features: int) -> None:
        self.counts = np.zeros(_BINS, np.int64)
        self.sums = np.zeros((_BINS, num_features))

    def add(self, frames: NDArray[np.float32]) -> None:
        """Take in frames (T, F) of cepstra, as many as mel filters."""
        level = frames[:, 0] / MfccSettings(num_bins=frames.shape[1]).decibel  # the mean of the log mel energies, in dB
        place = np.clip(((level - _LOWEST) / _BIN).astype(int), 0, _BINS - 1)
        self.counts += np.bincount(place, minlength=_BINS)
        np.add.at(self.sums, place, frames)

    def mean(self) -> NDArray[np.float64]:
        """Mean (F,) of the louder frames; zeros where there is no frame."""
        below = np.cumsum(self.counts)
        if not below[-1]:
            return self.sums[0]
        top = int(np.searchsorted(below, PERCENTILE / 100 * below[-1]))
        loud = slice(max(0, top - round(LOUD / _BIN)), None)
        return self.sums[loud].sum(0) / self.counts[loud].sum()


def subtract_speaker_means(cuts: CutSet, cache_dir: str | Path) -> CutSet:
    """Take each speaker's mean of every cepstral coefficient, over the louder frames of all cuts, away (`SpeechMean`).

    An utterance's own mean would take with it what was said: four seconds are too few to average a speaker's sounds.
    A copy at another speed counts as another speaker (`features` names it so).

    Args:
        cuts: with features in a cache (`features`); all utterances of each speaker.
        cache_dir: where the new features are kept, under a hash of all cuts; a second call takes what is there.

    Returns:
        The cuts in their order, with the new features.

    Raises:
        ValueError: a cut without features, or with features that `features` did not make.
        OSError: the cache cannot be written, or was removed while it was read.
    """
    members: dict[str, list[MonoCut]] = defaultdict(list)  # by the matrix that holds their frames
    for cut in cuts:
        if not cut.has_features or cut.features.storage_type != store.NpyReader.name:
            raise ValueError(f"cut '{cut.id}' has no features in a cache; call features(cuts, cache_dir) first")
        members[cut.features.storage_path].append(cut)
    folder = Path(cache_dir).expanduser()
    store.open_cache(folder)
    whole = _identity(members)
    places: dict[str, tuple[str, int, int]] = {}  # cut id -> matrix, first row, rows
    means: dict[str, NDArray[np.float64]] = {}
    for path, group in members.items():
        key = hashlib.sha256(f"{whole}{Path(path).name}".encode()).hexdigest()[:40]
        if (index := store.load_index(folder, key)) is None:
            means = means or speaker_means(cuts)
            index = _save(folder, key, group, means)
        places |= {id: (str(folder / f"{key}.npy"), *span) for id, span in index.spans.items()}
    return CutSet.from_cuts(_moved(cut, *places[cut.id]) for cut in cuts)


def speaker_means(cuts: CutSet) -> dict[str, NDArray[np.float64]]:
    """The mean (F,) of each speaker's louder frames."""
    found: dict[str, SpeechMean] = {}
    for cut in cuts:
        matrix = _frames(cut)
        found.setdefault(cut.supervisions[0].speaker, SpeechMean(matrix.shape[1])).add(matrix)
    return {speaker: speech.mean() for speaker, speech in found.items()}


def _frames(cut: MonoCut) -> NDArray[np.float32]:
    return store.frames(cut.features.storage_path, cut.features.storage_key)


def _identity(members: dict[str, list[MonoCut]]) -> str:
    """A hash of all that the means depend on: matrices (named by what they were made from), spans, speakers."""
    spans = [
        (Path(path).name, cut.id, cut.features.storage_key, cut.supervisions[0].speaker)
        for path, group in members.items()
        for cut in group
    ]
    return hashlib.sha256(json.dumps([FORMAT, "speaker means", spans]).encode()).hexdigest()


def _save(folder: Path, key: str, group: list[MonoCut], means: dict[str, NDArray[np.float64]]) -> store.Index:
    index, parts, at = store.Index(), [], 0
    for cut in group:
        matrix = (_frames(cut) - means[cut.supervisions[0].speaker]).astype(np.float32)
        index.spans[cut.id] = (at, len(matrix))
        parts.append(matrix)
        at += len(matrix)
    store.save(folder, key, index, parts, parts[0].shape[1])
    return index


def _moved(cut: MonoCut, matrix: str, first: int, rows: int) -> MonoCut:
    features = replace(cut.features, storage_path=matrix, storage_key=f"{first}:{rows}")
    return fastcopy(cut, features=features)
