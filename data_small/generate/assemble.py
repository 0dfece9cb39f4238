"""From cached clean turns to the corpus: conditions, one Ogg/Opus file a side, lists with times, hashes. Minutes."""

from __future__ import annotations

import csv
import hashlib
import os
import shutil
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import soundfile
from scipy.signal import resample_poly

from . import synth
from .cast import DROPPED, SPLITS, Call, Speaker, Utterance
from .conditions import RATE, apply, draw, generator, latin

COMPRESSION = 0.96  # libsndfile's level of the stored Opus: 16 kb/s
PADDING = 0.10  # seconds of noise (or of nothing) around a turn, beside what trimming leaves
GAP = 0.12  # seconds of silence between turns of a file
PAUSE = (0.25, 0.35, -0.40, 1.50)  # seconds between turns of a call: mean, deviation, least, most
BABBLERS = 12  # turns of others to draw babble from
LIMIT = 15_500_000  # bytes of audio
_COLUMNS = "utterance file start end call side call_start speaker gender accent topic conditions text"
COLUMNS = _COLUMNS.split()


@dataclass(frozen=True)
class Side:
    """One side of a call: its turns, and the others' turns from which its babble is made."""

    split: str
    name: str  # such as train01-A
    turns: tuple[Utterance, ...]
    others: tuple[Path, ...]
    spread: np.ndarray  # the side's row of `conditions.latin`

    @property
    def file(self) -> str:
        """Relative path of its audio."""
        return f"audio/{self.split}/{self.name}.opus"


@lru_cache(maxsize=2048)
def clean(path: Path) -> np.ndarray:
    """A cached clean turn at 8 kHz, float32."""
    samples, _ = soundfile.read(path, dtype="float32")
    return resample_poly(samples, RATE, synth.RATE).astype(np.float32)


def sides(calls: Sequence[Call], turns: dict[str, list[Utterance]], cache: Path) -> list[Side]:
    """The sides of all calls that are packed, each with turns of others for babble.

    Args:
        turns: call name → its turns.
    """
    spoken: dict[str, list[Utterance]] = {split: [] for split in SPLITS}
    for call in calls:
        spoken[call.split].extend(turns[call.name])
    wanted = [
        (call, letter)
        for call in calls
        for letter, speaker in zip("AB", call.sides, strict=True)
        if speaker.name not in DROPPED
    ]
    counts = Counter(call.split for call, _ in wanted)
    rows = {split: iter(latin(split, count)) for split, count in counts.items()}
    out = []
    for call, letter in wanted:
        name = f"{call.name}-{letter}"
        own = tuple(turn for turn in turns[call.name] if turn.side == letter)
        crowd = babblers(spoken[call.split], call.sides, name)
        others = tuple(turn.job.path(cache) for turn in crowd)
        out.append(Side(call.split, name, own, others, next(rows[call.split])))
    return out


def babblers(turns: Sequence[Utterance], present: Sequence[Speaker], name: str) -> list[Utterance]:
    """Turns of speakers who are not in the call and share no voice with anyone in it.

    Raises:
        ValueError: nobody is left.
    """
    crowd = [turn for turn in turns if not any(turn.speaker.shares_voice(one) for one in present)]
    if not crowd:
        raise ValueError(f"{name}: no other speakers to make babble of")
    order = generator("babble", name).permutation(len(crowd))
    return [crowd[i] for i in order[:BABBLERS]]


def pack(side: Side, folder: Path, cache: Path) -> tuple[Side, list[tuple[float, float, str]], str]:
    """Write one side's file under `folder`; start, end (seconds) and conditions of each turn, and the PCM's hash."""
    pieces, times, at = [np.zeros(int(GAP * RATE))], [], int(GAP * RATE)
    others = [clean(path) for path in side.others]
    for turn in side.turns:
        conditions = draw(side.split, turn.speaker.name, side.name, turn.number, side.spread)
        speech = np.pad(clean(turn.job.path(cache)), int(PADDING * RATE))
        heard = apply(speech, conditions, generator("samples", side.name, turn.number), others)
        times.append((at / RATE, (at + len(heard)) / RATE, str(conditions)))
        pieces += [heard, np.zeros(int(GAP * RATE))]
        at += len(heard) + int(GAP * RATE)
    path = folder / side.file
    path.parent.mkdir(parents=True, exist_ok=True)
    store(path, np.concatenate(pieces))
    return side, times, pcm_sha256(path)


def store(path: Path, samples: np.ndarray) -> None:
    """Mono Ogg/Opus at 8 kHz, byte for byte the same each time: the stream's random serial number is replaced."""
    soundfile.write(path, samples, RATE, format="OGG", subtype="OPUS", compression_level=COMPRESSION)
    path.write_bytes(fixed_serial(path.read_bytes()))


def pcm_sha256(path: Path) -> str:
    """sha256 of the decoded samples, 16-bit little-endian."""
    samples, _ = soundfile.read(path, dtype="int16")
    return hashlib.sha256(samples.astype("<i2").tobytes()).hexdigest()


def _crc_table() -> list[int]:
    table = []
    for byte in range(256):
        value = byte << 24
        for _ in range(8):
            value = (value << 1) ^ (0x04C11DB7 if value & 0x80000000 else 0)
        table.append(value & 0xFFFFFFFF)
    return table


