"""Mixing language models: the weight is the best there is, texts are read or refused."""

import gzip

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

from tdnnq_lab.experiments.mixed_lm import best_weight, read_text, word_probabilities
from tdnnq_lab.graphs import estimate_ngram, mix

TEXTS = [["a", "b", "a"], ["b"], ["a", "c", "b"]], [["c", "c"], ["b", "a", "b"], ["c"]]


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 999))
def test_the_weight_is_the_most_probable(seed):
    rng = np.random.default_rng(seed)
    first, second = rng.uniform(0.01, 1, (2, 30))
    best = minimize_scalar(lambda w: -np.log(w * first + (1 - w) * second).sum(), bounds=(0, 1), method="bounded")
    assert best_weight(first, second, 2000) == pytest.approx(best.x, abs=5e-3)


def test_the_mixture_is_as_probable_as_the_weight_was_chosen_for():
    first, second = (estimate_ngram(text, 2, vocabulary=["a", "b", "c"]) for text in TEXTS)
    tuning = [["a", "c"], ["c", "b", "a"]]
    p, q = (word_probabilities(model, tuning) for model in (first, second))
    weight = best_weight(p, q)
    mixed = mix(first, second, weight)
    listed = word_probabilities(mixed, tuning)
    assert len(listed) == 7
    assert mixed.perplexity(tuning) < min(first.perplexity(tuning), second.perplexity(tuning))


def test_texts_are_read_or_refused(tmp_path):
    plain, packed = tmp_path / "a.txt", tmp_path / "a.txt.gz"
    plain.write_text("12\tA\tdas ist ÜBEL\n\nja\n", encoding="utf-8")
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    assert read_text(plain) == read_text(packed) == [["das", "ist", "ÜBEL"], ["ja"]]
    packed.write_bytes(packed.read_bytes()[:-9])
    plain.write_bytes(b"\xff\xfe\n")
    (tmp_path / "empty.txt").write_text("\n\n")
    for path in (packed, plain, tmp_path / "empty.txt"):
        with pytest.raises(ValueError, match=path.name):
            read_text(path)
    with pytest.raises(FileNotFoundError, match="none"):
        read_text(tmp_path / "none")
