"""Real decoding graphs: sentences of known words, phones and times must come back from them."""

import math
import random

import numpy as np
import pytest

from tdnnq_lab.decoding import decode
from tdnnq_lab.graphs import Lexicon, Topology, estimate_ngram, hclg

WORDS = 60
rng = random.Random(8)


def random_lexicon():
    """Words of 1-5 phones, some with two pronunciations, some homophones, one word the beginning of another."""
    phones = [f"ph{n}" for n in range(9)]
    table = {}
    for n in range(WORDS):
        variants = {tuple(rng.choices(phones, k=rng.randint(1, 5))) for _ in range(1 + (n % 4 == 0))}
        table[f"wörd{n}"] = [(1.0 if k == 0 else 0.5, phones) for k, phones in enumerate(sorted(variants))]
    table["wörd1"] = [(1.0, table["wörd2"][0][1])]
    table["wörd3"] = [(1.0, (*table["wörd5"][0][1], "ph0"))]
    return Lexicon(table)


LEXICON = random_lexicon()
TOPOLOGY = Topology(LEXICON.phones)
SENTENCES = [rng.choices(list(LEXICON.pronunciations), k=rng.randint(1, 7)) for _ in range(300)]


@pytest.fixture(scope="module")
def model():
    return estimate_ngram(SENTENCES, 3)


@pytest.fixture(scope="module")
def graph(model):
    return hclg(LEXICON, model, TOPOLOGY, None)


def spoken(words, rng):
    """Pdfs of a sentence spoken with some pronunciation, pauses and lengths; frames of each word; log weight."""
    pdfs, spans, weight = [], [], 0.0

    def say(phones):
        for phone in phones:
            number = TOPOLOGY.index(phone)
            pdfs.extend([2 * number] + [2 * number + 1] * rng.randint(0, 3))

    def pause(probability):
        silent = rng.random() < probability
        if silent:
            say(["SIL"])
        return math.log(probability if silent else 1 - probability)

    weight += pause(LEXICON.edge_silence_probability)
    for n, word in enumerate(words):
        if n:
            weight += pause(LEXICON.silence_probability)
        probability, phones = rng.choice(LEXICON.pronunciations[word])
        start = len(pdfs)
        say(phones)
        spans.append((start, len(pdfs)))
        weight += math.log(probability)
    weight += pause(LEXICON.edge_silence_probability)
    return pdfs, spans, weight + len(pdfs) * math.log(0.5)


def heard(pdfs, gain, noise, seed):
    x = (np.random.default_rng(seed).standard_normal((len(pdfs), TOPOLOGY.num_pdfs)) * noise).astype(np.float32)
    x[np.arange(len(pdfs)), pdfs] += gain
    return x


@pytest.mark.parametrize("seed", range(12))
def test_clear_speech_comes_back(graph, model, seed):
    """Loud enough, the path is the one that was spoken: its words, weights and times are known."""
    words = SENTENCES[seed]
    pdfs, spans, weight = spoken(words, random.Random(seed))
    found = decode(heard(pdfs, 60, 1, seed), graph)
    assert found.pdfs == pdfs
    assert found.reached_final
    value = found.graph
    if found.words == words:
        assert value == pytest.approx(weight + model.sentence_log_prob(words), abs=0.02)
        frames = [(round(start / 0.03), round((start + duration) / 0.03)) for start, duration in found.times]
        assert frames == spans
    else:  # homophones, or the same phones cut otherwise: never less probable than what was said
        assert value >= weight + model.sentence_log_prob(words) - 0.02


def test_most_of_them_are_the_words_that_were_said(graph):
    right = sum(
        decode(heard(spoken(words, random.Random(n))[0], 60, 1, n), graph).words == words
        for n, words in enumerate(SENTENCES[:40])
    )
    assert right >= 32


@pytest.mark.parametrize("seed", range(6))
def test_noisy_speech_has_times_in_order(graph, seed):
    pdfs, _, _ = spoken(SENTENCES[seed], random.Random(seed))
    found = decode(heard(pdfs, 2, 2, seed), graph)
    ends = [start + duration for start, duration in found.times]
    assert all(duration > 0 for _, duration in found.times)
    assert all(end <= start + 1e-9 for end, (start, _) in zip(ends, found.times[1:], strict=False))
    assert not ends or ends[-1] <= 0.03 * len(pdfs) + 1e-9


def test_speech_that_breaks_off(graph):
    """Half a sentence, cut within a word, under a narrow beam: words so far, and times for all of them."""
    pdfs, spans, _ = spoken(SENTENCES[2], random.Random(2))
    cut = spans[-1][0] + 1
    found = decode(heard(pdfs[:cut], 60, 1, 2), graph, beam=8)
    assert len(found.pdfs) == cut
    assert len(found.times) == len(found.words)
    assert all(0 <= start <= 0.03 * cut + 1e-9 for start, _ in found.times)


def test_a_saved_graph_decodes_alike(graph, tmp_path):
    graph.save(tmp_path / "graph")
    x = heard(spoken(SENTENCES[0], random.Random(0))[0], 3, 1, 0)
    assert decode(x, type(graph).load(tmp_path / "graph")) == decode(x, graph)


def test_silence_alone_is_no_words(graph):
    sil = TOPOLOGY.index("SIL")
    found = decode(heard([2 * sil] + [2 * sil + 1] * 9, 30, 1, 0), graph)
    assert (found.words, found.times, found.reached_final) == ([], [], True)
