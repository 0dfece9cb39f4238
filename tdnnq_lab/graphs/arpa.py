"""Reading and writing n-grams in the ARPA format."""

from __future__ import annotations

import gzip
import math
import re
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import IO

from .files import atomic
from .ngram import BOS, EOS, Gram, Ngram

_LN10 = math.log(10)
_BLANKS = re.compile("[ \t\r\n]+")


def write_arpa(model: Ngram, path: str | Path) -> None:
    """Write `model` in the ARPA format: log10, n-grams sorted; see `Ngram.write_arpa`."""
    path = Path(path)
    with atomic(path) as temporary:
        if path.suffix == ".gz":
            with open(temporary, "wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=0) as file:
                file.writelines(line.encode() for line in _lines(model))
        else:
            with open(temporary, "w", encoding="utf-8", newline="\n") as text:
                text.writelines(_lines(model))


def _lines(model: Ngram) -> Iterator[str]:
    yield "\\data\\\n"
    for n, size in enumerate(model.sizes(), 1):
        yield f"ngram {n}={size}\n"
    grams = sorted(model.probs, key=lambda gram: (len(gram), gram))
    for n, group in groupby(grams, key=len):
        yield f"\n\\{n}-grams:\n"
        for gram in group:
            backoff = model.backoffs.get(gram)
            tail = "" if backoff is None else f"\t{_log10(backoff)}"
            yield f"{_log10(model.probs[gram])}\t{' '.join(gram)}{tail}\n"
    yield "\n\\end\\\n"


def _log10(natural: float) -> str:
    return f"{natural / _LN10:.7f}".rstrip("0").rstrip(".") if natural else "0"


def read_arpa(path: str | Path) -> Ngram:
    """Read an ARPA file (UTF-8, gzipped if the name ends in .gz).

    Raises:
      FileNotFoundError: there is no such file.
      ValueError: not an ARPA file, a bad line (FILE:LINE), or fewer or more n-grams than announced.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; an n-gram in the ARPA format is needed")
    try:
        opened: IO[str] = (gzip.open if path.suffix == ".gz" else open)(path, "rt", encoding="utf-8", newline="\n")
        with opened as file:
            return _Reader(path).read(file)
    except (UnicodeDecodeError, gzip.BadGzipFile, EOFError) as error:
        raise ValueError(f"{path}: damaged or not UTF-8 ({error})") from None


class _Reader:
    """Reads one ARPA file line by line."""

    def __init__(self, path: Path) -> None:
        self.path, self.line = path, 0
        self.announced: dict[int, int] = {}
        self.probs: dict[Gram, float] = {}
        self.backoffs: dict[Gram, float] = {}

    def read(self, file: IO[str]) -> Ngram:
        section = -1  # -1: before \data\, 0: the counts, n: the n-grams
        for self.line, text in enumerate(file, 1):
            text = text.strip(" \t\r\n")
            if text == "\\data\\":
                section = 0
            elif text == "\\end\\":
                return self._model()
            elif section >= 0 and text.startswith("\\") and text.endswith("-grams:"):
                section = self._section(text)
            elif section == 0 and text.startswith("ngram "):
                self._announce(text)
            elif section > 0 and text:
                self._gram(text, section)
        raise self._wrong("the file ends without \\end\\; it is truncated or no ARPA file")

    def _wrong(self, what: str) -> ValueError:
        return ValueError(f"{self.path}:{self.line}: {what}")

    def _section(self, text: str) -> int:
        match = re.fullmatch(r"\\([1-9])-grams:", text)
        if match is None or int(match[1]) not in self.announced:
            raise self._wrong(f"{text} was not announced under \\data\\")
        return int(match[1])

    def _announce(self, text: str) -> None:
        match = re.fullmatch(r"ngram ([1-9]) *= *([0-9]+)", text)
        if match is None:
            raise self._wrong(f"{text!r} does not read 'ngram N=COUNT'")
        self.announced[int(match[1])] = int(match[2])

    def _gram(self, text: str, n: int) -> None:
        fields = _BLANKS.split(text)
        gram = tuple(fields[1 : n + 1])
        try:
            weights = [float(fields[0]), *(float(field) for field in fields[n + 1 :])]
        except ValueError:
            weights = []
        if len(gram) != n or not 1 <= len(weights) <= 2 or any(math.isnan(w) or w == math.inf for w in weights):
            raise self._wrong(f"{text!r} is not a log10 probability, {n} words and perhaps a back-off weight")
        if gram in self.probs:
            raise self._wrong(f"the {n}-gram {' '.join(gram)!r} is listed twice")
        if weights[0] > 1e-4:
            raise self._wrong(f"the log10 probability of {' '.join(gram)!r} is {weights[0]}, above 0")
        self.probs[gram] = min(weights[0], 0.0) * _LN10
        if len(weights) == 2:
            self.backoffs[gram] = weights[1] * _LN10

    def _model(self) -> Ngram:
        order = max(self.announced, default=0)
        words = [gram[0] for gram in self.probs if len(gram) == 1 and gram[0] not in (BOS, EOS)]
        model = Ngram(order, words, self.probs, self.backoffs)
        if not words:
            raise self._wrong("no words among the 1-grams")
        for n, size in enumerate(model.sizes(), 1):
            if size != self.announced.get(n, 0):
                raise self._wrong(f"{size} {n}-grams were read, {self.announced.get(n, 0)} announced")
        unknown = next((g for g in self.probs if any((w,) not in self.probs for w in g)), None)
        if unknown is not None:
            raise self._wrong(f"{' '.join(unknown)!r} has a word that is not among the 1-grams")
        if (EOS,) not in self.probs:
            raise self._wrong(f"no {EOS} among the 1-grams; sentences could not end")
        return model
