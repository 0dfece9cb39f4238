import math
import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scoring_sctk import corrupt

from tdnnq_lab.scoring import sum_by, wer, wer_interval


@pytest.mark.parametrize(
    ("ref", "hyp", "counts", "percent"),
    [
        ("x y z t", "x q z t", (1, 0, 0), 25.0),
        ("x y z t", "x y y z t", (0, 1, 0), 25.0),
        ("x y z t", "x z t", (0, 0, 1), 25.0),
        ("x y", "", (0, 0, 2), 100.0),
        ("p q", "q x", (0, 1, 1), 100.0),  # 3 + 3 < 4 + 4
        ("x", "x a b", (0, 2, 0), 200.0),
        ("", "", (0, 0, 0), 0.0),
        ("", "x", (0, 1, 0), math.inf),
        ("Straße 東京", "strasse 東京", (1, 0, 0), 50.0),
    ],
)
def test_counts(ref, hyp, counts, percent):
    result = wer({"u": ref.split()}, {"u": hyp.split()})
    assert (result.substitutions, result.insertions, result.deletions) == counts
    assert result.per_utterance == {"u": counts}
    assert result.percent == percent
    assert (result.errors, result.words) == (sum(counts), len(ref.split()))


def test_nothing_at_all():
    assert wer({}, {}).percent == 0.0
    assert wer_interval(wer({}, {})) == (0.0, 0.0)


def test_ids_must_match():
    ref = {"u1": ["a"], "u2": ["b"], "u3": ["c"]}
    with pytest.raises(ValueError, match="'u2' is in the references but not"):
        wer(ref, {"u3": [], "u1": []})
    with pytest.raises(ValueError, match="'u0' is in the hypotheses but not"):
        wer(ref, ref | {"u0": [], "u9": []})


def test_one_string_is_no_list_of_words():
    with pytest.raises(ValueError, match=r"'u' in the hypotheses is one string: .*split"):
        wer({"u": ["a", "b"]}, {"u": "a b"})


def test_sum_by():
    ref = {"u1": ["a", "b"], "u2": ["c"], "u3": ["d"]}
    result = wer(ref, {"u1": ["a"], "u2": ["c", "c"], "u3": ["x"]})
    parts = sum_by(result, {"u1": "Ana", "u2": "Bo", "u3": "Ana", "elsewhere": "Cy"})
    assert list(parts) == ["Ana", "Bo"]
    assert (parts["Ana"].substitutions, parts["Ana"].deletions, parts["Ana"].words) == (1, 1, 3)
    assert (parts["Bo"].insertions, parts["Bo"].percent) == (1, 100.0)
    assert parts["Ana"].per_utterance == {"u1": (0, 0, 1), "u3": (1, 0, 0)}
    with pytest.raises(ValueError, match="'u2' has no group"):
        sum_by(result, {"u1": "Ana"})


@settings(deadline=None)
@given(st.lists(st.tuples(st.lists(st.sampled_from("ab")), st.lists(st.sampled_from("ab")), st.sampled_from("xyz"))))
def test_groups_add_up(rows):
    result = wer({str(n): row[0] for n, row in enumerate(rows)}, {str(n): row[1] for n, row in enumerate(rows)})
    parts = sum_by(result, {str(n): row[2] for n, row in enumerate(rows)}).values()
    for name in ("errors", "substitutions", "insertions", "deletions", "words"):
        assert sum(getattr(part, name) for part in parts) == getattr(result, name)


def flips(utterances, words, share, rng):
    """Every word wrong with the same probability: errors are binomial."""
    ref = {f"u{n}": ["a"] * words for n in range(utterances)}
    hyp = {id: [("x" if rng.random() < share else "a") for _ in range(words)] for id in ref}
    return wer(ref, hyp)


def test_interval_is_the_binomial_one():
    result = flips(400, 10, 0.2, random.Random(3))
    low, high = wer_interval(result)
    share = result.percent / 100
    half = 100 * 1.96 * math.sqrt(share * (1 - share) / 4000)
    assert low == pytest.approx(result.percent - half, abs=0.25)
    assert high == pytest.approx(result.percent + half, abs=0.25)
    assert wer_interval(result) == (low, high) != wer_interval(result, seed=1)
    narrow = wer_interval(result, level=0.5)
    assert low < narrow[0] < result.percent < narrow[1] < high


def test_interval_holds_the_truth_as_often_as_it_says():
    rng = random.Random(5)
    inside = 0
    for _ in range(100):
        low, high = wer_interval(flips(60, 8, 0.25, rng), replicas=400)
        inside += low <= 25 <= high
    assert 87 <= inside <= 100


def test_speakers_who_differ_widen_the_interval():
    rng = random.Random(7)
    ref = {f"s{s}-{u}": ["a"] * 10 for s in range(8) for u in range(50)}
    shares = {f"s{s}": s / 16 for s in range(8)}
    speaker = {id: id.split("-")[0] for id in ref}
    hyp = {id: [("x" if rng.random() < shares[speaker[id]] else "a") for _ in range(10)] for id in ref}
    result = wer(ref, hyp)
    low, high = wer_interval(result)
    wide_low, wide_high = wer_interval(result, speaker)
    assert wide_high - wide_low > 3 * (high - low)


def test_interval_refuses():
    result = wer({"u": ["a"]}, {"u": ["b"]})
    with pytest.raises(ValueError, match="level is 95"):
        wer_interval(result, level=95)
    with pytest.raises(ValueError, match="'u' has no group"):
        wer_interval(result, {})


def test_a_test_set_scores_within_a_second():
    rng = random.Random(1)
    vocabulary = [f"w{n}" for n in range(2000)]
    ref = {str(n): rng.choices(vocabulary, k=12) for n in range(2500)}
    hyp = {id: corrupt(words, vocabulary, 0.3, rng) for id, words in ref.items()}
    start = time.process_time()
    wer(ref, hyp)
    assert time.process_time() - start < 1
