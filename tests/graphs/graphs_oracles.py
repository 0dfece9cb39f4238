"""Slow and independent: enumeration of everything, for the tests of the graphs."""

import itertools
import math

import numpy as np
from hypothesis import strategies as st

from tdnnq_lab.graphs import Lexicon, Topology, Tying


def path_weight(fsa, pdfs):
    """Log of the sum over all paths of `fsa` that emit exactly `pdfs`."""
    alpha = fsa.initial.double().numpy().copy()
    for pdf in pdfs:
        step = np.full_like(alpha, -np.inf)
        for (source, target, p), score in zip(fsa.arcs.tolist(), fsa.scores.tolist(), strict=True):
            if p == pdf:
                step[target] = np.logaddexp(step[target], alpha[source] + score)
        alpha = step
    return float(np.logaddexp.reduce(alpha + fsa.final.double().numpy()))


def total(fsa, logits):
    """Log of the sum over all paths of as many frames as `logits` [T, P] has."""
    source, target, pdf = fsa.arcs.numpy().T
    alpha = fsa.initial.double().numpy().copy()
    for frame in logits:
        step = np.full_like(alpha, -np.inf)
        np.logaddexp.at(step, target, alpha[source] + fsa.scores.double().numpy() + frame[pdf])
        alpha = step
    return float(np.logaddexp.reduce(alpha + fsa.final.double().numpy()))


def readings(words, lexicon):
    """All phone sequences of a transcript: every pronunciation, every silence present or absent as permitted."""

    def optional(probability):
        silent = [(lexicon.silence,)] * (probability > 0)
        return [()] * (probability < 1) + silent

    edge, between = lexicon.edge_silence_probability, lexicon.silence_probability
    parts = [optional(edge)]
    for i, word in enumerate(words):
        parts.append([pron for _, pron in lexicon.variants(word)])
        parts.append(optional(between if i < len(words) - 1 else edge))
    return {tuple(itertools.chain(*choice)) for choice in itertools.product(*parts)}


def pdfs_of(phones, topology, durations=None):
    """The pdf sequence of phones that last so many frames each (default one)."""
    out, left = [], -1
    for phone, frames in zip(phones, durations or [1] * len(phones), strict=True):
        i = topology.index(phone)
        out += [topology.forward_pdf(i, left)] + [topology.loop_pdf(i, left)] * (frames - 1)
        left = i
    return out


def random_tying(phones, seed):
    """Left biphones tied at random: for each phone, one to three sets of left contexts, others for its loops."""
    rng = np.random.default_rng(seed)

    def leaves():
        drawn = rng.integers(0, 3, phones + 1)
        return [np.flatnonzero(drawn == k).tolist() for k in np.unique(drawn)]

    return Tying.from_leaves([leaves() for _ in range(phones)], [leaves() for _ in range(phones)])


@st.composite
def topologies(draw, phones):
    """Monophones, or left biphones tied at random."""
    return Topology(phones, draw(st.none() | st.integers(0, 99).map(lambda seed: random_tying(len(phones), seed))))


WORDS = ["YES", "да", "naïve", "#0", "<eps>", "w1"]
PHONES = ["a", "ɛ", "SIL", "<eps>"]


@st.composite
def lexicons(draw):
    """Small lexicons with odd names, shared and prefix pronunciations, words spoken as silence."""
    prons = st.lists(st.sampled_from(PHONES), min_size=1, max_size=3).map(tuple)
    table = {}
    for word in draw(st.lists(st.sampled_from(WORDS), min_size=1, max_size=4, unique=True)):
        variants = draw(st.lists(prons, min_size=1, max_size=3, unique=True))
        table[word] = [(draw(st.sampled_from([1.0, 0.5, 0.1])), pron) for pron in variants]
    silence = draw(st.sampled_from(["SIL", "SIL", None]))
    chance = st.sampled_from([0.0, 0.3, 1.0])
    return Lexicon(table, silence, draw(chance), draw(chance))


def transcripts_of(lexicon, max_words=4):
    """Transcripts of one to `max_words` words of the lexicon."""
    return st.lists(st.sampled_from(sorted(lexicon.pronunciations)), min_size=1, max_size=max_words)


def accept(fst, labels):
    """Cost of every word sequence (as labels) with which `fst` reads exactly `labels`; the cheapest path of each."""
    import kaldifst

    arcs = {}
    for state in range(fst.num_states):
        arcs[state] = [(a.ilabel, a.olabel, a.weight.value, a.nextstate) for a in kaldifst.ArcIterator(fst, state)]

    def closed(front):
        waiting = list(front.items())
        while waiting:
            (state, out), cost = waiting.pop()
            if cost > front[state, out]:
                continue
            for ilabel, olabel, weight, target in arcs[state]:
                key = (target, out + ((olabel,) if olabel else ()))
                if ilabel == 0 and cost + weight < front.get(key, math.inf):
                    front[key] = cost + weight
                    waiting.append((key, cost + weight))
        return front

    front = closed({(fst.start, ()): 0.0})
    for label in labels:
        step = {}
        for (state, out), cost in front.items():
            for ilabel, olabel, weight, target in arcs[state]:
                key = (target, out + ((olabel,) if olabel else ()))
                if ilabel == label and cost + weight < step.get(key, math.inf):
                    step[key] = cost + weight
        front = closed(step)
    best = {}
    for (state, out), cost in front.items():
        final = fst.final(state).value
        if math.isfinite(final):
            best[out] = min(best.get(out, math.inf), cost + final)
    return best
