"""Computing features shard by shard: each audio file decoded once, its utterances cut in memory."""

import hashlib
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from lhotse import MonoCut
from lhotse.audio import AudioSource
from lhotse.utils import compute_num_samples
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from . import audio, store
from .perturb import Variant

FORMAT = 1  # part of every key: raise it when the same audio would give other frames
SHARD_SECONDS = 1200.0  # of speech: a few seconds of work, the most that a killed job loses
SILENT = 2.0**-16  # half a 16-bit step: a decoder gives back digital silence no louder than that
UNDECODABLE = "audio that cannot be decoded"

Samples = NDArray[np.float32]
NOTHING: Samples = np.zeros(0, np.float32)


@dataclass
class Shard:
    """Cuts whose features are computed and stored together: those of consecutive audio files."""

    cuts: list[MonoCut] = field(default_factory=list)

    def key(self, variant: Variant) -> str:
        """Name in the cache: a hash of the variant and of all that the audio depends on."""
        return hashlib.sha256(f"{json.dumps(asdict(variant))}{self._audio}".encode()).hexdigest()[:40]

    @cached_property
    def _audio(self) -> str:
        """Files with sizes and times of change, and the span of every cut."""
        recordings = {}
        for cut in self.cuts:
            if cut.recording.id not in recordings:
                sources = [_identity(source, cut.id) for source in cut.recording.sources]
                recordings[cut.recording.id] = [sources, str(cut.recording.transforms)]
        spans = [(cut.id, cut.recording.id, cut.channel, cut.start, cut.duration) for cut in self.cuts]
        return json.dumps([FORMAT, recordings, spans])


def make_shards(cuts: Iterable[MonoCut]) -> list[Shard]:
    """Groups cuts such that all cuts of a file are in one shard; files in the order of their first cut."""
    files: dict[str, list[MonoCut]] = {}
    for cut in cuts:
        files.setdefault(_plain_file(cut) or f"recording {cut.recording.id}", []).append(cut)
    shards: list[Shard] = []
    seconds = SHARD_SECONDS
    for members in files.values():
        if seconds >= SHARD_SECONDS:
            shards.append(Shard())
            seconds = 0.0
        shards[-1].cuts.extend(members)
        seconds += sum(cut.duration for cut in members)
    return shards


def fill(shards: list[Shard], variants: list[Variant], folder: Path, progress: bool) -> None:
    """Computes and stores what the cache lacks.

    Raises:
        OSError: the cache cannot be written; shards already stored stay.
    """
    todo = []
    for shard in shards:
        missing = [variant for variant in variants if store.load_index(folder, shard.key(variant)) is None]
        if missing:
            todo.append((shard, missing))
    if not todo:
        return
    columns = (TextColumn("features"), BarColumn(), MofNCompleteColumn(), TextColumn("utterances"))
    console = Console(stderr=True)
    with _one_thread(), Progress(*columns, TimeRemainingColumn(), console=console, disable=not progress) as bar:
        task = bar.add_task("features", total=sum(len(shard.cuts) for shard, _ in todo))
        for shard, missing in todo:
            results: list[tuple[Variant, store.Index, list[Samples]]]
            results = [(variant, store.Index(), []) for variant in missing]
            for cut, samples, reason in _decoded(shard.cuts):
                for variant, index, parts in results:
                    _add(cut, samples, reason, variant, index, parts)
                bar.advance(task)
            for variant, index, parts in results:
                store.save(folder, shard.key(variant), index, parts, variant.settings.num_ceps)


def _add(
    cut: MonoCut, samples: Samples, reason: str, variant: Variant, index: store.Index, parts: list[Samples]
) -> None:
    """Features of one utterance, or the reason why it has none, into a shard's index and parts."""
    if not reason:
        matrix = variant.settings.compute(variant.apply(cut, samples))
        if len(matrix):
            index.spans[cut.id] = (sum(map(len, parts)), len(matrix))
            parts.append(matrix)
            return
        reason = "audio shorter than one frame (25 ms)"
    index.skipped.setdefault(reason, []).append(cut.id)


def _decoded(cuts: list[MonoCut]) -> Iterator[tuple[MonoCut, Samples, str]]:
    """Each cut with its samples (N,) at its own rate, and with the reason why they are of no use, if so."""
    name, content = "", _Content()
    for cut in cuts:  # the cuts of a file follow each other
        file = _plain_file(cut)
        if file is None:
            samples, reason = _assembled(cut)
        else:
            if file != name:
                name, content = file, _decode(Path(file))
            samples, reason = _piece(cut, content)
        yield cut, samples, reason or _unusable(samples)


@dataclass(frozen=True)
class _Content:
    """A decoded file: samples (channels, N) at `rate`, or the reason why there are none."""

    samples: Samples = field(default_factory=lambda: NOTHING[None])
    rate: int = 0
    reason: str = ""


def _decode(path: Path) -> _Content:
    try:
        return _Content(*audio.read(path))
    except audio.DamagedAudio:
        return _Content(reason=UNDECODABLE)


def _piece(cut: MonoCut, content: _Content) -> tuple[Samples, str]:
    """The cut's part of its decoded file."""
    if content.reason:
        return NOTHING, content.reason
    source, rate = cut.recording.sources[0], cut.recording.sampling_rate
    channel = source.channels.index(cut.channel)
    if rate != content.rate or channel >= len(content.samples):
        raise ValueError(
            f"{source.source} has {len(content.samples)} channels at {content.rate} Hz where the manifest of cut "
            f"'{cut.id}' says channel {channel} at {rate} Hz; make the manifest again"
        )
    first = compute_num_samples(cut.start, rate)
    piece = content.samples[channel, first : first + cut.num_samples]
    # A sample or two of rounding are no loss, an end that the decoder did not find is.
    return piece, audio.TRUNCATED if piece.size < cut.num_samples - 2 else ""


def _assembled(cut: MonoCut) -> tuple[Samples, str]:
    """Audio that lhotse puts together: from memory, from several files, or already transformed."""
    try:
        return cut.load_audio()[0], ""
    except Exception:  # lhotse passes on whatever its many readers raise
        return NOTHING, UNDECODABLE


def _unusable(samples: Samples) -> str:
    if not samples.size:
        return "audio without samples"
    if not np.isfinite(samples).all():
        return "NaN or infinity in the audio"
    if np.abs(samples).max() < SILENT:
        return "silent audio (all zeros)"
    return ""


def _plain_file(cut: MonoCut) -> str | None:
    """The one file that holds a cut's audio as it is; None where there is no such file."""
    recording = cut.recording
    if len(recording.sources) == 1 and recording.sources[0].type == "file" and not recording.transforms:
        return str(recording.sources[0].source)
    return None


def _identity(source: AudioSource, cut_id: str) -> list:
    if isinstance(source.source, bytes):
        return ["memory", hashlib.sha256(source.source).hexdigest()]
    path = Path(source.source).absolute()
    try:
        status = path.stat()
    except FileNotFoundError:
        raise FileNotFoundError(f"audio file {path} of utterance '{cut_id}' does not exist (any more)") from None
    return [str(path), status.st_size, status.st_mtime_ns]


@contextmanager
def _one_thread() -> Iterator[None]:
    """An utterance is too little to share between threads: two were slower than one on a busy machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
