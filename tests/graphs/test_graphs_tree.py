"""Trees: planted groups are found, gains are those of the definition, unseen contexts find a leaf."""

import itertools

import numpy as np
import pytest
from scipy.stats import norm

from tdnnq_lab.graphs.tree import Statistics, best_split, grow_tree, likelihood, questions

PHONES, DIM = 6, 4


def planted(seed=0, unseen=(), frames=200):
    """Phones 0-2 sound alike, so do 3-5; the frames of phone 1 and 4 depend on which group stands to their left."""
    rng = np.random.default_rng(seed)
    counts = np.zeros((PHONES + 1, PHONES, 2))
    sums, squares = np.zeros((*counts.shape, DIM)), np.zeros((*counts.shape, DIM))
    for left, phone, kind in np.ndindex(counts.shape):
        if (left, phone) in unseen:
            continue
        mean = np.array([3.0 * (phone > 2), 0.2 * phone, 0, 0])
        if phone in (1, 4) and kind == 0:
            mean[2] += 1.0 if left in (4, 5, 6) else -1.0
        x = rng.normal(mean, 1.0, (frames, DIM))
        counts[left, phone, kind] = frames
        sums[left, phone, kind], squares[left, phone, kind] = x.sum(0), (x**2).sum(0)
    return Statistics(counts, sums, squares)


def test_likelihood_is_that_of_the_frames_under_their_gaussian():
    x = np.random.default_rng(0).normal(2, 3, (50, DIM))
    want = norm.logpdf(x, x.mean(0), x.std(0)).sum()
    assert likelihood(np.array(50.0), x.sum(0), (x**2).sum(0)) == pytest.approx(want)
    assert likelihood(np.zeros(()), np.zeros(DIM), np.zeros(DIM)) == 0


def test_questions_find_the_groups():
    asked = questions(planted())
    assert frozenset([1, 2, 3]) in asked
    assert frozenset([4, 5, 6]) in asked
    assert all(frozenset([left]) in asked for left in range(PHONES + 1))


def test_the_best_split_is_the_best_of_all_questions():
    stats = planted(3)
    asked = [sorted(q) for q in questions(stats)]
    lefts = [0, 1, 4, 5, 6]

    def value(members):
        keep = [m for m in lefts if m in members]
        parts = (stats.counts, stats.sums, stats.squares)
        return float(likelihood(*(part[keep, 1, 0].sum(0) for part in parts))) if keep else 0.0

    gain, yes = best_split(stats, 1, 0, lefts, asked, 1)
    gains = [value(q) + value(set(lefts) - set(q)) - value(lefts) for q in asked if 0 < len(set(q) & set(lefts)) < 5]
    assert gain == pytest.approx(max(gains))
    assert set(yes) < set(lefts)


def test_planted_contexts_get_pdfs_of_their_own_first():
    tying = grow_tree(planted(), 2 * PHONES + 2)
    assert tying.num_pdfs == 2 * PHONES + 2
    for phone, kind in itertools.product(range(PHONES), range(2)):
        pdfs = tying.pdfs[:, phone, kind]
        assert len(np.unique(pdfs)) == (2 if phone in (1, 4) and kind == 0 else 1)
    assert len(set(tying.pdfs[[4, 5, 6], 1, 0])) == 1


def test_a_context_never_seen_shares_with_those_like_it():
    """Phone 1 was never heard after phone 5 (left context 6): it is put with phones 3 and 4, who sound alike."""
    tying = grow_tree(planted(unseen={(6, 1)}), 2 * PHONES + 2)
    assert tying.pdfs[6, 1, 0] == tying.pdfs[4, 1, 0] != tying.pdfs[1, 1, 0]


def test_small_leaves_and_too_few_leaves():
    assert grow_tree(planted(), 1000, minimum=300).num_pdfs < grow_tree(planted(), 1000, minimum=100).num_pdfs
    tying = grow_tree(planted(), 1000, minimum=300)
    for phone, kind in itertools.product(range(PHONES), range(2)):
        _, sizes = np.unique(tying.pdfs[:, phone, kind], return_counts=True)
        assert (sizes >= 2).all()  # of 200 frames each
    assert grow_tree(planted(), 2 * PHONES).is_monophone
    whole = grow_tree(planted(), 1000, whole=[1])
    assert len(np.unique(whole.pdfs[:, 1])) == 2 < len(np.unique(whole.pdfs[:, 4]))
    with pytest.raises(ValueError, match="at least two pdfs, 12 in all"):
        grow_tree(planted(), 11)
    nothing = np.zeros((3, 2, 2))
    with pytest.raises(ValueError, match="without a frame"):
        Statistics(nothing, np.zeros((3, 2, 2, 1)), np.zeros((3, 2, 2, 1)))
