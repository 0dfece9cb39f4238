"""`features(cuts, cache_dir)`: MFCC of every utterance, computed once and kept on disk."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from lhotse import CutSet, Features, MonoCut
from lhotse.utils import fastcopy

from . import store
from .mfcc import FRAME_SHIFT, MfccSettings
from .normalise import subtract_speaker_means
from .perturb import Variant
from .report import Report
from .shards import Shard, fill, make_shards


def features(
    cuts: CutSet,
    cache_dir: str | Path,
    *,
    sampling_rate: int = 8000,
    speeds: Iterable[float] = (1.0,),
    volume: tuple[float, float] | None = None,
    seed: int = 0,
    settings: MfccSettings | None = None,
    report: Report | None = None,
    progress: bool = True,
) -> CutSet:
    """Attaches 40-d high-resolution MFCC, equal to Kaldi's, to every cut.

    Computed recording by recording (a file is decoded once, however many utterances it holds) and kept in
    `cache_dir` under a hash of audio and settings; a second call, or one after a kill, takes what is there.

    Args:
        cuts: MonoCuts of one supervision each, as `cuts(source, split)` returns them.
        cache_dir: folder of the cache, made if needed.
        sampling_rate: Hz; audio of another rate is resampled, and that is said.
        speeds: speed factors (Kaldi: 0.9, 1.0, 1.1), each a copy of the corpus; ids and speakers of a copy
            other than 1.0 end in `_sp0.9` …
        volume: range (low, high) of the factor that each utterance is scaled by (Kaldi: 0.125 to 2).
        seed: of the volume factors; the same seed gives the same ones.
        settings: other MFCC; its sampling rate then counts instead of `sampling_rate`. With `speaker_mean` the means
            are those of the cuts given: give all that a speaker said.
        report: collects what was left out; without one it is printed at the end.
        progress: show a progress bar while computing.

    Returns:
        A CutSet, copy after copy in the order of `speeds`. `cut.load_features()` gives (T, F) float32, with
        T = 1 + (samples - 200) // 80 at 8 kHz: Kaldi's default (snip-edges), two fewer than `cut.num_frames`.
        Utterances that are silent, undecodable or shorter than a frame are left out, counted and named.

    Raises:
        ValueError: speeds or volume that make no sense; cuts of another kind; two cuts of one id.
        FileNotFoundError: an audio file is not there any more.
        OSError: the cache cannot be written.
    """
    collected = Report() if report is None else report
    settings = settings or MfccSettings(sampling_rate)
    plain = replace(settings, speaker_mean=False)  # the same frames are kept once, with the mean and without
    variants = [Variant(plain, speed, volume, seed) for speed in _checked_speeds(speeds)]
    originals = [fastcopy(cut, features=None) for cut in cuts]
    _check_cuts(originals)
    folder = Path(cache_dir).expanduser()
    store.open_cache(folder)
    shards = make_shards(originals)
    fill(shards, variants, folder, progress)
    attached = [cut for variant in variants for cut in _attached(originals, shards, variant, folder, collected)]
    _note_rates(originals, settings.sampling_rate, collected)
    if not attached:
        raise ValueError("no utterance gave features: " + ("; ".join(collected.lines()) or "there are no cuts"))
    if report is None:
        collected.show()
    found = CutSet.from_cuts(attached)
    return subtract_speaker_means(found, folder) if settings.speaker_mean else found


def global_statistics(cuts: CutSet) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and standard deviation of every feature over all frames of cuts with features.

    Returns:
        Two float32 tensors of shape (F,); a deviation is at least 1e-5, so that it can be divided by.

    Raises:
        ValueError: cuts without features, or no frame at all.
    """
    frames, total, squares = 0, np.zeros(1), np.zeros(1)
    for cut in cuts:
        if not cut.has_features:
            raise ValueError(f"cut '{cut.id}' has no features; call features(cuts, cache_dir) first")
        matrix = cut.load_features().astype(np.float64)  # (T, F)
        frames += len(matrix)
        total = total + matrix.sum(0)
        squares = squares + np.einsum("tf,tf->f", matrix, matrix)
    if not frames:
        raise ValueError("there are no frames to take statistics of")
    mean = total / frames
    deviation = np.sqrt(np.maximum(squares / frames - mean**2, 0.0)).clip(min=1e-5)
    return torch.from_numpy(mean).float(), torch.from_numpy(deviation).float()


def _attached(
    originals: list[MonoCut], shards: list[Shard], variant: Variant, folder: Path, report: Report
) -> list[MonoCut]:
    """The perturbed copy of every cut, with its features, in the order of `originals`."""
    places: dict[str, tuple[str, int, int]] = {}  # cut id -> matrix, first row, rows
    for shard in shards:
        key = shard.key(variant)
        index = store.load_index(folder, key)
        if index is None:
            raise OSError(f"the feature cache {folder} lost {key}.npy while it was read; call features again")
        places |= {id: (str(folder / f"{key}.npy"), *span) for id, span in index.spans.items()}
        for reason, ids in index.skipped.items():
            for id in ids:
                report.skip(reason, id + variant.suffix)
    return [_with_features(variant.of(cut), *places[cut.id], variant) for cut in originals if cut.id in places]


def _with_features(cut: MonoCut, matrix: str, first: int, rows: int, variant: Variant) -> MonoCut:
    manifest = Features(
        type="kaldi-mfcc",
        num_frames=rows,
        num_features=variant.settings.num_ceps,
        frame_shift=FRAME_SHIFT,
        sampling_rate=variant.settings.sampling_rate,
        start=cut.start,
        duration=cut.duration,
        storage_type=store.NpyReader.name,
        storage_path=matrix,
        storage_key=f"{first}:{rows}",
        recording_id=cut.recording.id,
        channels=cut.channel,
    )
    return fastcopy(cut, features=manifest)


def _checked_speeds(speeds: Iterable[float]) -> list[float]:
    factors = [float(speed) for speed in speeds]
    if not factors or len(set(factors)) < len(factors) or not all(0.1 <= factor <= 10 for factor in factors):
        raise ValueError(f"speeds are distinct factors between 0.1 and 10, such as (0.9, 1.0, 1.1), not {factors}")
    return factors


def _check_cuts(cuts: list[MonoCut]) -> None:
    seen = set()
    for cut in cuts:
        if not isinstance(cut, MonoCut) or len(cut.supervisions) != 1 or cut.recording is None:
            raise ValueError(f"cut '{cut.id}' is not a MonoCut with a recording and one supervision; see corpora.cuts")
        if cut.id in seen:
            raise ValueError(f"cut id '{cut.id}' appears twice; an id names one utterance")
        seen.add(cut.id)


def _note_rates(cuts: list[MonoCut], rate: int, report: Report) -> None:
    others = {cut.recording.id: cut.sampling_rate for cut in cuts if cut.sampling_rate != rate}
    for id, other in others.items():
        report.note(f"recordings resampled from {other} Hz to {rate} Hz", id)
