"""Pronunciations: which phones each word may be spoken as, and where silence may stand."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .files import atomic

Pronunciation = tuple[str, ...]
Pronunciations = dict[str, list[tuple[float, Pronunciation]]]

_BLANKS = re.compile("[ \t\r]+")  # as Kaldi: any other character, a no-break space say, may be part of a word
_DECIMAL = re.compile(r"[0-9]*\.[0-9]*([eE][-+]?[0-9]+)?$")
_VOWELS = {"AA", "AE", "AH", "AO", "AW", "AX", "AY", "EH", "ER", "EY", "IH", "IY", "OW", "OY", "UH", "UW"}
_STRESSED = re.compile("([A-Za-z]+)([012])$")


@dataclass(eq=False)
class Lexicon:
    """Words, their pronunciations, and the silence that may stand between and around words.

    Args:
      pronunciations: word -> list of (probability in (0, 1], phones). The probabilities of a word need not sum to
        one (Kaldi scales the largest to one); where one is drawn they are normalised.
      silence: name of the silence phone; None for a lexicon without silence.
      silence_probability: of silence between two words; 0 forbids it, 1 demands it.
      edge_silence_probability: of silence before the first and after the last word.
      phones: names in order of their index; default: silence, then all others sorted.

    Raises:
      ValueError: no words; a word without pronunciation; an empty or repeated pronunciation; a probability out of
        range; a name with a blank in it; a phone missing from `phones`.
    """

    pronunciations: Pronunciations
    silence: str | None = "SIL"
    silence_probability: float = 0.15
    edge_silence_probability: float = 0.95
    phones: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        if not self.pronunciations:
            raise ValueError("a lexicon needs at least one word")
        for word, variants in self.pronunciations.items():
            _check_word(word, variants)
        for name in ("silence_probability", "edge_silence_probability"):
            value = getattr(self, name)
            if not 0 <= value <= 1:
                raise ValueError(f"{name} is {value}; a probability from 0 to 1 is needed")
        if self.silence is None:
            self.silence_probability = self.edge_silence_probability = 0.0
        self.phones = _phones(self)

    @classmethod
    def from_file(
        cls,
        path: str | Path,
        *,
        strip_stress: bool = False,
        probabilities: bool | None = None,
        silence: str | None = "SIL",
        silence_probability: float = 0.15,
        edge_silence_probability: float = 0.95,
        phones: Sequence[str] = (),
    ) -> Lexicon:
        """Read Kaldi's `lexicon.txt` (word, phones) or `lexiconp.txt` (word, probability, phones), UTF-8.

        Args:
          path: one pronunciation a line; fields apart by spaces or tabs; blank lines are skipped.
          strip_stress: merge AH0, AH1, AH2 into AH (and so on) if all phones that end in a digit are ARPAbet
            vowels with stress; any other lexicon (tones, numbered phones) stays as it is.
          probabilities: the second field is a probability; None: it is if the file's name begins with `lexiconp`
            or the second field of every line is a decimal number with a point.
          silence, silence_probability, edge_silence_probability, phones: as in `Lexicon`.

        Raises:
          FileNotFoundError: there is no such file.
          ValueError: not UTF-8, no entries, an empty or repeated pronunciation, or a bad probability: FILE:LINE.
        """
        entries = list(_entries(Path(path)))
        if not entries:
            raise ValueError(f"{path}: no entries; each line is a word and its phones")
        if probabilities is None:
            probabilities = _has_probabilities(Path(path), entries)
        parsed = [(word, *_parse(path, line, word, rest, probabilities), line) for line, word, rest in entries]
        stripped = strip_stress and _is_stressed_arpabet(phone for _, _, pron, _ in parsed for phone in pron)
        table = _table(path, parsed, stripped)
        return cls(table, silence, silence_probability, edge_silence_probability, list(phones))

    def write(self, path: str | Path) -> None:
        """Write Kaldi's `lexiconp.txt`: word, probability, phones; under a temporary name first."""
        with atomic(path) as temporary, open(temporary, "w", encoding="utf-8", newline="\n") as file:
            for word, variants in self.pronunciations.items():
                file.writelines(f"{word}\t{prob!r}\t{' '.join(pron)}\n" for prob, pron in variants)

    def missing(self, words: Iterable[str]) -> list[str]:
        """The distinct words that have no pronunciation, in order of first appearance."""
        return [word for word in dict.fromkeys(words) if word not in self.pronunciations]

    def variants(self, word: str) -> list[tuple[float, Pronunciation]]:
        """The pronunciations of one word as (probability, phones).

        Raises:
          ValueError: the word is not in the lexicon.
        """
        try:
            return self.pronunciations[word]
        except KeyError:
            raise ValueError(f"word {word!r} is not in the lexicon; add it or leave out the utterance") from None