_TABLE = _crc_table()


def ogg_crc(page: bytes | bytearray) -> int:
    """Checksum of an Ogg page whose checksum field is zero (RFC 3533, section 6)."""
    value = 0
    for byte in page:
        value = ((value << 8) & 0xFFFFFFFF) ^ _TABLE[(value >> 24) ^ byte]
    return value


def fixed_serial(ogg: bytes, serial: int = 1) -> bytes:
    """The same Ogg stream with another serial number and right checksums.

    Raises:
        ValueError: the bytes are not a sequence of whole Ogg pages.
    """
    out, at = [], 0
    while at < len(ogg):
        if ogg[at : at + 4] != b"OggS":
            raise ValueError(f"no Ogg page at byte {at}")
        segments = ogg[at + 26]
        end = at + 27 + segments + sum(ogg[at + 27 : at + 27 + segments])
        page = bytearray(ogg[at:end])
        page[14:18] = serial.to_bytes(4, "little")
        page[22:26] = bytes(4)
        page[22:26] = ogg_crc(page).to_bytes(4, "little")
        out.append(bytes(page))
        at = end
    return b"".join(out)


def timeline(turns: Sequence[Utterance], seconds: dict[str, float]) -> dict[str, float]:
    """When each turn begins in its call (seconds): pauses and small overlaps between turns, none within a side.

    Args:
        turns: in the order they are spoken. seconds: utterance → its duration.
    """
    random = generator("pauses", turns[0].call)
    mean, deviation, least, most = PAUSE
    starts: dict[str, float] = {}
    free = {"A": 0.0, "B": 0.0}  # when a side is silent again
    last = 0.0
    for turn in turns:
        pause = float(np.clip(random.normal(mean, deviation), least, most))
        begin = max(last + pause, free[turn.side] + 0.05, 0.0)
        starts[turn.name] = round(begin, 3)
        last = free[turn.side] = begin + seconds[turn.name]
    return starts


def assemble(calls: Sequence[Call], turns: dict[str, list[Utterance]], cache: Path, out: Path, processes: int) -> None:
    """Pack every side and write audio/, the lists and pcm.sha256 into `out`; the old ones stay until all is done.

    Raises:
        ValueError: the audio is over `LIMIT`.
    """
    work = out / "packing.tmp"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    jobs = sides(calls, turns, cache)
    with get_context("spawn").Pool(processes) as pool:
        packed = list(_progress(pool.imap(partial(pack, folder=work, cache=cache), jobs), len(jobs)))
    size = sum(path.stat().st_size for path in work.glob("audio/*/*.opus"))
    print(f"audio: {size / 1e6:.2f} MB in {len(packed)} files", flush=True)
    if size > LIMIT:
        raise ValueError(f"{size} bytes of audio, {LIMIT} allowed: raise COMPRESSION or shorten the calls")
    write_lists(work, packed, turns)
    hashes = "".join(f"{digest}  {side.file}\n" for side, _, digest in packed)
    (work / "pcm.sha256").write_text(hashes, "utf-8")
    _swap(work, out)


def _progress(items: Iterable, total: int) -> Iterable:
    for done, item in enumerate(items, start=1):
        if done % 10 == 0 or done == total:
            print(f"  packed {done}/{total} sides", flush=True)
        yield item


def write_lists(folder: Path, packed: Sequence[tuple[Side, list[tuple[float, float, str]], str]], turns: dict) -> None:
    """One tab-separated list a set, columns as in `COLUMNS`, sorted by utterance."""
    seconds: dict[str, float] = {turn.name: 2.0 for call in turns.values() for turn in call}
    for side, times, _ in packed:
        for turn, (start, end, _) in zip(side.turns, times, strict=True):
            seconds[turn.name] = end - start
    begins = {name: at for call in turns.values() for name, at in timeline(call, seconds).items()}
    rows: dict[str, list[list[str]]] = {split: [] for split in SPLITS}
    for side, times, _ in packed:
        for turn, (start, end, conditions) in zip(side.turns, times, strict=True):
            who, where = turn.speaker, f"{begins[turn.name]:.3f}"
            about = [turn.call, turn.side, where, who.name, who.gender, who.accent, turn.topic, conditions, turn.text]
            rows[side.split].append([turn.name, side.file, f"{start:.3f}", f"{end:.3f}", *about])
    for split, lines in rows.items():
        with (folder / f"{split}.tsv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, delimiter="\t", lineterminator="\n", quoting=csv.QUOTE_NONE)
            writer.writerows([COLUMNS, *sorted(lines)])


def _swap(work: Path, out: Path) -> None:
    old = out / "audio.old"
    shutil.rmtree(old, ignore_errors=True)
    if (out / "audio").exists():
        os.replace(out / "audio", old)
    os.replace(work / "audio", out / "audio")
    for name in [*(f"{split}.tsv" for split in SPLITS), "pcm.sha256"]:
        os.replace(work / name, out / name)
    shutil.rmtree(old, ignore_errors=True)
    shutil.rmtree(work, ignore_errors=True)
