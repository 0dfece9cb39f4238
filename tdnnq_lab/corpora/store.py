"""The feature cache on disk: a matrix of frames a shard, and a small index beside it.

`KEY.npy` holds the frames of many utterances one after the other, `KEY.json` says where each begins. The index
is written last: a shard is there, whole, when its index is. KEY is a hash of what the frames were computed from.
"""

import errno
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

import numpy as np
from lhotse.features.io import FeaturesReader, register_reader
from numpy.typing import NDArray

_STALE = 3600  # s after which an unfinished file is taken for a dead process's


@dataclass
class Index:
    """Where the frames of each cut are, and which cuts have none.

    Args:
        spans: cut id -> (first row, rows).
        skipped: reason -> ids of the cuts that gave no features.
    """

    spans: dict[str, tuple[int, int]] = field(default_factory=dict)
    skipped: dict[str, list[str]] = field(default_factory=dict)


@register_reader
class NpyReader(FeaturesReader):
    """Lets lhotse read rows of a shard: storage path KEY.npy, storage key `first:rows`."""

    name = "tdnnq_npy"

    def __init__(self, storage_path: str | Path, *args: object, **kwargs: object) -> None:
        self.path = str(storage_path)

    def read(
        self, key: str, left_offset_frames: int = 0, right_offset_frames: int | None = None
    ) -> NDArray[np.float32]:
        """A copy of the frames of one utterance, (T, F)."""
        return np.array(frames(self.path, key)[left_offset_frames:right_offset_frames])


@lru_cache(maxsize=4096)
def open_matrix(path: str) -> NDArray[np.float32]:
    """Maps a shard's matrix (rows, F) into memory; its pages are read when used and shared by processes."""
    return np.load(path, mmap_mode="r")


def frames(path: str, key: str) -> NDArray[np.float32]:
    """The frames of one utterance (T, F) in a shard's matrix: read-only, memory-mapped; key: `first:rows`."""
    first, rows = map(int, key.split(":"))
    return open_matrix(path)[first : first + rows]


def open_cache(folder: Path) -> None:
    """Makes the cache folder and removes what dead processes left unfinished in it.

    Raises:
        OSError: the folder cannot be made; the message says what to do.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(folder, error) from error
    for leftover in folder.glob("*.tmp"):
        try:
            if time.time() - leftover.stat().st_mtime > _STALE:
                leftover.unlink()
        except OSError:  # someone else removed it, or the folder is read-only, which may do for reading
            continue


def load_index(folder: Path, key: str) -> Index | None:
    """The index of a whole shard; None where there is none, or where it or its matrix is damaged."""
    try:
        content = json.loads((folder / f"{key}.json").read_text("utf-8"))
        spans = {id: (int(first), int(rows)) for id, (first, rows) in content["spans"].items()}
        matrix = open_matrix(str(folder / f"{key}.npy"))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, EOFError):
        return None
    if matrix.ndim != 2 or sum(rows for _, rows in spans.values()) != len(matrix):
        return None
    return Index(spans, content["skipped"])


def save(folder: Path, key: str, index: Index, parts: list[NDArray[np.float32]], num_features: int) -> None:
    """Writes a shard: the matrix, then the index, each to a temporary name first.

    Args:
        parts: one (T, num_features) matrix a cut, in the order of `index.spans`.

    Raises:
        OSError: the disk is full or the folder read-only; shards already written stay.
    """
    rows = sum(len(part) for part in parts)
    header = {"descr": "<f4", "fortran_order": False, "shape": (rows, num_features)}
    try:
        with _replacing(folder / f"{key}.npy") as file:
            np.lib.format.write_array_header_1_0(file, header)
            for part in parts:
                file.write(np.ascontiguousarray(part, "<f4").data)  # not tofile: that hides the disk's error
        with _replacing(folder / f"{key}.json") as file:
            file.write(json.dumps(asdict(index), ensure_ascii=False).encode())
    except OSError as error:
        raise _unwritable(folder, error) from error


@contextmanager
def _replacing(path: Path) -> Iterator[BinaryIO]:
    """A file that appears under its name only when it was written to the end."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            yield file
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _unwritable(folder: Path, error: OSError) -> OSError:
    """The same kind of error, saying what it means for the cache."""
    message = (
        f"the feature cache {folder} cannot be written ({error.strerror or error}): free some space or name another "
        "cache_dir; what it already holds is kept and used again"
    )
    return type(error)(error.errno or errno.EIO, message)