def _check_word(word: str, variants: list[tuple[float, Pronunciation]]) -> None:
    if not word or _BLANKS.search(word) or "\n" in word:
        raise ValueError(f"{word!r} cannot be a word: it is empty or has a blank in it")
    if not variants:
        raise ValueError(f"word {word!r} has no pronunciation")
    seen = set()
    for prob, pron in variants:
        if not 0 < prob <= 1:
            raise ValueError(f"word {word!r}: probability {prob} is not above 0 and at most 1")
        if not pron:
            raise ValueError(f"word {word!r} has an empty pronunciation")
        if tuple(pron) in seen:
            raise ValueError(f"word {word!r} has the pronunciation {' '.join(pron)} twice")
        seen.add(tuple(pron))


def _phones(lexicon: Lexicon) -> list[str]:
    used = {phone for variants in lexicon.pronunciations.values() for _, pron in variants for phone in pron}
    bad = next((p for p in sorted(used) if not p or _BLANKS.search(p) or "\n" in p), None)
    if bad is not None:
        raise ValueError(f"{bad!r} cannot be a phone: it is empty or has a blank in it")
    first = [] if lexicon.silence is None else [lexicon.silence]
    if not lexicon.phones:
        return first + sorted(used - set(first))
    lost = sorted((used | set(first)) - set(lexicon.phones))
    if lost:
        raise ValueError(f"phone {lost[0]!r} is used but is not among the {len(lexicon.phones)} given phones")
    return list(lexicon.phones)


def _entries(path: Path) -> Iterator[tuple[int, str, list[str]]]:
    """(line number, word, other fields) of every line that is not blank."""
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; a lexicon with a word and its phones a line is needed")
    with open(path, "rb") as file:
        for line, raw in enumerate(file, 1):
            try:
                text = raw.decode("utf-8-sig" if line == 1 else "utf-8")
            except UnicodeDecodeError as error:
                raise ValueError(f"{path}:{line}: not UTF-8 ({error.reason}); convert the file") from None
            fields = [part for part in _BLANKS.split(text.rstrip("\n")) if part]
            if fields:
                yield line, fields[0], fields[1:]


def _has_probabilities(path: Path, entries: list[tuple[int, str, list[str]]]) -> bool:
    if path.name.startswith("lexiconp"):
        return True
    return all(len(rest) > 1 and rest[0] != "." and _DECIMAL.match(rest[0]) for _, _, rest in entries)


def _parse(path: str | Path, line: int, word: str, rest: list[str], probabilities: bool) -> tuple[float, Pronunciation]:
    prob = 1.0
    if probabilities:
        try:
            prob = float(rest[0]) if rest else math.nan
        except ValueError:
            prob = math.nan
        if not 0 < prob <= 1:
            given = repr(rest[0]) if rest else "nothing"
            raise ValueError(f"{path}:{line}: {given} is no probability above 0 and at most 1 (word {word!r})")
        rest = rest[1:]
    if not rest:
        raise ValueError(f"{path}:{line}: word {word!r} has no phones; give them or remove the line")
    return prob, tuple(rest)


def _is_stressed_arpabet(phones: Iterable[str]) -> bool:
    digits = {phone for phone in phones if phone[-1].isdigit()}
    matches = [_STRESSED.match(phone) for phone in digits]
    return bool(digits) and all(m is not None and m[1].upper() in _VOWELS for m in matches)


def _table(path: str | Path, parsed: list[tuple[str, float, Pronunciation, int]], strip_stress: bool) -> Pronunciations:
    """Collect the lines by word; pronunciations that differ in stress only become one with the larger share."""
    table: dict[str, dict[Pronunciation, float]] = {}
    first: dict[tuple[str, Pronunciation], int] = {}
    for word, prob, pron, line in parsed:
        if (word, pron) in first:
            where = first[word, pron]
            raise ValueError(f"{path}:{line}: {word!r} as {' '.join(pron)} stands in line {where} already; remove one")
        first[word, pron] = line
        merged = tuple(re.sub(_STRESSED, r"\1", phone) for phone in pron) if strip_stress else pron
        variants = table.setdefault(word, {})
        variants[merged] = max(variants.get(merged, 0.0), prob)
    return {word: [(prob, pron) for pron, prob in variants.items()] for word, variants in table.items()}
