"""Kaldi data directories as people have them: `wav.scp`, `segments` or none, `text`, `utt2spk`."""

import math
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lhotse import CutSet, Recording
from lhotse.audio import AudioSource

from . import audio
from .lists import text_lines
from .report import Report, first_few
from .utterances import Utterance, to_cut

MAX_OVERSHOOT = 0.5  # s; Kaldi's extract-segments clips a segment that ends so little after its recording
_BLANKS = r"[ \t]+"
PIPE_REMEDY = (
    "only `sph2pipe -f wav -p -c N FILE |` is understood (by opening FILE; no command is ever run): "
    "write the audio to files and name those"
)


@dataclass(frozen=True)
class Line:
    """One line of a list: its id, the rest, and `where` it stands (FILE:LINE)."""

    id: str
    rest: str
    where: str


@dataclass(frozen=True)
class Source:
    """A recording of `wav.scp`: its header, the channel meant, and the line that named it."""

    info: audio.AudioInfo
    channel: int
    where: str


def read_kaldi(folder: Path, report: Report, *, keep_empty: bool = False) -> CutSet:
    """Reads a Kaldi data directory.

    Args:
        folder: holds `wav.scp` and `text`; `segments`, `utt2spk`, `spk2gender`, `spk2age` where there are such.
        report: receives the utterances that were left out.
        keep_empty: keep utterances whose transcript is empty.

    Raises:
        FileNotFoundError: a list or an audio file is missing.
        ValueError: a line that cannot be read, a duplicate id, an unknown recording, a pipe that is not
            sph2pipe's, two channels where one was meant; the message names file and line.
    """
    texts = {line.id: line for line in _lines(folder / "text")}
    recordings = _recordings(folder, report)
    labels = _labels(folder, report)
    cuts = []
    for utterance in _utterances(folder, recordings, report):
        line = texts.pop(utterance.id, None)
        if line is None:
            report.skip("audio without a transcript", f"{utterance.id} ({utterance.where})")
        elif not line.rest and not keep_empty:
            report.skip("empty transcript", f"{utterance.id} ({line.where})")
        else:
            words = " ".join(re.split(_BLANKS, line.rest))
            cuts.append(to_cut(utterance, words, *labels.of(utterance.id, report)))
    for id, line in texts.items():
        if id not in recordings.explained:
            report.skip("transcript without audio", f"{id} ({line.where})")
    return CutSet.from_cuts(cuts)


@dataclass(frozen=True)
class _Labels:
    """Speaker by utterance (None: there is no utt2spk), gender and age by speaker."""

    speakers: dict[str, str] | None
    genders: dict[str, str]
    ages: dict[str, str]

    def of(self, utterance: str, report: Report) -> tuple[str, dict[str, str]]:
        """The speaker of an utterance and what is known of him or her."""
        if self.speakers is not None and utterance not in self.speakers:
            report.note("no line in utt2spk, so taken as its own speaker", utterance)
        speaker = (self.speakers or {}).get(utterance, utterance)
        known = {"gender": self.genders.get(speaker), "age": self.ages.get(speaker)}
        return speaker, {key: value for key, value in known.items() if value}


def _labels(folder: Path, report: Report) -> _Labels:
    speakers: dict[str, str] | None = None
    if (folder / "utt2spk").exists():
        speakers = {}
        for line in _lines(folder / "utt2spk"):
            if not line.rest:
                raise ValueError(f"{line.where}: utterance '{line.id}' has no speaker; a line is `utterance speaker`")
            speakers[line.id] = line.rest
    else:
        report.note("no utt2spk, so every utterance is its own speaker", str(folder))
    return _Labels(speakers, _table(folder / "spk2gender"), _table(folder / "spk2age"))


def _table(path: Path) -> dict[str, str]:
    return {line.id: line.rest for line in _lines(path)} if path.exists() else {}


@dataclass
class _Recordings:
    """Sources by recording id; `explained`: ids left out for a reason that the report already gives."""

    sources: dict[str, Source]
    explained: set[str]


def _recordings(folder: Path, report: Report) -> _Recordings:
    found = _Recordings({}, set())
    missing = []
    for line in _lines(folder / "wav.scp"):
        name, channel = _audio_name(line)
        path = audio.locate(name, folder)
        if path is None:
            missing.append(f"{name} ({line.where})")
            continue
        try:
            info = audio.probe(path)
        except audio.DamagedAudio as error:
            report.skip(str(error).split(":", 1)[0], f"{line.id} ({line.where}: {path})")
            found.explained.add(line.id)
            continue
        found.sources[line.id] = Source(info, _one_channel(info, channel, line), line.where)
    if missing:
        raise FileNotFoundError(
            f"{len(missing)} audio files of {folder / 'wav.scp'} do not exist: {first_few(missing)}; paths are "
            f"taken relative to {folder}, to {folder.resolve().parent} and to the current folder {Path.cwd()}"
        )
    return found


def _audio_name(line: Line) -> tuple[str, int | None]:
    """The file that a line of wav.scp names, and its channel (from 0) where a sph2pipe command chooses one."""
    if not line.rest:
        raise ValueError(f"{line.where}: recording '{line.id}' has no audio path")
    if not line.rest.endswith("|"):
        if re.search(r"\.(ark|scp):\d+$", line.rest):
            raise ValueError(
                f"{line.where}: '{line.rest}' points into a Kaldi archive; write the audio to files and name those"
            )
        return line.rest, None
    return _sph2pipe(line)


