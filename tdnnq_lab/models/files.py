"""Files that are whole or not there, and JSON files that name their format."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")


def write_json_file(path: str | os.PathLike[str], format: str, content: Mapping[str, Any]) -> None:
    """Write a JSON object that names its format, atomically. Raises OSError."""
    write_atomically(path, (json.dumps({"format": format, **content}, indent=1) + "\n").encode())


def read_json_file(path: str | os.PathLike[str], format: str, make: Callable[..., T], what: str) -> T:
    """Make an object from what `write_json_file` wrote.

    Args:
        format: what the file must name.
        make: called with the other entries as arguments.
        what: the thing in words, for the error ("a bit plan").

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no JSON, of another format, or `make` refuses it; the file is named.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
        if not isinstance(content, dict) or content.pop("format", None) != format:
            raise ValueError(f"its format is not {format!r}")
        return make(**content)
    except FileNotFoundError:
        raise FileNotFoundError(f"{os.fspath(path)}: there is no such file") from None
    except (ValueError, TypeError, AttributeError) as error:
        raise ValueError(f"{os.fspath(path)}: not {what} ({error})") from error


def write_atomically(path: str | os.PathLike[str], data: bytes) -> None:
    """Write `data` beside `path` and rename it: a reader sees the old file or the new one, never a part.

    Raises:
        OSError: the folder cannot be written, or the disk is full; nothing is left behind.
    """
    target = Path(path)
    descriptor, temporary = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~_umask())  # mkstemp's own mode is private
        os.replace(temporary, target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
