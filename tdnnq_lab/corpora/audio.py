"""Opening audio files: what a header says, what is wrong with a file, its samples.

Everything libsndfile reads is read (wav, flac, Ogg/Opus, SPHERE …); no other program is ever started.
"""

import os
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

TRUNCATED = "audio file is truncated"
_STREAMED = {0, 0x7FFFFFFF, 0xFFFFFFFF}  # wav data sizes that mean "not known when the header was written"
_OGG_PAGE_BYTES = 27 + 255 + 255 * 255  # the largest page RFC 3533 allows


class DamagedAudio(ValueError):
    """An audio file that exists but holds nothing usable: empty, not audio, or not decodable."""


@dataclass(frozen=True)
class AudioInfo:
    """A header: `frames` samples a channel at `rate` Hz; `damage` is empty or says what is wrong."""

    path: Path
    rate: int
    channels: int
    frames: int
    damage: str = ""


def probe(path: Path) -> AudioInfo:
    """Reads the header of an audio file and looks for truncation, without decoding it.

    Raises:
        FileNotFoundError: there is no such file.
        DamagedAudio: the file is empty, of no known format, or shorten-compressed SPHERE.
    """
    if not path.is_file():
        raise FileNotFoundError(f"audio file {path} does not exist")
    if path.stat().st_size == 0:
        raise DamagedAudio(f"audio file is empty: {path}")
    with path.open("rb") as file:
        head = file.read(4096)
    if b"shorten" in head and head.startswith(b"NIST_1A"):
        raise DamagedAudio(
            f"SPHERE file is shorten-compressed, which is not read: {path}; "
            "convert it once with `sph2pipe -f wav` or `w_decode -o pcm`"
        )
    try:
        info = soundfile.info(str(path))
    except (soundfile.LibsndfileError, RuntimeError) as error:
        raise DamagedAudio(f"audio file cannot be opened: {path} ({_plain(error)})") from error
    damage = TRUNCATED if _is_truncated(path, head) else ""
    if info.frames <= 0 and not damage:
        damage = "audio file holds no samples"
    return AudioInfo(path, int(info.samplerate), int(info.channels), int(info.frames), damage)


def read(path: Path) -> tuple[NDArray[np.float32], int]:
    """Decodes a whole file.

    Returns:
        float32 samples in [-1, 1] of shape (channels, samples), and the rate in Hz.

    Raises:
        DamagedAudio: libsndfile cannot decode the file.
    """
    try:
        samples, rate = soundfile.read(str(path), dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, RuntimeError) as error:
        raise DamagedAudio(f"audio file cannot be decoded: {path} ({_plain(error)})") from error
    return np.ascontiguousarray(samples.T), int(rate)


def locate(name: str, folder: Path) -> Path | None:
    """Finds an audio path as written in a list: absolute, or relative to the list's folder, to that folder's
    parent, or to the current folder, in this order. Absolute;
    None where there is no such file."""
    folder = folder.absolute()
    places = (base / Path(name).expanduser() for base in (folder, folder.parent, Path.cwd()))
    return next((path for path in places if path.is_file()), None)  # an absolute name drops the base before it


def is_sphere(path: Path) -> bool:
    """True for NIST SPHERE files, whatever their name."""
    with path.open("rb") as file:
        return file.read(7) == b"NIST_1A"


def read_sphere_without_shell() -> None:
    """Makes lhotse read `.sph` files through libsndfile too, where no backend was chosen.

    lhotse's default starts `sph2pipe` in a shell for names that end in .sph, so `cut.load_audio()` would.
    """
    from lhotse.audio.backend import CompositeAudioBackend, get_current_audio_backend, set_current_audio_backend

    if isinstance(get_current_audio_backend(), CompositeAudioBackend):
        set_current_audio_backend("LibsndfileBackend")


def _plain(error: Exception) -> str:
    return str(error).split(": ", 1)[-1].strip().rstrip(".")


def _is_truncated(path: Path, head: bytes) -> bool:
    """Compares what the container promises with the bytes there are (flac only shows it when decoded)."""
    size = path.stat().st_size
    if head.startswith(b"RIFF"):
        return _wav_end(path) > size
    if head.startswith(b"NIST_1A"):
        return _sphere_end(head) > size
    if head.startswith(b"OggS"):
        return not _ogg_has_end(path, size)
    return False


def _wav_end(path: Path) -> int:
    """The byte after the data chunk, by its header; 0 where the header does not know."""
    with path.open("rb") as file:
        file.seek(12)
        while len(header := file.read(8)) == 8:
            name, size = struct.unpack("<4sI", header)
            if name == b"data":
                return 0 if size in _STREAMED else file.tell() + size
            file.seek(size + size % 2, os.SEEK_CUR)
    return 0


def _sphere_end(head: bytes) -> int:
    fields = dict(line.split(b" ")[::2] for line in head.split(b"\n") if line.count(b" ") == 2)
    try:
        header_bytes = int(head.split(b"\n")[1])
        per_sample = int(fields[b"sample_n_bytes"]) * int(fields.get(b"channel_count", 1))
        return header_bytes + int(fields[b"sample_count"]) * per_sample
    except (IndexError, KeyError, ValueError):
        return 0


def _ogg_has_end(path: Path, size: int) -> bool:
    """True when the last page carries the end-of-stream flag (RFC 3533) and is there to its last byte."""
    with path.open("rb") as file:
        file.seek(max(0, size - _OGG_PAGE_BYTES))
        tail = file.read()
    at = tail.rfind(b"OggS")
    if at < 0 or len(tail) < at + 27:
        return False
    segments = tail[at + 26]
    page = 27 + segments + sum(tail[at + 27 : at + 27 + segments])
    return bool(tail[at + 5] & 4) and len(tail) >= at + page
