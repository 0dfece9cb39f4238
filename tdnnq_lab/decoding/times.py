"""When each word was said: the words' pronunciations laid along the phones of the best path.

Labels on the arcs of a decoding graph come later than the phones they belong to, because determinisation delays
them; the phones themselves are where they are.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

Segment = tuple[str, int, int]  # phone, first frame, frame after the last
Variants = Sequence[tuple[float, Sequence[str]]]  # probability, phones
Ends = dict[int, tuple[float, int, int]]  # after a word: position among the phones -> log prob, word's start, before


def word_frames(
    words: Sequence[str],
    phones: Sequence[Segment],
    pronunciations: Mapping[str, Variants],
    silence: str | None,
    *,
    complete: bool = True,
) -> list[tuple[int, int]]:
    """Where each word lies on a path of phones.

    The phones are cut into one pronunciation a word, silence anywhere between; of several ways the most probable.

    Args:
      words: the labels of the path.
      phones: its phones, as `phone_segments` returns them.
      pronunciations: variants of every word.
      silence: the phone that may stand between words.
      complete: the path reached a final state. If not, its last word may lack phones and its last phones a word;
        words without phones then last no frames, at the end.

    Returns:
      (first frame, frame after the last) of each word.

    Raises:
      ValueError: the phones of a complete path are no pronunciation of its words.
    """
    names = [name for name, _, _ in phones]
    reached = _reach(words, names, pronunciations, silence)
    if len(reached) == len(words) + 1:
        whole = [end for end in reached[-1] if _skip(names, end, silence)[-1] == len(names)]
        if whole or not complete:
            return _frames(phones, _back(reached, max(whole or reached[-1], key=lambda end: reached[-1][end][0])))
    if complete:
        raise ValueError(
            f"the phones {' '.join(names)} are no pronunciation of {' '.join(words)}: is it the graph's lexicon?"
        )
    return _frames(phones, _unfinished(words, names, pronunciations, silence, reached))


def _reach(
    words: Sequence[str], names: list[str], pronunciations: Mapping[str, Variants], silence: str | None
) -> list[Ends]:
    """For 0, 1, 2 … words the positions where they may end; stops early where a word fits nowhere."""
    reached: list[Ends] = [{0: (0.0, 0, 0)}]
    for word in words:
        ends: Ends = {}
        for before, (total, _, _) in reached[-1].items():
            for start in _skip(names, before, silence):
                for probability, variant in pronunciations.get(word, ()):
                    end, value = start + len(variant), total + math.log(probability)
                    if names[start:end] == list(variant) and value > ends.get(end, (-math.inf,))[0]:
                        ends[end] = value, start, before
        if not ends:
            break
        reached.append(ends)
    return reached


def _skip(names: list[str], position: int, silence: str | None) -> list[int]:
    """The position itself and those behind each silence that follows it."""
    positions = [position]
    while position < len(names) and names[position] == silence:
        position += 1
        positions.append(position)
    return positions


def _back(reached: list[Ends], end: int) -> list[tuple[int, int]]:
    """(first phone, phone after the last) of each word, given where the last one ends."""
    spans = []
    for ends in reached[:0:-1]:
        _, start, before = ends[end]
        spans.append((start, end))
        end = before
    return spans[::-1]


def _unfinished(
    words: Sequence[str],
    names: list[str],
    pronunciations: Mapping[str, Variants],
    silence: str | None,
    reached: list[Ends],
) -> list[tuple[int, int]]:
    """Spans of words on a path that broke off: the first word that does not fit has the phones that are left, if
    one of its variants begins so."""
    last, count = reached[-1], len(reached) - 1
    best: tuple[float, int, int] | None = None
    for before, (total, _, _) in last.items():
        for start in _skip(names, before, silence):
            rest = names[start:]
            begun = [p for p, variant in pronunciations.get(words[count], ()) if list(variant[: len(rest)]) == rest]
            if rest and begun and (best is None or total + math.log(max(begun)) > best[0]):
                best = total + math.log(max(begun)), start, before
    before = best[2] if best else max(last, key=lambda end: last[end][0])
    spans = _back(reached, before)
    if best:
        spans.append((best[1], len(names)))
    return spans + [(len(names), len(names))] * (len(words) - len(spans))


def _frames(phones: Sequence[Segment], spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    after = phones[-1][2] if phones else 0
    starts = [first for _, first, _ in phones] + [after]
    return [(starts[start], phones[end - 1][2] if end > start else starts[start]) for start, end in spans]
