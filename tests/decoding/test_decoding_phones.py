import itertools
import math
import time

import numpy as np
import pytest
import torch
from decoding_toys import random_likelihoods, toy_lexicon

from tdnnq_lab.decoding import decode_phones, phone_segments, phones_from_pdfs, reference_phones, viterbi
from tdnnq_lab.graphs.fsa import Fsa
from tdnnq_lab.graphs.topology import Topology


def random_fsa(states, arcs, pdfs, seed):
    """Arcs in any order, parallel ones too; some states may not begin or end."""
    rng = np.random.default_rng(seed)
    triples = np.stack(
        [rng.integers(states, size=arcs), rng.integers(states, size=arcs), rng.integers(pdfs, size=arcs)], 1
    )
    ends = rng.standard_normal((2, states))
    ends[rng.random((2, states)) < 0.4] = -math.inf
    ends[:, 0] = 0.0
    scores = rng.standard_normal(arcs)
    scores[rng.random(arcs) < 0.1] = -math.inf
    return Fsa(*(torch.from_numpy(v) for v in (triples, scores, *ends)))


def total(fsa, x, chosen, scale):
    """Log weight of a sequence of arcs; -inf if they do not join."""
    arcs = fsa.arcs[list(chosen)].tolist()
    if any(a[1] != b[0] for a, b in itertools.pairwise(arcs)):
        return -math.inf
    value = float(fsa.initial[arcs[0][0]] + fsa.scores[list(chosen)].sum() + fsa.final[arcs[-1][1]])
    return value + scale * sum(float(x[t, arc[2]]) for t, arc in enumerate(arcs))


@pytest.mark.parametrize("seed", range(12))
def test_viterbi_against_all_paths(seed):
    fsa = random_fsa(3, 8, 5, seed)
    x = random_likelihoods(4, 5, seed)
    scale = (1.0, 0.3)[seed % 2]
    value, best = max((total(fsa, x, p, scale), p) for p in itertools.product(range(8), repeat=4))
    if value == -math.inf:
        with pytest.raises(ValueError, match="no path of 4 frames"):
            viterbi(fsa, x, acoustic_scale=scale)
        return
    found = viterbi(fsa, torch.from_numpy(x), acoustic_scale=scale)
    assert found.dtype == np.int32
    assert found.tolist() == fsa.arcs[list(best), 2].tolist()


def test_some_of_these_have_paths_and_some_have_none():
    ended = [bool((random_fsa(3, 8, 5, seed).final > -math.inf).any()) for seed in range(12)]
    assert all(ended)
    with pytest.raises(ValueError, match="no path of 3 frames"):
        viterbi(
            Fsa(torch.tensor([[0, 1, 0]]), torch.zeros(1), *torch.tensor([[0, -math.inf], [-math.inf, 0]])),
            np.zeros((3, 1)),
        )
    no_arcs = Fsa(torch.zeros((0, 3), dtype=torch.int32), torch.zeros(0), torch.zeros(1), torch.zeros(1))
    with pytest.raises(ValueError, match="no path of 2 frames"):
        viterbi(no_arcs, np.zeros((2, 1)))


def test_viterbi_is_fast():
    fsa = random_fsa(3000, 40_000, 2000, 0)
    x = random_likelihoods(300, 2000, 0)
    viterbi(fsa, x[:2])
    start = time.process_time()
    viterbi(fsa, x)
    assert time.process_time() - start < 0.3


@pytest.mark.parametrize("x", [np.zeros((0, 5)), np.full((2, 5), np.nan), np.zeros((2, 3)), np.zeros(5)])
def test_viterbi_refuses(x):
    with pytest.raises(ValueError, match="log-likelihood"):
        viterbi(random_fsa(3, 8, 5, 0), x)


TOPOLOGY = Topology(["SIL", "A", "ʒ"])


def test_phones_of_a_path():
    pdfs = [0, 1, 1, 2, 2, 3, 4, 0, 1]
    assert phone_segments(pdfs, TOPOLOGY) == [
        ("SIL", 0, 3),
        ("A", 3, 4),
        ("A", 4, 6),
        ("ʒ", 6, 7),
        ("SIL", 7, 9),
    ]
    assert phones_from_pdfs(np.array(pdfs), TOPOLOGY) == ["SIL", "A", "A", "ʒ", "SIL"]
    assert phones_from_pdfs(pdfs, TOPOLOGY, silence="SIL") == ["A", "A", "ʒ"]
    assert phones_from_pdfs([3, 3, 4], TOPOLOGY) == ["A", "ʒ"]  # begun before the first frame
    assert phones_from_pdfs([], TOPOLOGY) == []


@pytest.mark.parametrize(("pdfs", "message"), [([2, 5], "frame 1: pdf 5"), ([0, 6], "pdf 6, the topology only 0 … 5")])
def test_no_path_of_the_topology(pdfs, message):
    with pytest.raises(ValueError, match=message):
        phones_from_pdfs(pdfs, TOPOLOGY)


def phone_loop(bigram):
    """Every phone after every phone (log weights bigram[i][j]): state 2i just entered phone i, state 2i + 1 stays."""
    n = len(bigram)
    arcs, scores = [], []
    for i, j in itertools.product(range(n), repeat=2):
        arcs += [(2 * i, 2 * j, 2 * j), (2 * i + 1, 2 * j, 2 * j)]
        scores += [bigram[i][j]] * 2
    for i in range(n):
        arcs += [(2 * i, 2 * i + 1, 2 * i + 1), (2 * i + 1, 2 * i + 1, 2 * i + 1)]
        scores += [0.0, 0.0]
    return Fsa(torch.tensor(arcs), torch.tensor(scores), torch.zeros(2 * n), torch.zeros(2 * n))


def test_decode_phones_by_ear_and_by_bigram():
    deaf = np.zeros((6, 6), np.float32)
    heard = deaf.copy()
    for frame, pdf in enumerate([0, 2, 3, 4, 2, 0]):
        heard[frame, pdf] = 5
    plain = phone_loop([[-1.0] * 3] * 3)
    assert decode_phones(heard, plain, TOPOLOGY) == ["A", "ʒ", "A"]
    assert decode_phones(heard, plain, TOPOLOGY, silence=None) == ["SIL", "A", "ʒ", "A", "SIL"]
    assert decode_phones(heard, plain, TOPOLOGY, silence="ʒ") == ["SIL", "A", "A", "SIL"]
    strict = phone_loop([[-1.0, -1.0, -1.0], [-1.0, -1.0, -50.0], [-1.0, -1.0, -1.0]])  # never ʒ after A
    assert decode_phones(heard, strict, TOPOLOGY)[:2] != ["A", "ʒ"]
    assert decode_phones(heard, strict, TOPOLOGY, acoustic_scale=20) == ["A", "ʒ", "A"]


def test_reference_phones():
    lexicon = toy_lexicon()
    assert reference_phones(["b", "çà", "b"], lexicon) == ["B", "C", "A", "B"]
    assert reference_phones([], lexicon) == []
    with pytest.raises(ValueError, match="'nowhere' is not in the lexicon"):
        reference_phones(["b", "nowhere"], lexicon)
