"""The Matched Pair Sentence Segment Word Error test, as NIST's `sc_stats -t mapsswe`.

L. Gillick and S. J. Cox, "Some statistical issues in the comparison of speech recognition algorithms",
ICASSP 1989: utterances are cut into segments that both systems begin and end rightly, so that errors in
different segments are independent, and the mean difference of errors a segment is tested against zero.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from statistics import NormalDist

from .alignment import Words, check_ids, edits

BOUNDARY = 2  # words running that both systems get right end a segment (sc_stats' default)
LEVEL, POWER = 0.05, 0.80
TWO_SIDED = NormalDist().inv_cdf(1 - LEVEL / 2)  # 1.959964
POWERFUL = TWO_SIDED + NormalDist().inv_cdf(POWER)  # 2.801585


@dataclass(frozen=True)
class Mapsswe:
    """Two systems compared. Positive: b makes more errors than a.

    Attributes:
        z: Mean difference of errors a segment over its standard error.
        p: Two-tailed probability of such a z if the systems were equal, exact normal.
        segments: Segments with an error of either system.
        difference: Errors of b less errors of a, a reference word.
        interval: 95% confidence interval of `difference`.
        detectable: The least true difference (errors a word) that a test on these utterances finds at
            p < 0.05 with 80% power.
    """

    z: float
    p: float
    segments: int
    difference: float
    interval: tuple[float, float]
    detectable: float


def mapsswe(references: Mapping[str, Words], a: Mapping[str, Words], b: Mapping[str, Words]) -> Mapsswe:
    """Test whether two systems differ in word errors.

    A segment ends at the second of two words running that both systems get right, and at the end of an
    utterance; an insertion between two right words breaks their run. As in sc_stats, differences that are
    all equal give z = 0 and p = 1; unless they are all zero, their spread is unknown, so interval and
    detectable are infinite.

    Args:
        references: What was said: words by utterance id.
        a: What one system recognised, by the same ids. b: what the other did.

    Raises:
        ValueError: The ids do not match (the first is named), or the references hold no words.
    """
    check_ids(references, a, "hypotheses a")
    check_ids(references, b, "hypotheses b")
    words = sum(map(len, references.values()))
    if not words:
        raise ValueError("the references hold no words: a difference in errors a word needs some")
    steps_a = edits([(ref, a[id]) for id, ref in references.items()])
    steps_b = edits([(ref, b[id]) for id, ref in references.items()])
    differences = [
        errors_b - errors_a for pair in zip(steps_a, steps_b, strict=True) for errors_a, errors_b in segments(*pair)
    ]
    return _test(differences, words)


def segments(steps_a: str, steps_b: str) -> Iterator[tuple[int, int]]:
    """Cut one utterance into segments.

    Args:
        steps_a: The alignment of system a, a string over C, S, I, D. steps_b: that of system b.

    Yields:
        (errors of a, errors of b) for each segment that has any.
    """
    wrong_a, inserted_a = _by_word(steps_a)
    wrong_b, inserted_b = _by_word(steps_b)
    errors_a = errors_b = run = 0
    for word in range(len(wrong_a)):
        errors_a += inserted_a[word] + wrong_a[word]
        errors_b += inserted_b[word] + wrong_b[word]
        if inserted_a[word] or inserted_b[word]:  # before this word
            run = 0
        run = 0 if wrong_a[word] or wrong_b[word] else run + 1
        if run >= BOUNDARY:
            if errors_a or errors_b:
                yield errors_a, errors_b
            errors_a = errors_b = 0
    errors_a += inserted_a[-1]
    errors_b += inserted_b[-1]
    if errors_a or errors_b:
        yield errors_a, errors_b


def _by_word(steps: str) -> tuple[list[bool], list[int]]:
    """Of each reference word: is it wrong; and how many insertions stand before it (one more: at the end)."""
    wrong: list[bool] = []
    inserted = [0]
    for op in steps:
        if op == "I":
            inserted[-1] += 1
        else:
            wrong.append(op != "C")
            inserted.append(0)
    return wrong, inserted


def _test(differences: list[int], words: int) -> Mapsswe:
    n, total = len(differences), sum(differences)
    difference = total / words
    # n (n - 1) times the variance, in whole numbers: zero only if all differences are equal
    spread = n * sum(d * d for d in differences) - total * total
    if not spread:
        unknown = math.inf if total else 0.0
        return Mapsswe(0.0, 1.0, n, difference, (difference - unknown, difference + unknown), unknown)
    error = math.sqrt(spread / (n - 1))  # standard error of the sum: sd * sqrt(n)
    z = total / error
    half = TWO_SIDED * error / words
    return Mapsswe(
        z=z,
        p=math.erfc(abs(z) / math.sqrt(2)),
        segments=n,
        difference=difference,
        interval=(difference - half, difference + half),
        detectable=POWERFUL * error / words,
    )
