"""TRN and CTM, NIST's files of words, read and written; gzipped where the name ends in .gz.

Files are UTF-8, fields are parted by spaces and tabs only, so that words may hold any other character.
Writers write to a temporary name and rename: a file is there whole or not at all. The same words give the
same bytes, gzipped too.
"""

import contextlib
import gzip
import os
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .alignment import Words

SEPARATORS = re.compile(r"[ \t]+")
IN_NO_WORD = re.compile(r"[ \t\n\r\v\f]")
TRN_LINE = re.compile(r"(.*)\(([^()\s]+)\)[ \t]*", re.DOTALL)
COMMENT = ";;"


@dataclass(frozen=True)
class CtmWord:
    """A line of a CTM file: a word, when it starts and how long it lasts (seconds), how sure it is (0-1)."""

    file: str
    channel: str
    start: float
    duration: float
    word: str
    confidence: float | None = None


def write_trn(path: str | os.PathLike, words: Mapping[str, Words]) -> None:
    """Write a TRN file, a line an utterance: its words, then its id in parentheses.

    Raises:
        ValueError: An id is empty or holds a space or parenthesis, or a word is empty or holds a space.
        OSError: The file cannot be written (its name is given).
    """
    _write(path, "".join(f"{_trn_text(id, utterance)}({_checked_id(id)})\n" for id, utterance in words.items()))


def read_trn(path: str | os.PathLike) -> dict[str, list[str]]:
    """Read a TRN file: words by utterance id, in the order of the file.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: A line has no (id) at its end, an id comes twice, or the file is damaged or not UTF-8; file
            and line are named.
    """
    words: dict[str, list[str]] = {}
    for number, line in _lines(path):
        match = TRN_LINE.fullmatch(line)
        if not match:
            raise ValueError(f"{path}, line {number}: no (utterance id) at the end of the line")
        text, id = match[1].strip(" \t"), match[2]
        if id in words:
            raise ValueError(f"{path}, line {number}: utterance {id!r} is there already; ids must differ")
        words[id] = SEPARATORS.split(text) if text else []
    return words


def write_ctm(path: str | os.PathLike, words: Iterable[CtmWord]) -> None:
    """Write a CTM file, sorted by file, channel and time as sclite wants it, times in milliseconds.

    Raises:
        ValueError: A word, file or channel is empty or holds a space.
        OSError: The file cannot be written (its name is given).
    """
    ordered = sorted(words, key=lambda w: (w.file, w.channel, w.start))
    _write(path, "".join(_ctm_line(word) for word in ordered))


def read_ctm(path: str | os.PathLike) -> list[CtmWord]:
    """Read a CTM file: `file channel start duration word [confidence]` a line.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: A line has another form, or the file is damaged or not UTF-8; file and line are named.
    """
    words = []
    for number, line in _lines(path):
        fields = SEPARATORS.split(line.strip(" \t"))
        try:
            file, channel, start, duration, word, *confidence = fields
            sure = float(confidence[0]) if confidence and confidence[0] != "NA" else None
            words.append(CtmWord(file, channel, float(start), float(duration), word, sure))
        except ValueError:
            wanted = "file channel start duration word [confidence]"
            raise ValueError(f"{path}, line {number}: not of the form '{wanted}': {line!r}") from None
    return words


def ctm_words(
    words: Mapping[str, Words],
    times: Mapping[str, Sequence[tuple[float, float]]],
    *,
    where: Mapping[str, tuple[str, str, float]] | None = None,
) -> list[CtmWord]:
    """CTM entries of timed hypotheses.

    Args:
        words: Words by utterance id.
        times: (start, duration) of every word, seconds from the start of the utterance.
        where: (file, channel, seconds at which the utterance starts) of every utterance; without it each
            utterance is a file of its own, channel 1.

    Raises:
        ValueError: Words and times of an utterance differ in number, or `where` lacks an utterance.
    """
    entries = []
    for id, utterance in words.items():
        if len(times.get(id, ())) != len(utterance):
            raise ValueError(f"utterance {id!r} has {len(utterance)} words but {len(times.get(id, ()))} times")
        if where is not None and id not in where:
            raise ValueError(f"utterance {id!r} is not in `where`: give its file, channel and start")
        file, channel, offset = (id, "1", 0.0) if where is None else where[id]
        for word, (start, duration) in zip(utterance, times.get(id, ()), strict=True):
            entries.append(CtmWord(file, channel, offset + start, duration, word))
    return entries


def _trn_text(id: str, words: Words) -> str:
    if isinstance(words, str):
        raise ValueError(f"utterance {id!r} is one string: give a list of words (text.split())")
    text = "".join(_checked_word(word, f"utterance {id!r}") + " " for word in words)
    # a line that begins with ;; would be a comment, and a first character U+FEFF the file's byte order mark
    return " " + text if text.startswith((COMMENT, "\ufeff")) else text


def _ctm_line(entry: CtmWord) -> str:
    place = f"the CTM entry at {entry.start:.3f} s of {entry.file!r}"
    file, channel, word = (_checked_word(text, place) for text in (entry.file, entry.channel, entry.word))
    if file.startswith(COMMENT):
        raise ValueError(f"{place}: a file name that begins with {COMMENT} would be read as a comment")
    confidence = "" if entry.confidence is None else f" {entry.confidence:.4f}"
    return f"{file} {channel} {entry.start:.3f} {entry.duration:.3f} {word}{confidence}\n"


def _checked_word(word: str, place: str) -> str:
    if not word or IN_NO_WORD.search(word):
        raise ValueError(f"{place}: {word!r} is empty or holds a space, tab or line end; it must be one word")
    return word


def _checked_id(id: str) -> str:
    if not re.fullmatch(r"[^()\s]+", id):
        raise ValueError(f"utterance id {id!r} is empty or holds a space or parenthesis: TRN cannot hold it")
    return id


def _lines(path: str | os.PathLike) -> Iterator[tuple[int, str]]:
    """(number from 1, line without its end) of every line that is neither empty nor a comment."""
    data = Path(path).read_bytes()
    if str(path).endswith(".gz"):
        try:
            data = gzip.decompress(data)
        except (EOFError, OSError, zlib.error) as error:
            raise ValueError(f"{path}: damaged or truncated gzip file ({error})") from None
    for number, raw in enumerate(data.split(b"\n"), 1):
        try:
            line = raw.decode("utf-8-sig" if number == 1 else "utf-8").removesuffix("\r")
        except UnicodeDecodeError:
            raise ValueError(f"{path}, line {number}: not UTF-8; convert the file first") from None
        if line.strip(" \t") and not line.startswith(COMMENT):
            yield number, line


def _write(path: str | os.PathLike, text: str) -> None:
    target = Path(path)
    data = text.encode("utf-8")
    if target.name.endswith(".gz"):
        data = gzip.compress(data, mtime=0)
        data = data[:9] + b"\xff" + data[10:]  # the operating system, which differs between Python versions
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(data)
        os.replace(temporary, target)
    except OSError as error:
        raise OSError(error.errno, f"cannot write: {error.strerror}", str(path)) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()
