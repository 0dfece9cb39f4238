import itertools
import random

import pytest

from tdnnq_lab.decoding.times import word_frames

LEXICON = {
    "an": [(0.7, ("AE", "N")), (0.3, ("N",))],
    "a": [(1.0, ("AE",))],
    "oh": [(1.0, ("OW",))],
    "no": [(0.5, ("N", "OW")), (0.5, ("N",))],
    "hm": [(1.0, ("SIL", "N"))],  # silence within a word
    "rest": [(1.0, ("SIL",))],
}


def laid(names, lengths):
    """Phones as segments of such lengths."""
    ends = list(itertools.accumulate(lengths))
    return [(name, end - n, end) for name, end, n in zip(names, ends, lengths, strict=True)]


def test_by_hand():
    phones = laid(["SIL", "AE", "N", "SIL", "N", "OW", "SIL"], [3, 1, 2, 4, 1, 5, 2])
    assert word_frames(["an", "no"], phones, LEXICON, "SIL") == [(3, 6), (10, 16)]
    assert word_frames([], laid(["SIL"], [4]), LEXICON, "SIL") == []
    assert word_frames([], [], LEXICON, "SIL") == []


def test_the_more_probable_cut_wins():
    phones = laid(["AE", "N", "N", "OW"], [1, 1, 1, 1])
    assert word_frames(["an", "no"], phones, LEXICON, "SIL") == [(0, 2), (2, 4)]
    lexicon = {"x": [(0.9, ("A",)), (0.1, ("A", "B"))], "y": [(0.1, ("B", "C")), (0.8, ("C",))]}
    assert word_frames(["x", "y"], laid("ABC", [1, 1, 1]), lexicon, None) == [(0, 1), (1, 3)]  # 0.09 against 0.08
    lexicon["x"][1] = (0.2, ("A", "B"))
    assert word_frames(["x", "y"], laid("ABC", [1, 1, 1]), lexicon, None) == [(0, 2), (2, 3)]  # 0.16


def test_silence_in_words():
    phones = laid(["SIL", "SIL", "N", "SIL", "SIL"], [2, 3, 1, 1, 4])
    assert word_frames(["hm", "rest"], phones, LEXICON, "SIL") in ([(2, 6), (6, 7)], [(2, 6), (7, 11)])


@pytest.mark.parametrize("seed", range(40))
def test_spoken_at_random(seed):
    """Words laid down with silences at random: found where they are, or at another place with the same phones."""
    rng = random.Random(seed)
    words, names, spans = rng.choices(["a", "oh", "no", "an"], k=rng.randint(1, 8)), [], []
    for word in words:
        names += ["SIL"] * (rng.random() < 0.3)
        variant = rng.choice(LEXICON[word])[1]
        spans.append((len(names), len(names) + len(variant)))
        names += variant
    phones = laid(names, [rng.randint(1, 5) for _ in names])
    found = word_frames(words, phones, LEXICON, "SIL")
    starts, ends = (
        {first: n for n, (_, first, _) in enumerate(phones)},
        {end: n + 1 for n, (*_, end) in enumerate(phones)},
    )
    cut = [(starts[first], ends[end]) for first, end in found]
    for word, (first, end) in zip(words, cut, strict=True):
        assert tuple(names[first:end]) in [variant for _, variant in LEXICON[word]]
    covered = {n for first, end in cut for n in range(first, end)}
    assert [names[n] for n in range(len(names)) if n not in covered] == ["SIL"] * (len(names) - len(covered))
    assert cut == sorted(cut)
    if len({tuple(c) for c in all_cuts(words, names)}) == 1:
        assert cut == spans


def all_cuts(words, names, position=0):
    """Every way to cut names into a pronunciation a word and silences."""
    if not words:
        if set(names[position:]) <= {"SIL"}:
            yield []
        return
    if position < len(names) and names[position] == "SIL":
        yield from all_cuts(words, names, position + 1)
    for _, variant in LEXICON[words[0]]:
        end = position + len(variant)
        if tuple(names[position:end]) == variant:
            yield from ([(position, end), *rest] for rest in all_cuts(words[1:], names, end))


@pytest.mark.parametrize(
    ("words", "names", "spans"),
    [
        (["oh", "an"], "OW AE", [(0, 2), (2, 4)]),  # the last word has begun
        (["oh"], "OW AE", [(0, 2)]),  # the last phone has no word yet
        (["oh", "an"], "OW SIL", [(0, 2), (4, 4)]),  # the last word's phones are to come
        (["oh", "an"], "OW", [(0, 2), (2, 2)]),
        (["oh"], "", [(0, 0)]),
        (["oh", "oh", "oh"], "OW", [(0, 2), (2, 2), (2, 2)]),
        (["an", "no"], "SIL AE N SIL N OW", [(2, 6), (8, 12)]),  # nothing lacks
        ([], "AE N", []),
        (["elsewhere"], "AE N", [(4, 4)]),
    ],
)
def test_unfinished(words, names, spans):
    phones = laid(names.split(), [2] * len(names.split()))
    assert word_frames(words, phones, LEXICON, "SIL", complete=False) == spans


def test_another_lexicon():
    with pytest.raises(ValueError, match="the phones OW are no pronunciation of an"):
        word_frames(["an"], laid(["OW"], [1]), LEXICON, "SIL")
    with pytest.raises(ValueError, match="no pronunciation"):
        word_frames(["oh"], laid(["OW", "OW"], [1, 1]), LEXICON, "SIL")
