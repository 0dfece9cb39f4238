"""JSON files of a run directory: never half-written for whoever reads them meanwhile; needs no torch."""

import contextlib
import json
import os
from pathlib import Path
from typing import Any


def write_json(path: Path, value: Any) -> None:
    """Write JSON under a temporary name and rename it, so that a reader never sees half of it.

    OSError names the file. (Not synced: a status lost with the power is no loss; the checkpoints are synced.)
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        os.replace(temporary, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise type(error)(
            f"Cannot write {path}: {error.strerror}; make room or choose a writable run directory, then resume."
        ) from error


def read_json(path: Path) -> dict[str, Any] | None:
    """Return the object in a JSON file, None without the file; ValueError names a file that holds none."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (ValueError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is not a JSON file of a run ({error}).") from error
    if not isinstance(value, dict):
        raise ValueError(f"{path} is not a JSON file of a run (it holds {type(value).__name__}).")
    return value


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Return the objects of a JSON-lines file that may be growing: an unfinished last line is left out."""
    if not path.exists():
        return []
    whole = path.read_text(encoding="utf-8").rpartition("\n")[0]
    return [json.loads(line) for line in whole.splitlines()]


def last_lines(path: Path, count: int) -> list[str]:
    """Return the last lines of a text file, none without the file."""
    if not path.exists():
        return []
    with open(path, "rb") as file:
        file.seek(max(0, path.stat().st_size - 65536))
        return file.read().decode("utf-8", "replace").splitlines()[-count:] if count > 0 else []
