"""Phone recognition on denominators as they are made for training."""

import numpy as np
import pytest
import torch
from decoding_toys import random_likelihoods, toy_lexicon

from tdnnq_lab.decoding import decode_phones, phone_segments, viterbi
from tdnnq_lab.graphs.denominator import denominator
from tdnnq_lab.graphs.numerator import numerator
from tdnnq_lab.graphs.phone_lm import PhoneLm
from tdnnq_lab.graphs.topology import Topology
from tdnnq_lab.lfmmi import forward_backward

LEXICON = toy_lexicon()
TOPOLOGY = Topology(LEXICON.phones)
TRANSCRIPTS = [["a", "b"], ["b", "ab", "a"], ["çà", "a"], ["ab", "çà", "b"], ["a"]]


@pytest.fixture(scope="module")
def phone_lm():
    return PhoneLm.estimate(TRANSCRIPTS, LEXICON)


@pytest.mark.parametrize("initial", ["kaldi", "start"])
def test_phones_that_are_heard_clearly(phone_lm, initial):
    spoken = ["SIL", "A", "B", "C", "A", "C", "A", "SIL"]
    pdfs = [pdf for phone in spoken for pdf in (2 * TOPOLOGY.index(phone), *[2 * TOPOLOGY.index(phone) + 1] * 2)]
    x = np.zeros((len(pdfs), TOPOLOGY.num_pdfs), np.float32)
    x[np.arange(len(pdfs)), pdfs] = 30
    graph = denominator(phone_lm, TOPOLOGY, initial=initial)
    assert viterbi(graph, x).tolist() == pdfs
    assert decode_phones(x, graph, TOPOLOGY) == [phone for phone in spoken if phone != "SIL"]


@pytest.mark.parametrize("seed", range(4))
def test_sharp_likelihoods_leave_one_path(phone_lm, seed):
    """Where one path outweighs all others, the occupancies of forward-backward are that path."""
    graph = denominator(phone_lm, TOPOLOGY)
    x = 2000 * random_likelihoods(12, TOPOLOGY.num_pdfs, seed)
    _, occupancy = forward_backward(graph, torch.from_numpy(x)[None], torch.tensor([12]))
    assert float(occupancy.amax(-1).min()) > 0.99
    assert viterbi(graph, x).tolist() == occupancy[0].argmax(-1).tolist()


def test_alignment_of_a_transcript(phone_lm):
    """The same call on a numerator is a forced alignment."""
    graph = numerator(["b", "çà"], LEXICON, TOPOLOGY, phone_lm)
    x = random_likelihoods(20, TOPOLOGY.num_pdfs, 5)
    segments = phone_segments(viterbi(graph, x), TOPOLOGY)
    assert [name for name, _, _ in segments if name != "SIL"] in (["B", "C", "A"], ["B", "A", "C", "A"])
    assert segments[0][1] == 0
    assert segments[-1][2] == 20
    with pytest.raises(ValueError, match="no path of 2 frames: the utterance is too short"):
        viterbi(graph, x[:2])
