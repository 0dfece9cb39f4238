"""From an audio file of any kind and length to words with times, in the memory of half a minute."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..corpora.audio import AudioInfo
from ..corpora.mfcc import FRAME_SHIFT
from ..corpora.shards import SILENT
from ..decoding.streaming import StreamingDecoder, sentence_loop
from .bundle import read_bundle
from .sound import channel_blocks, open_audio, resampled
from .streams import feature_blocks, feature_mean, output_blocks

PAUSE = 0.5
"""Seconds without a word that end a line of a transcript."""
_SILENT = "silent"


@dataclass(frozen=True)
class Line:
    """Words said without a long pause: for reading, nothing is recognised line by line.

    Attributes:
        channel: from 1.
        start, end: in seconds.
        text: the words.
    """

    channel: int
    start: float
    end: float
    text: str


@dataclass(frozen=True)
class Channel:
    """What was said in one channel.

    Attributes:
        words: the recognised words, none perhaps.
        times: (start, duration) of each word in seconds.
        seconds: length of the channel.
        note: what was unusual about it, if anything.
    """

    words: list[str]
    times: list[tuple[float, float]]
    seconds: float
    note: str = ""


@dataclass(frozen=True)
class Transcript:
    """What was said in a file.

    Attributes:
        file: its path as given.
        sampling_rate: of the file, in Hz.
        channels: in order; of a telephone call usually one a side.
        notes: what was done or found on the way (resampling, silent channels).
        real_time_factor: seconds of one core for a second of audio, all channels counted.
    """

    file: str
    sampling_rate: int
    channels: list[Channel]
    notes: list[str] = field(default_factory=list)
    real_time_factor: float = field(default=0.0, compare=False)

    @property
    def text(self) -> str:
        """The words of the only channel; of several, line by line with the channel's number before it."""
        if len(self.channels) == 1:
            return " ".join(self.channels[0].words)
        return "\n".join(f"{line.channel}: {line.text}" for line in self.lines())

    def lines(self, pause: float = PAUSE) -> list[Line]:
        """The words in lines that end where nothing is said for `pause` seconds, all channels in order of time."""
        found = [line for i, channel in enumerate(self.channels, 1) for line in _lines(i, channel, pause)]
        return sorted(found, key=lambda line: line.start)


class Recogniser:
    """A recogniser that works from a bundle alone.

    Args:
        bundle: a folder that `make_bundle` has written.
        acoustic_scale, beam, max_active: of the search, where they should differ from the bundle's.

    Attributes:
        model: the network, dequantised to float32.
        hclg: the graph, looped so that one sentence may follow another.
        bundle: its content.

    Raises:
        FileNotFoundError, ValueError: a part of the bundle is missing or damaged; it is named.
    """

    def __init__(
        self,
        bundle: str | os.PathLike[str],
        *,
        acoustic_scale: float | None = None,
        beam: float | None = None,
        max_active: int | None = None,
    ) -> None:
        self.bundle = read_bundle(bundle)
        self.model = self.bundle.packed.model()
        self.hclg = sentence_loop(self.bundle.hclg)
        self.acoustic_scale = self.bundle.acoustic_scale if acoustic_scale is None else acoustic_scale
        self.beam = self.bundle.beam if beam is None else beam
        self.max_active = self.bundle.max_active if max_active is None else max_active
        self._decoder()  # says at once what is wrong with the options

    def transcribe(
        self, file: str | os.PathLike[str], *, progress: Callable[[float], None] | None = None
    ) -> Transcript:
        """Recognise every channel of a file.

        Args:
            file: any audio that libsndfile reads, of any sampling rate, number of channels and length.
            progress: called with the share done, 0 to 1.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: it is empty, truncated, damaged, no audio, silent in all channels, or shorter than a frame.
        """
        info = open_audio(Path(file))
        started, rate = time.process_time(), self.bundle.features.sampling_rate
        channels = []
        for i in range(info.channels):
            share = None if progress is None else _part_of(progress, i, info.channels)
            channels.append(self._channel(info, i, share))
        if all(channel.note == _SILENT for channel in channels):
            raise ValueError(f"audio is silent (all zeros): {info.path}")
        notes = [] if info.rate == rate else [f"resampled from {info.rate} Hz to {rate} Hz"]
        notes += [f"channel {i}: {channel.note}" for i, channel in enumerate(channels, 1) if channel.note]
        factor = (time.process_time() - started) / sum(channel.seconds for channel in channels)
        return Transcript(os.fspath(file), info.rate, channels, notes, factor)

    def _channel(self, info: AudioInfo, channel: int, progress: Callable[[float], None] | None) -> Channel:
        meter, settings = _Meter(info, progress), self.bundle.features
        mean = None
        if settings != settings.plain:  # of the whole channel, so it is read twice
            mean = feature_mean(resampled(channel_blocks(info, channel), info.rate, settings.sampling_rate), settings)
        blocks = resampled(meter.watch(channel_blocks(info, channel)), info.rate, settings.sampling_rate)
        decoder = self._decoder()
        for outputs in output_blocks(feature_blocks(blocks, settings, mean), self.model):
            decoder.accept(outputs)
        if not decoder.frames:
            raise ValueError(f"audio is shorter than one frame (25 ms): {info.path}")
        if meter.peak < SILENT:
            return Channel([], [], meter.seconds, _SILENT)
        found = decoder.result()
        restarts = ", ".join(f"{at:.1f} s" for at in decoder.restarts)
        note = f"no path through the graph went on, the search began anew at {restarts}" if restarts else ""
        return Channel(found.words, found.times, meter.seconds, note)

    def _decoder(self) -> StreamingDecoder:
        return StreamingDecoder(
            self.hclg,
            acoustic_scale=self.acoustic_scale,
            beam=self.beam,
            max_active=self.max_active,
            frame_seconds=FRAME_SHIFT * self.model.config.subsampling,
        )


class _Meter:
    """Length and peak of the samples that pass by, and how much of the file that is."""

    def __init__(self, info: AudioInfo, progress: Callable[[float], None] | None) -> None:
        self.info, self.progress = info, progress
        self.samples, self.peak = 0, 0.0

    @property
    def seconds(self) -> float:
        return self.samples / self.info.rate

    def watch(self, blocks: Iterator[NDArray[np.float32]]) -> Iterator[NDArray[np.float32]]:
        """The blocks as they are."""
        for block in blocks:
            self.samples += len(block)
            self.peak = max(self.peak, float(np.abs(block).max()))
            yield block
            if self.progress is not None:
                self.progress(min(1.0, self.samples / max(1, self.info.frames)))


def _part_of(progress: Callable[[float], None], channel: int, channels: int) -> Callable[[float], None]:
    """`progress` for one channel of several."""
    return lambda share: progress((channel + share) / channels)


def _lines(number: int, channel: Channel, pause: float) -> Iterator[Line]:
    """The lines of one channel."""
    spans = [(start, start + duration) for start, duration in channel.times]
    ends = [i for i, (a, b) in enumerate(pairwise(spans), 1) if b[0] - a[1] >= pause]
    for first, after in pairwise([0, *ends, len(spans)] if spans else []):
        yield Line(number, spans[first][0], spans[after - 1][1], " ".join(channel.words[first:after]))
