import math
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scoring_sctk import trial

from tdnnq_lab.scoring import mapsswe
from tdnnq_lab.scoring.significance import segments

RIGHT = "p q r s t u v"


def hand(a, b):
    """Utterances that all say RIGHT."""
    return mapsswe(*({str(n): text.split() for n, text in enumerate(texts)} for texts in ([RIGHT] * len(a), a, b)))


def test_segments_by_hand():
    found = hand([RIGHT] * 4, ["p X r X t u v", "X q r s X u v", RIGHT, "p q r s t u v W"])
    assert found.segments == 4  # errors 2, 1, 1, 1
    assert found.difference == pytest.approx(5 / 28)
    assert found.z == pytest.approx(1.25 / math.sqrt(0.25 / 4))
    assert hand([RIGHT] * 2, ["X q W r s t u v", RIGHT]).segments == 1  # an insertion breaks the run


ops = st.lists(st.sampled_from(["C", "C", "C", "S", "D", "I"]), max_size=30).map("".join)


@settings(deadline=None)
@given(ops, ops)
def test_segments_keep_every_error_and_part_where_both_are_right(a, b):
    words = min(len(a) - a.count("I"), len(b) - b.count("I"))
    a, b = cut(a, words), cut(b, words)
    found = list(segments(a, b))
    assert sum(e for e, _ in found) == sum(op != "C" for op in a)
    assert sum(e for _, e in found) == sum(op != "C" for op in b)
    marks = "".join("+" if same else "-" for same in both_right(a, b))
    assert len(found) == sum("-" in part for part in split_after_two(marks))


def cut(ops, words):
    """The first ops that hold so many reference words."""
    kept = ""
    for op in ops:
        if op != "I" and not words:
            break
        words -= op != "I"
        kept += op
    return kept


def both_right(a, b):
    """For every gap with an insertion False, for every word whether both have it right, in order."""
    per_word = [[""], [""]]
    for system, ops in enumerate((a, b)):
        for op in ops:
            per_word[system][-1] += op
            if op != "I":
                per_word[system].append("")
    for x, y in zip(*per_word, strict=True):
        if "I" in x + y:
            yield False
        if x.strip("I"):
            yield x[-1] == y[-1] == "C"


def split_after_two(marks):
    """'-+--++-' -> ['-+--++', '-']: as the definition words it."""
    parts, rest = [], marks
    while "++" in rest:
        end = rest.index("++") + 2
        parts.append(rest[:end])
        rest = rest[end:]
        while rest.startswith("+"):
            rest = rest[1:]
    return [*parts, rest]


def test_statistics_against_scipy():
    ref, a, b = trial(21, 200, 40, 0.1, 0.14)
    from tdnnq_lab.scoring.alignment import edits

    steps = [edits([(ref[id], hyp[id]) for id in ref]) for hyp in (a, b)]
    d = np.array([y - x for pair in zip(*steps, strict=True) for x, y in segments(*pair)])
    words = sum(map(len, ref.values()))
    found = mapsswe(ref, a, b)
    z = d.mean() / stats.sem(d)
    assert (found.segments, found.difference) == (len(d), pytest.approx(d.sum() / words))
    assert found.z == pytest.approx(z)
    assert found.p == pytest.approx(2 * stats.norm.sf(abs(z)), rel=1e-12)
    error = stats.sem(d) * len(d) / words
    assert found.interval == pytest.approx(stats.norm.interval(0.95, found.difference, error))
    power = stats.norm.sf(stats.norm.isf(0.025) - found.detectable / error)
    assert power == pytest.approx(0.8, abs=1e-9)


def test_exchanged_systems():
    ref, a, b = trial(22, 60, 20, 0.2, 0.3)
    there, back = mapsswe(ref, a, b), mapsswe(ref, b, a)
    assert (back.z, back.p, back.difference) == (-there.z, there.p, -there.difference)
    assert back.interval == (-there.interval[1], -there.interval[0])
    assert back.detectable == there.detectable


def test_nothing_to_tell_apart():
    ref, a, _ = trial(23, 20, 20, 0.2, 0.2)
    same, none = mapsswe(ref, a, a), mapsswe(ref, ref, ref)
    assert (same.z, same.p, same.difference, same.interval, same.detectable) == (0, 1, 0, (0, 0), 0)
    assert same.segments > 0
    assert (none.z, none.p, none.segments, none.interval) == (0, 1, 0, (0, 0))


def test_equal_differences_say_nothing_of_their_spread():
    found = hand([RIGHT] * 2, ["X q r s t u v"] * 2)  # sc_stats: std dev 0, Z 0
    assert (found.segments, found.z, found.p) == (2, 0, 1)
    assert found.interval == (-math.inf, math.inf)
    assert found.detectable == math.inf


def test_detectable_difference_is_detected_four_times_in_five():
    """Systems that differ by what the test calls detectable: 80% of trials are significant."""
    rng = np.random.default_rng(4)
    utterances, words = 300, 6
    ref = {str(n): ["a"] * words for n in range(utterances)}

    def hypotheses(share):
        wrong = rng.random((utterances, words)) < share
        return {str(n): ["x" if w else "a" for w in row] for n, row in enumerate(wrong)}

    detectable = np.mean([mapsswe(ref, hypotheses(0.15), hypotheses(0.19)).detectable for _ in range(10)])
    trials = [mapsswe(ref, hypotheses(0.15), hypotheses(0.15 + detectable)).p < 0.05 for _ in range(150)]
    assert 0.70 < np.mean(trials) < 0.90


def test_refuses():
    ref = {"u1": ["a"], "u2": ["b"]}
    with pytest.raises(ValueError, match="'u2' is in the references but not in hypotheses b"):
        mapsswe(ref, ref, {"u1": ["a"]})
    with pytest.raises(ValueError, match="'u3' is in hypotheses a but not"):
        mapsswe(ref, ref | {"u3": []}, ref)
    with pytest.raises(ValueError, match="no words"):
        mapsswe({"u": []}, {"u": []}, {"u": ["a"]})


def test_false_alarms_are_as_rare_as_they_should_be():
    random_words = random.Random(9)
    alarms = 0
    for _ in range(150):
        ref, a, b = trial(random_words.randrange(10**9), 40, 30, 0.2, 0.2)
        alarms += mapsswe(ref, a, b).p < 0.05
    assert alarms <= 16  # 7.5 expected
