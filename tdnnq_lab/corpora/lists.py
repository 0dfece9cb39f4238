"""Reading text lists line by line."""

from collections.abc import Iterator
from pathlib import Path


def text_lines(path: Path) -> Iterator[tuple[str, str]]:
    """The lines of a UTF-8 file that are not blank.

    Yields:
        `FILE:LINE` for messages, and the line. Only a line feed ends a line (a carriage return before it and
        a byte-order mark at the start are dropped), so that no character of a word is taken for a line break.

    Raises:
        ValueError: a line is not UTF-8.
    """
    for number, raw in enumerate(path.read_bytes().split(b"\n"), start=1):
        where = f"{path}:{number}"
        try:
            line = raw.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r")
        except UnicodeDecodeError as error:
            raise ValueError(f"{where}: not UTF-8 ({error.reason} at byte {error.start}); convert the file") from None
        if line.strip(" \t"):
            yield where, line