def _sph2pipe(line: Line) -> tuple[str, int | None]:
    refusal = ValueError(f"{line.where}: the command '{line.rest}' is refused: {PIPE_REMEDY}")
    try:
        program, *arguments = shlex.split(line.rest.removesuffix("|"))
    except ValueError:
        raise refusal from None
    if Path(program).name != "sph2pipe":
        raise refusal
    channel, files = None, []
    options = iter(arguments)
    for option in options:
        if option in ("-p", "-u", "-a"):
            continue
        value = next(options, "") if option in ("-f", "-c") else None
        if option == "-c" and value in ("1", "2"):
            channel = int(value) - 1
        elif option == "-f" and value in ("wav", "rif", "riff", "sph", "raw", "au", "aif", "aiff"):
            continue
        elif not option.startswith("-"):
            files.append(option)
        else:
            raise refusal
    if len(files) != 1:
        raise refusal
    return files[0], channel


def _one_channel(info: audio.AudioInfo, channel: int | None, line: Line) -> int:
    if audio.is_sphere(info.path):
        audio.read_sphere_without_shell()
    if channel is None and info.channels > 1:
        raise ValueError(
            f"{line.where}: {info.path} has {info.channels} channels where one was meant; name the side with "
            f"`sph2pipe -f wav -p -c 1 {info.path} |` (or -c 2; nothing is run), or split the file"
        )
    if channel is not None and channel >= info.channels:
        raise ValueError(f"{line.where}: {info.path} has {info.channels} channel, so `-c {channel + 1}` cannot be read")
    return channel or 0


def _utterances(folder: Path, recordings: _Recordings, report: Report) -> Iterator[Utterance]:
    if not (folder / "segments").exists():
        for id, source in recordings.sources.items():
            if source.info.damage:
                report.skip(source.info.damage, f"{id} ({source.where}: {source.info.path})")
                recordings.explained.add(id)
            else:
                yield Utterance(id, _recording(id, source), source.channel, 0, source.info.frames, source.where)
        return
    made: dict[str, Recording] = {}
    for line in _lines(folder / "segments"):
        name, start, end = _segment(line)
        if name not in recordings.sources:
            if name not in recordings.explained:
                raise ValueError(
                    f"{line.where}: recording '{name}' of utterance '{line.id}' has no line in {folder / 'wav.scp'}"
                )
            report.skip("its recording is of no use", f"{line.id} ({line.where})")
            recordings.explained.add(line.id)
            continue
        source = recordings.sources[name]
        if name not in made:
            made[name] = _recording(name, source)
        span = _span(line, start, end, source.info, report)
        if span is None:
            recordings.explained.add(line.id)
        else:
            yield Utterance(line.id, made[name], source.channel, *span, line.where)


def _segment(line: Line) -> tuple[str, float, float]:
    try:
        name, *times = re.split(_BLANKS, line.rest)
        start, end = map(float, times)
        if not (math.isfinite(start) and math.isfinite(end)):
            raise ValueError
        return name, start, end
    except ValueError:
        raise ValueError(
            f"{line.where}: a line of segments is `utterance recording start end`, not '{line.id} {line.rest}'"
        ) from None


def _span(line: Line, start: float, end: float, info: audio.AudioInfo, report: Report) -> tuple[int, int] | None:
    """First sample and the one after the last; None where the segment cannot be used (said in the report)."""
    first = round(start * info.rate)
    last = info.frames if end == -1 else round(end * info.rate)  # -1: to the end of the recording, as in Kaldi
    named = f"{line.id} ({line.where})"
    if start < 0 or (last <= first and end != -1):
        report.skip("segment does not start before its end", named)
        return None
    allowed = 0 if info.damage else round(MAX_OVERSHOOT * info.rate)
    if first >= info.frames or last > info.frames + allowed:
        report.skip(f"segment beyond the end of its audio{' (truncated)' if info.damage else ''}", named)
        return None
    if last > info.frames:
        report.note(f"segment ends at most {MAX_OVERSHOOT} s after its audio, so clipped", named)
    return first, min(last, info.frames)


def _recording(id: str, source: Source) -> Recording:
    info = source.info
    sources = [AudioSource(type="file", channels=list(range(info.channels)), source=str(info.path))]
    return Recording(id, sources, info.rate, info.frames, info.frames / info.rate)


def _lines(path: Path) -> Iterator[Line]:
    """The lines of a list, each id once. Fields are separated by spaces or tabs; blank lines are skipped."""
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist; a Kaldi data directory holds wav.scp and text")
    seen: dict[str, str] = {}
    for where, text in text_lines(path):
        id, *rest = re.split(
            _BLANKS, text.strip(" \t"), maxsplit=1
        )  # only the id: a path may hold several blanks in a row
        if id in seen:
            raise ValueError(f"{where}: '{id}' appears again (first at {seen[id]}); remove one of the two")
        seen[id] = where
        yield Line(id, rest[0] if rest else "", where)
