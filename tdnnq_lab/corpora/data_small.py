"""The shipped corpus `data_small/`: two-sided telephone calls, a list of turns a split."""

import os
from pathlib import Path

import numpy as np
from lhotse import CutSet, Recording
from lhotse.audio import AudioSource
from lhotse.cut import MonoCut
from numpy.typing import NDArray

from . import audio
from .lists import text_lines
from .report import Report, first_few
from .utterances import Utterance, to_cut

_CUSTOM = ("gender", "accent", "topic", "call", "side", "conditions")
COLUMNS = ("utterance", "file", "start", "end", "call_start", "speaker", "text", *_CUSTOM)
_TOLERANCE = 0.01  # s that a turn may end after its file: times in the list are rounded


def find_data_small() -> Path:
    """The folder of the shipped corpus: `TDNNQ_DATA_SMALL` where set, else `data_small` beside the package.

    Raises:
        FileNotFoundError: the folder does not exist.
    """
    named = os.environ.get("TDNNQ_DATA_SMALL")
    folder = Path(named).expanduser() if named else Path(__file__).resolve().parents[2] / "data_small"
    if not folder.is_dir():
        remedy = "TDNNQ_DATA_SMALL names it" if named else "work in a checkout, or set TDNNQ_DATA_SMALL to its folder"
        raise FileNotFoundError(f"the shipped corpus is not at {folder}; {remedy}")
    return folder


def read_data_small(folder: Path, split: str, report: Report, *, keep_empty: bool = False) -> CutSet:
    """Reads one split of `data_small` from `SPLIT.tsv` and the Ogg/Opus files it names.

    Args:
        folder: holds `SPLIT.tsv` and, relative to it, the audio.
        report: receives utterances left out (only empty transcripts: anything else is an error here).
        keep_empty: keep utterances whose transcript is empty.

    Raises:
        FileNotFoundError: no such split, or an audio file is missing.
        ValueError: a damaged audio file, a line that cannot be read, a duplicate id, a turn beyond its audio.
    """
    table = folder / f"{split}.tsv"
    if not table.is_file():
        splits = first_few(sorted(path.stem for path in folder.glob("*.tsv")), 20) or "none"
        raise FileNotFoundError(f"{folder} has no split '{split}' ({table.name}); it has: {splits}")
    recordings: dict[str, Recording] = {}
    seen: dict[str, str] = {}
    cuts = []
    for where, row in _rows(table):
        id = row["utterance"]
        if id in seen:
            raise ValueError(f"{where}: utterance '{id}' appears again (first at {seen[id]}); remove one of the two")
        seen[id] = where
        words = " ".join(row["text"].split())
        if not words and not keep_empty:
            report.skip("empty transcript", f"{id} ({where})")
            continue
        if row["file"] not in recordings:
            recordings[row["file"]] = _open(folder.absolute() / row["file"], where)
        cuts.append(_cut(row, recordings[row["file"]], words, where))
    return CutSet.from_cuts(cuts)


def call_audio(cuts: CutSet, call: str) -> tuple[NDArray[np.float32], int]:
    """Lays out the turns of a two-sided call at their times, one channel a side.

    Args:
        cuts: of `data_small` (any cuts whose `custom` has call, side and call_start); copies at another speed
            are passed over.
        call: name of the call.

    Returns:
        float32 samples in [-1, 1] of shape (2, samples), sides in alphabetical order, and the rate in Hz.

    Raises:
        ValueError: no turn of this call, or more than two sides.
    """
    turns = [cut for cut in cuts if (cut.custom or {}).get("call") == call and not _perturbed(cut)]
    if not turns:
        calls = sorted({(cut.custom or {}).get("call") or "" for cut in cuts} - {""})
        raise ValueError(f"no turn of call '{call}' in these cuts; calls: {first_few(calls) or 'none'}")
    sides = sorted({cut.custom["side"] for cut in turns})
    if len(sides) > 2:
        raise ValueError(f"call '{call}' has the sides {', '.join(sides)}; two were expected")
    rate = turns[0].sampling_rate
    starts = [round(float(cut.custom["call_start"]) * rate) for cut in turns]
    call_samples = np.zeros((2, max(s + cut.num_samples for s, cut in zip(starts, turns, strict=True))), np.float32)
    for start, cut in zip(starts, turns, strict=True):
        turn = cut.load_audio()[0]
        call_samples[sides.index(cut.custom["side"]), start : start + turn.size] += turn
    return call_samples, rate


def _rows(table: Path) -> list[tuple[str, dict[str, str]]]:
    """The rows after the header, as (FILE:LINE, column -> value)."""
    lines = list(text_lines(table))
    header = lines[0][1].split("\t") if lines else []
    if missing := [name for name in COLUMNS if name not in header]:
        raise ValueError(f"{table}:1: columns are missing: {', '.join(missing)}")
    rows = []
    for where, line in lines[1:]:
        values = line.split("\t")
        if len(values) != len(header):
            raise ValueError(f"{where}: {len(values)} columns where the header has {len(header)}")
        rows.append((where, dict(zip(header, values, strict=True))))
    return rows


def _open(path: Path, where: str) -> Recording:
    """A shipped file is either whole or the checkout is broken, so that no result rests on part of a test set."""
    remedy = "restore the folder (git checkout, or run its generator again)"
    if not path.is_file():
        raise FileNotFoundError(f"{where}: {path} does not exist; {remedy}")
    try:
        info = audio.probe(path)
    except audio.DamagedAudio as error:
        raise ValueError(f"{where}: {error}; {remedy}") from error
    if info.damage:
        raise ValueError(f"{where}: {path}: {info.damage}; {remedy}")
    if info.channels != 1:
        raise ValueError(f"{where}: {path} has {info.channels} channels where one was meant (a file a side); {remedy}")
    id = f"{path.parent.name}/{path.stem}"
    source = AudioSource(type="file", channels=[0], source=str(path))
    return Recording(id, [source], info.rate, info.frames, info.frames / info.rate)


def _cut(row: dict[str, str], recording: Recording, words: str, where: str) -> MonoCut:
    rate = recording.sampling_rate
    try:
        first, last, call_start = round(float(row["start"]) * rate), round(float(row["end"]) * rate), row["call_start"]
        custom = {name: row[name] for name in _CUSTOM} | {"call_start": float(call_start)}
    except ValueError:
        raise ValueError(f"{where}: start, end and call_start of '{row['utterance']}' are not seconds") from None
    if not 0 <= first < last:
        raise ValueError(f"{where}: turn '{row['utterance']}' does not start before its end ({first}, {last} samples)")
    if last > recording.num_samples + _TOLERANCE * rate:
        raise ValueError(
            f"{where}: turn '{row['utterance']}' ends at {row['end']} s, after its audio ({recording.duration:.2f} s)"
        )
    last = min(last, recording.num_samples)
    return to_cut(Utterance(row["utterance"], recording, 0, first, last, where), words, row["speaker"], custom)


def _perturbed(cut: MonoCut) -> bool:
    names = (t["name"] if isinstance(t, dict) else type(t).__name__ for t in cut.recording.transforms or [])
    return "Speed" in names
