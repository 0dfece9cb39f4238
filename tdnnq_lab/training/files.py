"""Files that are whole or not there: written under another name, synced, then renamed."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any


def write_atomic(path: Path, write: Callable[[Path], None]) -> None:
    """Let `write(temporary)` make a file beside `path`, sync it to the disk and rename it to `path`.

    After a crash at any moment `path` is what it was before or complete. OSError (of the kind that occurred)
    names the file and says that what was there still is; the temporary file is removed.
    """
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        write(temporary)
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
        _sync_directory(path.parent)
    except Exception as error:
        temporary.unlink(missing_ok=True)
        reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
        kind = type(error) if isinstance(error, OSError) else OSError
        raise kind(
            f"Cannot write {path}: {reason}. Nothing written before is lost; make room or choose a writable "
            "folder, then resume."
        ) from error


def write_json(path: Path, value: Any) -> None:
    """Write `value` as JSON, atomically; OSError as `write_atomic`."""
    write_atomic(path, lambda temporary: _dump(temporary, value))


def remove_leftovers(folder: Path, pattern: str) -> None:
    """Remove temporary files that a killed `write_atomic` left in `folder` for files of this pattern."""
    for leftover in folder.glob(f".{pattern}.tmp"):
        leftover.unlink(missing_ok=True)


def _dump(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _sync_directory(folder: Path) -> None:
    """Make a rename durable; systems that cannot open a directory do without."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(descriptor)
    except OSError:
        pass
    finally:
        os.close(descriptor)
